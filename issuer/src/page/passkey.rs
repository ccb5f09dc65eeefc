//! A form that a passkey fills in (Web Authentication Level 3). The script `assets/passkey.js` asks
//! the browser with the options given here and posts the result as the field `credential`.

use super::frame::PostForm;

/// A form that sends a passkey.
#[derive(Clone, Copy, Debug)]
pub struct PasskeyForm<'v> {
    /// Where the passkey is sent to, as the field `credential`: a `PublicKeyCredential` as JSON.
    pub form: PostForm<'v>,
    /// What the ceremony needs to be finished, as the field `ticket`.
    pub ticket: &'v str,
    /// `PublicKeyCredentialRequestOptionsJSON` or `PublicKeyCredentialCreationOptionsJSON`
    /// (§5.1.8 and §5.1.7), without the member `publicKey` around it.
    pub options: &'v str,
}
