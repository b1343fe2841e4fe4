//! Texts with dates of a run in them: `s3://flights/{date - 1d:%Y/%m/%d}/*.csv`.
//!
//! A template is read once, when the server starts, and every mistake is found then. What it
//! gives depends on the time that the run was scheduled for, never on when it ran.

mod format;
mod parse;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

/// A text that was checked.
#[derive(Debug, Clone)]
pub struct Template {
    source: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Model,
    Schedule,
    Date { shift: Span, format: String },
    Time { shift: Span, format: Option<String> },
}

/// What of a run its templates may name.
#[derive(Debug, Clone)]
pub struct Values<'a> {
    pub model: &'a str,
    pub schedule: &'a str,
    /// Of the scheduled time, in the schedule's zone.
    pub date: Date,
    /// The scheduled time, in the schedule's zone.
    pub time: Zoned,
}

/// A mistake in a template, with the place in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}', character {position}: {reason}")]
pub struct TemplateError {
    pub text: String,
    /// Counted in characters, from 1.
    pub position: usize,
    pub reason: String,
}

/// A template that has no value for a run, like a date past the year 9999.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' has no value for the run of {run}: {reason}")]
pub struct RenderError {
    pub text: String,
    pub run: String,
    pub reason: String,
}

impl Template {
    /// Reads a text.
    ///
    /// # Errors
    /// [`TemplateError`] with the first mistake, its place, and what was expected.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let pieces = parse::pieces(text)?;
        Ok(Self { source: text.to_owned(), pieces })
    }

    /// The text as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text for a run.
    ///
    /// # Errors
    /// [`RenderError`] if a date is out of the calendar.
    pub fn render(&self, values: &Values) -> Result<String, RenderError> {
        let mut text = String::with_capacity(self.source.len());
        for piece in &self.pieces {
            piece.write(values, &mut text).map_err(|error| RenderError {
                text: self.source.clone(),
                run: values.time.to_string(),
                reason: error.to_string(),
            })?;
        }
        Ok(text)
    }
}

impl Piece {
    fn write(&self, values: &Values, text: &mut String) -> Result<(), jiff::Error> {
        match self {
            Self::Text(piece) => text.push_str(piece),
            Self::Model => push_name(text, values.model),
            Self::Schedule => push_name(text, values.schedule),
            Self::Date { shift, format } => {
                let date = values.date.checked_add(*shift)?;
                text.push_str(&jiff::fmt::strtime::format(format, date)?);
            }
            Self::Time { shift, format } => {
                let time = values.time.checked_add(*shift)?;
                let in_zone = |format| jiff::fmt::strtime::format(format, &time);
                let in_utc = || {
                    jiff::fmt::strtime::format(
                        "%Y%m%dT%H%M%SZ",
                        &time.with_time_zone(TimeZone::UTC),
                    )
                };
                text.push_str(&format.as_ref().map_or_else(in_utc, in_zone)?);
            }
        }
        Ok(())
    }
}

/// A name is one step of a path, whatever is in it.
fn push_name(text: &mut String, name: &str) {
    text.extend(name.chars().map(|c| if c == '/' || c == '\\' { '_' } else { c }));
}

#[cfg(test)]
mod tests;
