//! What the keys promise, by outside judges: public vectors, other libraries, attacks and random histories.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails loudly")]

mod attacks;
mod attacks_on_keys;
mod cookbook;
mod forge;
mod formats;
mod jwe;
mod jwe_vectors;
mod known_header;
mod mutation;
mod rotation;
mod seal;
mod second_opinion;
mod wycheproof;
