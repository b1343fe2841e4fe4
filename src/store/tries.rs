//! How often a request is tried again, and what is said when it was not worth it.

use std::time::Duration;

use super::Config;
use super::backoff::Backoff;
use super::refusal::Refusal;

/// What a transfer must have brought for its failures to count anew: a server that gives a few
/// bytes each time is broken, too.
const PROGRESS: u64 = 64 << 10;

pub(super) struct Tries {
    allowed: usize,
    failed: usize,
    brought: u64,
    backoff: Backoff,
}

impl Tries {
    pub(super) fn new(config: &Config) -> Self {
        let backoff = Backoff::new(config.first_wait, config.longest_wait);
        Self { allowed: config.tries.max(1), failed: 0, brought: 0, backoff }
    }

    /// Counts bytes that arrived.
    pub(super) fn brought(&mut self, bytes: usize) {
        self.brought += bytes as u64;
        if self.brought >= PROGRESS {
            self.brought = 0;
            self.succeeded();
        }
    }

    /// Failures count anew.
    pub(super) fn succeeded(&mut self) {
        if self.failed > 0 {
            self.failed = 0;
            self.backoff.reset();
        }
    }

    /// Waits before the next try.
    ///
    /// # Errors
    /// There is no next try; the text says why.
    pub(super) async fn failed(&mut self, refusal: Refusal) -> Result<(), String> {
        let wait = self.wait(refusal)?;
        tokio::time::sleep(wait).await;
        Ok(())
    }

    fn wait(&mut self, refusal: Refusal) -> Result<Duration, String> {
        match refusal {
            Refusal::Changed => return Err("it changed while it was read".to_owned()),
            Refusal::NoRanges => return Err("the server does not send parts of a file".to_owned()),
            Refusal::Missing | Refusal::Lasting(_) => return Err(refusal.text()),
            Refusal::Passing(_) => {}
        }
        self.failed += 1;
        if self.failed >= self.allowed {
            let reason = refusal.text();
            return Err(match self.failed {
                1 => reason,
                tries => format!("{reason}, {tries} times in a row"),
            });
        }
        tracing::debug!(reason = refusal.text(), tries = self.failed, "a store is tried again");
        Ok(self.backoff.next())
    }
}

/// Does something until it succeeds, or is not worth another try.
pub(super) async fn persist<T, F>(
    config: &Config,
    mut attempt: impl FnMut() -> F,
) -> Result<T, String>
where
    F: Future<Output = Result<T, Refusal>>,
{
    let mut tries = Tries::new(config);
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(refusal) => tries.failed(refusal).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passing() -> Refusal {
        Refusal::Passing("no answer in time".to_owned())
    }

    #[test]
    fn tries_are_bounded_and_the_last_reason_is_told() {
        let mut tries = Tries::new(&Config { tries: 3, ..Config::default() });
        assert!(tries.wait(passing()).is_ok() && tries.wait(passing()).is_ok());
        assert_eq!(tries.wait(passing()).unwrap_err(), "no answer in time, 3 times in a row");
    }

    #[test]
    fn only_progress_that_deserves_the_name_gives_new_tries() {
        let mut tries = Tries::new(&Config { tries: 2, ..Config::default() });
        tries.wait(passing()).unwrap();
        tries.brought(64 << 10);
        tries.wait(passing()).unwrap();
        tries.brought(1000);
        assert!(tries.wait(passing()).is_err());
    }

    #[test]
    fn what_will_not_go_away_is_final_at_once() {
        let lasting = Refusal::Lasting("permission denied".to_owned());
        for refusal in [lasting, Refusal::Missing, Refusal::Changed, Refusal::NoRanges] {
            assert!(Tries::new(&Config::default()).wait(refusal).is_err());
        }
    }
}
