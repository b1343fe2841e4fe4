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

    /// Shown with [`Work::awake`], once the load is over: who comes before that waits, too.
    pub(super) fn wake(&mut self, name: &str) {
        self.desired.dormant.remove(name);
    }

    /// Models whose files are gone are not asleep, and nothing is kept for them.
    pub(super) fn forget_removed(&mut self) {
        if let Some(listing) = &self.listing {
            self.admission.sweep(listing);
            self.desired.dormant.retain(|name| listing.models.contains_key(name));
        }
    }

    /// Shows models as awake that were woken and have loaded, or cannot. Files that have just
    /// changed load soon.
    pub(super) fn awake(&self) {
        for (name, model) in self.publisher.snapshot().models.iter().filter(|(_, m)| m.dormant) {
            let listing = self.listing.as_ref().and_then(|listing| listing.models.get(name));
            let changing = listing.is_some_and(|model| !model.changing.is_empty());
            let loading = model.is_loading();
            if !self.desired.dormant.contains(name) && !loading && !changing {
                self.publisher.dormant(name, false);
            }
        }
    }
}
