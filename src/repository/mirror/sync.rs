//! One look at the store and everything that follows from it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;

use super::cache::{Cache, Index, Known, Tree};
use super::fetch::{disk, fetch};
use super::plan::{Names, Part, Plan};
use super::store::{Object, Store};
use super::{Failed, Shared, between_looks, between_tries, tree};
use crate::repository::sums::{self, Sums};
use crate::store::backoff::Backoff;

/// A listing that fails once is tried again before anybody hears of it.
const LIST_TRIES: usize = 3;

/// Wait before an object that failed is tried again, at first.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Brings the cache to what the store has, look after look.
pub(super) struct Syncing {
    pub(super) store: Store,
    pub(super) cache: Cache,
    pub(super) index: Index,
    pub(super) names: Names,
    pub(super) fetch_threads: usize,
    pub(super) shared: Arc<Shared>,
    /// Objects that failed, by path, so that one of them costs the others nothing.
    pub(super) retries: BTreeMap<String, Retry>,
}

#[derive(Debug)]
pub(super) struct Retry {
    identity: String,
    reason: String,
    backoff: Backoff,
    after: Instant,
}

/// Where one object of the listing stands.
#[derive(Debug, Clone, PartialEq)]
enum State {
    Pending,
    Done(String),
    Failed(String),
}

/// A listing, and where each object of it stands.
struct Round {
    objects: Vec<Object>,
    plan: Plan,
    states: Vec<State>,
}

impl Syncing {
    /// Makes the tree of the last run again, as far as its contents are there.
    pub(super) fn restore(&mut self) -> Result<(), String> {
        self.index.tree.retain(|_, sha256| self.cache.has(sha256));
        tree::publish(&self.cache, &self.index.tree, &self.shared.looking).map_err(|e| disk(&e))
    }

    /// # Errors
    /// Why nothing could be done at all, fit for callers.
    pub(super) async fn look(&mut self) -> Result<(), String> {
        let objects = self.list().await?;
        let plan = Plan::of(&objects);
        let states: Vec<State> = objects.iter().map(|object| self.state(object)).collect();
        let mut round = Round { objects, plan, states };
        self.retries.retain(|path, _| round.objects.iter().any(|object| object.path == *path));
        let gone = |path: &String| !round.objects.iter().any(|object| object.path == *path);
        let before = self.index.known.len();
        self.index.known.retain(|path, _| !gone(path));
        let mut changed = before != self.index.known.len();
        changed |= self.fetch(&mut round).await?;
        let published = self.publish(&round)?;
        if changed && !published {
            self.cache.save(&self.index).map_err(|error| disk(&error))?;
        }
        self.cache.collect(&self.index, &round.objects);
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Object>, String> {
        let mut backoff = between_tries();
        for _ in 1..LIST_TRIES {
            match self.store.list().await {
                Ok(objects) => return Ok(objects),
                Err(_) => tokio::time::sleep(backoff.next()).await,
            }
        }
        self.store.list().await
    }

    fn state(&self, object: &Object) -> State {
        let known = self.index.known.get(&object.path);
        let known = known.filter(|known| known.identity == object.identity);
        if let Some(known) = known.filter(|known| self.cache.has(&known.sha256)) {
            return State::Done(known.sha256.clone());
        }
        if let Some(sha256) = object.sha256.as_ref().filter(|sha256| self.cache.has(sha256)) {
            return State::Done(sha256.clone());
        }
        let retry = self.retries.get(&object.path);
        match retry.filter(|r| r.identity == object.identity && Instant::now() < r.after) {
            Some(retry) => State::Failed(retry.reason.clone()),
            None => State::Pending,
        }
    }

    /// Downloads what is missing; each version is published as soon as it is whole. Returns
    /// whether there was anything.
    async fn fetch(&mut self, round: &mut Round) -> Result<bool, String> {
        let pending: Vec<(usize, Object)> = round
            .plan
            .order()
            .into_iter()
            .filter(|at| round.states[*at] == State::Pending)
            .map(|at| (at, round.objects[at].clone()))
            .collect();
        let any = !pending.is_empty();
        let (store, cache) = (&self.store, &self.cache);
        let mut index = std::mem::take(&mut self.index);
        let mut retries = std::mem::take(&mut self.retries);
        let mut fetches = stream::iter(pending)
            .map(|(at, object)| async move { (at, fetch(store, cache, &object).await) })
            .buffer_unordered(self.fetch_threads);
        let mut result = Ok(());
        while let Some((at, outcome)) = fetches.next().await {
            let object = &round.objects[at];
            round.states[at] = match outcome {
                Ok(sha256) => {
                    retries.remove(&object.path);
                    let identity = object.identity.clone();
                    let known = Known { identity, sha256: sha256.clone() };
                    index.known.insert(object.path.clone(), known);
                    // Failing costs a download after a crash, no more.
                    let _ = cache.save(&index);
                    State::Done(sha256)
                }
                Err(reason) => {
                    later(&mut retries, object, &reason);
                    State::Failed(reason)
                }
            };
            let part = round.plan.part(&object.path);
            if round.is_over(&part) {
                let place = (cache, &*self.shared, &self.names);
                if let Err(reason) = publish(place, &mut index, round) {
                    result = Err(reason);
                    break;
                }
            }
        }
        drop(fetches);
        (self.index, self.retries) = (index, retries);
        result.map(|()| any)
    }

    fn publish(&mut self, round: &Round) -> Result<bool, String> {
        publish((&self.cache, &self.shared, &self.names), &mut self.index, round)
    }
}

fn later(retries: &mut BTreeMap<String, Retry>, object: &Object, reason: &str) {
    let now = Instant::now();
    let retry = retries.entry(object.path.clone()).or_insert_with(|| Retry {
        identity: String::new(),
        reason: String::new(),
        backoff: between_looks(FIRST_RETRY),
        after: now,
    });
    if retry.identity != object.identity {
        retry.backoff.reset();
    }
    retry.identity.clone_from(&object.identity);
    reason.clone_into(&mut retry.reason);
    retry.after = now + retry.backoff.next();
}

/// Makes the tree what the round allows by now. Returns whether it changed.
fn publish(
    (cache, shared, names): (&Cache, &Shared, &Names),
    index: &mut Index,
    round: &Round,
) -> Result<bool, String> {
    let (tree, failed) = round.outcome(cache, index, names);
    let changed = tree != index.tree;
    if changed {
        let old = std::mem::replace(&mut index.tree, tree);
        // The index first: a start makes the tree from it.
        let written =
            cache.save(index).and_then(|()| tree::publish(cache, &index.tree, &shared.looking));
        if let Err(error) = written {
            index.tree = old;
            return Err(disk(&error));
        }
    }
    shared.failed(|before| failed.merge(before));
    Ok(changed)
}

/// Failures of one round.
#[derive(Default)]
struct Failures {
    failed: Failed,
    /// Parts that are not decided yet: what was said of them stays.
    open: Vec<(String, u64)>,
}

impl Failures {
    fn merge(mut self, before: &Failed) -> Failed {
        for (name, version) in self.open {
            if let Some(reason) = before.get(&name).and_then(|versions| versions.get(&version)) {
                self.failed.entry(name).or_default().insert(version, reason.clone());
            }
        }
        self.failed
    }
}

impl Round {
    /// Nothing of the part is still to come.
    fn is_over(&self, part: &Part) -> bool {
        self.plan.parts.get(part).is_none_or(|all| !self.any_pending(all))
    }

