//! What a page may load, run, frame and send (Content Security Policy Level 3). Nothing inline, and
//! nothing from third parties but the logo of the client.

use std::fmt::Write as _;

use http::HeaderValue;
use url::{Host, Url};

/// The policy of one page; all sources are validated addresses.
#[derive(Clone, Copy, Debug, Default)]
pub struct ContentSecurityPolicy<'v> {
    /// The logo.
    pub logo: Option<&'v Url>,
    /// Where the answer of this request will be redirected to, and what lies on the way: Chrome and
    /// Safari apply `form-action` to the whole chain of redirects that a form starts.
    pub form_targets: &'v [&'v Url],
    /// The addresses of the clients that are signed out in frames
    /// (OpenID Connect Front-Channel Logout 1.0 §3).
    pub frames: &'v [Url],
}

impl ContentSecurityPolicy<'_> {
    /// The value of the `Content-Security-Policy` header.
    pub fn header_value(&self) -> HeaderValue {
        let mut policy = String::from(
            "default-src 'none'; script-src 'self'; style-src 'self'; frame-ancestors 'none'; \
             base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        );
        add(&mut policy, "img-src 'self' data:", self.logo.into_iter());
        add(&mut policy, "form-action 'self'", self.form_targets.iter().copied());
        if !self.frames.is_empty() {
            add(&mut policy, "frame-src", self.frames.iter());
        }
        // Sources are of printable ASCII, so that this cannot fail; if it did, nothing would load.
        HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
    }
}

fn add<'u>(policy: &mut String, directive: &str, urls: impl Iterator<Item = &'u Url>) {
    let _ = write!(policy, "; {directive}");
    let mut added: Vec<String> = Vec::new();
    for source in urls.filter_map(source) {
        if !added.contains(&source) {
            let _ = write!(policy, " {source}");
            added.push(source);
        }
    }
}

/// The source expression that covers an address (CSP Level 3 §2.3.1).
fn source(url: &Url) -> Option<String> {
    let scheme = url.scheme();
    let is_web = matches!(scheme, "http" | "https");
    let source = match url.host() {
        // A host source cannot be an IPv6 address; the scheme alone is the narrowest there is.
        Some(Host::Ipv6(_)) if is_web => format!("{scheme}:"),
        Some(_) if is_web => url.origin().ascii_serialization(),
        // RFC 8252 §7.1: the private scheme of a native client.
        _ => format!("{scheme}:"),
    };
    // Hosts of URLs may hold `;` and `'`, with which a policy could be rewritten.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:/+".contains(&byte);
    source.bytes().all(is_plain).then_some(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form_action(url: &str) -> String {
        let target = Url::parse(url).unwrap();
        let policy = ContentSecurityPolicy { form_targets: &[&target], ..Default::default() };
        let value = policy.header_value().to_str().unwrap().to_owned();
        value.split("; ").find(|part| part.starts_with("form-action")).unwrap().to_owned()
    }

    #[test]
    fn forms_may_end_at_the_redirect_target_of_this_request_only() {
        let cases = [
            ("https://app.example/cb?x=1", "form-action 'self' https://app.example"),
            ("https://app.example:8443/cb", "form-action 'self' https://app.example:8443"),
            ("http://127.0.0.1:4711/cb", "form-action 'self' http://127.0.0.1:4711"),
            ("http://[::1]:4711/cb", "form-action 'self' http:"),
            ("com.example.app:/cb", "form-action 'self' com.example.app:"),
        ];
        for (url, expected) in cases {
            assert_eq!(form_action(url), expected);
        }
        let none = ContentSecurityPolicy::default().header_value();
        assert!(none.to_str().unwrap().ends_with("form-action 'self'"));
    }

    #[test]
    fn no_address_adds_a_directive() {
        for hostile in
            ["https://a;script-src*.example/", "https://a'b.example/", "https://a,b.example/"]
        {
            let Ok(_) = Url::parse(hostile) else { continue };
            assert_eq!(form_action(hostile), "form-action 'self'", "{hostile}");
        }
    }

    #[test]
    fn frames_are_allowed_only_where_clients_are_signed_out() {
        let none = ContentSecurityPolicy::default().header_value();
        assert!(!none.to_str().unwrap().contains("frame-src"));
        let frames = ["https://a.example/out", "https://a.example/x", "https://b.example/"]
            .map(|url| Url::parse(url).unwrap());
        let some = ContentSecurityPolicy { frames: &frames, ..Default::default() }.header_value();
        assert!(
            some.to_str().unwrap().ends_with("; frame-src https://a.example https://b.example")
        );
    }
}
