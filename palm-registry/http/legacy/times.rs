//! Times of old clients: local, without saying so.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

use super::super::Refusal;

/// `2026-11-22T08:00:33.738575` in the zone of this machine.
pub(super) fn naive(at: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(at).strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

/// Reads such a time, in microseconds. A blank may stand for the T, the fraction may be missing or long, and an offset may follow.
pub(in super::super) fn parse(name: &str, text: &str, zone: &TimeZone) -> Result<i64, Refusal> {
    let found = read(text, zone).map(Timestamp::as_microsecond);
    found.ok_or_else(|| Refusal::bad(format!("`{name}` is a time such as 2026-11-22T08:00:33.738575")))
}

fn read(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    // A + that was not escaped has become a blank.
    let (time, offset) = match time.find(['Z', 'z', '+', '-', ' ']) {
        Some(middle) => time.split_at(middle),
        None => (time, ""),
    };
    let [year, month, day] = numbers(date.split('-'))?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let [hour, minute, second] = numbers(clock.split(':'))?;
    let time = DateTime::new(
        i16::try_from(year).ok()?,
        i8::try_from(month).ok()?,
        i8::try_from(day).ok()?,
        i8::try_from(hour).ok()?,
        i8::try_from(minute).ok()?,
        i8::try_from(second).ok()?,
        nanoseconds(fraction, time.contains('.'))?,
    );
    let zone = match offset.split_at_checked(1) {
        None => zone.clone(),
        Some(("Z" | "z", "")) => TimeZone::UTC,
        Some((sign, rest)) => {
            let [hours, minutes] = numbers(rest.split(':'))?;
            let seconds = i32::try_from(hours * 3600 + minutes * 60).ok()?;
            Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()?.to_time_zone()
        }
    };
    time.ok()?.to_zoned(zone).ok().map(|zoned| zoned.timestamp())
}

fn numbers<'a, const N: usize>(pieces: impl Iterator<Item = &'a str>) -> Option<[u32; N]> {
    let number = |piece: &str| {
        let digits = (1..=4).contains(&piece.len()) && piece.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| piece.parse().ok()).flatten()
    };
    let all: Option<Vec<u32>> = pieces.map(number).collect();
    all?.try_into().ok()
}

fn nanoseconds(fraction: &str, wanted: bool) -> Option<i32> {
    if !wanted {
        return Some(0);
    }
    if !(1..=9).contains(&fraction.len()) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{fraction:0<9}").parse().ok()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by its panics")]
mod tests {
    use super::*;

    #[test]
    fn times_come_in_the_forms_that_clients_send() {
        let zone = TimeZone::fixed(Offset::from_seconds(3600).unwrap());
        let expected = "2026-11-22T07:00:33.5Z".parse::<Timestamp>().unwrap();
        for text in [
            "2026-11-22T08:00:33.500000",
            "2026-11-22T08:00:33.5",
            "2026-11-22 8:0:33.5",
            "2026-11-22T07:00:33.5Z",
            "2026-11-22T09:00:33.5+02:00",
            "2026-11-22T09:00:33.5 02:00",
            "2026-11-22T06:00:33.5-01:00",
        ] {
            assert_eq!(read(text, &zone), Some(expected), "{text}");
        }
        assert_eq!(read("2026-1-2T3:4:5", &zone), Some("2026-01-02T02:04:05Z".parse().unwrap()));
        for text in [
            "",
            "now",
            "2026-11-22",
            "2026-11-22T",
            "2026-11-22T08:00",
            "2026-13-22T08:00:00",
            "2026-11-22T08:00:00.",
            "-1-1-1T0:0:0",
            "2026-11-22T08:00:33.5Zx",
            "2026-11-22T08:00:33+99999:00",
            "99999-11-22T08:00:33",
            "2026-11-22T08:00:33.1234567890",
        ] {
            assert_eq!(read(text, &zone), None, "{text}");
        }
    }

    #[test]
    fn what_is_told_can_be_asked_for() {
        let zone = TimeZone::fixed(Offset::from_seconds(-7200).unwrap());
        let at = Timestamp::from_microsecond(1_795_000_000_000_000).unwrap();
        assert_eq!(naive(at, &zone).len(), 26);
        assert_eq!(read(&naive(at, &zone), &zone), Some(at));
    }
}
