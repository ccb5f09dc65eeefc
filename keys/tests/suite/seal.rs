//! Sealing: only the right context and an unaltered text open, and the master key can be changed.

use countersign_keys::MasterKeys;
use countersign_keys::seal::{MasterKey, SealError};
use proptest::prelude::*;

fn master(byte: u8) -> MasterKey {
    MasterKey::from_bytes(&[byte; 32]).unwrap()
}

fn masters(first: u8, others: &[u8]) -> MasterKeys {
    MasterKeys::new(master(first), others.iter().map(|byte| master(*byte)).collect())
}

proptest! {
    #[test]
    fn what_is_sealed_opens(context in ".{0,40}", plaintext in prop::collection::vec(any::<u8>(), 0..300)) {
        let keys = masters(1, &[]);

        let sealed = keys.seal(&context, &plaintext).unwrap();

        let opened = keys.open(&context, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
    }

    #[test]
    fn any_altered_byte_is_refused(at in any::<prop::sample::Index>(), with in 1..=255_u8) {
        let keys = masters(1, &[2]);
        let mut sealed = keys.seal("kid", b"private key").unwrap();
        let at = at.index(sealed.len());

        sealed[at] ^= with;

        prop_assert!(keys.open("kid", &sealed).is_err());
    }

    #[test]
    fn any_cut_is_refused(length in any::<prop::sample::Index>()) {
        let keys = masters(1, &[]);
        let sealed = keys.seal("kid", b"private key").unwrap();

        prop_assert!(keys.open("kid", &sealed[..length.index(sealed.len())]).is_err());
    }
}

#[test]
fn a_row_that_was_swapped_with_another_is_refused() {
    let keys = masters(1, &[]);
    let sealed = keys.seal("kid-1", b"private key").unwrap();

    assert_eq!(keys.open("kid-2", &sealed).unwrap_err(), SealError::Altered);
    assert_eq!(keys.open("", &sealed).unwrap_err(), SealError::Altered);
}

#[test]
fn the_former_master_key_opens_and_the_first_seals() {
    let sealed_before = masters(1, &[]).seal("kid", b"private key").unwrap();
    let keys = masters(2, &[1]);

    assert_eq!(keys.open("kid", &sealed_before).unwrap().as_slice(), b"private key");
    assert!(keys.needs_reseal(&sealed_before));
    let sealed_after = keys.seal("kid", b"private key").unwrap();
    assert!(!keys.needs_reseal(&sealed_after));
    assert!(masters(2, &[]).open("kid", &sealed_after).is_ok());
}

#[test]
fn an_unknown_master_key_is_named_by_its_fingerprint() {
    let sealed = masters(1, &[]).seal("kid", b"private key").unwrap();

    let error = masters(2, &[3]).open("kid", &sealed).unwrap_err();

    assert_eq!(error, SealError::UnknownMasterKey(master(1).id()));
    assert!(error.to_string().contains(&master(1).id().to_string()));
    assert!(!masters(2, &[3]).needs_reseal(&sealed));
}

#[test]
fn what_was_never_sealed_is_malformed() {
    let keys = masters(1, &[]);
    let newer_version = [&[2], keys.seal("kid", b"x").unwrap().get(1..).unwrap()].concat();
    let in_clear = crate::forge::pem_begin("PRIVATE KEY");

    for sealed in [&b""[..], b"\x01", &[1; 30], in_clear.as_bytes(), &newer_version] {
        assert_eq!(keys.open("kid", sealed).unwrap_err(), SealError::Malformed);
    }
}

#[test]
fn the_same_text_never_seals_to_the_same_bytes() {
    let keys = masters(1, &[]);

    assert_ne!(keys.seal("kid", b"x").unwrap(), keys.seal("kid", b"x").unwrap());
}

#[test]
fn master_keys_are_read_from_the_usual_texts() {
    let id = MasterKey::from_bytes(&[0xfb; 32]).unwrap().id();
    let base64 = "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s";
    let base64url = base64.replace('+', "-").replace('/', "_");
    for text in [
        "fb".repeat(32),
        "FB".repeat(32),
        base64.to_owned(),
        format!("{base64}=\n"),
        base64url.clone(),
        format!("  {base64url}=\r\n"),
    ] {
        assert_eq!(MasterKey::parse(&text).unwrap().id(), id, "{text:?}");
    }
    for text in
        ["", "secret", &"fb".repeat(31), &"zz".repeat(32), &"fb".repeat(33), &base64[..40], "é"]
    {
        assert_eq!(MasterKey::parse(text).unwrap_err(), SealError::MalformedMasterKey, "{text:?}");
    }
}

#[test]
fn a_master_key_shows_only_its_fingerprint() {
    let shown = format!("{:?}", masters(0xab, &[]));

    assert!(shown.contains(&master(0xab).id().to_string()));
    assert!(!shown.contains("abab") && !shown.contains("171, 171"));
}
