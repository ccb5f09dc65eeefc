//! Authenticator apps: TOTP (RFC 6238) with HMAC-SHA-1, six digits and 30 seconds, which every app speaks. The secret has
//! 160 bits (RFC 4226 §4) and is sealed for its user. There is no row before a first code was right: until then the sealed
//! secret travels with the page.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use totp_rs::{Builder, Secret, Totp};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::keyed_hash::Use;
use super::second_factor::without_separators;
use super::{Account, CredentialError, Credentials, Refusal, StoredTotp};
use crate::random;
use crate::store::Act;

const SECRET_BYTES: usize = 20;

/// Seconds that a person has to set up an app.
const ENROLLMENT_SECONDS: i64 = 1_800;

/// An authenticator app that is being set up.
pub struct TotpEnrollment {
    /// The secret in base32, to be typed.
    pub secret: Zeroizing<String>,
    /// The `otpauth:` URI, to be shown as a QR code.
    pub uri: Zeroizing<String>,
    /// For [`Credentials::confirm_totp`]; nothing can be read from it.
    pub ticket: String,
}

/// A ticket that is genuine and in time.
struct OpenEnrollment {
    sealed: Vec<u8>,
    expires_at: i64,
    secret: Zeroizing<Vec<u8>>,
}

impl Credentials {
    /// Begins to set up an authenticator app. One that is there stays in force until the new one is confirmed.
    pub fn start_totp(&self, account: &Account) -> Result<TotpEnrollment, CredentialError> {
        let secret = Zeroizing::new(random::bytes::<SECRET_BYTES>());
        let expires_at = self.clock.now().saturating_add(ENROLLMENT_SECONDS);
        let ticket = Zeroizing::new([&expires_at.to_be_bytes(), secret.as_slice()].concat());
        let ticket = self
            .masters
            .seal(&enrollment_context(account.user.id), &ticket)
            .map_err(|_| CredentialError::Failed("the secret could not be sealed"))?;
        self.enrollment(account, secret.as_slice(), URL_SAFE_NO_PAD.encode(ticket))
    }

    /// Shows once more what is being set up: the first code was wrong.
    pub fn resume_totp(
        &self,
        account: &Account,
        ticket: &str,
    ) -> Result<TotpEnrollment, CredentialError> {
        let open = self.open_enrollment(account.user.id, ticket)?;
        self.enrollment(account, &open.secret, ticket.to_owned())
    }

    /// Finishes with a first code, which counts as used. From now on codes are asked for.
    pub async fn confirm_totp(
        &self,
        user_id: Uuid,
        ticket: &str,
        code: &str,
        act: &Act,
    ) -> Result<(), CredentialError> {
        let now = self.clock.now();
        let OpenEnrollment { sealed, expires_at, secret } =
            self.open_enrollment(user_id, ticket)?;
        let step = step_of(&secret, code, now)?.ok_or(Refusal::Wrong)?;
        // A second confirmation would make an older step count again.
        let digest = self.keyed.digest(Use::Ceremony, "totp", &sealed);
        if !self.store.consume_ceremony(&digest, expires_at).await? {
            return Err(Refusal::Used.into());
        }
        let sealed = self.masters.seal(&context(user_id), &secret);
        let sealed =
            sealed.map_err(|_| CredentialError::Failed("the secret could not be sealed"))?;
        let stored = StoredTotp { sealed, last_step: step, created_at: now, last_used_at: None };
        Ok(self.store.set_totp(user_id, &stored, act).await?)
    }

    fn enrollment(
        &self,
        account: &Account,
        secret: &[u8],
        ticket: String,
    ) -> Result<TotpEnrollment, CredentialError> {
        let totp = totp(secret, Some((&self.issuer_name(), &account.user.username)))?;
        let uri = totp.to_url().map_err(|_| CredentialError::Failed("the secret has no URI"))?;
        let secret = Zeroizing::new(totp.secret().to_base32());
        Ok(TotpEnrollment { secret, uri: Zeroizing::new(uri), ticket })
    }

