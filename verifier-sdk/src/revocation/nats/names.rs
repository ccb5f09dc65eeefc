//! Where on a bus the feed of one issuer is: its subjects, and the stream. Several issuers may share a bus.

/// What all names begin with.
const PREFIX: &str = "countersign";

/// The names of one feed, as the issuer and those who follow it both derive them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NatsNames {
    name: String,
}

impl NatsNames {
    /// Those of an issuer that configures no other: its URL without the scheme, with `_` for what may not stand in a name.
    ///
    /// ```
    /// # use countersign_verifier::revocation::nats::NatsNames;
    /// let names = NatsNames::of("https://issuer.example/a");
    /// assert_eq!(names.live(), "countersign.issuer_example_a.live");
    /// ```
    pub fn of(issuer: &str) -> Self {
        let name = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        let letter = |one: char| if is_letter(one) { one.to_ascii_lowercase() } else { '_' };
        Self { name: name.trim_end_matches('/').chars().map(letter).collect() }
    }

    /// Those with this name, which has up to 128 letters, digits, hyphens and underscores.
    pub fn named(name: &str) -> Option<Self> {
        let is_name = (1..=128).contains(&name.len()) && name.chars().all(is_letter);
        is_name.then(|| Self { name: name.to_owned() })
    }

    /// What is new, and every five seconds that nothing is. Kept nowhere.
    pub fn live(&self) -> String {
        format!("{PREFIX}.{}.live", self.name)
    }

    /// Questions: a number, after which the answer begins.
    pub fn ask(&self) -> String {
        format!("{PREFIX}.{}.ask", self.name)
    }

    /// What is kept in the stream.
    pub fn kept(&self) -> String {
        format!("{PREFIX}.{}.kept", self.name)
    }

    /// The stream of JetStream.
    pub fn stream(&self) -> String {
        format!("{PREFIX}-{}", self.name)
    }

    /// Where the stream is read.
    pub fn stored(&self) -> String {
        self.api("MSG.GET")
    }

    /// A call about the stream.
    pub fn api(&self, call: &str) -> String {
        format!("$JS.API.STREAM.{call}.{}", self.stream())
    }
}

fn is_letter(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_has_names_that_a_bus_takes() {
        for (issuer, name) in [
            ("https://issuer.example", "issuer_example"),
            ("https://Issuer.example/", "issuer_example"),
            ("https://issuer.example/tenants/a>b*c d", "issuer_example_tenants_a_b_c_d"),
            ("http://127.0.0.1:8080", "127_0_0_1_8080"),
            ("https://bücher.example", "b_cher_example"),
        ] {
            let names = NatsNames::of(issuer);
            assert_eq!(names, NatsNames::named(name).unwrap(), "{issuer}");
        }
    }

    #[test]
    fn a_name_is_one_token_of_a_subject() {
        for name in ["", "a.b", "a>", "*", "a b", "a/b", "ü", &"a".repeat(129)] {
            assert_eq!(NatsNames::named(name), None, "{name}");
        }
        let names = NatsNames::named("Blue-1_x").unwrap();
        assert_eq!(names.kept(), "countersign.Blue-1_x.kept");
        assert_eq!(names.stored(), "$JS.API.STREAM.MSG.GET.countersign-Blue-1_x");
    }
}
