//! Values of the specifications, pure: no store, no clock, no HTTP server.

pub mod acr;
pub mod claims_request;
pub mod error_code;
pub mod form;
pub mod identity;
pub mod pkce;
pub mod prompt;
pub mod redirect_uri;
pub mod scope;

pub use claims_request::ClaimsRequest;
pub use error_code::ErrorCode;
pub use form::Form;
pub use identity::Identity;
