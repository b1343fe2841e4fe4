//! How far long work has come: a line that is written over and over on a terminal, a line now
//! and then elsewhere.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

const ON_TERMINAL: Duration = Duration::from_millis(200);
const ELSEWHERE: Duration = Duration::from_secs(10);

pub(super) struct Line {
    what: &'static str,
    started: Instant,
    shown: Instant,
    terminal: bool,
}

impl Line {
    pub(super) fn new(what: &'static str) -> Self {
        let (started, terminal) = (Instant::now(), io::stderr().is_terminal());
        Self { what, started, shown: started, terminal }
    }

    /// Shows it if it is time to. `fraction` is the part that is done, where that is known.
    pub(super) fn at(&mut self, rows: usize, fraction: Option<f64>) {
        let pause = if self.terminal { ON_TERMINAL } else { ELSEWHERE };
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        let text = text(self.what, rows, fraction, self.started.elapsed());
        let (begin, end) = if self.terminal { ("\r\x1b[K", "") } else { ("", "\n") };
        // Work goes on where nobody can be told of it.
        let _ = write!(io::stderr(), "{begin}{text}{end}");
    }
}

impl Drop for Line {
    /// What comes next begins at the left.
    fn drop(&mut self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates are shown to people")]
fn text(what: &str, rows: usize, fraction: Option<f64>, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64();
    let rate = rows as f64 / seconds.max(1e-9);
    let part = fraction.map_or_else(String::new, |part| format!(" {:.0} %,", part * 100.0));
    let left = fraction
        .filter(|part| *part > 0.0)
        .map_or_else(String::new, |part| format!(", {:.0} s left", seconds * (1.0 - part) / part));
    format!("{what}:{part} {rows} rows, {rate:.0} rows/s{left}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_done_how_fast_and_what_is_left() {
        let at = |fraction| text("reading", 1000, fraction, Duration::from_secs(2));
        assert_eq!(at(Some(0.25)), "reading: 25 %, 1000 rows, 500 rows/s, 6 s left");
        assert_eq!(at(None), "reading: 1000 rows, 500 rows/s");
    }
}
