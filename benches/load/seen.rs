//! What an open loop saw.

use std::time::Duration;

/// Parts of a load that are looked at apart, such as "alone" and "beside the flood".
pub const PHASES: usize = 3;

#[derive(Default)]
pub struct Seen {
    pub phases: [Phase; PHASES],
    /// Answers that are neither right nor a refusal.
    pub wrong: u64,
    /// One of them.
    pub example: Option<String>,
    /// Questions whose connection broke, or that nobody answered.
    pub broken: u64,
    /// Questions for which no connection was free.
    pub unsent: u64,
}

/// What was due in one phase. Times are seconds, counted from when the question was due.
#[derive(Default)]
pub struct Phase {
    pub right: Vec<f32>,
    /// 503 and 504: legal answers, where the load is more than the server can do.
    pub refused: Vec<f32>,
    /// How late the client sent.
    pub lateness: Vec<f32>,
}

impl Seen {
    pub fn wrong(&mut self, status: u16, body: &[u8]) {
        self.wrong += 1;
        self.example.get_or_insert_with(|| {
            let body = String::from_utf8_lossy(&body[..body.len().min(400)]);
            format!("{status} {body}")
        });
    }

    /// Takes in what another thread of the same load saw.
    pub fn merge(&mut self, other: Self) {
        self.wrong += other.wrong;
        self.broken += other.broken;
        self.unsent += other.unsent;
        self.example = self.example.take().or(other.example);
        for (mine, other) in self.phases.iter_mut().zip(other.phases) {
            mine.right.extend(other.right);
            mine.refused.extend(other.refused);
            mine.lateness.extend(other.lateness);
        }
    }

    pub fn sort(&mut self) {
        for phase in &mut self.phases {
            for times in [&mut phase.right, &mut phase.refused, &mut phase.lateness] {
                times.sort_by(f32::total_cmp);
            }
        }
    }

    /// Ends the run if an answer was wrong or did not come.
    pub fn must_be_right(&self, scenario: &str) {
        let example = self.example.as_deref().unwrap_or("none");
        assert!(self.wrong == 0, "{scenario}: {} wrong answers, such as {example}", self.wrong);
        assert!(self.broken == 0, "{scenario}: {} questions without an answer", self.broken);
        assert!(self.unsent == 0, "{scenario}: {} questions found no connection", self.unsent);
    }

    /// The same, where nothing may be refused either.
    pub fn must_be_answered(&self, scenario: &str) {
        self.must_be_right(scenario);
        let refused: usize = self.phases.iter().map(|phase| phase.refused.len()).sum();
        assert!(refused == 0, "{scenario}: {refused} questions were refused");
    }
}

impl Phase {
    pub fn quantile(&self, q: f64) -> Duration {
        quantile(&self.right, q)
    }
}

/// Of sorted seconds.
pub fn quantile(seconds: &[f32], q: f64) -> Duration {
    if seconds.is_empty() {
        return Duration::ZERO;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into the list"
    )]
    let index = ((seconds.len() - 1) as f64 * q) as usize;
    Duration::from_secs_f32(seconds[index])
}
