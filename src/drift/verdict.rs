//! Whether a feature has drifted: not by a single look, and not by chance.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::profile::{Blocks, FeatureProfile};
use super::score::Scores;

/// A shift of fewer points of PSI matters to nobody, however sure it is.
pub(super) const PSI_FLOOR: f64 = 0.1;

/// The same for the Wasserstein distance, in standard deviations of the reference.
const WASSERSTEIN_FLOOR: f64 = 0.2;

/// An alarm ends when the scores are below this part of what raises it.
pub(super) const RELEASE: f64 = 0.8;

/// Looks that are remembered, and how many of them decide.
const LOOKS: u32 = 5;
const DECISIVE: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Too little was seen to say anything.
    Insufficient,
    Stable,
    Drifted,
}

/// What one look at the scores says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    Above,
    Between,
    Below,
}

/// Remembers the last looks at one feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Judge {
    drifted: bool,
    /// One bit a look, the last one lowest.
    above: u8,
    below: u8,
}

impl Judge {
    /// Takes a look at a window, or at data that has no length in time.
    pub fn look(
        &mut self,
        profile: &FeatureProfile,
        window: Option<Duration>,
        scores: Option<&Scores>,
    ) -> State {
        let Some(scores) = scores else {
            // What was seen before says nothing of what comes after.
            *self = Self::default();
            return State::Insufficient;
        };
        let look = Look::of(profile, window, scores);
        let remember = |looks: u8, hit: bool| (looks << 1 | u8::from(hit)) & ((1 << LOOKS) - 1);
        self.above = remember(self.above, look == Look::Above);
        self.below = remember(self.below, look == Look::Below);
        if self.above.count_ones() >= DECISIVE {
            self.drifted = true;
        } else if self.below.count_ones() >= DECISIVE {
            self.drifted = false;
        }
        if self.drifted { State::Drifted } else { State::Stable }
    }
}

impl Look {
    fn of(profile: &FeatureProfile, window: Option<Duration>, scores: &Scores) -> Self {
        let usual = profile.usual(window, scores.values);
        if exceeds(usual, scores, 1.0) {
            Self::Above
        } else if exceeds(usual, scores, RELEASE) {
            Self::Between
        } else {
            Self::Below
        }
    }
}

/// The verdict of a single look at data that does not go on: there is nothing to wait for.
pub(super) fn at_once(profile: &FeatureProfile, scores: Option<&Scores>) -> State {
    let Some(scores) = scores else { return State::Insufficient };
    let usual = profile.usual(None, scores.values);
    if exceeds(usual, scores, 1.0) { State::Drifted } else { State::Stable }
}

/// What the reference itself hardly ever exceeds over time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// In standard deviations of the reference.
    Wasserstein(f64),
    /// Beyond what chance makes.
    Psi(f64),
}

impl Limit {
    pub(super) fn of(blocks: &Blocks, scores: &Scores) -> Self {
        match blocks.wasserstein.filter(|_| scores.wasserstein.is_some()) {
            Some(spread) => Self::Wasserstein(spread.limit().max(WASSERSTEIN_FLOOR)),
            None => Self::Psi(blocks.psi.limit()),
        }
    }

    /// Whether the scores stay within this part of it.
    fn holds(self, scores: &Scores, part: f64) -> bool {
        match self {
            Self::Wasserstein(limit) => scores.wasserstein.is_some_and(|it| it <= part * limit),
            Self::Psi(limit) => scores.psi - scores.psi_expected <= part * limit,
        }
    }
}

