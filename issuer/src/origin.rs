//! Where a request came from and by which id it is spoken of. Forwarding headers count only if the
//! peer is a configured proxy; the issuer's own address is never taken from a request.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU32, Ordering};

use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use ipnet::IpNet;

use crate::random;

/// The address and the id of one request.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// The client's address, as far as it can be trusted.
    pub address: IpAddr,
    /// The id under which log and audit speak of the request.
    pub request_id: RequestId,
}

/// Who opened the connection, for those whose word counts only because of it.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

impl Origin {
    /// The origin that the listener attached to a request.
    pub fn of(parts: &Parts) -> Self {
        parts.extensions.get().copied().unwrap_or_else(|| Self {
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            request_id: RequestIds::default().next(),
        })
    }
}

/// The address of the client: the peer itself, or, behind trusted proxies, the last address in
/// `X-Forwarded-For` that is not one of them.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let peer = peer.to_canonical();
    if trusted.is_empty() || !is_trusted(&peer) {
        return peer;
    }
    let mut nearest = peer;
    for value in headers.get_all("x-forwarded-for").iter().rev() {
        for hop in value.to_str().unwrap_or_default().rsplit(',') {
            let Ok(address) = hop.trim().parse::<IpAddr>() else { return nearest };
            nearest = address.to_canonical();
            if !is_trusted(&nearest) {
                return nearest;
            }
        }
    }
    nearest
}

/// The unit in which addresses are counted: in IPv6 a whole /64, which is what one customer is given.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// The id of a request: a random part of this process and a counter, 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RequestId(u64);

impl RequestId {
    /// The value of the `X-Request-Id` response header.
    pub fn header_value(self) -> HeaderValue {
        let mut digits = [0; 16];
        for (position, digit) in digits.iter_mut().enumerate() {
            let nibble = (self.0 >> (60 - 4 * position)) & 0xf;
            *digit = b"0123456789abcdef".get(nibble as usize).copied().unwrap_or(b'0');
        }
        HeaderValue::from_bytes(&digits).unwrap_or(HeaderValue::from_static("0"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// Gives each request of this process an id of its own.
#[derive(Debug)]
pub struct RequestIds {
    process: u32,
    next: AtomicU32,
}

impl Default for RequestIds {
    fn default() -> Self {
        Self { process: u32::from_be_bytes(random::bytes()), next: AtomicU32::new(0) }
    }
}

impl RequestIds {
    /// The next id.
    pub fn next(&self) -> RequestId {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        RequestId(u64::from(self.process) << 32 | u64::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn forwarded(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn cve_2023_36456_a_forwarding_header_of_a_stranger_is_ignored() {
        let headers = forwarded(&["198.51.100.1"]);
        let proxies = ["10.0.0.0/8".parse().unwrap()];

        assert_eq!(client_address(address("203.0.113.9"), &headers, &[]), address("203.0.113.9"));
        assert_eq!(
            client_address(address("203.0.113.9"), &headers, &proxies),
            address("203.0.113.9")
        );
    }

    #[test]
    fn behind_trusted_proxies_the_last_untrusted_hop_counts() {
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        let peer = address("::ffff:10.0.0.1");

        // What stands further left was written by the client itself.
        let spoofed = forwarded(&["1.1.1.1, 198.51.100.7", "10.0.0.2"]);
        assert_eq!(client_address(peer, &spoofed, &proxies), address("198.51.100.7"));

        let broken = forwarded(&["198.51.100.7, unknown, 10.0.0.2"]);
        assert_eq!(client_address(peer, &broken, &proxies), address("10.0.0.2"));
    }

    #[test]
    fn request_ids_differ_and_read_the_same_in_header_and_log() {
        let ids = RequestIds::default();
        let (first, second) = (ids.next(), ids.next());

        assert_ne!(first, second);
        assert_eq!(first.header_value().to_str().unwrap(), first.to_string());
    }
}
