//! Rows that this release cannot understand: written by a later one, or damaged. Each is named and left out; the rest goes on.

use std::fmt;

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// A client, with its permissions and secrets.
    Client,
    /// A resource.
    Resource,
    /// A signing key.
    Key,
}

impl RowKind {
    /// The word for it on the command line and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Resource => "resource",
            Self::Key => "signing key",
        }
    }
}

/// A row that cannot be understood. In the registry it counts as absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableRow {
    /// What it is about.
    pub kind: RowKind,
    /// Its id, as it stands in the row.
    pub id: String,
    /// What cannot be understood.
    pub cause: String,
}

impl fmt::Display for UnreadableRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Escaped: the row may hold anything, and the message goes to a terminal.
        let id = self.id.escape_debug();
        write!(
            f,
            "the row of {} `{id}` cannot be understood: {}",
            self.kind.name(),
            self.cause.escape_debug()
        )
    }
}