/// Whether every score is above this part of its limit: the shift is large, no chance, and more
/// than what the reference itself does over time.
fn exceeds(usual: Option<&Blocks>, scores: &Scores, part: f64) -> bool {
    let excess = scores.psi - scores.psi_expected;
    let is_usual = usual.is_some_and(|blocks| Limit::of(blocks, scores).holds(scores, part));
    excess > part * PSI_FLOOR && scores.psi > part * scores.psi_critical && !is_usual
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::profile::{Bins, Spread};
    use crate::features::{Reading, Role};

    const HOUR: Duration = Duration::from_hours(1);

    fn profile(blocks: Vec<Blocks>) -> FeatureProfile {
        FeatureProfile {
            name: "x".to_owned(),
            role: Role::Input,
            reading: Reading::Number,
            bins: Bins::Edges(vec![0.0]),
            counts: vec![1; 5],
            sums: Some(vec![0.0; 2]),
            moments: None,
            importance: None,
            quantiles: Vec::new(),
            blocks,
        }
    }

    fn scores(psi: f64, wasserstein: Option<f64>) -> Scores {
        Scores {
            values: 1000,
            psi,
            psi_expected: 0.01,
            psi_critical: 0.05,
            jensen_shannon: 0.0,
            hellinger: 0.0,
            l_infinity: 0.0,
            kolmogorov_smirnov: None,
            wasserstein,
            chi_squared_p: None,
            missing: 0.0,
            outside: None,
        }
    }

    fn looks(profile: &FeatureProfile, psi: &[f64]) -> Vec<State> {
        let mut judge = Judge::default();
        psi.iter().map(|psi| judge.look(profile, Some(HOUR), Some(&scores(*psi, None)))).collect()
    }

    #[test]
    fn three_of_five_looks_raise_an_alarm_and_fewer_do_not() {
        use State::{Drifted, Stable};
        let profile = profile(Vec::new());
        assert_eq!(looks(&profile, &[0.5, 0.0, 0.5, 0.0, 0.0, 0.5]), [Stable; 6]);
        assert_eq!(looks(&profile, &[0.5, 0.0, 0.5, 0.5]), [Stable, Stable, Stable, Drifted]);
    }

    #[test]
    fn an_alarm_ends_only_well_below_what_raised_it() {
        use State::{Drifted, Stable};
        let profile = profile(Vec::new());
        let between = looks(&profile, &[0.5, 0.5, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]);
        assert_eq!(between[2..], [Drifted; 7]);
        let below = looks(&profile, &[0.5, 0.5, 0.5, 0.02, 0.02, 0.02]);
        assert_eq!(below[2..], [Drifted, Drifted, Drifted, Stable]);
    }

    #[test]
    fn what_the_reference_does_itself_over_time_is_no_drift() {
        let spread = |mean, sigma| Spread { mean, sigma };
        let psi = spread(0.3, 0.1);
        let blocks = Blocks { count: 20, rows: 1000, seconds: None, psi, wasserstein: None };
        let categories = profile(vec![blocks]);
        assert_eq!(looks(&categories, &[0.60; 4]), [State::Stable; 4]);
        assert_eq!(looks(&categories, &[0.62; 3])[2], State::Drifted);
        let wasserstein = Some(spread(0.0, 0.01));
        let numbers = profile(vec![Blocks { wasserstein, ..blocks }]);
        let look = |distance| Look::of(&numbers, Some(HOUR), &scores(0.5, Some(distance)));
        // Below the floor, however still the reference was.
        assert_eq!([0.1, 0.19, 0.21].map(look), [Look::Below, Look::Between, Look::Above]);
    }

    #[test]
    fn too_little_data_forgets_what_was_seen() {
        let profile = profile(Vec::new());
        let mut judge = Judge::default();
        for _ in 0..3 {
            judge.look(&profile, Some(HOUR), Some(&scores(0.5, None)));
        }
        assert_eq!(judge.look(&profile, Some(HOUR), None), State::Insufficient);
        assert_eq!(judge.look(&profile, Some(HOUR), Some(&scores(0.5, None))), State::Stable);
    }

    #[test]
    fn a_window_is_compared_with_blocks_of_about_its_own_length() {
        let of = |rows, seconds, mean| Blocks {
            count: 20,
            rows,
            seconds,
            psi: Spread { mean, sigma: 0.0 },
            wasserstein: None,
        };
        let mean = |profile: &FeatureProfile, window: Duration, rows| {
            profile.usual(Some(window), rows).map(|blocks| blocks.psi.mean)
        };
        let timed = profile(vec![of(10, Some(1800.0), 0.3), of(20, Some(3600.0), 0.2)]);
        let windows = [HOUR / 3, HOUR / 2, HOUR * 4 / 5, HOUR, HOUR * 48];
        let means = windows.map(|window| mean(&timed, window, 1_000_000));
        assert_eq!(means, [0.3, 0.3, 0.3, 0.2, 0.2].map(Some));
        let counted = profile(vec![of(10, None, 0.3), of(20, None, 0.2)]);
        assert_eq!([5, 19, 20].map(|rows| mean(&counted, HOUR, rows)), [0.3, 0.3, 0.2].map(Some));
        assert_eq!(mean(&profile(Vec::new()), HOUR, 100), None);
    }
}
