//! Verifies Countersign tokens inside a service: locally, with public keys, with the issuer
//! switched off. No call on the hot path, and no outage because the issuer has one.
//!
//! # Quick start
//!
//! ```no_run
//! # #[cfg(all(feature = "remote", feature = "axum"))] mod app {
//! use axum::{Router, routing::get};
//! use countersign_verifier::Verifier;
//! use countersign_verifier::axum::{Auth, AuthLayer, require_scopes};
//!
//! # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
//! let verifier = Verifier::builder("https://issuer.example")
//!     .audience("https://payments.example")
//!     .build()
//!     .await?;
//!
//! let app: Router = Router::new()
//!     .route("/payments", get(async |auth: Auth| format!("hello, {}", auth.client_id())))
//!     .route_layer(require_scopes(["payments:read"]))
//!     .layer(AuthLayer::new(verifier));
//! # Ok(()) }
//! # }
//! ```
//!
//! In a unit test of the service, with no network (feature `testing`):
//!
//! ```
//! # #[cfg(feature = "testing")] {
//! use countersign_verifier::{Caller, testing::TestIssuer};
//!
//! let issuer = TestIssuer::new("https://issuer.example");
//! let verifier = issuer.verifier("https://payments.example");
//! let token = issuer.app_token("orders").audience("https://payments.example").mint();
//!
//! let verified = verifier.try_verify(&token).unwrap();
//! assert_eq!(verified.caller(), Caller::App { client_id: "orders" });
//! # }
//! ```
//!
//! # One line for what a route demands
//!
//! [`axum::require_scopes`], [`axum::require_any_scope`], [`axum::require_any_role`], and for a recent or strong
//! sign-in [`axum::require_max_age`] and [`axum::require_acr`] (RFC 9470). In a handler, the extractor
//! [`axum::Scoped`] with a marker of [`scope!`] says in the signature what the caller may do; the same rules are
//! methods of [`Verified`].
//!
//! # Choices of the builder
//!
//! Where the keys are ([`Keys`], or a [`KeySource`](key_source::KeySource) of the service), what happens at start
//! ([`Start`]), what tokens look like ([`Profile`]), the application's own claims, and whether verified
//! tokens are remembered for up to a minute ([`TokenCache`]): off by default, since a signature check is cheap.
//!
//! # ID tokens and logout tokens
//!
//! A client that signs people in has a [`RelyingParty`]: it verifies ID tokens (OpenID Connect Core §3.1.3.7) and logout
//! tokens (Back-Channel Logout §2.6) with the same keys. [`IdToken`] and [`LogoutToken`] are types of their own, and
//! a token of one kind is refused by the verifiers of the others:
//!
//! ```
//! # #[cfg(feature = "testing")] {
//! # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
//! # runtime.block_on(async {
//! use countersign_verifier::{AuthenticationRequest, testing::TestIssuer};
//!
//! let issuer = TestIssuer::new("https://issuer.example");
//! let client = issuer.relying_party("web");
//! let token = issuer.id_token("ada", "web").claim("nonce", "n1").mint();
//!
//! let request = AuthenticationRequest::new().nonce("n1");
//! assert_eq!(client.verify_id_token(&token, &request).await.unwrap().subject(), "ada");
//! assert!(issuer.verifier("web").verify(&token).await.is_err());
//! # });
//! # }
//! ```
//!
//! # People who sign in
//!
//! With the feature `session` an axum application signs people in: routes for login, callback, logout and back-channel
//! logout, tokens in one sealed `__Host-` cookie or on the server, renewed ahead of time. See the module `session`.
//!
//! # Tokens that a thief cannot use
//!
//! A verifier that is told its public URL takes tokens that are bound to a key (DPoP, RFC 9449): the sender proves with each
//! request that it holds the key. [`axum::require_binding`] demands that of a route, [`Dpop::required`](binding::Dpop::required)
//! of all. A bound token that comes as a bearer token is refused always.
//!
//! ```no_run
//! # #[cfg(feature = "remote")] async fn build() -> Result<(), Box<dyn std::error::Error>> {
//! use countersign_verifier::{Verifier, binding::Dpop};
//!
//! let verifier = Verifier::builder("https://issuer.example")
//!     .audience("https://payments.example")
//!     .dpop(Dpop::at("https://payments.example"))
//!     .build()
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! Where TLS is mutual, [`Mtls`](binding::Mtls) takes tokens that are bound to the certificate of the client (RFC 8705): the
//! service that ends TLS puts a [`ClientCertificate`](binding::ClientCertificate) into the extensions of the request, or
//! names the proxy whose header it believes.
//!
//! # Calls to other services
//!
//! With the feature `client` a service gets tokens of its own: in its own name, for whoever called it, or about a user whom it
//! names; kept, renewed ahead of time, bound to a key if you like, and put on requests by middleware. See the module `client`.
//!
//! # Tokens that only this service can read
//!
//! With the feature `jwe` and [`VerifierBuilder::decryption_keys`](VerifierBuilder) a verifier opens tokens that are encrypted to
//! it (RFC 7516) and verifies what is inside as any other token. Without them an encrypted token is refused. See the module `jwe`.
//!
//! # Tokens that were revoked
//!
//! A verifier that follows the issuer's feed refuses what was revoked within a second, from its own memory:
//!
//! ```no_run
//! # #[cfg(all(feature = "feed", feature = "axum"))] mod app {
//! use std::time::Duration;
//!
//! use axum::{Router, routing::post};
//! use countersign_verifier::Verifier;
//! use countersign_verifier::axum::{AuthLayer, require_fresh_revocation};
//! use countersign_verifier::client::{ClientAuthentication, TokenSource};
//!
//! # async fn serve(secret: String) -> Result<(), Box<dyn std::error::Error>> {
//! let payments = ClientAuthentication::secret(secret);
//! let tokens = TokenSource::builder("https://issuer.example", "payments", payments).build()?;
//! let verifier = Verifier::builder("https://issuer.example")
//!     .audience("https://payments.example")
//!     .feed(tokens)
//!     .build()
//!     .await?;
//!
//! let app: Router = Router::new()
//!     .route("/transfers", post(async || "done"))
//!     .route_layer(require_fresh_revocation(Duration::from_secs(5)))
//!     .layer(AuthLayer::new(verifier));
//! # Ok(()) }
//! # }
//! ```
//!
//! What happens while the feed is late is a choice: [`Revocation`](revocation::Revocation). In a unit test
//! `issuer.revoke_jti(…)` of `TestIssuer` is enough. See [`revocation`]; where the issuer tells on a bus, `revocation::nats`
//! (feature `nats`).
//!
//! # What is checked, in this order
//!
//! Length and alphabet; the header, strictly; `alg` and `typ`; the key by `kid`; the signature; the
//! claims, strictly and in one pass: `iss`, `aud`, `exp`, `nbf`, `iat`, lifetime, required claims; that
//! the token is presented as it must be; who calls ([`Caller`]); and whether it was revoked, if there is a feed.
//! [`Verifier::explain`] says how each goes. A remembered token skips to what may have changed: the time, whether its key is
//! still trusted, and whether it was revoked.
//!
//! # What is not checked here
//!
//! Whether a token was revoked, without a feed: it is short-lived instead. What the caller may do, and through whom it may come, is the
//! route's business: see [`Verified::require_scopes`], [`Verified::require_hops`] and [`mod@axum`].
//!
//! # The map, in reading order
//!
//! - [`Verifier`] (`verifier/`): builder and the checks in order; [`MultiVerifier`], `explain`
//! - [`validation`], [`claims`], [`Caller`], [`Hops`], [`Profile`]: pure rules
//! - [`RelyingParty`], [`IdToken`], [`LogoutToken`], [`replay`]: what a client of the issuer verifies
//! - [`key_source`]: fixed keys, the issuer's, kept fresh, or a source of the service; `discovery`
//! - [`revocation`]: the map, the feed, policies; it is asked after the claims have passed
//! - [`binding`]: tokens that are bound to a key, and what who presents them shows: a proof, or a certificate
//! - [`credential`], [`resource_metadata`], [`mod@axum`]: the HTTP side
//! - `client/`: tokens for calls to other services (feature `client`)
//! - `jwe`: opens encrypted tokens, in front of all checks (feature `jwe`)
//! - `hs256_migration/`: old tokens with a shared secret, until a date (feature `hs256-migration`)
//! - `session/`: the code flow and the session of a server-rendered application (feature `session`)
//! - [`VerifyError`], [`Challenge`], [`health`], [`metrics`], [`clock`]
//! - `testing`: `TestIssuer` and hostile tokens

