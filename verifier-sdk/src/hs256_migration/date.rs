//! The date of a configuration, as seconds.

const DAY: i64 = 86_400;

/// The first second of a day in UTC, of a date like `2027-03-31`.
pub(super) fn first_second(date: &str) -> Option<i64> {
    let [year, month, day] = *date.split('-').collect::<Vec<_>>() else { return None };
    let number = |text: &str, length| {
        let is_it = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
        if is_it { text.parse::<i64>().ok() } else { None }
    };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if is_leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let month = usize::try_from(month - 1).ok()?;
    if year < 1970 || day < 1 || day > *lengths.get(month)? {
        return None;
    }
    let before = year - 1;
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let days_of_years = (year - 1970) * 365 + leap_days(before) - leap_days(1969);
    let days_of_months: i64 = lengths.iter().take(month).sum();
    Some((days_of_years + days_of_months + day - 1) * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds() {
        let rows = [
            ("1970-01-01", 0),
            ("2000-02-29", 951_782_400),
            ("2024-03-01", 1_709_251_200),
            ("2027-03-31", 1_806_451_200),
            ("2100-03-01", 4_107_542_400),
        ];
        for (date, seconds) in rows {
            assert_eq!(first_second(date), Some(seconds), "{date}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in
            ["", "2027", "2027-3-31", "2027-02-29", "2027-13-01", "2027-00-10", "1969-12-31"]
        {
            assert_eq!(first_second(text), None, "{text}");
        }
        for text in ["2027-03-31T00:00", "+027-03-31", "2027-03-00", "tomorrow"] {
            assert_eq!(first_second(text), None, "{text}");
        }
    }
}
