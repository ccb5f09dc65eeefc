//! The same checks in the same order, in words, for `countersign token explain`. Unlike `verify` it
//! goes on after a failure, so that everything that is wrong is seen at once. It grants nothing.

use countersign_keys::{Kid, UnverifiedJws};

use super::policy::Policy;
use super::{ClaimError, StandardClaims, Verifier, VerifyError};
use crate::binding::Possession;
use crate::claims::Claim;
use crate::revocation::Marks;
use crate::validation::CLAIM_CHECKS;

/// The checks of the policy after `CLAIM_CHECKS`, in order.
const POLICY_CHECKS: [&str; 4] = ["kind of token", "client", "binding", "identity"];

/// How one check went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It holds.
    Passed,
    /// It does not.
    Failed,
    /// It could not be made, because an earlier one failed.
    Skipped,
}

/// One line of an explanation.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct CheckReport {
    /// What was checked.
    pub check: &'static str,
    /// How it went.
    pub outcome: Outcome,
    /// The code that `verify` would have given, if it failed.
    pub code: Option<&'static str>,
    /// In words. May quote the token: show it to whoever has the token, and do not log it.
    pub detail: String,
}

impl<C> Verifier<C> {
    /// Says of each check whether it passes. Never fetches: verify first, if keys may be missing.
    pub fn explain(&self, token: &str) -> Vec<CheckReport> {
        let mut report = Report::default();
        let policy = &self.inner.policy;
        let form = "three strict base64url parts";
        let signed = match policy.open(token) {
            Ok(signed) => signed,
            Err(error) => {
                report.add("form", Err::<(), _>(error), "five strict base64url parts, encrypted");
                return report.skip_after_form();
            }
        };
        let Some(jws) = report.add("form", self.parse(&signed), form) else {
            return report.skip_after_form();
        };
        let algorithm = format!("{} (accepted: {:?})", jws.algorithm(), policy.algorithms);
        report.add("algorithm", policy.check_algorithm(&jws), &algorithm);
        report.add("type", policy.check_type(&jws), &format!("typ is {:?}", jws.typ()));
        let kid = format!("kid is {:?}", jws.kid().map(Kid::as_str));
        let (key, signature) = self.inner.keys.with_key(jws.kid(), |key| match key {
            Ok(key) => (Ok(*key.kid()), Some(Policy::check_signature(&jws, key).map(|_| ()))),
            Err(miss) => (Err(VerifyError::from(miss)), None),
        });
        let by = report.add("key", key, &kid);
        match signature {
            Some(signature) => {
                report.add("signature", signature, "by that key over these bytes");
            }
            None => report.skip("signature"),
        }
        self.explain_claims((&jws, by), report)
    }

