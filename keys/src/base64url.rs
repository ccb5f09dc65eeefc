//! base64url as RFC 7515 §2 and RFC 4648 §5 want it: no padding, no whitespace, one text for each value.
//! The `base64` crate encodes and decodes, with vector instructions where it has them: of all work around a
//! signature, decoding is the largest part.

use base64::Engine as _;

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static ENGINE: std::sync::LazyLock<base64::engine::Simd> = std::sync::LazyLock::new(|| {
    base64::engine::Simd::url_safe(base64::engine::general_purpose::NO_PAD)
});

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static ENGINE: &base64::engine::GeneralPurpose = &base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Length of the text for `bytes` bytes.
pub(crate) const fn encoded_len(bytes: usize) -> usize {
    bytes / 3 * 4 + (bytes % 3 * 4).div_ceil(3)
}

/// Length of the value of a canonical text of `characters` characters.
pub(crate) const fn decoded_len(characters: usize) -> usize {
    characters / 4 * 3 + characters % 4 * 3 / 4
}

/// Whether `text` would decode: alphabet, length, and no stray bits in the last character.
pub(crate) fn is_canonical(text: &str) -> bool {
    // One pass without branches, which the compiler turns into vector instructions.
    let foreign = text.bytes().fold(0, |foreign, byte| foreign | u8::from(!is_in_alphabet(byte)));
    // RFC 4648 §3.5: the unused bits of the last character must be zero.
    let stray_bits = match (text.len() % 4, text.bytes().last()) {
        (0, _) => false,
        (2, Some(last)) => !matches!(last, b'A' | b'Q' | b'g' | b'w'),
        (3, Some(last)) => !b"AEIMQUYcgkosw048".contains(&last),
        _ => true,
    };
    foreign == 0 && !stray_bits
}

/// RFC 4648 §5, table 2.
const fn is_in_alphabet(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')
}

/// Decodes into the front of `buffer`. `None` when the text is not canonical or does not fit.
pub(crate) fn decode_into<'b>(text: &str, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let buffer = buffer.get_mut(..decoded_len(text.len()))?;
    let written = ENGINE.decode_slice_unchecked(text, buffer).ok()?;
    buffer.get(..written)
}

/// Decodes into a new vector. `None` when the text is not canonical.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    ENGINE.decode(text).ok()
}

/// Encodes into a new string.
pub(crate) fn encode(bytes: &[u8]) -> String {
    ENGINE.encode(bytes)
}

/// Appends the text of `bytes` to `out`.
#[cfg(feature = "private")]
pub(crate) fn append(bytes: &[u8], out: &mut String) {
    ENGINE.encode_string(bytes, out);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn canonical_is_what_both_decoders_accept(
            good in "[A-Za-z0-9_-]{0,120}",
            at in any::<prop::sample::Index>(),
            with in "[A-Za-z0-9_=+/ .-]|\\PC",
        ) {
            let mut bad = good.clone();
            let from = at.index(bad.len() + 1);
            bad.insert_str(from, &with);
            for text in [good, bad] {
                let scalar = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&text).ok();
                prop_assert_eq!(is_canonical(&text), scalar.is_some());
                prop_assert_eq!(decode(&text), scalar);
            }
        }

        #[test]
        fn lengths_agree_with_the_encoder(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let text = encode(&bytes);

            prop_assert_eq!(encoded_len(bytes.len()), text.len());
            prop_assert_eq!(decoded_len(text.len()), bytes.len());
            let mut buffer = [0; 300];
            prop_assert_eq!(decode_into(&text, &mut buffer), Some(bytes.as_slice()));
        }
    }

    #[test]
    fn j13_stray_bits_padding_and_foreign_characters_are_refused() {
        for text in ["AB", "AAB", "A", "AA==", "A+A", "A/A", "A%3D", "A A", "A\nA", "A\0A", "Aé"] {
            assert!(!is_canonical(text), "{text:?}");
            assert!(decode_into(text, &mut [0; 16]).is_none(), "{text:?}");
        }
    }
}
