//! The device cookie: what a browser keeps after a successful sign-in, so that its owner is not slowed by attackers
//! elsewhere. A sealed value that names the device and the users who signed in there; it lets nobody in by itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use countersign_keys::MasterKeys;
use uuid::Uuid;

use super::CredentialError;
use crate::random;

const CONTEXT: &str = "known device";

/// Users of one device beyond these make the oldest be forgotten.
const MAX_USERS: usize = 5;

/// A device is known for this long after the last sign-in; browsers keep no cookie longer than 400 days.
pub const KNOWN_DEVICE_SECONDS: i64 = 400 * 86_400;

const DEVICE_BYTES: usize = 16;
const ENTRY_BYTES: usize = 24;

/// Names a device, at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId([u8; DEVICE_BYTES]);

impl DeviceId {
    #[cfg(test)]
    pub(super) fn from_bytes(bytes: [u8; DEVICE_BYTES]) -> Self {
        Self(bytes)
    }

    /// The lane in which the second factors of this device are counted.
    pub(super) fn lane(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }
}

struct KnownDevice {
    id: DeviceId,
    /// Newest first: who, and when they last signed in.
    users: Vec<(Uuid, i64)>,
}

/// The cookie after a user signed in: the one that the browser had, with the user in it.
pub(super) fn remember(
    masters: &MasterKeys,
    presented: Option<&str>,
    user_id: Uuid,
    now: i64,
) -> Result<String, CredentialError> {
    let known = presented.and_then(|value| KnownDevice::open(masters, value));
    let mut device =
        known.unwrap_or_else(|| KnownDevice { id: DeviceId(random::bytes()), users: Vec::new() });
    device.users.retain(|(user, since)| *user != user_id && is_fresh(*since, now));
    device.users.insert(0, (user_id, now));
    device.users.truncate(MAX_USERS);
    let sealed = masters
        .seal(CONTEXT, &device.to_bytes())
        .map_err(|_| CredentialError::Failed("the device cookie could not be sealed"))?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// The device of a cookie, if this user signed in there.
pub(super) fn recognize(
    masters: &MasterKeys,
    presented: &str,
    user_id: Uuid,
    now: i64,
) -> Option<DeviceId> {
    let device = KnownDevice::open(masters, presented)?;
    let known = device.users.iter().any(|(user, since)| *user == user_id && is_fresh(*since, now));
    known.then_some(device.id)
}

fn is_fresh(since: i64, now: i64) -> bool {
    now < since.saturating_add(KNOWN_DEVICE_SECONDS)
}

impl KnownDevice {
    fn open(masters: &MasterKeys, presented: &str) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(presented).ok()?;
        let clear = masters.open(CONTEXT, &sealed).ok()?;
        let (id, entries) = clear.split_first_chunk()?;
        let (entries, []) = entries.as_chunks::<ENTRY_BYTES>() else { return None };
        let user = |entry: &[u8; ENTRY_BYTES]| {
            let (user, since) = entry.split_first_chunk()?;
            Some((Uuid::from_bytes(*user), i64::from_be_bytes(*since.first_chunk()?)))
        };
        Some(Self { id: DeviceId(*id), users: entries.iter().filter_map(user).collect() })
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.id.0.to_vec();
        for (user, since) in &self.users {
            bytes.extend_from_slice(user.as_bytes());
            bytes.extend_from_slice(&since.to_be_bytes());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use countersign_keys::seal::MasterKey;

    use super::*;

    fn masters() -> MasterKeys {
        MasterKeys::new(MasterKey::from_bytes(&[9; 32]).unwrap(), Vec::new())
    }

    #[test]
    fn a_device_is_known_to_those_who_signed_in_there_for_as_long_as_the_cookie_lives() {
        let masters = masters();
        let [ada, bob] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let first = remember(&masters, None, ada, 1_000).unwrap();
        let both = remember(&masters, Some(&first), bob, 2_000).unwrap();
        let knows = |cookie: &str, user, now| recognize(&masters, cookie, user, now);

        assert!(knows(&first, ada, 1_000).is_some() && knows(&first, bob, 1_000).is_none());
        assert_eq!(knows(&both, ada, 2_000), knows(&first, ada, 2_000), "it stays one device");
        assert!(knows(&both, bob, 2_000).is_some());
        assert!(knows(&both, ada, 1_000 + KNOWN_DEVICE_SECONDS).is_none());
        assert!(knows(&both, bob, 1_000 + KNOWN_DEVICE_SECONDS).is_some());
        assert!(knows("", ada, 0).is_none() && knows("AAAA", ada, 0).is_none());
    }

    #[test]
    fn a_cookie_stays_small_however_many_sign_in() {
        let masters = masters();
        let mut cookie = remember(&masters, None, Uuid::from_u128(0), 0).unwrap();

        for user in 1..100 {
            cookie = remember(&masters, Some(&cookie), Uuid::from_u128(user), 0).unwrap();
        }

        assert!(cookie.len() < 256, "{}", cookie.len());
        assert!(recognize(&masters, &cookie, Uuid::from_u128(99), 0).is_some());
        assert!(recognize(&masters, &cookie, Uuid::from_u128(1), 0).is_none());
    }
}
