//! Codes as a second factor: of an authenticator app (RFC 6238) or from the list of recovery codes. Wrong ones are counted
//! in the store, so that neither a restart nor another node forgets them; a known device counts for itself.

use uuid::Uuid;

use super::{CredentialError, Credentials, Decision, Pace, Refusal};

/// The lane of all devices on which the user did not sign in before.
const UNKNOWN_DEVICES: &str = "unknown";

/// How often a count is read again that others change meanwhile.
const COUNTS: u32 = 32;

impl Credentials {
    /// Checks a code of the user's authenticator app, and consumes its step.
    pub async fn check_totp(
        &self,
        user_id: Uuid,
        code: &str,
        device: Option<&str>,
    ) -> Result<(), CredentialError> {
        let lane = self.lane(user_id, device);
        self.count_guess(user_id, &lane).await?;
        self.use_totp(user_id, code).await?;
        Ok(self.store.forget_guesses(user_id, &lane).await?)
    }

    /// Checks a recovery code, and consumes it; returns how many are left.
    pub async fn check_recovery_code(
        &self,
        user_id: Uuid,
        code: &str,
        device: Option<&str>,
    ) -> Result<i64, CredentialError> {
        let lane = self.lane(user_id, device);
        self.count_guess(user_id, &lane).await?;
        self.use_recovery_code(user_id, code).await?;
        self.store.forget_guesses(user_id, &lane).await?;
        Ok(self.account(user_id).await?.recovery_codes)
    }

    fn lane(&self, user_id: Uuid, device: Option<&str>) -> String {
        let known = self.device(device, user_id);
        known.map_or_else(|| UNKNOWN_DEVICES.to_owned(), super::DeviceId::lane)
    }

    /// Counts a guess before it is looked at.
    async fn count_guess(&self, user_id: Uuid, lane: &str) -> Result<(), CredentialError> {
        for _ in 0..COUNTS {
            let before = self.store.guess_tally(user_id, lane).await?;
            match Pace::SECOND_FACTOR.decide(before, self.clock.now()) {
                Decision::Wait { retry_after } => {
                    return Err(CredentialError::TooMany { retry_after });
                }
                Decision::Look(after) => {
                    if self.store.count_guess((user_id, lane), before, after).await? {
                        return Ok(());
                    }
                }
            }
        }
        Err(CredentialError::TooMany { retry_after: 1 })
    }
}

/// What a person adds to a code to read it more easily.
pub(super) fn without_separators(code: &str) -> Result<String, Refusal> {
    // Nothing that is longer is a code.
    if code.len() > 64 {
        return Err(Refusal::Wrong);
    }
    Ok(code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect())
}
