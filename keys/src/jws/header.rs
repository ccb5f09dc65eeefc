//! The protected header of a token (RFC 7515 §4), read in one pass on the stack. Keys and links to keys in it
//! (`jwk`, `jku`, `x5u`, `x5c`) are not looked at, but for the `jwk` of a proof of possession (`proof.rs`); members that change
//! what is signed are refused.

use arrayvec::{ArrayString, ArrayVec};
use serde::Serialize;
#[cfg(feature = "private")]
use serde_json::value::RawValue;

use super::reader::{JsonString, Reader, record};
use crate::algorithm::{ALGORITHMS, Algorithm};
use crate::base64url;
use crate::error::{JwsError, KeyError};
use crate::jwk::Kid;
#[cfg(feature = "private")]
use crate::jwk::VerifyingKey;

/// The longest header that is looked at, decoded.
const MAX_HEADER_BYTES: usize = 1024;
/// The longest `typ` that is kept.
const MAX_TYP_BYTES: usize = 64;
/// Members that are refused whatever they hold. Nothing critical is understood here (RFC 7515 §4.1.11), `b64`
/// changes what is signed (RFC 7797 §3), and the others belong to encryption (RFC 7516 §4.1).
const REFUSED: [&str; 4] = ["crit", "b64", "enc", "zip"];

/// The only form in which headers are written here: base64url of `{"alg":…,"typ":…,"kid":…}`.
pub(super) fn encode(alg: Algorithm, typ: &str, kid: &Kid) -> Result<String, KeyError> {
    #[derive(Serialize)]
    struct Members<'a> {
        alg: Algorithm,
        typ: &'a str,
        kid: &'a Kid,
    }
    let json =
        serde_json::to_string(&Members { alg, typ, kid }).map_err(|_| KeyError::Operation)?;
    Ok(base64url::encode(json.as_bytes()))
}

/// The header of a proof of possession (RFC 9449 §4.2), which carries the key and not its name:
/// base64url of `{"typ":…,"alg":…,"jwk":…}`.
#[cfg(feature = "private")]
pub(super) fn encode_with_key(typ: &str, key: &VerifyingKey) -> Result<String, KeyError> {
    #[derive(Serialize)]
    struct Members<'a> {
        typ: &'a str,
        alg: Algorithm,
        jwk: &'a RawValue,
    }
    let jwk = key.bare_jwk();
    let jwk: &RawValue = serde_json::from_str(&jwk).map_err(|_| KeyError::Operation)?;
    let members = Members { typ, alg: key.algorithm(), jwk };
    let json = serde_json::to_string(&members).map_err(|_| KeyError::Operation)?;
    Ok(base64url::encode(json.as_bytes()))
}

/// What is kept of a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<Kid>,
    pub(super) typ: Option<ArrayString<MAX_TYP_BYTES>>,
}

impl Header {
    /// From the first part of a token.
    pub(super) fn parse(part: &str) -> Result<Self, JwsError> {
        Self::decode(part, Self::parse_json)
    }

    /// From the first part of a proof of possession, with the JSON text of the `jwk` in it.
    pub(super) fn parse_with_jwk(part: &str) -> Result<(Self, Box<str>), JwsError> {
        Self::decode(part, |json| {
            let mut jwk = None;
            let header = Self::read(json, |name, reader| {
                if name.is("jwk") {
                    jwk = Some(reader.member_object()?);
                    Ok(())
                } else {
                    reader.skip_member_value()
                }
            })?;
            Ok((header, jwk.ok_or(JwsError::MissingKey)?.into()))
        })
    }

    fn decode<T>(
        part: &str,
        read: impl FnOnce(&str) -> Result<T, JwsError>,
    ) -> Result<T, JwsError> {
        if base64url::decoded_len(part.len()) > MAX_HEADER_BYTES {
            return Err(JwsError::HeaderTooLarge);
        }
        let mut buffer = [0; MAX_HEADER_BYTES];
        let json = base64url::decode_into(part, &mut buffer).ok_or(JwsError::InvalidBase64)?;
        let json = std::str::from_utf8(json).map_err(|_| JwsError::MalformedHeader)?;
        read(json)
    }

    fn parse_json(json: &str) -> Result<Self, JwsError> {
        Self::read(json, |_, reader| reader.skip_member_value())
    }

    /// Reads all members; `other` takes the values of those that say nothing here.
    fn read<'j>(
        json: &'j str,
        mut other: impl FnMut(&JsonString<'j>, &mut Reader<'j>) -> Result<(), JwsError>,
    ) -> Result<Self, JwsError> {
        let mut reader = Reader::new(json);
        let mut names = ArrayVec::new();
        let (mut algorithm, mut kid, mut typ) = (None, None, None);
        reader.open_object()?;
        while let Some(name) = reader.next_name(names.is_empty())? {
            record(&mut names, name)?;
            if name.is("alg") {
                algorithm = Some(read_algorithm(reader.string()?)?);
            } else if name.is("kid") {
                kid = Some(read_kid(reader.string()?)?);
            } else if name.is("typ") {
                typ = Some(reader.string()?.unescaped().ok_or(JwsError::HeaderTooLarge)?);
            } else if let Some(refused) = REFUSED.iter().find(|refused| name.is(refused)) {
                return Err(JwsError::UnsupportedHeaderMember(refused));
            } else {
                other(&name, &mut reader)?;
            }
        }
        reader.end()?;
        let algorithm = algorithm.ok_or(JwsError::UnsupportedAlgorithm)?;
        Ok(Self { algorithm, kid, typ })
    }
}

