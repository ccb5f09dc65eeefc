//! The stories: what users and operators of Countersign live through, told with the delivered binary, real databases
//! and foreign libraries. Start them with `tests/run`.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "test support: a surprise ends the test that met it"
)]

mod applications;
mod assertion;
mod good_once;
mod ledger;
mod verifiers;

mod canary;
mod cookies;
mod database_outage;
mod dpop;
mod durable;
mod encrypted;
mod first_minute;
mod fleet;
mod footprint;
mod full_disk;
mod gateways;
mod healed;
mod hs256;
mod interop;
mod million;
mod mtls;
mod nats;
mod nodes;
mod offline;
mod once;
mod pages;
mod refresh;
mod replay;
mod revoked;
mod rotation;
mod shutdown;
mod sign_in;
mod signals;
mod single_sign_on;
mod start_refused;
mod status_list;
mod storage;
mod thousand_verifiers;
mod tls;
mod traces;
