//! The device code grant (RFC 8628 §3.4, §3.5): a device asks for its tokens until its user has decided. The code becomes
//! used by one conditional update, when everything else is done.

use super::{
    Authorization, Authorizing, Commit, GrantRefusal, SignedIn, Subject, TokenRequest,
    invalid_grant, refresh_token,
};
use crate::app::App;
use crate::device::{DeviceCode, Polled, poll};
use crate::error::OAuthError;
use crate::protocol::{ClaimsRequest, ErrorCode};
use crate::store::{
    DeviceApproval, DeviceAuthorization, DeviceRedemption, DeviceState, StoreError, Towards,
    UserStanding,
};

/// Its `grant_type`.
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(super) fn authorize(request: TokenRequest<'_>) -> Authorizing<'_> {
    Box::pin(redeem(request))
}

async fn redeem(request: TokenRequest<'_>) -> Result<Authorization<'_>, GrantRefusal> {
    let app = request.app;
    let text = request.required("device_code", "device_code is missing")?;
    let now = app.clock.now();
    let code = DeviceCode::open(&app.sealer, text)
        .ok_or_else(|| invalid_grant("the device code was not made here"))?;
    if code.client_id != request.client.id.as_str() {
        return Err(invalid_grant("the device code was issued to another client").into());
    }
    if now >= code.expires_at {
        let description = "the device code has expired: ask for another";
        return Err(OAuthError::new(ErrorCode::ExpiredToken, description).into());
    }
    let device = app.store.device_authorization(code.id).await?;
    let device = device.ok_or_else(|| invalid_grant("the device authorization is gone"))?;
    match device.state.clone() {
        DeviceState::Pending => Err(wait(app, &device, now).await?.into()),
        DeviceState::Denied => {
            Err(OAuthError::new(ErrorCode::AccessDenied, "the user refused the device").into())
        }
        DeviceState::Redeemed(_) => Err(used(&device)),
        DeviceState::Approved(approval) => {
            let towards = Towards {
                user_id: approval.user_id,
                session_id: approval.session_id,
                client_id: &device.client_id,
            };
            let standing = app.store.standing(towards, now).await?;
            Ok(approved(request, device, approval, standing))
        }
    }
}

/// RFC 8628 §3.5: the device asks again, later.
async fn wait(app: &App, device: &DeviceAuthorization, now: i64) -> Result<OAuthError, StoreError> {
    let is_in_time = match poll(device, now) {
        // Who loses the race to itself asked twice at once.
        Polled::InTime(interval) => app.store.note_device_poll(device, interval, now).await?,
        Polled::TooEarly(interval) => {
            app.store.note_device_poll(device, interval, now).await?;
            false
        }
        Polled::Hopeless => false,
    };
    Ok(if is_in_time {
        OAuthError::new(ErrorCode::AuthorizationPending, "the user has not decided yet")
    } else {
        OAuthError::new(ErrorCode::SlowDown, "wait five seconds longer between two questions")
    })
}

fn approved(
    request: TokenRequest<'_>,
    device: DeviceAuthorization,
    approval: DeviceApproval,
    standing: UserStanding,
) -> Authorization<'_> {
    let mut signed_in = SignedIn {
        grant_id: device.id,
        user_id: approval.user_id,
        session_id: Some(approval.session_id),
        auth_time: approval.auth_time,
        amr: approval.amr,
        scopes: device.scopes,
        resources: device.resources,
        // No authorization request brought one.
        nonce: None,
        claims: ClaimsRequest::default(),
        bound_to: None,
        refresh_token: None,
        standing,
    };
    let family = refresh_token::begin(request, &mut signed_in);
    let redemption = DeviceRedemption {
        id: device.id,
        participant: (approval.session_id, device.client_id),
        family,
    };
    Authorization {
        subject: Subject::User(Box::new(signed_in)),
        resources: request.resources(),
        scope: None,
        commit: Commit::RedeemDevice(Box::new(redemption)),
    }
}

/// As with authorization codes: who comes twice may be a thief, and what was given is taken back (RFC 6749 §4.1.2).
fn used(device: &DeviceAuthorization) -> GrantRefusal {
    let error = invalid_grant("the device code was used before");
    GrantRefusal { error, revoke: Some(device.id) }
}

/// Uses the code up, unless somebody else did meanwhile.
pub(super) async fn commit(app: &App, redemption: &DeviceRedemption) -> Result<(), GrantRefusal> {
    if app.store.redeem_device(redemption, app.clock.now()).await? {
        return Ok(());
    }
    let error = invalid_grant("the device code was used at the same time by another request");
    Err(GrantRefusal { error, revoke: Some(redemption.id) })
}
