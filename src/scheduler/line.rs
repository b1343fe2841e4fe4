//! Whose turn it is: queues share the workers by the time that their runs took.
//!
//! Start-time fair queueing with equal weights (Goyal, Vin, Cheng, "Start-time Fair
//! Queuing: A Scheduling Algorithm for Integrated Services Packet Switching Networks",
//! 1996): every queue has a tag, its virtual time, which grows by the seconds that it is served;
//! the lowest tag is next. Who
//! joins starts at the tag that was last served, so that nobody saves up turns and a queue
//! that was quiet goes before one that floods.

/// Queues that hold work, each at most once.
pub(super) struct Line<K> {
    waiting: Vec<K>,
    /// The tag that was last served, in seconds.
    clock: f64,
}

impl<K> Default for Line<K> {
    fn default() -> Self {
        Self { waiting: Vec::new(), clock: 0.0 }
    }
}

impl<K: Copy + PartialEq> Line<K> {
    /// Adds a queue with this tag; returns the tag that it has from now on.
    pub(super) fn join(&mut self, key: K, tag: f64) -> f64 {
        if self.waiting.contains(&key) {
            return tag;
        }
        self.waiting.push(key);
        tag.max(self.clock)
    }

    /// The queue whose turn it is among those that `tag` gives a tag, with that tag. It leaves
    /// the line. Who waits longest goes first among equals.
    pub(super) fn next(&mut self, tag: impl Fn(K) -> Option<f64>) -> Option<(K, f64)> {
        let tagged = self.waiting.iter().enumerate().filter_map(|(i, &key)| Some((i, tag(key)?)));
        let (index, tag) = tagged.min_by(|(_, left), (_, right)| left.total_cmp(right))?;
        self.clock = self.clock.max(tag);
        Some((self.waiting.remove(index), tag))
    }

    pub(super) fn leave(&mut self, key: K) {
        self.waiting.retain(|waiting| *waiting != key);
    }

    pub(super) fn waiting(&self) -> &[K] {
        &self.waiting
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Serves queues that always have work, with runs of these lengths; gives the seconds that
    /// each was served.
    fn serve(runs: &[f64], turns: usize) -> Vec<f64> {
        let mut line = Line::default();
        let mut tags: Vec<f64> = runs.iter().enumerate().map(|(k, _)| line.join(k, 0.0)).collect();
        let mut served = vec![0.0; runs.len()];
        for _ in 0..turns {
            let (key, tag) = line.next(|key| Some(tags[key])).unwrap();
            served[key] += runs[key];
            tags[key] = line.join(key, tag + runs[key]);
        }
        served
    }

    proptest! {
        #[test]
        fn queues_with_work_are_served_equally_long_whatever_their_runs_take(
            runs in proptest::collection::vec(0.001f64..1.0, 2..6),
        ) {
            let served = serve(&runs, 2000);
            let longest = runs.iter().copied().fold(0.0, f64::max);
            for pair in served.windows(2) {
                prop_assert!((pair[0] - pair[1]).abs() <= 2.0 * longest, "{served:?}");
            }
        }
    }

    #[test]
    fn a_queue_that_was_quiet_goes_next_and_saves_up_no_turns() {
        let mut line = Line::default();
        let mut flood = line.join("flood", 0.0);
        for _ in 0..100 {
            let (_, tag) = line.next(|_| Some(flood)).unwrap();
            flood = line.join("flood", tag + 1.0);
        }
        let mut quiet = line.join("quiet", 0.0);
        let mut turns = Vec::new();
        for _ in 0..4 {
            let tag = |key| Some(if key == "flood" { flood } else { quiet });
            let (key, tag) = line.next(tag).unwrap();
            turns.push(key);
            let tagged = line.join(key, tag + 1.0);
            *(if key == "flood" { &mut flood } else { &mut quiet }) = tagged;
        }
        assert_eq!(turns, ["quiet", "flood", "quiet", "flood"]);
    }

    #[test]
    fn who_has_no_tag_now_stays_in_line() {
        let mut line = Line::default();
        line.join(1, 0.0);
        assert_eq!(line.next(|_| None), None);
        assert_eq!(line.next(|_| Some(0.0)), Some((1, 0.0)));
    }
}
