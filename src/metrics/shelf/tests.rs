//! Whatever happens to versions: one thing for each, the serving one is found, pages show no more.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SPARE: usize = 2;

/// The series on the page, by version, with the number of the thing that shows them.
type Page = Arc<Mutex<BTreeMap<(String, u64), usize>>>;

struct Thing {
    /// Of those that were made.
    number: Arc<usize>,
    kind: u8,
    of: (String, u64),
    page: Page,
}

impl Shelved for Thing {
    type Held = usize;

    fn held(&self) -> &Arc<usize> {
        &self.number
    }

    fn enter(self: &Arc<Self>) {
        let before = self.page.lock().unwrap().insert(self.of.clone(), *self.number);
        assert_eq!(before, None, "the old series went before");
    }

    fn leave(&self) {
        let before = self.page.lock().unwrap().remove(&self.of);
        assert_eq!(before, Some(*self.number), "it takes its own series off, once");
    }
}

/// What may happen to a version of one of two models.
#[derive(Debug, Clone)]
enum Step {
    /// It is loaded and serves; of which kind its thing is follows from its files and settings.
    Serve {
        kind: u8,
    },
    /// It is loaded and refused.
    Refuse,
    /// It serves without a thing.
    ServeBare,
    /// It serves no more.
    LetGo,
    /// Its model leaves the repository, or comes back.
    Leave,
    ComeBack,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..3).prop_map(|kind| Step::Serve { kind }),
        2 => Just(Step::Refuse),
        1 => Just(Step::ServeBare),
        3 => Just(Step::LetGo),
        1 => Just(Step::Leave),
        1 => Just(Step::ComeBack),
    ]
}

/// A shelf and those who use it.
struct World {
    shelf: Shelf<Thing>,
    page: Page,
    serving: BTreeMap<(String, u64), (u8, Arc<usize>)>,
    absent: Vec<String>,
    made: usize,
}

impl World {
    fn new() -> Self {
        Self {
            shelf: Shelf::new(SPARE),
            page: Page::default(),
            serving: BTreeMap::new(),
            absent: Vec::new(),
            made: 0,
        }
    }

    fn serve(&mut self, model: &str, version: u64, kind: u8) -> Arc<usize> {
        let (number, page) = (self.made, Arc::clone(&self.page));
        let of = (model.to_owned(), version);
        let thing = |_: Option<&Thing>| Thing { number: Arc::new(number), kind, of, page };
        let same = |thing: &Thing| thing.kind == kind;
        let (held, _) = self.shelf.begin((model, version), same, thing);
        self.made += 1;
        self.serving.insert((model.to_owned(), version), (kind, Arc::clone(&held)));
        held
    }

    fn sweep(&self) {
        let surplus = self.shelf.surplus(|place| !self.absent.contains(&place.model));
        for place in &surplus {
            self.shelf.discard(place);
        }
    }

    fn take(&mut self, model: &str, version: u64, step: &Step) {
        let key = (model.to_owned(), version);
        match step {
            Step::Serve { kind } => drop(self.serve(model, version, *kind)),
            Step::Refuse => drop(self.shelf.find(model, version)),
            Step::ServeBare => {
                self.shelf.end(model, version);
                self.serving.remove(&key);
            }
            Step::LetGo => drop(self.serving.remove(&key)),
            Step::Leave => self.absent.push(model.to_owned()),
            Step::ComeBack => self.absent.retain(|absent| absent != model),
        }
    }

    fn assert_sound(&self) {
        let all = self.shelf.all();
        let on_shelf: BTreeMap<(String, u64), usize> = all
            .iter()
            .map(|place| ((place.model.clone(), place.version), *place.thing.number))
            .collect();
        assert_eq!(on_shelf.len(), all.len(), "never two for one version");
        assert_eq!(on_shelf, *self.page.lock().unwrap(), "what is gone shows nothing");
        for ((model, version), (_, held)) in &self.serving {
            let found = self.shelf.find(model, *version).unwrap();
            assert!(Arc::ptr_eq(&found, held), "what serves is what is found");
        }
    }

    fn assert_bounded(&self) {
        let all = self.shelf.all();
        for model in ["a", "b"] {
            let idle = all.iter().filter(|place| place.model == model && place.is_idle()).count();
            let most = if self.absent.iter().any(|absent| absent == model) { 0 } else { SPARE };
            assert!(idle <= most, "{idle} of {model}");
        }
    }
}

proptest! {
    #[test]
    fn a_version_has_one_thing_and_what_serves_is_found_whatever_happens(
        steps in proptest::collection::vec((any::<bool>(), 1u64..5, step(), any::<bool>()), 0..60),
    ) {
        let mut world = World::new();
        for (first, version, step, sweeps) in steps {
            world.take(if first { "a" } else { "b" }, version, &step);
            world.assert_sound();
            if sweeps {
                world.sweep();
                world.assert_sound();
                world.assert_bounded();
            }
        }
    }
}

#[test]
fn a_version_that_comes_back_in_time_has_what_it_had() {
    let mut world = World::new();
    let first = world.serve("a", 1, 0);
    for version in [2, 3] {
        world.serving.clear();
        world.serve("a", version, 0);
        world.sweep();
    }
    // Two have served after it, but one of them is not idle.
    world.serving.clear();
    assert!(Arc::ptr_eq(&world.serve("a", 1, 0), &first));
    world.serving.clear();
    drop(first);
    world.sweep();
    assert!(world.shelf.find("a", 1).is_some(), "it is the youngest again");
    assert!(world.shelf.find("a", 2).is_none());
}

#[test]
fn what_is_held_stays_and_what_nobody_waits_for_goes() {
    let mut world = World::new();
    let held = world.serve("a", 1, 0);
    world.serving.clear();
    world.absent.push("a".to_owned());
    let surplus = world.shelf.surplus(|_| false);
    assert!(surplus.is_empty(), "somebody holds it");
    drop(held);
    let surplus = world.shelf.surplus(|_| false);
    let found = world.shelf.find("a", 1);
    for place in &surplus {
        world.shelf.discard(place);
    }
    assert!(world.shelf.find("a", 1).is_some(), "somebody came for it meanwhile");
    drop(found);
    world.sweep();
    assert!(world.shelf.find("a", 1).is_none());
    world.assert_sound();
}
