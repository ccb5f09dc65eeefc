//! The protected header of an encrypted token (RFC 7516 §4), read in one pass by the strict reader of JWS headers. Keys and
//! links to keys in it are not looked at, but for the ephemeral key; what claims of the token it repeats (RFC 7519 §5.3)
//! is not either: only the signed token inside says anything.

use arrayvec::{ArrayString, ArrayVec};

use super::agreement::PublicPoint;
use super::{ContentEncryption, KeyManagement};
use crate::base64url;
use crate::error::{JweError, JwsError};
use crate::jwk::{JwkMembers, Kid};
use crate::jws::reader::{JsonString, Reader, record};
use crate::jws::without_prefix;

/// The longest header that is looked at, decoded.
const MAX_HEADER_BYTES: usize = 1024;
/// The longest name of a party to an agreement, and of its text.
const MAX_PARTY_BYTES: usize = 96;
const MAX_PARTY_TEXT: usize = 128;
/// Members that are refused whatever they hold: nothing critical is understood (RFC 7516 §4.1.13), nothing is ever inflated
/// (§4.1.3), and the others are the parameters of algorithms that do not exist here (RFC 7518 §4.7, §4.8).
const REFUSED: [&str; 7] = ["crit", "zip", "b64", "p2s", "p2c", "iv", "tag"];

/// A name of a party (`apu`, `apv`), which goes into the agreed key.
pub(super) type Party = ArrayVec<u8, MAX_PARTY_BYTES>;

/// What is kept of a header.
pub(super) struct Header {
    pub(super) algorithm: KeyManagement,
    pub(super) encryption: ContentEncryption,
    pub(super) kid: Option<Kid>,
    /// `cty` says that a token is inside.
    pub(super) is_nested: bool,
    pub(super) ephemeral: Option<PublicPoint>,
    pub(super) apu: Party,
    pub(super) apv: Party,
}

impl Header {
    /// From the first part of a token.
    pub(super) fn parse(part: &str) -> Result<Self, JweError> {
        if base64url::decoded_len(part.len()) > MAX_HEADER_BYTES {
            return Err(JwsError::HeaderTooLarge.into());
        }
        let mut buffer = [0; MAX_HEADER_BYTES];
        let json = base64url::decode_into(part, &mut buffer).ok_or(JwsError::InvalidBase64)?;
        let json = std::str::from_utf8(json).map_err(|_| JwsError::MalformedHeader)?;
        Self::read(json)
    }

    fn read(json: &str) -> Result<Self, JweError> {
        let mut reader = Reader::new(json);
        let mut names = ArrayVec::new();
        let (mut algorithm, mut encryption, mut kid, mut epk) = (None, None, None, None);
        let (mut is_nested, mut apu, mut apv) = (false, Party::new(), Party::new());
        reader.open_object()?;
        while let Some(name) = reader.next_name(names.is_empty())? {
            record(&mut names, name)?;
            if name.is("alg") {
                algorithm = Some(named(reader.string()?, KeyManagement::from_name));
            } else if name.is("enc") {
                encryption = Some(named(reader.string()?, ContentEncryption::from_name));
            } else if name.is("kid") {
                let text = reader.string()?.unescaped();
                kid = Some(text.and_then(Kid::from_array).ok_or(JwsError::InvalidKid)?);
            } else if name.is("cty") {
                is_nested = names_a_token(reader.string()?);
            } else if name.is("epk") {
                epk = Some(reader.member_object()?);
            } else if name.is("apu") {
                apu = party(reader.string()?)?;
            } else if name.is("apv") {
                apv = party(reader.string()?)?;
            } else if let Some(refused) = REFUSED.iter().find(|refused| name.is(refused)) {
                return Err(JwsError::UnsupportedHeaderMember(refused).into());
            } else {
                reader.skip_member_value()?;
            }
        }
        reader.end()?;
        let algorithm = algorithm.flatten().ok_or(JweError::UnsupportedAlgorithm)?;
        let encryption = encryption.flatten().ok_or(JweError::UnsupportedEncryption)?;
        let ephemeral = epk.filter(|_| algorithm.agrees()).map(ephemeral_key).transpose()?;
        if algorithm.agrees() && ephemeral.is_none() {
            return Err(JweError::EphemeralKey);
        }
        Ok(Self { algorithm, encryption, kid, is_nested, ephemeral, apu, apv })
    }
}

fn named<T>(name: JsonString<'_>, find: impl Fn(&str) -> Option<T>) -> Option<T> {
    find(&name.unescaped::<16>()?)
}

/// RFC 7519 §5.2: `JWT`, in capitals if it is to be understood by all, and so by us in any case.
fn names_a_token(cty: JsonString<'_>) -> bool {
    let text = cty.unescaped::<32>();
    text.is_some_and(|text| without_prefix(&text).eq_ignore_ascii_case("JWT"))
}

/// RFC 7518 §4.6.1.2.
fn party(text: JsonString<'_>) -> Result<Party, JweError> {
    let text: ArrayString<MAX_PARTY_TEXT> = text.unescaped().ok_or(JwsError::HeaderTooLarge)?;
    let mut buffer = [0; MAX_PARTY_BYTES];
    let bytes = base64url::decode_into(&text, &mut buffer).ok_or(JwsError::InvalidBase64)?;
    Ok(bytes.iter().copied().collect())
}

/// RFC 7518 §4.6.1.1: a public JWK.
fn ephemeral_key(json: &str) -> Result<PublicPoint, JweError> {
    let jwk = JwkMembers::parse(json).map_err(|_| JweError::EphemeralKey)?;
    jwk.refuse_private().map_err(|_| JweError::EphemeralKey)?;
    PublicPoint::from_jwk(&jwk).map_err(|_| JweError::EphemeralKey)
}