    fn any_pending(&self, objects: &[usize]) -> bool {
        objects.iter().any(|at| self.states[*at] == State::Pending)
    }

    /// The tree that may be shown, and what failed.
    fn outcome(&self, cache: &Cache, index: &Index, names: &Names) -> (Tree, Failures) {
        let mut tree = Tree::new();
        let mut failures = Failures::default();
        for (part, objects) in &self.plan.parts {
            let Some(version) = part.version() else {
                self.add_shared(part, objects, index, &mut tree);
                continue;
            };
            let shared = self.plan.shared_by(part);
            let name = part.name(names).to_owned();
            if self.any_pending(objects) || self.any_pending(shared) {
                self.keep_old(part, index, &mut tree);
                failures.open.push((name, version));
                continue;
            }
            match self.whole(objects, shared, cache) {
                Ok(files) => tree.extend(files),
                Err(reason) => {
                    self.keep_old(part, index, &mut tree);
                    failures.failed.entry(name).or_default().insert(version, reason);
                }
            }
        }
        (tree, failures)
    }

    /// Shared files change with the last of the versions that came with them: settings may
    /// name a version that is still to come.
    fn add_shared(&self, part: &Part, objects: &[usize], index: &Index, tree: &mut Tree) {
        let over = self.plan.versions_of(part).all(|version| self.is_over(version));
        for at in objects {
            let path = &self.objects[*at].path;
            match &self.states[*at] {
                State::Done(sha256) if over => drop(tree.insert(path.clone(), sha256.clone())),
                _ => {
                    if let Some(sha256) = index.tree.get(path) {
                        tree.insert(path.clone(), sha256.clone());
                    }
                }
            }
        }
    }

    fn keep_old(&self, part: &Part, index: &Index, tree: &mut Tree) {
        let own = index.tree.iter().filter(|(path, _)| self.plan.part(path) == *part);
        tree.extend(own.map(|(path, sha256)| (path.clone(), sha256.clone())));
    }

    /// The files of a version of which everything is there and as its listing says.
    fn whole(&self, objects: &[usize], shared: &[usize], cache: &Cache) -> Result<Tree, String> {
        for at in shared.iter().chain(objects) {
            if let State::Failed(reason) = &self.states[*at] {
                let path = &self.objects[*at].path;
                let name = path.rsplit('/').next().unwrap_or(path);
                return Err(format!("{name} could not be fetched: {reason}"));
            }
        }
        let done = |at: &usize| match &self.states[*at] {
            State::Done(sha256) => Some((self.objects[*at].path.clone(), sha256.clone())),
            _ => None,
        };
        let files: Tree = objects.iter().filter_map(done).collect();
        check_sums(&files, cache)?;
        Ok(files)
    }
}

/// A version whose own `SHA256SUMS` does not fit must not take the place of one that did.
fn check_sums(files: &Tree, cache: &Cache) -> Result<(), String> {
    let Some((path, sha256)) =
        files.iter().find(|(path, _)| path.rsplit('/').next() == Some(sums::FILE))
    else {
        return Ok(());
    };
    let directory = path.strip_suffix(sums::FILE).unwrap_or_default();
    let text = std::fs::read_to_string(cache.object(sha256)).map_err(|error| disk(&error))?;
    let found: Tree = files
        .iter()
        .filter_map(|(path, sha256)| {
            Some((path.strip_prefix(directory)?.to_owned(), sha256.clone()))
        })
        .collect();
    let names = found.keys().cloned().collect();
    Sums::parse(&text)?.check(&found, &names)
}
