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
}
