//! Instants as people write them: ISO 8601, as in `2024-05-01T12:00:00.000000Z`.
//!
//! The calendar is Howard Hinnant's `civil_from_days` and `days_from_civil`
//! (<https://howardhinnant.github.io/date_algorithms.html>).

use super::{MICROS_RANGE, Micros};

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// An instant taken apart, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// 1 to 9999.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 0 to 999,999.
    pub micros: u32,
}

impl Civil {
    /// Takes `at` apart.
    pub fn new(at: Micros) -> Self {
        let (year, month, day) = civil_from_days(at.div_euclid(DAY));
        let rest = at.rem_euclid(DAY);
        Self {
            year,
            month,
            day,
            hour: (rest / HOUR) as u8,
            minute: (rest % HOUR / MINUTE) as u8,
            second: (rest % MINUTE / SECOND) as u8,
            micros: (rest % SECOND) as u32,
        }
    }
}

/// Writes `at` with microseconds and a closing `Z`.
pub fn format(at: Micros) -> String {
    let Civil { year, month, day, hour, minute, second, micros } = Civil::new(at);
    let mut text = String::with_capacity("0000-00-00T00:00:00.000000Z".len());
    for (number, digits, after) in [
        (year as u32, 4, '-'),
        (month.into(), 2, '-'),
        (day.into(), 2, 'T'),
        (hour.into(), 2, ':'),
        (minute.into(), 2, ':'),
        (second.into(), 2, '.'),
        (micros, 6, 'Z'),
    ] {
        text.extend((0..digits).rev().map(|place| digit(number / 10_u32.pow(place))));
        text.push(after);
    }
    text
}

/// The last digit of a number.
fn digit(number: u32) -> char {
    char::from(b'0' + (number % 10) as u8)
}

/// Reads a date, or a date and a time with `T` or a blank between; seconds, their fraction and the offset from UTC
/// may be left out. No offset means UTC. Digits after the microseconds are dropped.
pub fn parse(text: &str) -> Option<Micros> {
    let mut rest = Rest(text.trim());
    let year = rest.digits(4)?;
    rest.skip('-')?;
    let month = rest.digits(2).filter(|month| (1..=12).contains(month))?;
    rest.skip('-')?;
    let day = rest.digits(2).filter(|day| (1..=days_in_month(year, month)).contains(day))?;
    let mut at = days_from_civil(year, month, day) * DAY;
    if rest.skip('T').or_else(|| rest.skip('t')).or_else(|| rest.skip(' ')).is_some() {
        at += time(&mut rest)? - offset(&mut rest)?;
    }
    (rest.0.is_empty() && MICROS_RANGE.contains(&at)).then_some(at)
}

fn time(rest: &mut Rest<'_>) -> Option<i64> {
    let mut at = rest.digits(2).filter(|hour| *hour < 24)? * HOUR;
    rest.skip(':')?;
    at += rest.digits(2).filter(|minute| *minute < 60)? * MINUTE;
    if rest.skip(':').is_some() {
        at += rest.digits(2).filter(|second| *second < 60)? * SECOND;
        if rest.skip('.').is_some() {
            at += rest.fraction()?;
        }
    }
    Some(at)
}

fn offset(rest: &mut Rest<'_>) -> Option<i64> {
    if rest.0.is_empty() || rest.skip('Z').or_else(|| rest.skip('z')).is_some() {
        return Some(0);
    }
    let sign = if rest.skip('-').is_some() { -1 } else { rest.skip('+').map(|()| 1)? };
    let hours = rest.digits(2).filter(|hour| *hour < 24)?;
    let colon = rest.skip(':');
    let minutes = if colon.is_none() && rest.0.is_empty() { 0 } else { rest.digits(2)? };
    Some(sign * (hours * HOUR + minutes * MINUTE))
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn skip(&mut self, what: char) -> Option<()> {
        self.0 = self.0.strip_prefix(what)?;
        Some(())
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        number
            .bytes()
            .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
    }

    fn fraction(&mut self) -> Option<i64> {
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let shown = count.min(6);
        let micros = self.digits(shown).filter(|_| count > 0)? * 10_i64.pow(6 - shown as u32);
        self.0 = &self.0[count - shown..];
        Some(micros)
    }
}

fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u8, day as u8)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for at in
            [*MICROS_RANGE.start(), -1, 0, 951_782_400_000_000, 1_714_564_800_123_456, *MICROS_RANGE.end()]
        {
            assert_eq!(parse(&format(at)), Some(at), "{}", format(at));
        }
        assert_eq!(format(*MICROS_RANGE.start()), "0001-01-01T00:00:00.000000Z");
        assert_eq!(format(*MICROS_RANGE.end()), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn reads_what_people_write() {
        for (text, expected) in [
            ("1970-01-02", "1970-01-02T00:00:00.000000Z"),
            ("2024-02-29 12:30", "2024-02-29T12:30:00.000000Z"),
            ("2024-02-29T12:30:01.5+02:00", "2024-02-29T10:30:01.500000Z"),
            ("2024-01-01T00:00:00-0530", "2024-01-01T05:30:00.000000Z"),
            ("2024-01-01T00:00:00.1234567z", "2024-01-01T00:00:00.123456Z"),
        ] {
            assert_eq!(parse(text).map(format).as_deref(), Some(expected), "{text}");
        }
        for text in [
            "",
            "now",
            "2024",
            "2023-02-29",
            "2024-13-01",
            "0000-01-01",
            "2024-01-01T25:00",
            "2024-01-01T00:00:00.",
            "2024-01-01T00:00:60",
            "2024-01-01x",
            "2024-01-01T00:00+",
            "9999-12-31T23:59:59-01:00",
            "२०२४-01-01",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
