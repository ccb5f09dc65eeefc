//! How somebody proved who they are, and how tokens say so: `amr` (RFC 8176 §2). A recovery code is a one-time code, so it
//! is `otp` like the code of an authenticator app. A passkey is proof of possession after the device verified its user:
//! `mfa` by itself; `swk` if it may be copied to other devices, else `hwk` (by its own word: attestation is not asked for).

/// One proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A password.
    Password,
    /// A code of an authenticator app.
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// A passkey that stays on its device.
    DevicePasskey,
    /// A passkey that its owner's devices share.
    SyncedPasskey,
    /// The word of another provider, however it came to it.
    Upstream,
}

impl Method {
    /// Whether this proof alone counts as two factors.
    pub fn is_multi_factor(self) -> bool {
        matches!(self, Self::DevicePasskey | Self::SyncedPasskey)
    }

    fn values(self) -> &'static [&'static str] {
        match self {
            Self::Password => &["pwd"],
            Self::Totp | Self::RecoveryCode => &["otp"],
            Self::DevicePasskey => &["hwk", "user"],
            Self::SyncedPasskey => &["swk", "user"],
            // Not registered; the word that others use. What the provider says of its own methods is not repeated.
            Self::Upstream => &["fed"],
        }
    }
}

/// Whether these proofs together count as two factors.
pub fn is_multi_factor(methods: &[Method]) -> bool {
    let is = |method: Method| methods.contains(&method);
    methods.iter().any(|method| method.is_multi_factor())
        || ((is(Method::Password) || is(Method::Upstream))
            && (is(Method::Totp) || is(Method::RecoveryCode)))
}

/// The value of `amr`, each word once, in the order of the proofs.
pub fn amr(methods: &[Method]) -> Vec<&'static str> {
    let multi = if is_multi_factor(methods) { ["mfa"].as_slice() } else { &[] };
    let mut words = Vec::new();
    for word in methods.iter().flat_map(|method| method.values()).chain(multi) {
        if !words.contains(word) {
            words.push(*word);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amr_names_each_proof_once_and_says_when_there_were_two_factors() {
        use Method::{DevicePasskey, Password, RecoveryCode, SyncedPasskey, Totp, Upstream};
        let table: [(&[Method], &[&str]); 8] = [
            (&[Upstream], &["fed"]),
            (&[Upstream, Totp], &["fed", "otp", "mfa"]),
            (&[Password], &["pwd"]),
            (&[Password, Totp], &["pwd", "otp", "mfa"]),
            (&[Password, RecoveryCode], &["pwd", "otp", "mfa"]),
            (&[DevicePasskey], &["hwk", "user", "mfa"]),
            (&[Password, SyncedPasskey], &["pwd", "swk", "user", "mfa"]),
            (&[Totp, RecoveryCode], &["otp"]),
        ];
        for (methods, words) in table {
            assert_eq!(amr(methods), words, "{methods:?}");
        }
    }
}
