//! The headers by which a proxy that ended TLS hands the client's certificate on: `Client-Cert` (RFC 9440) and Envoy's
//! `X-Forwarded-Client-Cert`. They are worth what the proxy is: whether it may be believed is for the caller to know.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::ClientCertificate;

/// The longest header that is read; a chain of RSA certificates in PEM, escaped, has a third of it.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// The most certificates of a chain.
const MAX_CHAIN: usize = 10;

/// Which header a proxy writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CertificateHeader {
    /// `Client-Cert`, and `Client-Cert-Chain` beside it (RFC 9440).
    ClientCert,
    /// `X-Forwarded-Client-Cert`: the `Cert` of its last element, which is the one that the nearest proxy wrote; those
    /// before it may be the client's own. nginx can write it too.
    XForwardedClientCert,
}

/// A header that a proxy would not have written like this.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateHeaderError {
    /// It is there more than once: one of them is not the proxy's.
    #[error("the header with the client's certificate is repeated")]
    Repeated,
    /// It is not of the form that was agreed on.
    #[error("the header with the client's certificate is malformed")]
    Malformed,
}

impl CertificateHeader {
    const CHAIN: &'static str = "client-cert-chain";

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCert => "client-cert",
            Self::XForwardedClientCert => "x-forwarded-client-cert",
        }
    }

    /// The certificate in the headers of a request from a proxy that is trusted; none if the client showed none.
    ///
    /// # Errors
    ///
    /// If there are several headers or values, or one that cannot be read.
    pub fn read(
        self,
        headers: &HeaderMap,
    ) -> Result<Option<ClientCertificate>, CertificateHeaderError> {
        let mut values = headers.get_all(self.name()).iter();
        let Some(value) = values.next() else {
            // RFC 9440 §2.3: never a chain without its certificate.
            let alone = self == Self::ClientCert && headers.contains_key(Self::CHAIN);
            return if alone { Err(CertificateHeaderError::Malformed) } else { Ok(None) };
        };
        if values.next().is_some() {
            return Err(CertificateHeaderError::Repeated);
        }
        let text = value.to_str().ok().filter(|text| text.len() <= MAX_HEADER_BYTES);
        let text = text.ok_or(CertificateHeaderError::Malformed)?;
        match self {
            Self::ClientCert => {
                client_cert(text, headers).map(Some).ok_or(CertificateHeaderError::Malformed)
            }
            Self::XForwardedClientCert => forwarded(text),
        }
    }
}

/// RFC 9440 §2.2: one byte sequence.
fn client_cert(text: &str, headers: &HeaderMap) -> Option<ClientCertificate> {
    let mut chain = Vec::new();
    for value in headers.get_all(CertificateHeader::CHAIN) {
        // RFC 8941 §3.1: a list may stand in several lines.
        for item in value.to_str().ok()?.split(',') {
            chain.push(byte_sequence(item)?);
        }
    }
    let is_short = chain.len() <= MAX_CHAIN;
    byte_sequence(text).filter(|_| is_short).map(|der| ClientCertificate::with_chain(der, chain))
}

/// RFC 8941 §3.3.5, without parameters.
fn byte_sequence(item: &str) -> Option<Vec<u8>> {
    let base64 = item.trim_matches([' ', '\t']).strip_prefix(':')?.strip_suffix(':')?;
    STANDARD.decode(base64).ok().filter(|der| !der.is_empty())
}

/// The certificate of the last element; none if that has none.
fn forwarded(text: &str) -> Result<Option<ClientCertificate>, CertificateHeaderError> {
    let malformed = CertificateHeaderError::Malformed;
    let element = last_element(text).ok_or(malformed)?;
    let one = |name: &str| {
        let mut found = element.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (None, _) => Ok(""),
            (Some((_, value)), None) => Ok(*value),
            (Some(_), Some(_)) => Err(malformed),
        }
    };
    let (cert, chain) = (one("Cert")?, one("Chain")?);
    if cert.is_empty() {
        return Ok(None);
    }
    let cert = certificates(cert).and_then(|all| <[Vec<u8>; 1]>::try_from(all).ok());
    let [cert] = cert.ok_or(malformed)?;
    let mut chain = certificates(chain).ok_or(malformed)?;
    // Envoy's chain begins with the certificate itself.
    chain.retain(|other| *other != cert);
    if chain.len() > MAX_CHAIN {
        return Err(malformed);
    }
    Ok(Some(ClientCertificate::with_chain(cert, chain)))
}

/// The pairs of the last element. Every element is read, since a quote that a client left open would swallow the rest.
fn last_element(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut element = Vec::new();
    let mut rest = text;
    loop {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim_matches([' ', '\t']);
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => bare_value(after)?,
        };
        element.push((key, value));
        let mut letters = after.chars();
        match letters.next() {
            None => return Some(element),
            Some(';') => {}
            Some(',') => element.clear(),
            Some(_) => return None,
        }
        rest = letters.as_str();
    }
}

/// Up to the quote that is not escaped, and what follows it.
fn quoted_value(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    let end = text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })?;
    let (value, after) = text.split_at_checked(end)?;
    Some((value, after.strip_prefix('"')?))
}

fn bare_value(text: &str) -> Option<(&str, &str)> {
    let end = text.find([';', ',']).unwrap_or(text.len());
    text.split_at_checked(end).filter(|(value, _)| !value.contains(['"', '=']))
}

