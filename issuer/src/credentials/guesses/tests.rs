//! The lanes under attack.

use super::*;

const ADA: Uuid = Uuid::from_u128(1);

fn guesser<'a>(user_id: Option<Uuid>, identifier: &'a str, address: &'a str) -> Guesser<'a> {
    Guesser { user_id, identifier, address: address.parse().unwrap(), device: None }
}

/// How many of so many attempts at one moment are looked at.
fn looked_at(guesses: &Guesses, by: &Guesser<'_>, attempts: u32) -> usize {
    (0..attempts).filter(|_| guesses.attempt(by, 1_000).is_ok()).count()
}

#[test]
fn cve_2025_24806_every_spelling_of_a_user_shares_one_count() {
    let guesses = Guesses::default();
    let spellings = ["ada", "ADA", "Ada@example.com", "\u{ff41}da"];

    let looked: usize = spellings
        .iter()
        .map(|spelling| looked_at(&guesses, &guesser(Some(ADA), spelling, "192.0.2.1"), 10))
        .sum();

    assert_eq!(looked, Pace::ACCOUNT.free as usize);
}

#[test]
fn r54_an_unknown_name_is_slowed_like_a_known_one() {
    let guesses = Guesses::default();

    let known = looked_at(&guesses, &guesser(Some(ADA), "ada", "192.0.2.1"), 20);
    let unknown = looked_at(&guesses, &guesser(None, "nobody", "192.0.2.2"), 10)
        + looked_at(&guesses, &guesser(None, "NOBODY", "192.0.2.2"), 10);

    assert_eq!(known, unknown);
}

#[test]
fn ghsa_cq42_vhv7_xr7p_a_known_device_gets_in_while_the_account_is_attacked() {
    let guesses = Guesses::default();
    looked_at(&guesses, &guesser(Some(ADA), "ada", "192.0.2.1"), 100);
    let at_home = Guesser {
        device: Some(DeviceId::from_bytes([1; 16])),
        ..guesser(Some(ADA), "ada", "192.0.2.1")
    };

    let elsewhere = guesses.attempt(&guesser(Some(ADA), "ada", "198.51.100.1"), 1_000);
    let at_home_looked = looked_at(&guesses, &at_home, 100);

    assert!(elsewhere.is_err());
    assert_eq!(at_home_looked, Pace::DEVICE.free as usize, "a stolen device guesses no faster");
}

#[test]
fn cve_2026_45364_a_whole_64_counts_as_one_address() {
    let guesses = Guesses::default();
    let from = |network: u16, host: u16, name: &str| {
        let address = format!("2001:db8:1:{network:x}::{host:x}").parse().unwrap();
        let by = Guesser { user_id: None, identifier: name, address, device: None };
        guesses.attempt(&by, 1_000).is_ok()
    };

    let looked = (0..200).filter(|host| from(2, *host, &format!("user{host}"))).count();

    assert_eq!(looked, Pace::ADDRESS.free as usize);
    assert!(from(3, 1, "somebody"));
}

#[test]
fn a_success_starts_the_account_anew_but_not_the_address() {
    let guesses = Guesses::default();
    let mallory = Uuid::from_u128(2);
    for victim in 0..100 {
        let name = format!("victim{victim}");
        let _ = guesses.attempt(&guesser(None, &name, "192.0.2.1"), 1_000);
        let own = guesses.attempt(&guesser(Some(mallory), "mallory", "192.0.2.1"), 1_000);
        if let Ok(own) = own {
            guesses.succeeded(&own);
        }
    }

    let next = guesses.attempt(&guesser(None, "victim", "192.0.2.1"), 1_000);

    assert!(matches!(next, Err(Slowed { .. })), "{next:?}");
}

#[test]
fn what_was_not_looked_at_does_not_count() {
    let guesses = Guesses::default();
    let ada = guesser(Some(ADA), "ada", "192.0.2.1");

    for _ in 0..100 {
        let attempt = guesses.attempt(&ada, 1_000).unwrap();
        guesses.withdrawn(&attempt);
    }

    assert_eq!(looked_at(&guesses, &ada, 100), Pace::ACCOUNT.free as usize);
}

#[test]
fn mails_to_one_account_are_few() {
    let guesses = Guesses::default();
    let ada = guesser(Some(ADA), "ada", "192.0.2.1");

    let mails = (0..100).filter(|_| guesses.link_wanted(&ada, 1_000).is_ok()).count();

    assert_eq!(mails, Pace::LINK.free as usize);
}

#[test]
fn cve_2026_45364_mails_from_one_network_are_bounded_whatever_is_named() {
    let guesses = Guesses::default();
    let wanted = |host: u32| {
        let address = format!("2001:db8:1:2::{host:x}").parse().unwrap();
        guesses.mail_wanted(address, 1_000)
    };

    let mails = (0..100).filter(|host| wanted(*host).is_ok()).count();

    assert_eq!(mails, Pace::MAIL.free as usize);
    assert!(guesses.mail_wanted("2001:db8:1:3::1".parse().unwrap(), 1_000).is_ok());
}
