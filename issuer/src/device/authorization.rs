//! `POST /device_authorization` (RFC 8628 §3.1, §3.2): a device asks for two codes. Clients authenticate as at the token
//! endpoint; what they ask for is judged now, before a person is sent to a page for nothing.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde_json::json;

use super::polling::INTERVAL_SECONDS;
use super::{DeviceCode, LIFETIME_SECONDS, UserCode, VERIFICATION_PATH};
use crate::app::App;
use crate::authorize::known_scopes;
use crate::cors::AnyOrigin;
use crate::error::OAuthError;
use crate::origin::Origin;
use crate::policy::{self, Granted};
use crate::protocol::{ErrorCode, Form};
use crate::random;
use crate::registry::Client;
use crate::store::{DeviceAuthorization, DeviceState};
use crate::token::client_auth;
use crate::token::grants::DEVICE_CODE;
use crate::token::{read_form_body, refuse_form};

/// A code is one of 25 thousand million: that one of so many is free is certain.
const ATTEMPTS: usize = 8;

/// The handler.
pub async fn endpoint(State(app): State<Arc<App>>, request: Request) -> (AnyOrigin, Response) {
    let (parts, body) = request.into_parts();
    let outcome = async {
        let body = read_form_body(&parts, body).await?;
        let form = Form::parse(&body).map_err(refuse_form)?;
        let client = client_auth::authenticate_request(&app, &parts, &form).await?;
        // Nothing proves who a public client is: strangers must not fill the database in its name.
        if client.client().is_public() {
            slow_down(&app, Origin::of(&parts))?;
        }
        let device = read(&app, client.client(), &form)?;
        keep(&app, &device).await
    };
    (AnyOrigin, outcome.await.unwrap_or_else(IntoResponse::into_response))
}

fn slow_down(app: &App, origin: Origin) -> Result<(), OAuthError> {
    let now = app.clock.elapsed().as_secs().cast_signed();
    app.device_limits.start(origin.address, now).map_err(|slowed| OAuthError {
        retry_after: Some(slowed.retry_after),
        ..OAuthError::new(ErrorCode::TooManyRequests, "too many requests from this address")
    })
}

fn read(app: &App, client: &Client, form: &Form<'_>) -> Result<DeviceAuthorization, OAuthError> {
    let registry = app.registry.load();
    let scopes = known_scopes(&registry, client, form)?;
    let resources: Vec<String> = form.values("resource").map(str::to_owned).collect();
    let granted = Granted { scopes: &scopes, resources: &resources };
    policy::decide_each(&registry, client, DEVICE_CODE, (None, granted))?;
    Ok(DeviceAuthorization {
        id: random::uuid(),
        client_id: client.id.to_string(),
        scopes,
        resources,
        state: DeviceState::Pending,
        interval: INTERVAL_SECONDS,
        polled_at: None,
        expires_at: app.clock.now() + LIFETIME_SECONDS,
    })
}

async fn keep(app: &App, device: &DeviceAuthorization) -> Result<Response, OAuthError> {
    for _ in 0..ATTEMPTS {
        let user_code = UserCode::generate();
        let hash = user_code.hash(&app.sealer);
        if app.store.begin_device_authorization(device, &hash).await? {
            return answer(app, device, user_code);
        }
    }
    Err(OAuthError::unavailable("no user code is free"))
}

/// RFC 8628 §3.2.
fn answer(
    app: &App,
    device: &DeviceAuthorization,
    user_code: UserCode,
) -> Result<Response, OAuthError> {
    let code = DeviceCode {
        id: device.id,
        client_id: device.client_id.clone(),
        expires_at: device.expires_at,
    };
    let sealed = code.seal(&app.sealer);
    let sealed = sealed.map_err(|error| OAuthError::server_error(error.to_string()))?;
    let verification_uri = app.config.issuer.endpoint(VERIFICATION_PATH);
    let document = json!({
        "device_code": sealed,
        "user_code": user_code.to_string(),
        "verification_uri": verification_uri,
        "verification_uri_complete": format!("{verification_uri}?user_code={user_code}"),
        "expires_in": LIFETIME_SECONDS,
        "interval": INTERVAL_SECONDS,
    });
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((no_store, axum::Json(document)).into_response())
}
