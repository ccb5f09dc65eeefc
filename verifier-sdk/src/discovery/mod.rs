//! Issuer metadata (RFC 8414, OpenID Connect Discovery 1.0): where it is, and the one thing that is
//! needed of it. No other member of the document has any effect.

#[cfg(any(feature = "session", feature = "client"))]
pub(crate) use self::asked::{Kept, ask, endpoint};

use countersign_keys::json;
use serde::Deserialize;
use url::Url;

use crate::key_source::{FetchError, MAX_DOCUMENT_BYTES, PlainHttp, check_url};

/// OpenID Connect Discovery §4 appends; RFC 8414 §3.1 inserts before the path.
pub(crate) fn locations(issuer: &str) -> Option<[Url; 2]> {
    let issuer = Url::parse(issuer).ok()?;
    let path = issuer.path().trim_end_matches('/').to_owned();
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url
    };
    Some([
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
    ])
}

/// A metadata document that really is of this issuer.
pub(crate) fn read<'d, M: Deserialize<'d>>(
    document: &'d [u8],
    issuer: &str,
) -> Result<M, FetchError> {
    #[derive(Deserialize)]
    struct Named {
        issuer: String,
    }
    if document.len() > MAX_DOCUMENT_BYTES {
        return Err(FetchError::TooLarge);
    }
    let text = std::str::from_utf8(document).map_err(|_| FetchError::Metadata)?;
    json::check(text).map_err(|_| FetchError::Metadata)?;
    let named: Named = serde_json::from_str(text).map_err(|_| FetchError::Metadata)?;
    // RFC 8414 §3.3: identical, byte for byte.
    if named.issuer != issuer {
        return Err(FetchError::IssuerMismatch);
    }
    serde_json::from_str(text).map_err(|_| FetchError::Metadata)
}

/// The `jwks_uri` of a metadata document that really is of this issuer.
pub(crate) fn jwks_uri(
    document: &[u8],
    issuer: &str,
    plain_http: PlainHttp,
) -> Result<Url, FetchError> {
    #[derive(Deserialize)]
    struct Metadata {
        jwks_uri: String,
    }
    let metadata: Metadata = read(document, issuer)?;
    let jwks_uri = Url::parse(&metadata.jwks_uri).map_err(|_| FetchError::Metadata)?;
    check_url(&jwks_uri, plain_http)?;
    // An issuer on the network may not point at this machine.
    if issuer.starts_with("https:") && jwks_uri.scheme() != "https" {
        return Err(FetchError::InsecureUrl(jwks_uri.origin().ascii_serialization()));
    }
    Ok(jwks_uri)
}

#[cfg(any(feature = "session", feature = "client"))]
mod asked;

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://issuer.example/tenant";

    fn keys_at(document: &str) -> Result<Url, FetchError> {
        jwks_uri(document.as_bytes(), ISSUER, PlainHttp::Loopback)
    }

    fn document(issuer: &str, jwks_uri: &str) -> String {
        format!(r#"{{"issuer":"{issuer}","jwks_uri":"{jwks_uri}"}}"#)
    }

    #[test]
    fn both_well_known_places_are_known() {
        let [openid, oauth] = locations(ISSUER).unwrap();

        assert_eq!(openid.path(), "/tenant/.well-known/openid-configuration");
        assert_eq!(oauth.path(), "/.well-known/oauth-authorization-server/tenant");
    }

    #[test]
    fn row_25_the_issuer_must_be_identical() {
        let others =
            ["https://issuer.example/tenant/", "https://Issuer.example/tenant", "https://x"];
        for issuer in others {
            let document = document(issuer, "https://issuer.example/jwks");

            assert_eq!(keys_at(&document), Err(FetchError::IssuerMismatch), "{issuer}");
        }
    }

    #[test]
    fn the_keys_may_be_elsewhere_but_only_over_tls() {
        assert!(keys_at(&document(ISSUER, "https://cdn.example/jwks")).is_ok());

        for url in ["http://issuer.example/jwks", "file:///jwks", "http://127.0.0.1/jwks"] {
            let refused = keys_at(&document(ISSUER, url));
            assert!(matches!(refused, Err(FetchError::InsecureUrl(_))), "{url}");
        }
    }

    #[test]
    fn a_page_or_a_duplicate_member_is_not_metadata() {
        let twice = format!(r#"{{"issuer":"x","issuer":"{ISSUER}","jwks_uri":"https://a"}}"#);

        for text in ["<html></html>", "{}", twice.as_str()] {
            assert_eq!(keys_at(text), Err(FetchError::Metadata), "{text}");
        }
    }
}
