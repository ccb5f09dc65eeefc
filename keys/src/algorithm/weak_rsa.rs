//! RSA keys that must not be trusted although they parse: too small, bad exponents, tiny factors, and the
//! generator with the ROCA flaw (RFC 8725 §3.5, CVE-2017-15361). Works on the bare bytes of n and e.

use crate::error::KeyError;

/// RFC 7518 §3.3: 2048 bits or larger. Over 8192 a verification takes too long.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
const SMALLEST_EXPONENT: u32 = 65_537;
/// Divisors below this are tried.
const TINY_FACTOR_BOUND: u64 = 1024;
/// The generator makes primes of the form k·M + (65537^a mod M), where M is a product of the first primes:
/// "The Return of Coppersmith's Attack" (Nemec et al. 2017) §2. These divide M for every key size.
const ROCA_PRIMES: [u64; 38] = [
    3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97,
    101, 103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/// Refuses a weak public key. Both numbers are big-endian and without leading zeros.
pub(crate) fn check(n: &[u8], e: &[u8]) -> Result<(), KeyError> {
    let bits = n.first().map_or(0, |top| n.len() * 8 - top.leading_zeros() as usize);
    if !MODULUS_BITS.contains(&bits) {
        return Err(KeyError::RsaModulusSize { bits });
    }
    if !is_acceptable_exponent(e) {
        return Err(KeyError::RsaExponent);
    }
    let even = n.last().is_some_and(|byte| byte % 2 == 0);
    if even || (3..TINY_FACTOR_BOUND).step_by(2).any(|divisor| remainder(n, divisor) == 0) {
        return Err(KeyError::RsaTinyFactor);
    }
    if has_roca_fingerprint(n) {
        return Err(KeyError::Roca);
    }
    Ok(())
}

fn is_acceptable_exponent(e: &[u8]) -> bool {
    if e.len() > 4 {
        return false;
    }
    let value = e.iter().fold(0, |value: u32, byte| value << 8 | u32::from(*byte));
    value >= SMALLEST_EXPONENT && value % 2 == 1
}

/// n mod divisor, for divisors under 2^32.
fn remainder(n: &[u8], divisor: u64) -> u64 {
    n.rchunks(4).rev().fold(0, |rest, limb| {
        limb.iter().fold(rest, |value, byte| value << 8 | u64::from(*byte)) % divisor
    })
}

/// Whether n is a power of 65537 modulo each of the primes. A sound key passes by chance once in 2^26.
fn has_roca_fingerprint(n: &[u8]) -> bool {
    ROCA_PRIMES.iter().all(|prime| {
        let wanted = remainder(n, *prime);
        let mut power = 1;
        loop {
            if power == wanted {
                return true;
            }
            power = power * 65_537 % prime;
            if power == 1 {
                return false;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A modulus without factors that matter here.
    fn sound(bytes: usize) -> Vec<u8> {
        let mut n = vec![0xc3; bytes];
        n[bytes - 1] = 1;
        while n.last().is_some() && check(&n, &[1, 0, 1]) == Err(KeyError::RsaTinyFactor) {
            let low = u16::from_be_bytes([n[bytes - 2], n[bytes - 1]]).wrapping_add(2);
            n[bytes - 2..].copy_from_slice(&low.to_be_bytes());
        }
        n
    }

    #[test]
    fn j23_moduli_under_2048_or_over_8192_bits_are_refused() {
        let mut n = sound(256);
        assert_eq!(check(&n, &[1, 0, 1]), Ok(()));
        n[0] = 0x7f;
        assert_eq!(check(&n, &[1, 0, 1]), Err(KeyError::RsaModulusSize { bits: 2047 }));
        assert_eq!(check(&sound(1025), &[1, 0, 1]), Err(KeyError::RsaModulusSize { bits: 8200 }));
        assert_eq!(check(&[], &[1, 0, 1]), Err(KeyError::RsaModulusSize { bits: 0 }));
    }

    #[test]
    fn j23_even_tiny_and_huge_exponents_are_refused() {
        let n = sound(256);

        for e in
            [&[][..], &[1], &[3], &[17], &[0xff, 0xff], &[1, 0, 0], &[1, 0, 2], &[1, 0, 0, 0, 1]]
        {
            assert_eq!(check(&n, e), Err(KeyError::RsaExponent), "{e:?}");
        }
        assert_eq!(check(&n, &[1, 0, 1]), Ok(()));
    }

    #[test]
    fn j23_even_moduli_and_tiny_factors_are_refused() {
        let mut n = sound(256);
        n[255] &= 0xfe;
        assert_eq!(check(&n, &[1, 0, 1]), Err(KeyError::RsaTinyFactor));

        // 257 divides 0x0101…01 of an even number of bytes.
        assert_eq!(check(&[0x8f; 256], &[1, 0, 1]), Err(KeyError::RsaTinyFactor));
    }

    #[test]
    fn remainders_are_those_of_long_division() {
        assert_eq!(remainder(&[1, 0, 0, 0, 0, 0, 0], 1009), (1 << 48) % 1009);
        assert_eq!(remainder(&[0xff; 7], 167), ((1 << 56) - 1) % 167);
    }
}
