//! `WWW-Authenticate` as RFC 6750 §3 and RFC 9449 §7.1 write it, with `resource_metadata` (RFC 9728 §5.1) and the demand
//! for another authentication (RFC 9470 §3).
//! The description is one of a few constants: a client learns to get a new token, an attacker
//! learns nothing about which check failed.

use std::fmt;

use crate::binding::ProofError;
use crate::claims::ClaimError;
use crate::credential::{CredentialError, Scheme};
use crate::error::{Group, VerifyError};

/// A challenge, ready to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge<'a> {
    scheme: Scheme,
    error: Option<&'static str>,
    description: Option<&'static str>,
    scope: Option<&'a str>,
    acr_values: Option<&'a str>,
    max_age: Option<u64>,
    algs: Option<&'a str>,
    resource_metadata: Option<&'a str>,
}

/// Which schemes a service takes, and which one a request chose.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offer<'a> {
    /// The algorithms of proofs, if bound tokens are taken.
    pub(crate) algorithms: Option<&'a str>,
    /// Whether only they are.
    pub(crate) is_required: bool,
    pub(crate) presented: Option<Scheme>,
}

/// The challenges of a service, one for each scheme that helps (RFC 9449 §7.2). What is wrong is told by the scheme that
/// the request chose.
pub(crate) fn all(error: &VerifyError, offer: &Offer<'_>, metadata: Option<&str>) -> Vec<String> {
    let Some(challenge) = Challenge::for_error(error) else { return Vec::new() };
    let challenge = Challenge { resource_metadata: metadata, ..challenge };
    let Some(algorithms) = offer.algorithms else {
        // Who takes no proofs asks for none.
        return vec![Challenge { scheme: Scheme::Bearer, ..challenge }.to_string()];
    };
    let by_proof = challenge.scheme == Scheme::Dpop
        || offer.is_required
        || offer.presented == Some(Scheme::Dpop);
    if by_proof {
        let challenge = Challenge { scheme: Scheme::Dpop, algs: Some(algorithms), ..challenge };
        return vec![challenge.to_string()];
    }
    let other = Challenge { algs: Some(algorithms), ..Challenge::by(Scheme::Dpop) };
    vec![challenge.to_string(), other.to_string()]
}

impl<'a> Challenge<'a> {
    /// The challenge that belongs to a refusal, if one does.
    pub fn for_error(error: &'a VerifyError) -> Option<Self> {
        Some(match error {
            // RFC 6750 §3.1: without any credential, no error code and no details.
            VerifyError::Credential(CredentialError::Missing) => Self::by(Scheme::Bearer),
            VerifyError::Credential(CredentialError::CrossSite) => return None,
            VerifyError::Credential(_) => {
                Self::of("invalid_request").saying("Exactly one well-formed credential is needed")
            }
            VerifyError::InsufficientScope { needed } => {
                Self { scope: Some(needed.as_str()), ..Self::of("insufficient_scope") }
            }
            VerifyError::InsufficientRole | VerifyError::UnacceptableActor => {
                Self::of("insufficient_scope")
            }
            VerifyError::InsufficientUserAuthentication { acr_values, max_age } => {
                let demand = Self::of("insufficient_user_authentication");
                Self { acr_values: acr_values.as_deref(), max_age: *max_age, ..demand }
                    .saying("Another authentication of the user is needed")
            }
            VerifyError::Claims(ClaimError::Expired) => {
                Self::of("invalid_token").saying("The access token expired")
            }
            VerifyError::Binding(ProofError::NotAccepted) => {
                Self::of("invalid_token").saying("The access token is invalid")
            }
            // RFC 8705 §3.
            VerifyError::Binding(error) if error.is_about_certificate() => {
                Self::of(error.outward_code())
                    .saying("The access token is bound to another certificate")
            }
            VerifyError::Binding(error) => {
                let challenge = Self { scheme: Scheme::Dpop, ..Self::of(error.outward_code()) };
                challenge.saying(match error.outward_code() {
                    "use_dpop_nonce" => "The proof needs the nonce of this server",
                    "invalid_token" => "The access token is not bound to the key of the proof",
                    _ => "The proof is invalid",
                })
            }
            other if other.group() == Group::Unavailable => return None,
            _ => Self::of("invalid_token").saying("The access token is invalid"),
        })
    }

    fn by(scheme: Scheme) -> Self {
        Self {
            scheme,
            error: None,
            description: None,
            scope: None,
            acr_values: None,
            max_age: None,
            algs: None,
            resource_metadata: None,
        }
    }

    fn of(error: &'static str) -> Self {
        Self { error: Some(error), ..Self::by(Scheme::Bearer) }
    }

    fn saying(self, description: &'static str) -> Self {
        Self { description: Some(description), ..self }
    }

    /// Adds where the protected resource's metadata is (RFC 9728 §5.1).
    #[must_use]
    pub fn with_resource_metadata(mut self, url: &'a str) -> Self {
        self.resource_metadata = Some(url);
        self
    }
}

