//! A node at rest holds no memory for passwords, also after it hashed some (the bar of `stories/footprint.rs` is 16 MiB).

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test the panic is the report")]

use countersign::credentials::password::HashCost;
use countersign::credentials::{Password, PasswordHasher};

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn the_memory_of_a_hash_goes_back_to_the_system() {
    let cost = HashCost { memory_kib: 19_456, passes: 2 };
    let hasher = PasswordHasher::new(cost, 256).unwrap();
    let before = resident_kib();

    for _ in 0..8 {
        let password = Password::typed("correct horse").unwrap();
        hasher.verify(password, None).await.unwrap();
    }
    let after = resident_kib();

    assert!(after < before + 4 * 1024, "{before} KiB before, {after} KiB after");
}
