//! Five fields of cron as dates and times on the wall, without a zone.
//!
//! The crate cronexpr reads the fields and finds what matches. It is asked about UTC only: what
//! it does where clocks change is not what people expect of cron (a run in the skipped hour is
//! lost, one in the repeated hour comes twice), so `wall.rs` does that. Two more things are
//! mended here: it gives up after four years, so it would not find a leap day across 2100; and
//! its `L` never matches in December.

use cronexpr::{Crontab, FallbackTimezoneOption, ParseOptions};
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

const ALIASES: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// A 29th of February on a given weekday comes every 28 years, and every 40 across 2100.
const LONGEST_SEARCH_YEARS: i16 = 41;

/// Past this year the crate's arithmetic would overflow.
const LAST_YEAR: i16 = 9900;

/// What a cron text matches.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    crontab: Crontab,
    /// If the text has `L`: what it matches in the last seven days of December.
    december: Option<Crontab>,
    every_hour: bool,
}

impl Pattern {
    /// Five fields, or a word like `@daily`. A pattern that matches no date is refused.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let alias = ALIASES.iter().find(|(word, _)| *word == text);
        if text.starts_with('@') && alias.is_none() {
            let known: Vec<&str> = ALIASES.iter().map(|(word, _)| *word).collect();
            return Err(format!("'{text}' is none of: {}", known.join(", ")));
        }
        let written = alias.map_or(text, |(_, fields)| *fields);
        let fields: Vec<&str> = written.split_ascii_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(format!(
                "'{text}' has {} fields, expected five: minute, hour, day of month, month, day of week",
                fields.len()
            ));
        };
        let crontab = crontab(&fields.join(" "))?;
        let december = (day.contains('L') || weekday.contains('L')).then(|| {
            // There the last day is the 31st, and each weekday comes for its last time.
            let (day, weekday) = (day.replace('L', "31"), weekday.replace('L', ""));
            self::crontab(&format!("{minute} {hour} {day} {month} {weekday}"))
        });
        let every_hour = covers_every_hour(hour)?;
        let pattern = Self { crontab, december: december.transpose()?, every_hour };
        // The calendar of these years has every date on every weekday.
        if pattern.next(DateTime::constant(1999, 12, 31, 23, 59, 0, 0)).is_none() {
            return Err(format!("'{text}' never comes: there is no such date"));
        }
        Ok(pattern)
    }

    /// Whether it goes by the hour and not by the time of day.
    pub(super) fn every_hour(&self) -> bool {
        self.every_hour
    }

    /// The first match later than this.
    pub(super) fn next(&self, after: DateTime) -> Option<DateTime> {
        let end = after.year().checked_add(LONGEST_SEARCH_YEARS)?.min(LAST_YEAR);
        let found = next_before(&self.crontab, after, end);
        let mended = self.december.as_ref().and_then(|december| {
            let last = found.map_or(end, DateTime::year);
            (after.year()..=last).find_map(|year| {
                let open = before(Date::new(year, 12, 25).ok()?.at(0, 0, 0, 0))?;
                let next = next_before(december, after.max(open), year.saturating_add(1))?;
                (next.year() == year).then_some(next)
            })
        });
        found.into_iter().chain(mended).min()
    }
}

/// The instant before, as a bound that lets a time itself through.
pub(super) fn before(time: DateTime) -> Option<DateTime> {
    time.checked_sub(1.nanosecond()).ok()
}

fn crontab(fields: &str) -> Result<Crontab, String> {
    let mut options = ParseOptions::default();
    options.fallback_timezone_option = FallbackTimezoneOption::UTC;
    cronexpr::parse_crontab_with(fields, options).map_err(|error| {
        // The crate draws the text with a caret below.
        let text = error.to_string();
        let reason = text.lines().last().and_then(|line| line.split_once("^ "));
        match reason {
            Some((indent, reason)) => {
                format!("'{fields}': {reason}, at character {}", indent.len() + 1)
            }
            None => format!("'{fields}': {}", text.replace('\n', " ")),
        }
    })
}

fn covers_every_hour(hour: &str) -> Result<bool, String> {
    let probe = crontab(&format!("0 {hour} * * *"))?;
    let day = Date::constant(2000, 1, 1);
    Ok((0..24).all(|hour| {
        Offset::UTC
            .to_timestamp(day.at(hour, 0, 0, 0))
            .is_ok_and(|instant| probe.matches(instant).unwrap_or(false))
    }))
}

fn next_before(crontab: &Crontab, after: DateTime, end: i16) -> Option<DateTime> {
    let mut from = after;
    while from.year() <= end && from.year() < LAST_YEAR {
        let instant: Timestamp = Offset::UTC.to_timestamp(from).ok()?;
        if let Ok(found) = crontab.find_next(instant) {
            return Some(found.datetime());
        }
        // Nothing in four years; the crate says it with an error.
        from = from.checked_add(4.years()).ok()?;
    }
    None
}
