//! What came of it all.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Default)]
pub struct Tally(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    right: u64,
    rows: u64,
    left: u64,
    swaps: u64,
    broken: u64,
    /// Legal ones, by their reasons without numbers.
    refused: BTreeMap<String, u64>,
    wrong: u64,
    example: String,
}

impl Tally {
    pub fn right(&self, rows: usize) {
        let mut counts = self.lock();
        counts.right += 1;
        counts.rows += rows as u64;
    }

    pub fn left(&self) {
        self.lock().left += 1;
    }

    pub fn swapped(&self) {
        self.lock().swaps += 1;
    }

    pub fn broken(&self) {
        self.lock().broken += 1;
    }

    /// A refusal that gives a reason, or else a wrong answer. That a model is not ready is
    /// no reason: one of its versions was there all the time.
    pub fn not_right(&self, status: u16, body: &[u8]) {
        let text = String::from_utf8_lossy(body);
        let is_reason = text.contains("\"error\":\"") && !text.contains("not ready");
        let mut counts = self.lock();
        if matches!(status, 503 | 504) && is_reason {
            let digits = |c: char| c.is_ascii_digit() || c == '.';
            let parts: Vec<&str> = text.split(digits).filter(|part| !part.is_empty()).collect();
            *counts.refused.entry(format!("{status} {}", parts.join("…"))).or_default() += 1;
        } else {
            counts.wrong += 1;
            counts.example = format!("{status} {}", text.chars().take(400).collect::<String>());
        }
    }

    pub fn print_refusals(&self) {
        for (reason, count) in &self.lock().refused {
            println!("refused {count}: {reason}");
        }
    }

    pub fn must_be_clean(&self) {
        let counts = self.lock();
        assert!(counts.right > 0, "nothing was answered");
        assert!(counts.wrong == 0, "{} wrong answers, such as {}", counts.wrong, counts.example);
        assert!(counts.broken == 0, "{} connections broke", counts.broken);
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.lock();
        let refused: u64 = counts.refused.values().sum();
        let Counts { right, rows, left, swaps, .. } = &*counts;
        write!(f, "{right} | {rows} | {refused} | {left} | {swaps}")
    }
}
