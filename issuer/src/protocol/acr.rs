//! Authentication context classes (OpenID Connect Core §2 `acr`): how strongly a user proved who it is. They follow from
//! the methods (RFC 8176 `amr`), so that the two can never disagree.

/// Every class, the weakest first (discovery's `acr_values_supported`).
pub const VALUES: &[&str] = &["1", "2", "phr"];

/// The class of some methods: `1` for one factor, `2` for two, `phr` for what cannot be phished (OpenID EAP ACR Values §3).
pub fn of(amr: &[String]) -> &'static str {
    let has = |method: &str| amr.iter().any(|known| known == method);
    if has("hwk") || has("swk") {
        "phr"
    } else if has("mfa") {
        "2"
    } else {
        "1"
    }
}

/// Whether `reached` is at least as strong as `wanted`; a class that nobody knows is never reached.
pub fn satisfies(reached: &str, wanted: &str) -> bool {
    let strength = |class: &str| VALUES.iter().position(|known| *known == class);
    strength(wanted).is_some_and(|wanted| strength(reached) >= Some(wanted))
}

/// What a client would like best of what can be reached (OpenID Connect Core §3.1.2.1 `acr_values`: in order of
/// preference, and voluntary).
pub fn preferred<'v>(acr_values: &'v [String], reachable: &str) -> Option<&'v String> {
    acr_values.iter().find(|wanted| satisfies(reachable, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_follows_from_the_methods_and_satisfies_the_weaker_ones() {
        let of =
            |methods: &[&str]| of(&methods.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>());

        assert_eq!(
            [of(&["pwd"]), of(&["pwd", "otp", "mfa"]), of(&["hwk", "user"])],
            ["1", "2", "phr"]
        );
        assert!(satisfies("phr", "1") && satisfies("2", "2") && !satisfies("1", "2"));
        assert!(!satisfies("phr", "gold"));
    }

    #[test]
    fn what_a_client_would_like_best_is_the_first_that_can_be_reached() {
        let values = ["gold", "phr", "1"].map(str::to_owned);

        assert_eq!(preferred(&values, "phr").unwrap(), "phr");
        assert_eq!(preferred(&values, "2").unwrap(), "1");
        assert_eq!(preferred(&values[..1], "phr"), None);
    }
}
