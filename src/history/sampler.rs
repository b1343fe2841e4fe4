//! The thread that takes samples. It holds no lock while it reads what requests count.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::models::Taken;
use super::sample::{Sample, Tail};
use super::{FINE, History};
use crate::drift::Source;
use crate::engine::guard;
use crate::registry::Snapshot;

/// Takes samples until it is dropped.
pub struct Sampler {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sampler {
    pub(super) fn start(history: History) -> io::Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new().name("history".to_owned()).spawn(move || {
            let mut next = Instant::now() + FINE;
            loop {
                let wait = next.saturating_duration_since(Instant::now());
                if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                // One sample less is better than none from now on.
                if let Err(caught) = guard::catch(|| history.sample()) {
                    tracing::error!(reason = caught.0, "a sample of history panicked");
                }
                // A machine that slept owes no samples.
                next = (next + FINE).max(Instant::now());
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that keeps history has panicked");
        }
    }
}

impl History {
    pub(super) fn sample(&self) {
        let snapshot = self.0.registry.snapshot();
        let tails = self.models().all_tails();
        let taken = take(&snapshot, &tails);
        let now = self.now();
        let models_left_out = self.models().push(now, taken);
        let mut series_left_out = false;
        let mut drifts = self.drifts();
        for live in snapshot.live_models() {
            let monitor = live.monitor.as_ref();
            if let Some(report) = monitor.and_then(|monitor| monitor.report(Source::Request)) {
                series_left_out |= drifts.push(now.at, (&live.name, live.version), &report);
            }
        }
        drifts.forget(now.at);
        drop(drifts);
        if models_left_out {
            tracing::warn!(most = super::models::MOST, "history of further models is not kept");
        }
        if series_left_out {
            tracing::warn!(
                most = super::drifts::MOST,
                "history of the drift of further features is not kept"
            );
        }
    }
}

/// Models that are there, and those that were at the last sample.
fn take(snapshot: &Snapshot, tails: &BTreeMap<String, Vec<Tail>>) -> Vec<Taken> {
    let names: BTreeSet<&String> = snapshot.models.keys().chain(tails.keys()).collect();
    let of = |name: &String| {
        let model = snapshot.models.get(name);
        let before = tails.get(name).map_or(&[][..], Vec::as_slice);
        let (sample, tails) = (Sample::of(model, before), Sample::tails(model));
        Taken { name: name.clone(), sample, tails }
    };
    names.into_iter().map(of).collect()
}
