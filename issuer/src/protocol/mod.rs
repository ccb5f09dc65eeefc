//! Values of the specifications, pure: no store, no clock, no HTTP server.

pub mod error_code;
pub mod form;
pub mod scope;

pub use error_code::ErrorCode;
pub use form::Form;
