//! What versions have beside them while they serve and for some time after: the monitor of their
//! data, the watcher of their quality, each with series on the pages.
//!
//! A thing comes with the version that it is of, when that begins to serve, and never before: a
//! version on its way may be refused, and what serves must keep what it has. A thing goes
//!
//! - when the same version begins to serve with another one in its place, or without one;
//! - once nobody holds it, when what it is of has left the repository, or when enough others of
//!   its model began to serve after it.
//!
//! Until then a version that comes back finds what it had.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a shelf may keep.
pub trait Shelved {
    /// What a version that serves holds of it.
    type Held;

    fn held(&self) -> &Arc<Self::Held>;

    /// Shows its series.
    fn enter(self: &Arc<Self>);

    /// Takes its series off the pages; from then on it shows nothing.
    fn leave(&self);
}

/// At most one thing for each version.
pub struct Shelf<T> {
    /// Things of one model that are kept although nobody holds them.
    spare: usize,
    /// In the order in which their versions last began to serve.
    places: Mutex<Vec<Place<T>>>,
}

/// A thing and the version that it is of.
pub struct Place<T> {
    pub model: String,
    pub version: u64,
    pub thing: Arc<T>,
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        Self { model: self.model.clone(), version: self.version, thing: Arc::clone(&self.thing) }
    }
}

impl<T: Shelved> Place<T> {
    fn is_of(&self, model: &str, version: u64) -> bool {
        self.model == model && self.version == version
    }

    fn is_idle(&self) -> bool {
        Arc::strong_count(self.thing.held()) == 1
    }
}

impl<T: Shelved> Shelf<T> {
    #[must_use]
    pub fn new(spare: usize) -> Self {
        Self { spare, places: Mutex::default() }
    }

    /// What a version has. It does not leave while it is held.
    #[must_use]
    pub fn find(&self, model: &str, version: u64) -> Option<Arc<T::Held>> {
        let places = self.lock();
        let found = places.iter().find(|place| place.is_of(model, version))?;
        Some(Arc::clone(found.thing.held()))
    }

    /// A version begins to serve. What it had stays if it `goes_on`; else what `make` makes takes
    /// its place, and the old series go before the new ones come. Returns what the version has
    /// from now on, and what went for it.
    ///
    /// All who look at the shelf wait meanwhile, so nothing here may wait for a disk.
    pub fn begin(
        &self,
        (model, version): (&str, u64),
        goes_on: impl FnOnce(&T) -> bool,
        make: impl FnOnce(Option<&T>) -> T,
    ) -> (Arc<T::Held>, Option<Place<T>>) {
        let mut places = self.lock();
        let at = places.iter().position(|place| place.is_of(model, version));
        if let Some(at) = at.filter(|at| goes_on(&places[*at].thing)) {
            let held = Arc::clone(places[at].thing.held());
            // The youngest is last.
            places[at..].rotate_left(1);
            return (held, None);
        }
        let old = at.map(|at| places[at].thing.as_ref());
        // Nothing is touched before there is something to put in its place.
        let thing = Arc::new(make(old));
        let gone = at.map(|at| places.remove(at));
        if let Some(gone) = &gone {
            gone.thing.leave();
        }
        thing.enter();
        let held = Arc::clone(thing.held());
        places.push(Place { model: model.to_owned(), version, thing });
        (held, gone)
    }

    /// A version begins to serve without such a thing. Returns what it had before.
    pub fn end(&self, model: &str, version: u64) -> Option<Place<T>> {
        let mut places = self.lock();
        let at = places.iter().position(|place| place.is_of(model, version))?;
        let place = places.remove(at);
        place.thing.leave();
        Some(place)
    }

    /// Everything, in the order in which versions last began to serve.
    #[must_use]
    pub fn all(&self) -> Vec<Place<T>> {
        self.lock().clone()
    }

    /// What the versions of one model have, in the same order.
    #[must_use]
    pub fn of(&self, model: &str) -> Vec<Arc<T>> {
        let places = self.lock();
        let of_model = places.iter().filter(|place| place.model == model);
        of_model.map(|place| Arc::clone(&place.thing)).collect()
    }

    /// What nobody holds and nobody will want: all that is not `wanted`, and of each model the
    /// oldest. It stays on the shelf until [`Shelf::discard`], so that it can be saved before
    /// somebody looks for it in vain.
    #[must_use]
    pub fn surplus(&self, wanted: impl Fn(&Place<T>) -> bool) -> Vec<Place<T>> {
        let places = self.lock();
        let idle = places.iter().filter(|place| place.is_idle());
        let (kept, mut surplus): (Vec<_>, Vec<_>) = idle.partition(|place| wanted(place));
        for (at, place) in kept.iter().enumerate() {
            let younger = kept[at + 1..].iter().filter(|other| other.model == place.model);
            if younger.count() >= self.spare {
                surplus.push(place);
            }
        }
        surplus.into_iter().cloned().collect()
    }

    /// Takes a thing off the shelf, unless somebody has come to hold it.
    pub fn discard(&self, place: &Place<T>) {
        let mut places = self.lock();
        let is_it = |other: &Place<T>| Arc::ptr_eq(&other.thing, &place.thing) && other.is_idle();
        if let Some(at) = places.iter().position(is_it) {
            places.remove(at).thing.leave();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Place<T>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
