//! Passwords and their hashes: rules, foreign formats, bounds, decoys and the pool.

use std::time::Duration;

use super::*;
use crate::credentials::CredentialError;

const RULES: PasswordRules = PasswordRules { min_characters: 8 };
const CHEAP: HashCost = HashCost { memory_kib: 512, passes: 1 };

fn typed(text: &str) -> Password {
    Password::typed(text).unwrap()
}

fn choose(text: &str) -> Result<NewPassword, PasswordProblem> {
    typed(text).choose(&RULES, &["ada.lovelace", "countess@example.com"])
}

fn hasher() -> PasswordHasher {
    PasswordHasher::with_threads(CHEAP, 1, 2).unwrap()
}

async fn verify(password: &str, hash: &str) -> Verification {
    let hash = PasswordHash::parse(hash).unwrap();
    hasher().verify(typed(password), Some(hash)).await.unwrap()
}

#[test]
fn a_password_never_prints() {
    let hash = PasswordHash::parse(DJANGO).unwrap();

    assert_eq!(format!("{:?}", typed("correct horse")), "***");
    assert_eq!(format!("{hash:?}"), "pbkdf2:***");
}

#[test]
fn a_new_password_is_long_enough_not_common_and_not_its_owner() {
    let problem = |text: &str| choose(text).unwrap_err().code();

    assert!(choose("correct horse battery").is_ok());
    assert!(choose(&"ü".repeat(64)).is_err(), "a repetition");
    assert!(
        choose("eine ziemlich lange Reihe von Wörtern, auch mit Ümläuten und ¡Zeichen!").is_ok()
    );
    assert_eq!(problem("kurz-12"), "password_too_short");
    assert_eq!(problem("ääääää1"), "password_too_short", "characters count, not bytes");
    assert_eq!(Password::typed(&"x".repeat(257)).unwrap_err().code(), "password_too_long");
    assert_eq!(problem("Password123!"), "password_common");
    assert_eq!(problem("Ada.Lovelace1815"), "password_about_user");
    assert_eq!(problem("countess@example.com"), "password_about_user");
    assert_eq!(problem("correct\u{7}horse"), "password_control_character");
}

#[tokio::test]
async fn every_keyboard_makes_the_same_password() {
    let hasher = hasher();
    let hash = hasher.hash(choose("Ren\u{e9}e et Zo\u{eb}").unwrap()).await.unwrap();

    let decomposed = typed("Rene\u{301}e et\u{3000}Zoe\u{308}");
    let verified = hasher.verify(decomposed, Some(hash)).await.unwrap();

    assert!(matches!(verified, Verification::Right), "{verified:?}");
}

// Each of `correct horse`, made by PyPI argon2-cffi and bcrypt and by Python's hashlib.
const DJANGO: &str = "pbkdf2_sha256$1000$salty$DzvaoPDWHNlO+0p5E04mScIUiNVjJ8YpgYitYTNqHo8=";
const FOREIGN: &[&str] = &[
    "$argon2id$v=19$m=256,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$+GOGKJvIoTEl91TCgE0yArmEow80raLkxOXPceNYR9E",
    "$argon2i$v=19$m=256,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$Syv3W+wu0WQmcIO0T/vyAKG2GIggWAj9la1x01ew7wE",
    "$argon2d$v=19$m=256,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$iSAPpuHdWsRsd2+vQbz/0HWFPczB9DG4eOYw6iuNo30",
    "$argon2i$v=16$m=256,t=2,p=2$MDEyMzQ1Njc4OWFiY2RlZg$AZXmgXIm+NLUfnvfEb5rmtjcJIZuPpePGhis/0W/mMQ",
    "$2a$04$ie4lZQEaR45L0UqFcXI.Luo.uog0AhT96r41rsx7JyZBCCD4/JIbe",
    "$2b$04$ie4lZQEaR45L0UqFcXI.Luo.uog0AhT96r41rsx7JyZBCCD4/JIbe",
    "$2y$04$ie4lZQEaR45L0UqFcXI.Luo.uog0AhT96r41rsx7JyZBCCD4/JIbe",
    "$scrypt$ln=4,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$OAkZqUBelG6VIYdTJfYSENL5OmZRxMa3GwXn5oFliTg",
    "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M",
    "$pbkdf2-sha512$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$OM0FAoIqCVK1sWtxDiffVlBejtLa+ks4TP71JiecwuSZCG8iLbnlIEPOMoVX+i2B2wkSxjQ8CRGR9OkNGuIPMQ",
    "$pbkdf2$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$aUfE2vx5Q7zgbb0jx49AaNpXUQQ",
    "pbkdf2_sha1$1000$salty$Q5IBC6DYW4Qjjrm9J0Q5yxfFVsc=",
    DJANGO,
];

#[tokio::test]
async fn hashes_of_other_systems_verify_and_are_upgraded() {
    for hash in FOREIGN {
        let right = verify("correct horse", hash).await;
        let wrong = verify("correct horsf", hash).await;

        assert!(matches!(wrong, Verification::Wrong), "{hash}");
        let Verification::RightUpgrade(better) = right else { panic!("{hash}: {right:?}") };
        assert_eq!(better.scheme(), Scheme::Argon2id);
        assert!(matches!(verify("correct horse", better.as_str()).await, Verification::Right));
    }
}

