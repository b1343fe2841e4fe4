//! Models that leave memory because nobody asks for them, and come back when somebody does.

use super::owner::Work;

impl Work {
    /// Models that nobody asked for so long that their owner wants them out of memory.
    pub(super) fn fall_asleep(&mut self) -> bool {
        let snapshot = self.publisher.snapshot();
        let idle = snapshot.models.iter().filter(|(_, model)| {
            let mut live = model.live().peekable();
            live.peek().is_some()
                && !model.is_loading()
                && live.all(|live| live.unload_after.is_some_and(|after| live.asked.ago() > after))
        });
        let mut any = false;
        for (name, _) in idle {
            self.desired.dormant.insert(name.clone());
            self.publisher.dormant(name, true);
            tracing::info!(model.name = name, "an idle model leaves memory");
            any = true;
        }
        any
    }

    pub(super) fn wake(&mut self, name: &str) {
        if self.desired.dormant.remove(name) {
            self.publisher.dormant(name, false);
        }
    }
}
