//! Addresses of mails, as types: whatever holds one of these holds no line break, no second address and no header of
//! somebody else's (RFC 5321 §4.1.2, RFC 5322 §3.4.1). Quoted local parts are refused: hardly anybody has one, and
//! programs on the way read them differently.

use std::fmt;
use std::str::FromStr;

use lettre::Address;
use lettre::message::Mailbox;
use serde::{Deserialize, Deserializer, de::Error as _};

/// RFC 5321 §4.5.3.1.3, less the angle brackets.
const MAX_BYTES: usize = 254;

/// To whom a mail goes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Recipient(Address);

impl Recipient {
    /// Takes what is an address and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let address: Address = text.parse().ok()?;
        is_plain(&address).then_some(Self(address))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// What stands behind the last `@`, in lower case.
    pub fn domain(&self) -> String {
        self.0.domain().to_lowercase()
    }

    pub(super) fn mailbox(&self) -> Mailbox {
        Mailbox::new(None, self.0.clone())
    }
}

/// Personal: it stands in no log by accident.
impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// From whom mails come: an address, with or without a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender(Mailbox);

impl Sender {
    pub(super) fn mailbox(&self) -> Mailbox {
        self.0.clone()
    }

    /// The domain of the address.
    pub(super) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

impl FromStr for Sender {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mailbox: Option<Mailbox> = text.parse().ok();
        let is_clean = |mailbox: &Mailbox| {
            let name = mailbox.name.as_deref().unwrap_or_default();
            is_plain(&mailbox.email) && !name.chars().any(char::is_control)
        };
        mailbox
            .filter(is_clean)
            .map(Self)
            .ok_or_else(|| format!("`{text}` is not name@domain or Name <name@domain>"))
    }
}

impl<'de> Deserialize<'de> for Sender {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

fn is_plain(address: &Address) -> bool {
    let text: &str = address.as_ref();
    text.len() <= MAX_BYTES
        && !text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_address_and_nothing_else() {
        for good in ["ada@example.com", "Ada+books@sub.example.com", "a.b-c@example.co"] {
            assert!(Recipient::parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@example.com\nSubject: you won",
            "ada\r\n@example.com",
            "ada@exam\u{0}ple.com",
            "ada@example.com, eve@example.com",
            "ada@example.com eve@example.com",
            "ada@example.com>\r\nRCPT TO:<eve@example.com",
            "<ada@example.com>",
            "Ada <ada@example.com>",
            "\"ada\\\r\nBcc: eve\"@example.com",
            "\"a b\"@example.com",
            "ada@example..com",
        ] {
            assert!(Recipient::parse(bad).is_none(), "{bad:?}");
        }
        let long = format!("ada@{}.example", ["a23456789"; 30].join("."));
        assert!(Recipient::parse(&long).is_none());
    }

    #[test]
    fn a_sender_may_have_a_name() {
        for good in ["no-reply@example.com", "Example <no-reply@example.com>"] {
            assert!(good.parse::<Sender>().is_ok(), "{good}");
        }
        for bad in ["Example", "Example <nobody>", "A\r\nBcc: e@example.com <a@example.com>"] {
            assert!(bad.parse::<Sender>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_address_stands_in_no_debug_output() {
        assert_eq!(format!("{:?}", Recipient::parse("ada@example.com")), "Some(***)");
    }
}
