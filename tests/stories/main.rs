//! The stories: what users and operators of Countersign live through, told with the delivered binary, real databases
//! and foreign libraries. Start them with `tests/run`.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "test support: a surprise ends the test that met it"
)]

mod assertion;
mod verifiers;

mod canary;
mod database_outage;
mod first_minute;
mod footprint;
mod full_disk;
mod interop;
mod nodes;
mod offline;
mod pages;
mod replay;
mod rotation;
mod shutdown;
mod sign_in;
mod start_refused;
mod tls;
mod traces;