impl fmt::Display for Challenge<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare = self.error.is_none() && self.resource_metadata.is_none() && self.algs.is_none();
        let max_age = self.max_age.map(|seconds| seconds.to_string());
        let parameters = [
            // RFC 6750 §3: at least one parameter must follow the scheme.
            ("realm", bare.then_some("api")),
            ("error", self.error),
            ("error_description", self.description),
            ("scope", self.scope),
            ("acr_values", self.acr_values),
            ("max_age", max_age.as_deref()),
            ("algs", self.algs),
            ("resource_metadata", self.resource_metadata),
        ];
        f.write_str(self.scheme.name())?;
        let present = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
        for (position, (name, value)) in present.enumerate() {
            f.write_str(if position == 0 { " " } else { ", " })?;
            write!(f, "{name}=\"")?;
            for letter in value.chars().filter(|letter| (' '..='~').contains(letter)) {
                // RFC 9110 §5.6.4: quoted-pair.
                if matches!(letter, '"' | '\\') {
                    f.write_str("\\")?;
                }
                write!(f, "{letter}")?;
            }
            f.write_str("\"")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(error: &VerifyError) -> String {
        error.challenge().unwrap_or_default()
    }

    #[test]
    fn a_missing_credential_is_challenged_without_an_error_code() {
        let error = VerifyError::Credential(CredentialError::Missing);

        assert_eq!(challenge(&error), r#"Bearer realm="api""#);
    }

    #[test]
    fn a_bad_token_is_challenged_without_saying_which_check_failed() {
        let refusals = [
            VerifyError::UnknownKey,
            VerifyError::WrongType,
            VerifyError::Claims(ClaimError::WrongAudience),
            VerifyError::Claims(ClaimError::BoundToKey),
        ];

        for error in refusals {
            assert_eq!(
                challenge(&error),
                r#"Bearer error="invalid_token", error_description="The access token is invalid""#
            );
        }
    }

    #[test]
    fn an_expired_token_is_told_so() {
        let error = VerifyError::Claims(ClaimError::Expired);

        assert_eq!(
            challenge(&error),
            r#"Bearer error="invalid_token", error_description="The access token expired""#
        );
    }

    #[test]
    fn several_credentials_are_an_invalid_request() {
        let error = VerifyError::Credential(CredentialError::Several);

        assert_eq!(
            challenge(&error),
            concat!(
                r#"Bearer error="invalid_request", "#,
                r#"error_description="Exactly one well-formed credential is needed""#
            )
        );
    }

    #[test]
    fn r31_a_missing_scope_is_named_and_quoted() {
        let error = VerifyError::InsufficientScope { needed: "payments:read a\"b".into() };

        assert_eq!(
            challenge(&error),
            r#"Bearer error="insufficient_scope", scope="payments:read a\"b""#
        );
    }

    #[test]
    fn a_step_up_is_asked_for_as_rfc_9470_writes_it() {
        let error = VerifyError::InsufficientUserAuthentication {
            acr_values: Some("gold silver".into()),
            max_age: Some(300),
        };

        assert_eq!(error.status(), 401);
        assert_eq!(
            challenge(&error),
            concat!(
                r#"Bearer error="insufficient_user_authentication", "#,
                r#"error_description="Another authentication of the user is needed", "#,
                r#"acr_values="gold silver", max_age="300""#
            )
        );
    }

    #[test]
    fn a_service_that_takes_bound_tokens_says_so_and_tells_what_is_wrong_by_the_scheme_of_the_request()
     {
        let offer =
            |is_required, presented| Offer { algorithms: Some("ES256"), is_required, presented };
        let missing = VerifyError::Credential(CredentialError::Missing);
        let expired = VerifyError::Claims(ClaimError::Expired);
        let told = r#"error="invalid_token", error_description="The access token expired""#;
        let by_proof = Some(Scheme::Dpop);

        assert_eq!(
            all(&missing, &offer(false, None), None),
            [r#"Bearer realm="api""#, r#"DPoP algs="ES256""#]
        );
        assert_eq!(all(&missing, &offer(true, None), None), [r#"DPoP algs="ES256""#]);
        assert_eq!(
            all(&expired, &offer(false, Some(Scheme::Bearer)), None),
            [format!("Bearer {told}"), r#"DPoP algs="ES256""#.to_owned()]
        );
        assert_eq!(
            all(&expired, &offer(false, by_proof), None),
            [format!(r#"DPoP {told}, algs="ES256""#)]
        );
        assert_eq!(all(&expired, &Offer::default(), None), [format!("Bearer {told}")]);
    }

    #[test]
    fn a_refused_proof_is_challenged_without_saying_which_check_failed() {
        let offer = Offer { algorithms: Some("ES256 PS256"), ..Offer::default() };
        let rows = [
            (ProofError::WrongUrl, "invalid_dpop_proof", "The proof is invalid"),
            (ProofError::Replayed, "invalid_dpop_proof", "The proof is invalid"),
            (
                ProofError::WrongKey,
                "invalid_token",
                "The access token is not bound to the key of the proof",
            ),
            (
                ProofError::NonceNeeded { nonce: "n".into() },
                "use_dpop_nonce",
                "The proof needs the nonce of this server",
            ),
        ];

        for (error, code, description) in rows {
            let expected = format!(
                r#"DPoP error="{code}", error_description="{description}", algs="ES256 PS256""#
            );
            assert_eq!(all(&VerifyError::Binding(error), &offer, None), [expected]);
        }
    }

    #[test]
    fn the_metadata_url_comes_last() {
        let error = VerifyError::Credential(CredentialError::Missing);
        let url = "https://payments.example/.well-known/oauth-protected-resource";

        let challenge = Challenge::for_error(&error).unwrap().with_resource_metadata(url);

        assert_eq!(challenge.to_string(), format!(r#"Bearer resource_metadata="{url}""#));
    }

    #[test]
    fn an_outage_is_not_challenged() {
        let error = VerifyError::Unavailable { retry_after: std::time::Duration::ZERO };

        assert_eq!(error.challenge(), None);
        assert_eq!(error.retry_after(), Some(std::time::Duration::from_secs(1)));
    }
}
