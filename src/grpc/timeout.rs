//! `grpc-timeout`: the time that a caller gives a call.

use std::time::Duration;

use http::HeaderMap;

use super::error::Error;

const HEADER: &str = "grpc-timeout";

/// The protocol allows eight digits.
const MAX_DIGITS: usize = 8;

/// The time that the caller gives, if it says so.
pub(super) fn of(headers: &HeaderMap) -> Result<Option<Duration>, Error> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let text = value.to_str().unwrap_or("?");
    let expected = "expected up to eight digits and one of H, M, S, m, u, n";
    let wrong = || Error::Malformed(format!("{HEADER} is '{text}', {expected}"));
    parse(text).map(Some).ok_or_else(wrong)
}

fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let plain =
        (1..=MAX_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| plain)?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_understood_and_nothing_else() {
        assert_eq!(parse("2H"), Some(Duration::from_hours(2)));
        assert_eq!(parse("3M"), Some(Duration::from_mins(3)));
        assert_eq!(parse("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(parse("5m"), Some(Duration::from_millis(5)));
        assert_eq!(parse("6u"), Some(Duration::from_micros(6)));
        assert_eq!(parse("0n"), Some(Duration::ZERO));
        for wrong in ["", "1", "S", "+1S", "-1S", "1s", "123456789S", "1 S", "1µ", "9999999999H"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
