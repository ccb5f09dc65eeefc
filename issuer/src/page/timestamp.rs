//! A point in time for people: a date in the words of their language, the time in UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::language::Language;

/// The day; nothing for a time that no calendar has.
pub(super) fn day(unix_seconds: i64, language: Language) -> String {
    let Ok(timestamp) = Timestamp::from_second(unix_seconds) else { return String::new() };
    let date = timestamp.to_zoned(TimeZone::UTC).date();
    (language.messages().date)(date)
}

/// Day and minute.
pub(super) fn minute(unix_seconds: i64, language: Language) -> String {
    let Ok(timestamp) = Timestamp::from_second(unix_seconds) else { return String::new() };
    let time = timestamp.to_zoned(TimeZone::UTC);
    format!("{} {:02}:{:02} UTC", day(unix_seconds, language), time.hour(), time.minute())
}
