//! For tests of services: an issuer in the process, which mints any token in one line, good or
//! hostile, with no network. Never enable the feature `testing` in a release build: it links signing
//! code.

mod clock;
mod corpus;
mod hostile;
mod issuer;
mod openid;
mod proof;
mod revocation;
mod token;

pub use clock::TestClock;
pub use corpus::{HostileToken, corpus};
pub use hostile::Attack;
pub use issuer::TestIssuer;
pub use openid::{LOGOUT_EVENT, id_token_corpus, logout_token_corpus};
pub use proof::{TestHolder, TestProof, proof_corpus};
pub use token::TestToken;
