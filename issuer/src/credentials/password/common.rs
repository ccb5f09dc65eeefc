//! The passwords that are tried first. Short ones never pass the smallest length, so the list begins at eight characters;
//! sequences, repetitions and the variants of a word ("Password1!") are recognized rather than listed.

use super::rules::stem;

/// Words that stay bad with digits and punctuation around them.
const STEMS: &str = "\
    admin administrator azerty azertyuiop bonjour changeme countersign dragon football baseball guest \
    iloveyou letmein login master monkey motdepasse pass passw password passwort princess qwer qwert qwertz \
    qwertzuiop qwerty qwertyuiop qwertyui root secret shadow starwars sunshine superman test trustno user \
    welcome zaq zxcvbn zxcvbnm asdf asdfgh asdfghjk asdfghjkl abc abcd aa contraseña senha hallo hello \
    freedom whatever michael jennifer jordan liverpool chelsea arsenal pokemon computer internet samsung \
    google facebook lovely loveme babygirl butterfly";

const LISTED: &str = "\
    password passw0rd p@ssword p@ssw0rd p@$$w0rd pa$$word pa55word passpass passwordpassword \
    password1password qwerty123456 1q2w3e4r 1q2w3e4r5t 1q2w3e4r5t6y q1w2e3r4 q1w2e3r4t5 qazwsxedc qazwsx123 \
    1qaz2wsx 1qaz2wsx3edc zaq12wsx zaq1zaq1 !qaz2wsx 1qazxsw2 qweasdzxc qweasd123 asdfqwer qwerasdf \
    qweqweqwe asdasdasd zxczxczxc abcabcabc abcd1234 abc12345 abc123456 a1b2c3d4 aa123456 aaa111222 1234qwer \
    123qweasd 123qwe123 12qwaszx 123abc123 1a2b3c4d a123456789 123456789a 123456789q 12345678a 1234567q \
    123123123 123321123 112233445566 11223344 12341234 123454321 12344321 147258369 147852369 159753456 \
    741852963 789456123 963852741 987654321 87654321 13579246 1029384756 10203040 19841984 20102010 20202020 \
    corvette mercedes mustang1 chocolate elephant midnight november december september victoria veronica \
    samantha danielle patricia jessica1 ashley12 michelle nicholas jonathan benjamin alexander alexandra \
    christian elizabeth stephanie charlotte maverick marlboro metallica nintendo playstation startrek \
    spiderman superstar basketball swimming snowball rainbow1 sunflower strawberry blink182 slipknot \
    letmeinnow letmein1 trustno1 access14 batman123 ncc1701d ncc1701e openopen cocacola barcelona manchester \
    juventus realmadrid mexico86 paradise lollipop cupcakes peanut12 brooklyn westside asshole1 fuckyou1 \
    fuckyou2 fuckoff1 iloveyou1 iloveyou2 iloveyou! iloveme1 iloveyou123 myspace1 linkedin facebook1 \
    superuser rootroot adminadmin testtest testing1 testing123 temppass temp1234 default1 changeit changeme1 \
    correcthorsebatterystaple geheim123 schatz123 passwort1 hallo123 fussball sommer2023 sommer2024 \
    winter2024 summer2023 summer2024 summer2025 summer2026 winter2023 winter2025 spring2024 azerty123 \
    doudou12 loulou12 soleil12 jetaime1 chouchou sakura12 doraemon tigger12 pokemon1 naruto12 minecraft \
    fortnite roblox123 liverpool1 chelsea1";

/// Whether a password, in lower case, is among those that are tried first.
pub(super) fn is_common(password: &str) -> bool {
    let listed = |list: &str, word: &str| list.split(' ').any(|known| known == word);
    listed(LISTED, password)
        || listed(STEMS, stem(password))
        || is_repetition(password)
        || is_sequence(password)
}

/// The same one to four characters over and over.
fn is_repetition(password: &str) -> bool {
    let characters: Vec<char> = password.chars().collect();
    (1..=characters.len() / 2).any(|length| {
        let unit = characters.chunks(length).next().unwrap_or_default();
        length <= 4 && characters.chunks(length).all(|chunk| unit.starts_with(chunk))
    })
}

/// Characters that follow each other in the alphabet, among the digits or on a keyboard, forwards or backwards.
fn is_sequence(password: &str) -> bool {
    const ROWS: &[&str] = &[
        "abcdefghijklmnopqrstuvwxyz",
        "01234567890123456789",
        "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
        "qwertzuiopüasdfghjklöäyxcvbnm,.-",
        "azertyuiopqsdfghjklmwxcvbn",
        "`1234567890-=",
    ];
    let backwards: String = password.chars().rev().collect();
    ROWS.iter().any(|row| row.contains(password) || row.contains(&backwards))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_first_is_recognized_in_all_its_variants() {
        let common = [
            "password",
            "password1",
            "password123!",
            "123456789",
            "qwertyuiop",
            "00000000",
            "abcdabcd",
            "87654321",
            "iloveyou",
            "welcome2024!",
            "zyxwvuts",
            "asdfghjkl",
            "aaaaaaaa",
            "admin12345",
        ];
        let others =
            ["correct horse battery", "kvwq-81-tulip", "mehrere wörter hier", "ada lovelace 1815"];

        for password in common {
            assert!(is_common(password), "{password}");
        }
        for password in others {
            assert!(!is_common(password), "{password}");
        }
    }
}