    fn explain_claims(
        &self,
        (jws, by): (&UnverifiedJws<'_>, Option<Kid>),
        mut report: Report,
    ) -> Vec<CheckReport> {
        let payload = jws.danger_unverified_payload().map_err(VerifyError::Malformed);
        let text = payload.and_then(|payload| {
            String::from_utf8(payload).map_err(|_| ClaimError::Malformed.into())
        });
        let claims = text.and_then(|text| Ok(StandardClaims::parse_unverified(text)?));
        let Some(claims) = report.add("claims", claims, "one strict JSON object") else {
            return report.skip_claims();
        };
        let (policy, now) = (&self.inner.policy, self.inner.clock.wall());
        let expected = policy.expectations();
        for check in CLAIM_CHECKS {
            let result = check.run(&claims, &expected, now).map_err(VerifyError::from);
            report.add(check.name, result, &describe(check.name, &claims, now));
        }
        let own: [Result<(), ClaimError>; POLICY_CHECKS.len()] = [
            policy.check_mark(&claims),
            policy.client(&claims).map(|_| ()),
            Policy::check_binding(&claims, Possession::Unshown).map(|_| ()),
            policy.identity(&claims).map(|_| ()),
        ];
        for (name, result) in POLICY_CHECKS.into_iter().zip(own) {
            report.add(name, result.map_err(VerifyError::from), &describe(name, &claims, now));
        }
        let extra = (self.inner.read_extra)(claims.payload());
        let extra = extra.ok_or(VerifyError::Claims(ClaimError::Application));
        report.add("application claims", extra.map(|_| ()), "read by the service's own struct");
        self.explain_revocation(&claims, by.as_ref(), &mut report);
        report.lines
    }

    fn explain_revocation(&self, claims: &StandardClaims, kid: Option<&Kid>, report: &mut Report) {
        let Some(standing) = &self.inner.standing else {
            let detail = "not asked about: this verifier follows no revocations";
            report.add("revocation", Ok(()), detail);
            return;
        };
        let policy = &self.inner.policy;
        let client = policy.client(claims).ok().and_then(|client| claims.text(client));
        let marks = Marks { claims, client, scope: policy.profile.scope, kid };
        let stands = standing.revocations.still_stands(&marks);
        let result = if stands { standing.require_fresh() } else { Err(VerifyError::Revoked) };
        let detail = match standing.revocations.lag() {
            Some(lag) => format!("what was revoked is known but for the last {} s", lag.as_secs()),
            None => "what was revoked is not known yet".to_owned(),
        };
        report.add("revocation", result, &detail);
    }
}

#[derive(Default)]
struct Report {
    lines: Vec<CheckReport>,
}

impl Report {
    fn add<T>(
        &mut self,
        check: &'static str,
        result: Result<T, VerifyError>,
        detail: &str,
    ) -> Option<T> {
        let (outcome, code, detail) = match &result {
            Ok(_) => (Outcome::Passed, None, detail.to_owned()),
            Err(error) => (Outcome::Failed, Some(error.code()), format!("{error}; {detail}")),
        };
        self.lines.push(CheckReport { check, outcome, code, detail });
        result.ok()
    }

    fn skip(&mut self, check: &'static str) {
        let detail = "not possible after the failure above".to_owned();
        self.lines.push(CheckReport { check, outcome: Outcome::Skipped, code: None, detail });
    }

    fn skip_after_form(mut self) -> Vec<CheckReport> {
        for check in ["algorithm", "type", "key", "signature", "claims"] {
            self.skip(check);
        }
        self.skip_claims()
    }

    fn skip_claims(mut self) -> Vec<CheckReport> {
        let claims = CLAIM_CHECKS.iter().map(|check| check.name);
        for check in claims.chain(POLICY_CHECKS) {
            self.skip(check);
        }
        self.skip("application claims");
        self.skip("revocation");
        self.lines
    }
}

/// What the token says about a check; quoted, so that it cannot forge lines of the output.
fn describe(check: &str, claims: &StandardClaims, now: i64) -> String {
    let text = |claim: Claim| format!("{} is {:?}", claim.name(), claims.text(claim));
    let date = |claim: Claim| match claims.date(claim) {
        None => format!("{} is absent", claim.name()),
        Some(at) if at >= now => format!("{} is {at}, in {} s", claim.name(), at - now),
        Some(at) => format!("{} is {at}, {} s ago", claim.name(), now - at),
    };
    match check {
        "issuer" => text(Claim::Iss),
        "audience" => format!("aud is {:?}", claims.audiences().collect::<Vec<_>>()),
        "expiry" => date(Claim::Exp),
        "not before" => date(Claim::Nbf),
        "issued at" => date(Claim::Iat),
        "lifetime" => match (claims.issued_at(), claims.expires_at()) {
            (Some(issued), Some(expires)) => format!("{} s", expires.saturating_sub(issued)),
            _ => "iat or exp is absent".to_owned(),
        },
        "subject" => text(Claim::Sub),
        "client" => text(Claim::ClientId),
        "identity" => text(Claim::Idtyp),
        "binding" => format!("cnf is {}", if claims.has(Claim::Cnf) { "there" } else { "absent" }),
        _ => format!("claims: {claims:?}"),
    }
}
