//! Conditional requests (RFC 9110 §13): whether a client has the current representation already.

use http::{HeaderMap, HeaderValue, header};

/// RFC 9110 §13.1.2: `If-None-Match` is a list of tags, compared weakly, or `*`.
pub fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        value.as_bytes().split(|byte| *byte == b',').any(|tag| {
            let tag = tag.trim_ascii();
            tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes()
        })
    })
}
