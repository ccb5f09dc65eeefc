//! Recovery codes: ten of 60 random bits each, written down by their owner, kept as keyed hashes and consumed by one
//! statement. Crockford's base32, which confuses no letters.

use uuid::Uuid;
use zeroize::Zeroizing;

use super::keyed_hash::Use;
use super::second_factor::without_separators;
use super::{CredentialError, Credentials, Refusal};
use crate::random;
use crate::store::Act;

/// How many codes a user gets.
pub const RECOVERY_CODES: usize = 10;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const CHARACTERS: u32 = 12;
const GROUP: u32 = 4;

impl Credentials {
    /// Makes new recovery codes, which take the place of all earlier ones; they are shown this once.
    pub async fn new_recovery_codes(
        &self,
        user_id: Uuid,
        act: &Act,
    ) -> Result<Vec<Zeroizing<String>>, CredentialError> {
        let codes: Vec<_> = (0..RECOVERY_CODES).map(|_| new_code()).collect();
        let digests: Result<Vec<_>, _> =
            codes.iter().map(|code| self.recovery_digest(user_id, code)).collect();
        self.store.replace_recovery_codes(user_id, &digests?, act).await?;
        Ok(codes)
    }

    pub(super) async fn use_recovery_code(
        &self,
        user_id: Uuid,
        code: &str,
    ) -> Result<(), CredentialError> {
        let digest = self.recovery_digest(user_id, code)?;
        if !self.store.use_recovery_code(user_id, &digest).await? {
            return Err(Refusal::Wrong.into());
        }
        Ok(())
    }

    /// The digest of a code, however it was typed.
    fn recovery_digest(&self, user_id: Uuid, code: &str) -> Result<[u8; 32], Refusal> {
        let code = Zeroizing::new(without_separators(code)?);
        let read = |c: char| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        };
        let code = Zeroizing::new(code.chars().map(read).collect::<String>());
        Ok(self.keyed.digest(Use::RecoveryCode, &user_id.to_string(), code.as_bytes()))
    }
}

/// `xxxx-xxxx-xxxx`.
fn new_code() -> Zeroizing<String> {
    let bits = u64::from_be_bytes(random::bytes());
    let mut code = Zeroizing::new(String::with_capacity(14));
    for position in 0..CHARACTERS {
        if position > 0 && position % GROUP == 0 {
            code.push('-');
        }
        let index = usize::try_from(bits >> (5 * position) & 31).unwrap_or_default();
        code.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'0')));
    }
    code
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_have_sixty_bits_and_do_not_repeat() {
        let codes: HashSet<String> = (0..1_000).map(|_| new_code().to_string()).collect();

        assert_eq!(codes.len(), 1_000);
        assert!(codes.iter().all(|code| code.len() == 14 && code.split('-').count() == 3));
        let letters: HashSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
        assert_eq!(letters.len(), 33, "all of the alphabet, and the separator");
    }
}