    fn open_enrollment(
        &self,
        user_id: Uuid,
        ticket: &str,
    ) -> Result<OpenEnrollment, CredentialError> {
        let sealed = URL_SAFE_NO_PAD.decode(ticket).map_err(|_| Refusal::Expired)?;
        let clear = self.masters.open(&enrollment_context(user_id), &sealed);
        let clear = clear.map_err(|_| Refusal::Expired)?;
        let (expires_at, secret) = clear.split_first_chunk().ok_or(Refusal::Expired)?;
        let expires_at = i64::from_be_bytes(*expires_at);
        if self.clock.now() >= expires_at {
            return Err(Refusal::Expired.into());
        }
        Ok(OpenEnrollment { sealed, expires_at, secret: Zeroizing::new(secret.to_vec()) })
    }

    /// Consumes the step of a right code.
    pub(super) async fn use_totp(&self, user_id: Uuid, code: &str) -> Result<(), CredentialError> {
        let now = self.clock.now();
        let stored = self.store.totp(user_id).await?.ok_or(Refusal::NoCredential)?;
        let secret = self.masters.open(&context(user_id), &stored.sealed).map_err(|error| {
            tracing::error!(%user_id, %error, "the TOTP secret of a user does not open");
            Refusal::Sealed
        })?;
        let step = step_of(&secret, code, now)?.ok_or(Refusal::Wrong)?;
        // RFC 6238 §5.2: a code is accepted once.
        if !self.store.use_totp_step(user_id, &stored, step, now).await? {
            return Err(Refusal::Used.into());
        }
        Ok(())
    }

    /// The name under which apps list the account.
    fn issuer_name(&self) -> String {
        self.issuer.url().host_str().unwrap_or("Countersign").replace(':', ".")
    }
}

/// The step of which a code is, at most one before or after the present one (RFC 6238 §5.2).
fn step_of(secret: &[u8], code: &str, now: i64) -> Result<Option<i64>, CredentialError> {
    let code = Zeroizing::new(without_separators(code)?);
    let now = u64::try_from(now).unwrap_or_default();
    let step = totp(secret, None)?.check(&code, now);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

fn totp(secret: &[u8], label: Option<(&str, &str)>) -> Result<Totp, CredentialError> {
    let secret = Secret::new(secret.to_vec().into_boxed_slice());
    let mut builder = Builder::new().with_secret(secret);
    if let Some((issuer, username)) = label {
        // The label has a colon between its parts, and none within.
        builder = builder.with_issuer(Some(issuer)).with_account_name(username.replace(':', "."));
    }
    builder.build().map_err(|_| CredentialError::Failed("the secret is not usable"))
}

pub(super) fn context(user_id: Uuid) -> String {
    format!("totp:{user_id}")
}

fn enrollment_context(user_id: Uuid) -> String {
    format!("totp enrollment:{user_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, SHA-1, whose eight digits end with our six.
    #[test]
    fn the_codes_of_the_rfc_are_of_their_steps_and_one_step_of_drift_is_tolerated() {
        let secret = b"12345678901234567890";
        let table = [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ];
        for (time, code) in table {
            let step = time / 30;
            for (now, expected) in [
                (step * 30, Some(step)),
                (step * 30 - 30, Some(step)),
                (step * 30 + 59, Some(step)),
                (step * 30 + 60, None),
                (step * 30 - 31, None),
            ] {
                // The first steps of 1970 have none before them.
                let expected = if now < 0 { Some(step) } else { expected };
                assert_eq!(step_of(secret, code, now).unwrap(), expected, "{code} at {now}");
            }
        }
        assert_eq!(step_of(secret, "287 082", 59).unwrap(), Some(1));
        assert_eq!(step_of(secret, "+87082", 59).unwrap(), None);
    }
}
