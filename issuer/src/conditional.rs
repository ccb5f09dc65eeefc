//! What the headers of a request say of the representation: whether the client has the current one already (RFC 9110 §13),
//! and whether it asks for one of another kind (§12.5.1).

use http::{HeaderMap, HeaderValue, header};

/// RFC 9110 §13.1.2: `If-None-Match` is a list of tags, compared weakly, or `*`.
pub fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    tags(headers).any(|tag| tag == b"*" || tag == etag.as_bytes())
}

/// The tags of `If-None-Match`, without what says that they are weak.
pub fn tags(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().map(HeaderValue::as_bytes);
    values.flat_map(|value| value.split(|byte| *byte == b',')).map(|tag| {
        let tag = tag.trim_ascii();
        tag.strip_prefix(b"W/").unwrap_or(tag)
    })
}

/// RFC 9110 §12.5.1: whether a media type is asked for by its name.
pub fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut ranges = values.flat_map(|value| value.split(','));
    ranges.any(|range| {
        let name = range.split(';').next().unwrap_or_default().trim();
        name.eq_ignore_ascii_case(media_type)
    })
}
