//! The kinds of identity that an access token of this issuer can carry (`idtyp`); a verifier refuses a token that names
//! none.

use serde::{Serialize, Serializer};

/// Whose identity a token carries.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Identity {
    /// The client itself.
    #[default]
    App,
    /// A user who signed in here.
    User,
    /// A user whom a client named, and who did not sign in.
    AppAsserted,
}

impl Identity {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::App, Self::User, Self::AppAsserted];

    /// The value of the `idtyp` claim.
    pub fn idtyp(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::User => "user",
            Self::AppAsserted => "app_asserted",
        }
    }

    /// The kind with this `idtyp`.
    pub fn from_idtyp(idtyp: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|identity| identity.idtyp() == idtyp)
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.idtyp())
    }
}
