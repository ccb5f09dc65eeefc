//! Behavior of the key source: outages, rotations, floods, hostile servers. Clocks are fixed; nothing
//! sleeps.

mod floods;
mod hostile_server;
mod lifecycle;
mod outages;
mod rotation;
mod script;
mod server;
mod start;
