//! What became of versions, for those who look later: a short memory, oldest first.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::repository::Version;

/// Events of one model, and of all models, beyond which the oldest are forgotten: a version that
/// fails every second must not push out what happened to others.
const OF_A_MODEL: usize = 100;
const OF_ALL: usize = 5000;

/// What happened to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It began to serve.
    Live,
    /// It did not come into service.
    Failed,
    /// It served and was taken back.
    RolledBack,
    /// It serves no more.
    Unloaded,
}

impl What {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::Unloaded => "unloaded",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    pub at: SystemTime,
    pub version: Version,
    pub what: What,
    /// Empty where there is nothing to say.
    pub reason: String,
}

/// Cheap to clone; all clones are one memory.
#[derive(Debug, Clone, Default)]
pub struct Events(Arc<Mutex<VecDeque<(String, Event)>>>);

impl Events {
    pub(super) fn add(&self, model: &str, version: Version, what: What, reason: &str) {
        let event = Event { at: SystemTime::now(), version, what, reason: reason.to_owned() };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_model = all.iter().filter(|(name, _)| name == model).count();
        if of_model >= OF_A_MODEL {
            if let Some(oldest) = all.iter().position(|(name, _)| name == model) {
                all.remove(oldest);
            }
        } else if all.len() >= OF_ALL {
            all.pop_front();
        }
        all.push_back((model.to_owned(), event));
    }

    /// Those of one model, oldest first.
    #[must_use]
    pub fn of(&self, model: &str) -> Vec<Event> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|(name, _)| name == model).map(|(_, event)| event.clone()).collect()
    }

    /// When a version of the model went live or was taken back for the last time.
    #[must_use]
    pub fn last_swap(&self, model: &str) -> Option<SystemTime> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_swap = |event: &Event| matches!(event.what, What::Live | What::RolledBack);
        let swaps = all.iter().filter(|(name, event)| name == model && is_swap(event));
        swaps.map(|(_, event)| event.at).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_of_many_events_keeps_its_last_and_those_of_others() {
        let events = Events::default();
        events.add("quiet", 1, What::Live, "");
        (0..OF_ALL as u64 * 2).for_each(|version| events.add("loud", version, What::Failed, "no"));
        assert_eq!(events.of("quiet").len(), 1);
        let loud = events.of("loud");
        assert_eq!((loud.len(), loud[OF_A_MODEL - 1].version), (OF_A_MODEL, OF_ALL as u64 * 2 - 1));
    }

    #[test]
    fn of_very_many_models_the_oldest_events_are_forgotten() {
        let events = Events::default();
        (0..=OF_ALL).for_each(|model| events.add(&model.to_string(), 1, What::Live, ""));
        assert_eq!((events.of("0").len(), events.of("1").len()), (0, 1));
    }
}
