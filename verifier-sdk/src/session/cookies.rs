//! Cookies of this application (RFC 6265bis §4.1): always `__Host-`, `Secure`, `HttpOnly`, `SameSite=Lax`. A browser
//! keeps 4,096 bytes a cookie, so a longer value is cut: the cookie itself has the number of parts in front (`3.…`),
//! and the rest is in cookies with `.1`, `.2` behind the name. The parts make one sealed value, so parts of different
//! values do not open.

use std::time::Duration;

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

/// So much of a value fits into a cookie beside its name and attributes.
const PART_BYTES: usize = 3700;
/// So much a request header may hold at most servers.
const MAX_PARTS: usize = 4;

/// A cookie of ours, by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CookieName(String);

impl CookieName {
    /// `__Host-` and letters of names (RFC 6265bis §4.1.3.2).
    pub(super) fn parse(name: &str) -> Option<Self> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let rest = name.strip_prefix("__Host-")?;
        (!rest.is_empty() && rest.bytes().all(letter)).then(|| Self(name.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    fn part(&self, number: usize) -> String {
        match number {
            0 => self.0.clone(),
            number => format!("{}.{number}", self.0),
        }
    }

    /// The value, put together again; none if a part is missing.
    pub(super) fn read(&self, headers: &HeaderMap) -> Option<String> {
        let first = read(headers, &self.0)?;
        let (count, begin) = first.split_once('.')?;
        let count = count.parse().ok().filter(|count| (1..=MAX_PARTS).contains(count))?;
        let mut value = begin.to_owned();
        for number in 1..count {
            value.push_str(read(headers, &self.part(number))?);
        }
        Some(value)
    }

    /// Whether the browser has it, usable or not.
    pub(super) fn is_there(&self, headers: &HeaderMap) -> bool {
        read(headers, &self.0).is_some()
    }

    /// Whether an answer sets or clears it.
    pub(super) fn is_set(&self, headers: &HeaderMap) -> bool {
        let begins = |cookie: &HeaderValue| {
            let rest = cookie.as_bytes().strip_prefix(self.0.as_bytes());
            rest.is_some_and(|rest| rest.starts_with(b"="))
        };
        headers.get_all(SET_COOKIE).iter().any(begins)
    }

    /// Sets the value, and clears parts that an earlier, longer value had. None if it is too long.
    pub(super) fn set(
        &self,
        headers: &HeaderMap,
        value: &str,
        max_age: Duration,
    ) -> Option<Vec<HeaderValue>> {
        let parts: Vec<_> = value.as_bytes().chunks(PART_BYTES).collect();
        if parts.len() > MAX_PARTS {
            return None;
        }
        let mut cookies = Vec::with_capacity(parts.len());
        for (number, part) in parts.iter().enumerate() {
            let part = str::from_utf8(part).ok()?;
            let counted =
                if number == 0 { format!("{}.{part}", parts.len()) } else { part.to_owned() };
            cookies.push(set_cookie(&self.part(number), &counted, max_age)?);
        }
        cookies.extend(self.clear_from(headers, parts.len()));
        Some(cookies)
    }

    /// Sets a value that others read: as it is, in one piece. None if it is too long.
    pub(super) fn set_plain(&self, value: &str, max_age: Duration) -> Option<HeaderValue> {
        if value.len() > PART_BYTES { None } else { set_cookie(&self.0, value, max_age) }
    }

    /// Clears every part that the browser has.
    pub(super) fn clear(&self, headers: &HeaderMap) -> Vec<HeaderValue> {
        self.clear_from(headers, 0).collect()
    }

    fn clear_from(&self, headers: &HeaderMap, first: usize) -> impl Iterator<Item = HeaderValue> {
        (first..MAX_PARTS)
            .map(|number| self.part(number))
            .filter(|name| read(headers, name).is_some())
            .filter_map(|name| set_cookie(&name, "", Duration::ZERO))
    }
}

/// The names of all cookies of the request that begin so.
pub(super) fn names_beginning(headers: &HeaderMap, prefix: &str) -> Vec<String> {
    pairs(headers)
        .filter(|(name, value)| name.starts_with(prefix) && !value.is_empty())
        .map(|(name, _)| name.to_owned())
        .collect()
}

pub(super) fn add(headers: &mut HeaderMap, cookies: Vec<HeaderValue>) {
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
}

/// The one value of a cookie. A browser sends a `__Host-` cookie once; twice is no browser of ours.
fn read<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = pairs(headers).filter(|(one, value)| *one == name && !value.is_empty());
    let (_, value) = values.next()?;
    values.next().is_none().then_some(value)
}

/// Cookies that are not ASCII are of others (RFC 6265 §5.4: a browser sends whatever was set).
fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter();
    let pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(|pair| str::from_utf8(pair.trim_ascii()).ok()?.split_once('='))
}

