//! Figures beside the bars that they must reach.

use std::fmt;

pub struct Figure {
    name: String,
    value: f64,
    bar: Bar,
}

#[derive(Clone, Copy)]
pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, bar: Bar) -> Self {
        Self { name: name.into(), value, bar }
    }

    fn holds(&self) -> bool {
        match self.bar {
            Bar::AtLeast(bar) => self.value >= bar,
            Bar::AtMost(bar) => self.value <= bar,
        }
    }
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(bar) => write!(f, "at least {bar}"),
            Self::AtMost(bar) => write!(f, "at most {bar}"),
        }
    }
}

/// Prints the table that says what holds.
pub fn print(figures: &[Figure]) {
    if figures.is_empty() {
        return;
    }
    println!("\n| figure | value | bar | |\n|---|---|---|---|");
    for figure in figures {
        let verdict = if figure.holds() { "holds" } else { "**missed**" };
        println!("| {} | {:.2} | {} | {verdict} |", figure.name, figure.value, figure.bar);
    }
}

/// The middle one. Several rounds and their median, because the machine has neighbours.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
