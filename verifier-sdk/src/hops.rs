//! The hops between a subject and this service: who acts for whom (RFC 8693 §4.1), and how many of them a route allows.
//! A token is the proof of all of them: the issuer checked each hop before it signed the next.

use crate::claims::StandardClaims;

/// Somebody who acts for the subject of a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Actor<'v> {
    /// The client.
    pub client_id: &'v str,
    /// How it came to act.
    pub by: By,
}

/// How an [`Actor`] came to act.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum By {
    /// It named the subject, who did not authenticate.
    Assertion,
    /// It was given a token of the subject, and exchanged it.
    Exchange,
}

/// How many hops a route allows, and which one must be the first.
///
/// ```
/// # #[cfg(feature = "testing")] {
/// use countersign_verifier::{Hops, testing::TestIssuer};
///
/// let issuer = TestIssuer::new("https://issuer.example");
/// let token = issuer.user_token("ada", "web").acted_by("gateway").audience("https://orders.example");
/// let verified = issuer.verifier("https://orders.example").try_verify(&token.mint()).unwrap();
///
/// assert!(verified.require_hops(&Hops::at_most(1).first("gateway")).is_ok());
/// assert!(verified.require_hops(&Hops::none()).is_err());
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub struct Hops {
    least: usize,
    most: usize,
    first: Option<String>,
}

impl Hops {
    /// Nobody acts for the subject.
    pub fn none() -> Self {
        Self::at_most(0)
    }

    /// So many at the most, or none.
    pub fn at_most(most: usize) -> Self {
        Self { least: 0, most, first: None }
    }

    /// So many at the least.
    pub fn at_least(mut self, least: usize) -> Self {
        self.least = least;
        self
    }

    /// The first hop from the subject, if there is one, is this client.
    pub fn first(mut self, client_id: &str) -> Self {
        self.first = Some(client_id.to_owned());
        self
    }

    pub(crate) fn allow(&self, claims: &StandardClaims) -> bool {
        let hops = claims.actors().count();
        // The innermost actor is the first that acted.
        let first = claims.actors().last();
        let is_first = self.first.is_none() || first.is_none() || self.first.as_deref() == first;
        (self.least..=self.most).contains(&hops) && is_first
    }
}