fn set_cookie(name: &str, value: &str, max_age: Duration) -> Option<HeaderValue> {
    let seconds = max_age.as_secs();
    let text = format!("{name}={value}; Max-Age={seconds}; Path=/; Secure; HttpOnly; SameSite=Lax");
    let mut cookie = HeaderValue::try_from(text).ok()?;
    cookie.set_sensitive(true);
    Some(cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    /// What a browser sends after it was told to set these.
    fn browser(cookies: &[HeaderValue]) -> HeaderMap {
        let line: Vec<_> = cookies
            .iter()
            .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap().to_owned())
            .collect();
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(line.join("; ")).unwrap())])
    }

    #[test]
    fn a_value_comes_back_whole_however_long_it_is() {
        let name = CookieName::parse("__Host-session").unwrap();

        for length in [1, PART_BYTES, PART_BYTES + 1, MAX_PARTS * PART_BYTES] {
            let value = "v".repeat(length);
            let cookies = name.set(&HeaderMap::new(), &value, HOUR).unwrap();

            assert!(cookies.iter().all(|cookie| cookie.len() <= 4096), "{length}");
            assert_eq!(name.read(&browser(&cookies)), Some(value), "{length}");
        }
        let too_long = "v".repeat(MAX_PARTS * PART_BYTES + 1);
        assert_eq!(name.set(&HeaderMap::new(), &too_long, HOUR), None);
    }

    #[test]
    fn a_shorter_value_clears_the_parts_of_a_longer_one() {
        let name = CookieName::parse("__Host-session").unwrap();
        let long = name.set(&HeaderMap::new(), &"v".repeat(9000), HOUR).unwrap();

        let short = name.set(&browser(&long), "v", HOUR).unwrap();

        let texts: Vec<_> = short.iter().map(|cookie| cookie.to_str().unwrap()).collect();
        let attributes = "Path=/; Secure; HttpOnly; SameSite=Lax";
        assert_eq!(
            texts,
            [
                format!("__Host-session=1.v; Max-Age=3600; {attributes}"),
                format!("__Host-session.1=; Max-Age=0; {attributes}"),
                format!("__Host-session.2=; Max-Age=0; {attributes}"),
            ]
        );
    }

    #[test]
    fn missing_parts_and_cookies_that_come_twice_are_no_value() {
        let name = CookieName::parse("__Host-session").unwrap();
        for line in [
            "__Host-session=2.a",
            "__Host-session=0.a",
            "__Host-session=5.a",
            "__Host-session=a",
            "__Host-session=1.a; __Host-session=1.b",
            "__host-session=1.a",
        ] {
            let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static(line))]);
            assert_eq!(name.read(&headers), None, "{line}");
        }
    }

    #[test]
    fn only_host_cookies_have_a_name() {
        for name in
            ["session", "__Secure-session", "__Host-", "__Host-a;b", "__Host-a.1", "__Host-a b"]
        {
            assert_eq!(CookieName::parse(name), None, "{name}");
        }
    }
}
