//! The endpoints in process, one file each, with a fixed clock, against SQLite or, if
//! `COUNTERSIGN_TEST_DATABASE` is `postgres`, against PostgreSQL.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod account;
mod assertion;
mod assets;
#[path = "../../src/store/tests/credentials/authenticator.rs"]
mod authenticator;
mod authorize;
mod back_channel;
mod client_secret;
mod conformance;
mod confusion;
mod cors;
mod device;
mod discovery;
mod dpop;
mod encrypted;
mod every_error;
mod exchange;
mod fapi2;
mod feed;
mod forgot_password;
mod front_channel;
mod gateway;
mod grants;
mod harness;
mod health;
mod introspect;
mod jwks;
mod keys;
mod log;
mod mail;
mod mtls;
mod offer_passkey;
mod pages;
mod passkey;
mod people;
mod private_key_jwt;
mod receiver;
mod registration;
mod request_object;
mod revoke;
mod rfc_9700;
mod signals;
mod smtp;
mod state;
mod status_list;
mod step_up;
mod token;
mod upstream;
mod userinfo;
mod verify_email;
mod workload;
