//! The grammar of templates: `{name}`, `{name - 1d}`, `{name + 2w:%Y%m%d}`; `{{` and `}}` are
//! braces.

use jiff::Span;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::{Piece, TemplateError, format};

/// Enough for a century of days.
const MOST: i64 = 40_000;

/// A place in bytes, and what is wrong there.
type Slip = (usize, String);

pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, TemplateError> {
    read(text).map_err(|(at, reason)| TemplateError {
        text: text.to_owned(),
        position: 1 + text.char_indices().take_while(|(index, _)| *index < at).count(),
        reason,
    })
}

fn read(text: &str) -> Result<Vec<Piece>, Slip> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut at = 0;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = &text[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            plain.push(c);
            at += 2;
        } else if c == '{' {
            let Some(end) = rest.find('}') else {
                return Err((
                    at,
                    "this { is not closed, expected } (or {{ for a brace)".to_owned(),
                ));
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(placeholder(&rest[1..end], at + 1)?);
            at += end + 1;
        } else if c == '}' {
            return Err((at, "this } closes nothing, expected }} for a brace".to_owned()));
        } else {
            plain.push(c);
            at += c.len_utf8();
        }
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// What stands between braces; `at` is its place in the text.
fn placeholder(inside: &str, at: usize) -> Result<Piece, Slip> {
    let (head, format) = match inside.split_once(':') {
        Some((head, format)) => (head, Some((format, at + head.len() + 1))),
        None => (inside, None),
    };
    let start = at + head.len() - head.trim_start().len();
    let trimmed = head.trim();
    let length = trimmed.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(trimmed.len());
    let (name, sum) = trimmed.split_at(length);
    let with_time = match name {
        "date" => false,
        "time" => true,
        "model" | "schedule" => {
            if sum.is_empty() && format.is_none() {
                return Ok(if name == "model" { Piece::Model } else { Piece::Schedule });
            }
            return Err((start + length, format!("expected }} after {name}")));
        }
        _ => {
            let came = if name.is_empty() { trimmed } else { name };
            return Err((
                start,
                format!("'{came}' is unknown, expected date, time, model or schedule"),
            ));
        }
    };
    let shift = shift(sum, start + length, with_time)?;
    if let Some((format, place)) = format {
        format::check(format, with_time).map_err(|(at, reason)| (place + at, reason))?;
    }
    let format = format.map(|(format, _)| format.to_owned());
    let piece = if with_time {
        Piece::Time { shift, format }
    } else {
        Piece::Date { shift, format: format.unwrap_or_else(|| "%Y-%m-%d".to_owned()) }
    };
    rehearse(&piece).map_err(|error| (start, format!("has no value: {error}")))?;
    Ok(piece)
}

/// `- 1d`: a sign, a number, a unit.
fn shift(sum: &str, at: usize, with_time: bool) -> Result<Span, Slip> {
    let expected = if with_time {
        "a number with m, h, d, w, mo or y, like 1h"
    } else {
        "a number with d, w, mo or y, like 1d"
    };
    let signed = sum.trim_start();
    let at = at + sum.len() - signed.len();
    if signed.is_empty() {
        return Ok(Span::new());
    }
    let (sign, amount) = match signed.split_at_checked(1) {
        Some(("+", amount)) => (1, amount),
        Some(("-", amount)) => (-1, amount),
        _ => return Err((at, format!("'{signed}' is unexpected, expected +, -, : or }}"))),
    };
    let place = at + 1 + amount.len() - amount.trim_start().len();
    let amount = amount.trim();
    let digits = amount.find(|c: char| !c.is_ascii_digit()).unwrap_or(amount.len());
    let wrong = || match amount {
        "" => (place, format!("nothing follows the sign, expected {expected}")),
        _ => (place, format!("'{amount}' is no span, expected {expected}")),
    };
    let number: i64 = amount[..digits].parse().map_err(|_| wrong())?;
    if number > MOST {
        return Err((place, format!("{number} is too far away, expected at most {MOST}")));
    }
    let number = sign * number;
    let span = match &amount[digits..] {
        "d" => Span::new().try_days(number),
        "w" => Span::new().try_weeks(number),
        "mo" => Span::new().try_months(number),
        "y" => Span::new().try_years(number),
        "h" if with_time => Span::new().try_hours(number),
        "m" if with_time => Span::new().try_minutes(number),
        "h" | "m" => {
            return Err((place, format!("'{amount}' is a span of times, expected {expected}")));
        }
        _ => return Err(wrong()),
    };
    span.map_err(|error| (place, error.to_string()))
}

/// What fails for a day of today fails for most days.
fn rehearse(piece: &Piece) -> Result<(), jiff::Error> {
    let date = Date::constant(2026, 1, 31);
    let time = date.at(2, 15, 0, 0).to_zoned(TimeZone::UTC)?;
    let values = super::Values { model: "", schedule: "", date, time };
    piece.write(&values, &mut String::new())
}
