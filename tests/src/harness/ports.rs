//! Free loopback ports below the range from which the kernel takes ports for outgoing connections.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port nobody listens on; no two calls in one process give the same.
pub fn free_port() -> u16 {
    let start = u16::try_from(std::process::id() % 100).unwrap_or(0) * 100;
    for _ in 0..10_000 {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 20000 and 30000");
}