/// Certificates in PEM (RFC 7468 §5), URL-encoded.
fn certificates(escaped: &str) -> Option<Vec<Vec<u8>>> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let pem = unescape(escaped)?;
    let mut found = Vec::new();
    let mut rest = pem.trim_ascii();
    while !rest.is_empty() {
        let (base64, after) = rest.strip_prefix(BEGIN)?.split_once(END)?;
        let base64: String =
            base64.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
        found.push(STANDARD.decode(base64).ok().filter(|der| !der.is_empty())?);
        rest = after.trim_ascii_start();
    }
    Some(found)
}

/// RFC 3986 §2.1. A plus sign is one: it belongs to base64.
fn unescape(escaped: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::CertificateHeader::{ClientCert, XForwardedClientCert};
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).fold(
            HeaderMap::new(),
            |mut headers, (name, value): (http::HeaderName, http::HeaderValue)| {
                headers.append(name, value);
                headers
            },
        )
    }

    /// What stands in the header, as text; the empty one for no certificate.
    fn read(
        header: CertificateHeader,
        pairs: &[(&'static str, &str)],
    ) -> Result<String, &'static str> {
        match header.read(&headers(pairs)) {
            Ok(None) => Ok(String::new()),
            Ok(Some(certificate)) => {
                let parts: Vec<&[u8]> =
                    std::iter::once(certificate.der()).chain(certificate.chain()).collect();
                Ok(String::from_utf8(parts.join(&b'+')).unwrap())
            }
            Err(CertificateHeaderError::Repeated) => Err("repeated"),
            Err(CertificateHeaderError::Malformed) => Err("malformed"),
        }
    }

    /// `one` in PEM, escaped as Envoy and nginx do it.
    fn pem(name: &str) -> String {
        let base64 = STANDARD.encode(name).replace('=', "%3D").replace('+', "%2B");
        format!("-----BEGIN%20CERTIFICATE-----%0A{base64}%0A-----END%20CERTIFICATE-----%0A")
    }

    #[test]
    fn rfc_9440_one_byte_sequence_and_a_list_for_the_chain() {
        let by = |pairs: &[(&'static str, &str)]| read(ClientCert, pairs);

        assert_eq!(by(&[]), Ok(String::new()));
        assert_eq!(by(&[("client-cert", ":b25l:")]), Ok("one".into()));
        let chain = [("client-cert", ":b25l:"), ("client-cert-chain", ":dHdv:, :dGhyZWU=:")];
        assert_eq!(by(&chain), Ok("one+two+three".into()));
        assert_eq!(by(&[("client-cert", ":b25l:"), ("client-cert", ":b25l:")]), Err("repeated"));
        for bad in ["", "b25l", ":b25l:;a=1", ":b25l:, :dHdv:", "::", ":b-5l:", "\":b25l:\"", "?1"]
        {
            assert_eq!(by(&[("client-cert", bad)]), Err("malformed"), "{bad}");
        }
        assert_eq!(by(&[("client-cert-chain", ":dHdv:")]), Err("malformed"), "a chain of nothing");
    }

    #[test]
    fn of_x_forwarded_client_cert_the_last_element_counts() {
        let by = |value: &str| read(XForwardedClientCert, &[("x-forwarded-client-cert", value)]);
        let (one, two) = (pem("one"), pem("two"));

        assert_eq!(by(&format!("Cert=\"{one}\"")), Ok("one".into()));
        assert_eq!(
            by(&format!("By=spiffe://a/b;Hash=00ff;cert=\"{one}\";URI=x")),
            Ok("one".into())
        );
        assert_eq!(
            by(&format!("Cert=\"{one}\";Chain=\"{one}{two}\";Subject=\"CN=a\\\",b;\"")),
            Ok("one+two".into())
        );
        assert_eq!(by(&format!("Cert=\"{one}\",By=me;Cert=\"{two}\"")), Ok("two".into()));
        assert_eq!(
            by(&format!("Cert=\"{one}\",By=me;Hash=00")),
            Ok(String::new()),
            "not an older one"
        );
        assert_eq!(by("Cert=\"\""), Ok(String::new()), "nginx, without a certificate");
    }

    #[test]
    fn what_a_client_smuggles_into_x_forwarded_client_cert_moves_nothing() {
        let by = |value: &str| read(XForwardedClientCert, &[("x-forwarded-client-cert", value)]);
        let (mine, real) = (pem("mine"), pem("real"));

        // What a proxy appends behind the client's own text.
        let appended = |smuggled: &str| by(&format!("{smuggled},By=me;Cert=\"{real}\""));
        for open in ["Cert=\"", "a=\"\\", "Cert=\"x\"\"", "=", "", ";", "Cert", "a b=c", "x=\"y\"z"]
        {
            assert_eq!(appended(open), Err("malformed"), "{open}");
        }
        for whole in [format!("Cert=\"{mine}\""), format!("a=1,Cert=\"{mine}\";b=\"\\\"\"")] {
            assert_eq!(appended(&whole), Ok("real".into()), "{whole}");
        }
        for bad in [
            format!("Cert=\"{mine}\";Cert=\"{real}\""),
            format!("Cert=\"{mine}{real}\""),
            "Cert=\"%zz\"".to_owned(),
            "Cert=\"plain\"".to_owned(),
            "Cert=\"-----BEGIN CERTIFICATE----------END CERTIFICATE-----\"".to_owned(),
        ] {
            assert_eq!(by(&bad), Err("malformed"), "{bad}");
        }
        let twice = [("x-forwarded-client-cert", "Cert=\"\""); 2];
        assert_eq!(read(XForwardedClientCert, &twice), Err("repeated"));
    }
}