#[cfg(feature = "axum")]
pub mod axum;
pub mod binding;
mod caller;
mod challenge;
pub mod claims;
#[cfg(feature = "client")]
pub mod client;
pub mod clock;
pub mod credential;
#[cfg(feature = "remote")]
mod discovery;
mod error;
pub mod health;
mod hops;
#[cfg(feature = "hs256-migration")]
pub mod hs256_migration;
#[cfg(any(feature = "session", feature = "client"))]
mod http_client;
mod id_token;
#[cfg(feature = "jwe")]
pub mod jwe;
pub mod key_source;
mod logout_token;
pub mod metrics;
mod profile;
#[cfg(any(feature = "session", feature = "client"))]
mod random;
mod relying_party;
pub mod replay;
pub mod resource_metadata;
pub mod revocation;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "testing")]
pub mod testing;
pub mod validation;
mod verifier;

pub use caller::Caller;
pub use challenge::Challenge;
pub use error::{Group, VerifyError};
pub use hops::{Actor, By, Hops};
pub use id_token::{AuthenticationRequest, IdToken, PreviousIdToken};
pub use logout_token::LogoutToken;
pub use profile::{Profile, compat};
pub use relying_party::RelyingParty;
pub use verifier::{
    BuildError, CheckReport, HasAudience, IsClient, Keys, MultiVerifier, NoAudience,
    OfAccessTokens, Outcome, SameIssuerTwice, Start, TokenCache, Verified, Verifier,
    VerifierBuilder,
};
