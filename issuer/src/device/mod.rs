//! The device flow (RFC 8628): a device without a browser or a keyboard asks here and shows a code; a person enters the
//! code elsewhere, signs in and says yes (`interaction/device.rs`); the device asks for its tokens until then
//! (`token/grants/device_code.rs`). Decision 0021 says why codes are as they are.

mod authorization;
mod limits;
mod polling;
mod user_code;

pub use authorization::endpoint;
pub use limits::{DeviceLimits, Guess};
pub use polling::{Polled, poll};
pub use user_code::UserCode;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::sealer::{Purpose, SealFailed, Sealer};

/// Where a person enters the code, as short as can be (RFC 8628 §3.3).
pub const VERIFICATION_PATH: &str = "/device";

/// Seconds for which both codes are good: time to find a telephone and to sign in, and no more (RFC 8628 §5.2).
pub const LIFETIME_SECONDS: i64 = 600;

/// What a device asks for its tokens with. Sealed, so that it names its client and its end by itself: who comes with a
/// made-up one, with that of another client or too late costs no look into the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceCode {
    /// The authorization.
    pub id: Uuid,
    /// To whom it is issued (CVE-2023-2585).
    pub client_id: String,
    /// Unix seconds.
    pub expires_at: i64,
}

impl DeviceCode {
    /// The code as it travels.
    ///
    /// # Errors
    ///
    /// If it cannot be sealed.
    pub fn seal(&self, sealer: &Sealer) -> Result<String, SealFailed> {
        sealer.seal(Purpose::DeviceCode, self)
    }

    /// Opens a code that was made here.
    pub fn open(sealer: &Sealer, text: &str) -> Option<Self> {
        sealer.open(Purpose::DeviceCode, text)
    }
}