fn read_algorithm(name: JsonString<'_>) -> Result<Algorithm, JwsError> {
    let row = ALGORITHMS.iter().find(|row| name.is(row.name));
    row.map(|row| row.algorithm).ok_or(JwsError::UnsupportedAlgorithm)
}

fn read_kid(name: JsonString<'_>) -> Result<Kid, JwsError> {
    name.unescaped().and_then(Kid::from_array).ok_or(JwsError::InvalidKid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> JwsError {
        Header::parse_json(json).unwrap_err()
    }

    #[test]
    fn the_usual_header_is_read() {
        let header =
            Header::parse_json(r#" { "alg":"ES256", "typ" : "at+jwt","kid":"a-b_c" } "#).unwrap();

        assert_eq!(header.algorithm, Algorithm::Es256);
        assert_eq!(header.kid.unwrap().as_str(), "a-b_c");
        assert_eq!(header.typ.unwrap().as_str(), "at+jwt");
    }

    #[test]
    fn escapes_mean_what_they_say() {
        let header = Header::parse_json(r#"{"\u0061lg":"\u0045S256","kid":"\ud83d\ude00\/"}"#);
        assert_eq!(header.unwrap().kid.unwrap().as_str(), "😀/");
    }

    #[test]
    fn j01_every_other_alg_is_refused() {
        for alg in [
            r#""none""#,
            r#""None""#,
            r#""nOnE""#,
            r#""noNE""#,
            r#""NONE""#,
            r#""""#,
            r#""HS256""#,
            r#""es256""#,
            r#""ES256 ""#,
            r#""a-very-long-name-of-an-algorithm""#,
        ] {
            assert_eq!(refusal(&format!(r#"{{"alg":{alg}}}"#)), JwsError::UnsupportedAlgorithm);
        }
        for alg in ["null", "0", "[\"ES256\"]", "{}", "true"] {
            assert_eq!(refusal(&format!(r#"{{"alg":{alg}}}"#)), JwsError::MalformedHeader);
        }
        assert_eq!(refusal("{}"), JwsError::UnsupportedAlgorithm);
    }

    #[test]
    fn j08_keys_and_links_to_keys_are_not_read() {
        let header = Header::parse_json(
            r#"{"alg":"ES256","jwk":{"kty":"oct","k":"AA"},"jku":"https://a.example","x5u":1,"x5c":[],"x5t":"a"}"#,
        );

        assert!(header.is_ok());
    }

    #[test]
    fn j09_a_kid_that_is_no_short_text_is_refused() {
        for kid in [r#""""#, r#""a\u0000""#, &format!("\"{}\"", "k".repeat(129))] {
            assert_eq!(refusal(&format!(r#"{{"alg":"ES256","kid":{kid}}}"#)), JwsError::InvalidKid);
        }
        for kid in ["{}", "1", "null", "[\"a\"]"] {
            let json = format!(r#"{{"alg":"ES256","kid":{kid}}}"#);
            assert_eq!(refusal(&json), JwsError::MalformedHeader);
        }
    }

    #[test]
    fn j10_j11_members_that_change_the_rules_are_refused_whatever_they_hold() {
        for (name, value) in [
            ("crit", r#"["x"]"#),
            ("crit", "[]"),
            ("crit", r#"["alg"]"#),
            ("crit", "null"),
            ("b64", "false"),
            ("b64", "true"),
            ("enc", r#""A256GCM""#),
            ("zip", r#""DEF""#),
        ] {
            let json = format!(r#"{{"alg":"ES256","{name}":{value}}}"#);
            assert_eq!(refusal(&json), JwsError::UnsupportedHeaderMember(name));
        }
        let escaped = r#"{"alg":"ES256","\u0063rit":["x"]}"#;
        assert_eq!(refusal(escaped), JwsError::UnsupportedHeaderMember("crit"));
    }

    #[test]
    fn j14_duplicate_members_are_refused_at_every_level() {
        for json in [
            r#"{"alg":"ES256","alg":"none"}"#,
            r#"{"alg":"ES256","a\u006cg":"ES256"}"#,
            r#"{"alg":"ES256","x":1,"x":1}"#,
            r#"{"alg":"ES256","x":[{"y":1,"y":2}]}"#,
        ] {
            let refusal = refusal(json);
            assert!(matches!(refusal, JwsError::DuplicateHeaderMember), "{json}: {refusal:?}");
        }
    }

    #[test]
    fn long_names_and_values_are_refused_or_skipped() {
        let long_typ = format!(r#"{{"alg":"ES256","typ":"{}"}}"#, "t".repeat(65));
        assert_eq!(refusal(&long_typ), JwsError::HeaderTooLarge);

        let long_name = format!(r#"{{"alg":"ES256","{}":1}}"#, "n".repeat(300));
        assert!(Header::parse_json(&long_name).is_ok());
        assert_eq!(Header::parse(&"A".repeat(1368)).unwrap_err(), JwsError::HeaderTooLarge);
    }
}
