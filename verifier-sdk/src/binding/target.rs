//! `htu` (RFC 9449 §4.2, §4.3 item 9): the URL of a request without query and fragment, compared after the normalization
//! of RFC 3986 §6.2.2 and §6.2.3 that changes no meaning: case of scheme and host, default port, empty path, and
//! percent-encoding. Dots in paths are not resolved: two texts that a router may tell apart are two targets.

/// Whether both are the same target; `expected` is a URL.
pub(super) fn is_same(presented: &str, expected: &str) -> bool {
    let (presented, expected) = (without_query(presented), without_query(expected));
    presented == expected
        || normalized(presented).is_some_and(|one| normalized(expected) == Some(one))
}

/// An absolute http or https URL in its normal form.
pub(super) fn normalized(url: &str) -> Option<String> {
    let is_legal = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte);
    if !url.bytes().all(is_legal) {
        return None;
    }
    let (scheme, rest) = url.split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let default_port = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let rest = without_query(rest);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority.to_ascii_lowercase();
    let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
    let authority = authority.strip_suffix(':').unwrap_or(authority);
    // RFC 9110 §4.2.4: names and passwords in URLs serve only deception.
    if authority.is_empty() || authority.contains('@') {
        return None;
    }
    let path = if path.is_empty() { "/".to_owned() } else { decoded(path) };
    Some(format!("{scheme}://{authority}{path}"))
}

fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

/// RFC 3986 §6.2.2.1, §6.2.2.2: upper-case digits, and nothing encoded that need not be.
fn decoded(path: &str) -> String {
    let mut parts = path.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte.map(char::from), part.split_at_checked(2)) {
            (Some(plain), Some((_, rest)))
                if plain.is_ascii_alphanumeric() || "-._~".contains(plain) =>
            {
                out.push(plain);
                out.push_str(rest);
            }
            (Some(_), Some((digits, rest))) => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
                out.push_str(rest);
            }
            _ => {
                out.push('%');
                out.push_str(part);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_30_what_means_the_same_is_the_same() {
        let expected = "https://api.example/pay/a%2Fb";

        for same in [
            "https://api.example/pay/a%2Fb",
            "HTTPS://API.example/pay/a%2fb",
            "https://api.example:443/pay/a%2Fb",
            "https://api.example:/pay/a%2Fb",
            "https://api.example/p%61y/a%2Fb",
            "https://api.example/pay/a%2Fb?x=1",
            "https://api.example/pay/a%2Fb?x=1#y",
            "https://api.example/pay/a%2Fb#y?x",
        ] {
            assert!(is_same(same, expected), "{same}");
        }
        assert!(is_same("https://api.example", "https://api.example/"));
        assert!(is_same("http://127.0.0.1:80/x", "http://127.0.0.1/x"));
        assert!(is_same("https://[::1]:443/x", "https://[::1]/x"));
    }

    #[test]
    fn row_30_what_does_not_is_not() {
        let expected = "https://api.example/pay";

        for other in [
            "",
            "/pay",
            "api.example/pay",
            "https:api.example/pay",
            "https:/api.example/pay",
            "https://api.example/",
            "https://api.example/pay/",
            "https://api.example/Pay",
            "https://api.example//pay",
            "https://api.example/x/../pay",
            "https://api.example:8443/pay",
            "https://api.example:80/pay",
            "https://api.example./pay",
            "http://api.example/pay",
            "https://other.example/pay",
            "https://api.example@evil.example/pay",
            "https://user@api.example/pay",
            "https://api.example\\pay",
            " https://api.example/pay",
            "https://api.example/pay\n",
            "https://api.example/p\u{e4}y",
            "https://api.example%2Fpay",
            "https://api.example/%70ay%",
            "https://?/pay",
        ] {
            assert!(!is_same(other, expected), "{other:?}");
        }
    }
}
