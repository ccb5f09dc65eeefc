//! The outgoing side of a service: tokens for its calls to others (feature `client`). A [`TokenSource`] asks the issuer for
//! them in the service's own name (RFC 6749 §4.4), for whoever called it (token exchange, RFC 8693), or about a user whom it
//! names (RFC 7523 §2.1), and keeps them: one request for any number of callers, a new token before the old one ends, and the
//! old one while the issuer is away.
//!
//! ```no_run
//! # #[cfg(feature = "client")] async fn call(secret: String) -> Result<(), Box<dyn std::error::Error>> {
//! use countersign_verifier::client::{ClientAuthentication, TokenMiddleware, TokenRequest, TokenSource};
//! use reqwest_middleware::ClientBuilder;
//!
//! let orders = ClientAuthentication::secret(secret);
//! let tokens = TokenSource::builder("https://issuer.example", "orders", orders).build()?;
//! let payments = TokenRequest::for_resource("https://payments.example").scope("payments:read");
//!
//! // Each request to that origin carries a token.
//! let http = ClientBuilder::new(reqwest::Client::new())
//!     .with(TokenMiddleware::new(tokens, payments, "https://payments.example"))
//!     .build();
//! http.get("https://payments.example/payments").send().await?;
//! # Ok(()) }
//! ```
//!
//! In a handler, for whoever called: `.with_extension(payments.on_behalf_of(presented.expose()))` on the request, with
//! [`PresentedToken`](crate::axum::PresentedToken).
//!
//! In reading order: `request` what is asked for; `source` and `kept` one flight, early renewal; `authentication` how the client
//! proves who it is; `prover` proofs of possession; `exchange` the request on the wire; `middleware`; `introspection` whether a token is still
//! good.

mod authentication;
mod builder;
mod error;
mod exchange;
mod introspection;
mod kept;
mod middleware;
mod prover;
mod request;
mod source;
mod token;

pub use authentication::ClientAuthentication;
pub use builder::TokenSourceBuilder;
pub use error::TokenError;
pub use introspection::Introspection;
pub use middleware::TokenMiddleware;
pub use request::TokenRequest;
pub use source::TokenSource;
pub use token::AccessToken;
