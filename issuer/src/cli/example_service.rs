//! `countersign example-service`: a small protected service, as the README shows it. It checks tokens
//! alone, and goes on when the issuer stops.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use clap::Args;
use countersign_verifier::axum::{Auth, AuthLayer, require_scopes};
use countersign_verifier::{BuildError, Keys, Start, Verifier};
use tokio::net::TcpListener;
use url::Url;

/// The scope that `GET /hello` asks for.
pub const SCOPE: &str = "hello:read";

/// Run a small protected service: `GET /hello` greets whoever has a token with the scope `hello:read`.
#[derive(Args, Clone, Debug)]
pub struct ExampleService {
    /// Where it listens.
    #[arg(long, default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// The issuer whose tokens it accepts.
    #[arg(long, default_value = "http://localhost:8080")]
    pub issuer: String,
    /// The resource that it is: the `aud` of the tokens that it accepts.
    #[arg(long, default_value = "http://localhost:8081")]
    pub audience: String,
    /// Where the keys are, if not where the issuer's metadata says (an internal address).
    #[arg(long)]
    pub jwks_url: Option<Url>,
}

/// Why the example service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ExampleServiceError {
    /// The verifier could not be built.
    #[error(transparent)]
    Verifier(#[from] BuildError),
    /// The address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] std::io::Error),
}

impl ExampleService {
    /// Serves until the process ends.
    ///
    /// # Errors
    ///
    /// If the verifier cannot be built or the address cannot be listened on.
    pub async fn run(self) -> Result<(), ExampleServiceError> {
        let listener = crate::server::bind(self.listen).await?;
        self.run_on(listener).await
    }

    /// The same on a socket that is bound already.
    ///
    /// # Errors
    ///
    /// If the verifier cannot be built.
    pub async fn run_on(self, listener: TcpListener) -> Result<(), ExampleServiceError> {
        let keys = self.jwks_url.map_or(Keys::Discovery, Keys::JwksUrl);
        let verifier = Verifier::builder(&self.issuer)
            .audience(&self.audience)
            .keys(keys)
            .start(Start::Lazy)
            .build()
            .await?;
        axum::serve(listener, router(verifier)).await?;
        Ok(())
    }
}

/// The routes: what a service of your own looks like.
pub fn router(verifier: Verifier) -> Router {
    Router::new()
        .route("/hello", get(hello))
        .route_layer(require_scopes([SCOPE]))
        .layer(AuthLayer::new(verifier))
        .route("/", get(async || "GET /hello with a token to be greeted\n"))
}

async fn hello(auth: Auth) -> String {
    format!("hello, {}: your token is good, and I asked nobody\n", auth.client_id())
}
