//! What was measured, beside its bar.

/// One goal. All of them are upper or lower bounds.
pub struct Goal {
    name: String,
    value: f64,
    bar: Bar,
    unit: &'static str,
}

#[derive(Clone, Copy)]
pub enum Bar {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str, bar: Bar) -> Self {
        Self { name: name.into(), value, bar, unit }
    }

    fn is_met(&self) -> bool {
        match self.bar {
            Bar::AtLeast(bar) => self.value >= bar,
            Bar::AtMost(bar) => self.value <= bar,
        }
    }
}

/// Prints the table of `docs/DATA_HEALTH.md`.
pub fn print(goals: &[Goal]) {
    println!("\n| goal | measured | bar | |\n|---|---|---|---|");
    for goal in goals {
        let Goal { name, value, bar, unit } = goal;
        let (at, bar) = match bar {
            Bar::AtLeast(bar) => ("at least", bar),
            Bar::AtMost(bar) => ("at most", bar),
        };
        let verdict = if goal.is_met() { "met" } else { "**missed**" };
        println!("| {name} | {}{unit} | {at} {bar}{unit} | {verdict} |", digits(*value));
    }
}

/// Three digits that count.
fn digits(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        100.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.1}"),
        0.01.. => format!("{value:.3}"),
        _ => format!("{value:.1e}"),
    }
}
