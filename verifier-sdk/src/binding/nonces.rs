//! Nonces of the server (RFC 9449 §8, §9), which prove that a proof was made just now. Nothing of them is stored: a nonce is
//! the number of a time span and a MAC of it, so that every process with the same secret knows those of the others.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Seconds after which the next nonce is handed out.
const SPAN_SECONDS: i64 = 150;
/// Half of the MAC is enough: guesses have to be sent here.
const MAC_BYTES: usize = 16;

/// Makes and recognizes nonces, each good for two and a half to five minutes. Prints nothing of its secret.
pub struct RollingNonces(hmac::Key);

impl RollingNonces {
    /// With a secret that all processes of a service share. Use 32 random bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The nonce to hand out now (Unix seconds).
    pub fn current(&self, now: i64) -> String {
        let span = span(now);
        let mut bytes = span.to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.mac(span));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Whether a nonce was handed out here lately; by a process whose clock may be a little ahead.
    pub fn accepts(&self, nonce: &str, now: i64) -> bool {
        let decoded = URL_SAFE_NO_PAD.decode(nonce).unwrap_or_default();
        let Some((number, mac)) = decoded.split_first_chunk::<8>() else { return false };
        let number = i64::from_be_bytes(*number);
        // Row 36: nobody learns by time how much of a guess was right.
        let is_ours = constant_time::verify_slices_are_equal(&self.mac(number), mac).is_ok();
        is_ours && (span(now) - 1..=span(now) + 1).contains(&number)
    }

    fn mac(&self, span: i64) -> [u8; MAC_BYTES] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"dpop nonce");
        context.update(&span.to_be_bytes());
        let mut mac = [0; MAC_BYTES];
        for (to, from) in mac.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        mac
    }
}

fn span(now: i64) -> i64 {
    now.div_euclid(SPAN_SECONDS)
}

impl std::fmt::Debug for RollingNonces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RollingNonces(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    #[test]
    fn a_nonce_is_good_for_a_while_at_every_process_with_the_secret() {
        let (one, other) = (RollingNonces::new(&[7; 32]), RollingNonces::new(&[7; 32]));
        let nonce = one.current(NOW);

        for later in [0, SPAN_SECONDS, -SPAN_SECONDS] {
            assert!(other.accepts(&nonce, NOW + later), "{later}");
        }
        for late in [2 * SPAN_SECONDS, -2 * SPAN_SECONDS] {
            assert!(!other.accepts(&nonce, NOW + late), "{late}");
        }
        assert_ne!(nonce, one.current(NOW + SPAN_SECONDS));
    }

    #[test]
    fn what_was_made_elsewhere_or_altered_is_not_accepted() {
        let ours = RollingNonces::new(&[7; 32]);
        let nonce = ours.current(NOW);

        assert!(!RollingNonces::new(&[8; 32]).accepts(&nonce, NOW));
        for cut in 0..nonce.len() {
            assert!(!ours.accepts(&nonce[..cut], NOW));
            let other = if nonce.as_bytes()[cut] == b'A' { "B" } else { "A" };
            assert!(!ours.accepts(&format!("{}{other}{}", &nonce[..cut], &nonce[cut + 1..]), NOW));
        }
        assert!(!ours.accepts(&format!("{nonce}A"), NOW));
        assert!(!ours.accepts("", NOW));
    }
}
