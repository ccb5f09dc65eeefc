//! Drives the real `countersign` binary over real sockets and databases. The stories are in `tests/stories/`, the
//! foreign clients and judges in `interop/`, the measurements in `src/bin/` and `bench/`.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test support: a surprise ends the test that met it"
)]

pub mod harness;
