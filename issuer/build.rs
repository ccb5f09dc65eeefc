//! Links the binary with packed relative relocations: a megabyte of them would be read at each start and stay resident.

use std::env;

#[expect(
    clippy::disallowed_methods,
    reason = "Cargo tells a build script by the environment what it builds for"
)]
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // glibc understands them from 2.36 on, and the linker notes in the binary that it must.
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
