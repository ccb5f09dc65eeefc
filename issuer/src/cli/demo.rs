//! `countersign demo`: the tour. An issuer and a service start in this process, a token is issued and
//! verified, keys rotate under way without a failure, the issuer stops, and the service still verifies.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign_verifier::{BuildError, Keys, Start, Verifier};
use reqwest::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;
use url::Url;

use super::example_service;
use super::output::Output;
use super::welcome::{WelcomeError, make_demo_client};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::server::{self, RunError, Running};
use crate::signing::{Rotation, RotationError, Turn};
use crate::store::Actor;

/// So short that the tour need not wait for minutes.
const JWKS_MAX_AGE_SECONDS: u32 = 1;

/// How long the rotation may take before the tour gives up.
const ROTATION_PATIENCE: Duration = Duration::from_mins(1);

/// Why the tour broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum DemoError {
    /// A file, a port or the network failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The issuer did not start.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The demo client could not be made.
    #[error(transparent)]
    Welcome(#[from] WelcomeError),
    /// The keys could not be rotated.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// The verifier could not be built.
    #[error(transparent)]
    Verifier(#[from] BuildError),
    /// A request failed.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// Something was not as promised.
    #[error("{0}")]
    Broken(String),
}

/// The parties of the tour.
struct Tour<'o> {
    issuer: Running,
    audience: String,
    secret: String,
    service: Url,
    http: reqwest::Client,
    output: &'o Output,
}

/// Gives the tour, in a temporary folder, on free ports of this machine; returns how many calls the rotation took.
///
/// # Errors
///
/// If a step fails: the tour is also a test.
pub(super) async fn run(folder: &Path, output: &Output) -> Result<u32, DemoError> {
    let tour = Box::pin(begin(folder, output)).await?;
    let first = tour.token().await?;
    tour.expect(&first, StatusCode::OK).await?;
    output.text("2. A client got an app token, and the service accepted it.\n");
    tour.expect("not.a.token", StatusCode::UNAUTHORIZED).await?;
    output.text("3. The service refused what is not a token, with 401 and the reason.\n");
    let calls = tour.rotate().await?;
    output.text(&format!("5. The keys rotated: {calls} calls meanwhile, none failed.\n"));
    let last = tour.token().await?;
    tour.expect(&last, StatusCode::OK).await?;
    tour.expect(&first, StatusCode::OK).await?;
    let Tour { issuer, service, http, .. } = tour;
    issuer.stop(Duration::from_secs(5)).await;
    for token in [&first, &last] {
        if call(&http, &service, token).await? != StatusCode::OK {
            return Err(DemoError::Broken("the service needed the issuer".to_owned()));
        }
    }
    output.text("6. The issuer is gone, and the service still verifies: it has the keys.\n");
    Ok(calls)
}

async fn begin<'o>(folder: &Path, output: &'o Output) -> Result<Tour<'o>, DemoError> {
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    let address = socket.local_addr()?;
    drop(socket);
    let mut config = Config {
        listen: vec![address],
        management_listen: Vec::new(),
        data_dir: folder.to_owned(),
        ..Config::default()
    };
    config.issuer = format!("http://localhost:{}", address.port())
        .parse()
        .map_err(|error: String| DemoError::Broken(error))?;
    config.keys.jwks_max_age_seconds = JWKS_MAX_AGE_SECONDS;
    let issuer = Box::pin(server::start(config, Clock::system())).await?;
    let service_socket = TcpListener::bind("127.0.0.1:0").await?;
    let audience = format!("http://localhost:{}", service_socket.local_addr()?.port());
    let verifier = Verifier::builder(issuer.app.config.issuer.as_str())
        .audience(&audience)
        .keys(Keys::Discovery)
        .start(Start::FailFast)
        .build()
        .await?;
    tokio::spawn(async move {
        // The task ends with the process; nobody waits for its outcome.
        let _ = axum::serve(service_socket, example_service::router(verifier)).await;
    });
    let secret = make_demo_client(&issuer.app, &audience).await?;
    let secret = secret.ok_or_else(|| DemoError::Broken("the folder is not empty".to_owned()))?;
    let service = Url::parse(&format!("{audience}/hello"));
    let service = service.map_err(|error| DemoError::Broken(error.to_string()))?;
    let http = reqwest::Client::builder().no_proxy().build()?;
    output.text(&format!(
        "1. An issuer listens on {} and a service on {audience}.\n",
        issuer.app.config.issuer
    ));
    Ok(Tour { issuer, audience, secret, service, http, output })
}

impl Tour<'_> {
    fn app(&self) -> &Arc<App> {
        &self.issuer.app
    }

    async fn token(&self) -> Result<String, DemoError> {
        let endpoint = format!("{}/token", self.app().config.issuer);
        let form = format!("grant_type=client_credentials&resource={}", self.audience);
        let request = self.http.post(endpoint).basic_auth("demo", Some(&self.secret));
        let request =
            request.header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = request.body(form).send().await?.error_for_status()?.bytes().await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let token = answer.get("access_token").and_then(Value::as_str);
        token.map(str::to_owned).ok_or_else(|| DemoError::Broken("no access_token".to_owned()))
    }

    async fn expect(&self, token: &str, status: StatusCode) -> Result<(), DemoError> {
        let found = call(&self.http, &self.service, token).await?;
        if found == status {
            return Ok(());
        }
        Err(DemoError::Broken(format!("the service answered {found} instead of {status}")))
    }

    /// Rotates the keys while tokens are issued and verified; returns how many.
    async fn rotate(&self) -> Result<u32, DemoError> {
        let app = self.app();
        let before = active_kids(app);
        let act = Actor::command_line().at(app.clock.now());
        let rotation =
            Rotation { config: &app.config, store: &app.store, masters: &app.masters, act: &act };
        self.output.text(
            "4. Each key has a successor; it signs once every verifier had time to see it …\n",
        );
        let started = app.clock.elapsed();
        let mut calls = 0;
        let mut asked = Vec::new();
        while active_kids(app).iter().any(|kid| before.contains(kid)) {
            for ring in app.keychain.live().rings() {
                let planned = app.keychain.planned(ring, app.clock.elapsed());
                // The node itself may publish the first successor at this moment: then it is asked again.
                if !asked.contains(&ring.algorithm)
                    && rotation.force(&planned, ring.version).await? != Turn::Others
                {
                    asked.push(ring.algorithm);
                }
            }
            if app.clock.elapsed().saturating_sub(started) > ROTATION_PATIENCE {
                return Err(DemoError::Broken("the keys did not rotate".to_owned()));
            }
            let token = self.token().await?;
            self.expect(&token, StatusCode::OK).await?;
            calls += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(calls)
    }
}

fn active_kids(app: &App) -> Vec<String> {
    let live = app.keychain.live();
    live.rings().iter().filter_map(|ring| ring.active()).map(|key| key.kid().to_string()).collect()
}

async fn call(
    http: &reqwest::Client,
    service: &Url,
    token: &str,
) -> Result<StatusCode, reqwest::Error> {
    Ok(http.get(service.clone()).bearer_auth(token).send().await?.status())
}
