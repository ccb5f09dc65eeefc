//! Forward authentication, as a gateway sees it: who may ask, who is let through, what is handed on, and how a person comes to
//! have a session at a host.

mod asking;
mod sessions;
mod sign_in;
mod tokens;
mod world;

use world::{ADA, Ask, GATEWAY, NEWS, SHOP, World};

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