#[test]
fn a_hash_that_is_unknown_malformed_or_hostile_is_refused() {
    let hash = "$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo";
    let table = [
        (String::new(), "hash_format_unknown"),
        ("5f4dcc3b5aa765d61d8327deb882cf99".to_owned(), "hash_format_unknown"),
        ("$1$salt$hash".to_owned(), "hash_format_unknown"),
        (
            "$2x$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy".to_owned(),
            "hash_format_unknown",
        ),
        ("$2b$10$short".to_owned(), "hash_malformed"),
        (
            "$2b$31$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy".to_owned(),
            "hash_too_expensive",
        ),
        (
            "$2b$00$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy".to_owned(),
            "hash_malformed",
        ),
        (format!("$argon2id$v=19$m=4194304,t=1,p=1{hash}"), "hash_too_expensive"),
        (format!("$argon2id$v=19$m=65536,t=1000,p=1{hash}"), "hash_too_expensive"),
        (format!("$argon2id$v=19$m=65536,t=1,p=255{hash}"), "hash_too_expensive"),
        (format!("$argon2id$v=19$m=65536,t=1{hash}"), "hash_malformed"),
        ("$argon2id$v=19$m=65536,t=1,p=1$c2FsdHNhbHRzYWx0".to_owned(), "hash_malformed"),
        (format!("$scrypt$ln=30,r=8,p=1{hash}"), "hash_too_expensive"),
        (format!("$scrypt$ln=17,r=4096,p=1{hash}"), "hash_too_expensive"),
        (format!("$scrypt$ln=4,r=8,p=1000000{hash}"), "hash_too_expensive"),
        (format!("$pbkdf2-sha256$i=4000000000{hash}"), "hash_too_expensive"),
        (format!("$pbkdf2-sha256$i=0{hash}"), "hash_malformed"),
        ("pbkdf2_sha256$1000$salt$AAAA".to_owned(), "hash_malformed"),
        ("pbkdf2_sha256$1000$salt".to_owned(), "hash_malformed"),
        ("x".repeat(1_000), "hash_malformed"),
    ];
    for (hash, code) in table {
        assert_eq!(PasswordHash::parse(&hash).unwrap_err().code(), code, "{hash}");
    }
}

#[tokio::test]
async fn a_weaker_cost_is_upgraded_and_a_stronger_one_kept() {
    let [weak, strong] = [CHEAP, HashCost { memory_kib: 1_024, ..CHEAP }]
        .map(|cost| PasswordHasher::with_threads(cost, 1, 1).unwrap());
    let of_weak = weak.hash(choose("correct horse").unwrap()).await.unwrap();
    let of_strong = strong.hash(choose("correct horse").unwrap()).await.unwrap();

    let upgraded = strong.verify(typed("correct horse"), Some(of_weak)).await.unwrap();
    let kept = weak.verify(typed("correct horse"), Some(of_strong)).await.unwrap();

    assert!(matches!(upgraded, Verification::RightUpgrade(_)), "{upgraded:?}");
    assert!(matches!(kept, Verification::Right), "{kept:?}");
}

#[expect(clippy::disallowed_methods, reason = "it measures how long an answer takes")]
async fn seconds_for(work: impl Future<Output = Verification>) -> f64 {
    let begin = std::time::Instant::now();
    assert!(matches!(work.await, Verification::Wrong));
    begin.elapsed().as_secs_f64()
}

#[tokio::test]
async fn cve_2026_23511_an_unknown_user_takes_as_long_as_a_wrong_password() {
    let cost = HashCost { memory_kib: 4_096, passes: 2 };
    let hasher = PasswordHasher::with_threads(cost, 8, 1).unwrap();
    let hash = hasher.hash(choose("correct horse").unwrap()).await.unwrap();
    let parse = || PasswordHash::parse(hash.as_str()).unwrap();
    let verify = async |hash| hasher.verify(typed("wrong horse"), hash).await.unwrap();

    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..15 {
        known.push(seconds_for(verify(Some(parse()))).await);
        unknown.push(seconds_for(verify(None)).await);
    }
    // The fastest run of each is the least disturbed by the rest of the machine.
    let fastest = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
    let ratio = fastest(&known) / fastest(&unknown);

    assert!((0.7..1.4).contains(&ratio), "known {known:?}, unknown {unknown:?}");
}

#[tokio::test]
async fn the_decoy_has_no_password() {
    let hasher = hasher();

    let verified = hasher.verify(typed(""), None).await.unwrap();

    assert!(matches!(verified, Verification::Wrong));
}

#[tokio::test(start_paused = true)]
async fn a_full_pool_says_so_instead_of_keeping_everybody_waiting() {
    let hasher = PasswordHasher::with_threads(CHEAP, 1, 1).unwrap();
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let busy = hasher.clone();
    let working = tokio::spawn(async move { busy.run(64, move |_| gate.recv()).await });
    let verify = || {
        let hasher = hasher.clone();
        tokio::spawn(async move { hasher.verify(typed("correct horse"), None).await })
    };

    let crowd: Vec<_> = (0..1_000).map(|_| verify()).collect();
    while !crowd.iter().all(tokio::task::JoinHandle::is_finished) {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let mut refused = 0;
    for one in crowd {
        refused += usize::from(matches!(one.await.unwrap(), Err(CredentialError::Busy)));
    }
    go.send(()).unwrap();
    working.await.unwrap().unwrap().unwrap();
    let afterwards = verify().await.unwrap();

    assert_eq!(refused, 1_000);
    assert!(matches!(afterwards, Ok(Verification::Wrong)), "{afterwards:?}");
}
