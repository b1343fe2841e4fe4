//! Monitors of versions that come, are refused, go and come back, and what the page shows of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::prelude::*;

use super::*;
use crate::drift::sample::{ones, reference};
use crate::drift::{Span, State};

const SECOND: Duration = Duration::from_secs(1);

fn settings(window: Duration) -> Settings {
    Settings { window, ..Settings::default() }
}

struct Rig {
    registry: Registry,
    monitors: Monitors,
}

impl Rig {
    fn new(directory: Option<PathBuf>) -> Self {
        let registry = Registry::without_process();
        let monitors = Monitors::new(&registry, directory, false);
        Self { registry, monitors }
    }

    fn serve(&self, version: u64, reference: &Reference, settings: &Settings) -> Arc<Monitor> {
        let prepared = self.monitors.prepare(("m", version), reference, settings);
        self.monitors.open(("m", version), prepared)
    }

    fn lines(&self, beginning: &str) -> Vec<String> {
        let page = String::from_utf8(self.registry.text()).unwrap();
        page.lines().filter(|line| line.starts_with(beginning)).map(str::to_owned).collect()
    }
}

/// Rows of the long window.
fn rows(monitor: &Monitor) -> u64 {
    monitor.window(Source::Request, Span::Long, now()).unwrap().rows
}

#[test]
fn a_version_that_is_refused_leaves_the_monitor_of_what_serves_alone() {
    let rig = Rig::new(None);
    let (reference, settings) = (reference(300), settings(SECOND));
    let serving = rig.serve(1, &reference, &settings);
    serving.inputs(&ones(7));
    let before = rig.lines("onnxd_drift");
    let other = crate::drift::sample::reference(400);
    for prepared in [
        rig.monitors.prepare(("m", 1), &other, &settings),
        rig.monitors.prepare(("m", 1), &reference, &self::settings(60 * SECOND)),
        rig.monitors.prepare(("m", 2), &other, &settings),
    ] {
        drop(prepared);
    }
    assert_eq!(rig.lines("onnxd_drift"), before);
    assert!(Arc::ptr_eq(&serving, &rig.serve(1, &reference, &settings)));
    assert_eq!(rows(&serving), 7);
}

#[test]
fn counts_go_on_under_other_settings_and_begin_anew_under_another_reference() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::new(Some(directory.path().to_owned()));
    let (one, other) = (reference(300), reference(400));
    rig.serve(1, &one, &settings(SECOND)).inputs(&ones(7));
    assert_eq!(rows(&rig.serve(1, &one, &settings(3600 * SECOND))), 7);
    assert_eq!(rows(&rig.serve(1, &other, &settings(3600 * SECOND))), 0);
    assert_eq!(rows(&rig.serve(1, &one, &settings(3600 * SECOND))), 7, "it was saved");
    assert_eq!(rig.lines("onnxd_drift_rows_total").len(), 2, "one version, seen and counted");
}

#[test]
fn a_version_on_its_way_back_finds_what_it_had_also_if_it_is_swept_meanwhile() {
    let rig = Rig::new(None);
    let (reference, settings) = (reference(300), settings(3600 * SECOND));
    rig.serve(1, &reference, &settings).inputs(&ones(7));
    let prepared = rig.monitors.prepare(("m", 1), &reference, &settings);
    rig.monitors.sweep(|_, _| false);
    assert_eq!(rows(&rig.monitors.open(("m", 1), prepared)), 7);
}

/// As many rows of a file, all ones, or of another number.
fn file(reference: &Reference, rows: usize, value: f32) -> crate::drift::Tally {
    let mut tally = crate::drift::Tally::new(reference);
    let shape = crate::tensor::Shape::new(vec![rows]).unwrap();
    let inputs = [crate::tensor::Tensor::new(shape, vec![value; rows].into()).unwrap()];
    tally.observe_all_inputs(reference, &inputs);
    tally
}

#[test]
fn a_file_is_judged_at_once_by_the_next_looks_and_for_as_long_as_windows_hold_it() {
    let reference = reference(300);
    let settings = settings(3600 * SECOND);
    let start = 100_000 * SECOND;
    let monitor = Monitor::new(reference.clone(), settings, None, start);
    assert!(monitor.report(Source::Batch).is_none(), "nobody predicts files");
    monitor.expect_files(start);
    let look = |second: u32| {
        assert!(monitor.tick(start + second * SECOND));
        monitor.report(Source::Batch).unwrap().state
    };
    assert_eq!(look(60), State::Insufficient);
    monitor.file(&file(&reference, 1000, 5.0), start + 70 * SECOND);
    let looks = [120, 180, 240].map(look);
    assert_eq!(looks, [State::Stable, State::Stable, State::Drifted]);
    assert_eq!(look(47 * 3600), State::Drifted, "the long window has it");
    assert_eq!(look(50 * 3600), State::Insufficient);
    let requests = monitor.report(Source::Request).unwrap();
    assert_eq!(requests.state, State::Insufficient, "requests had none");
}

#[test]
fn files_come_into_view_when_they_are_expected_and_leave_with_their_version() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::new(Some(directory.path().to_owned()));
    let (reference, settings) = (reference(300), settings(3600 * SECOND));
    let monitor = rig.serve(1, &reference, &settings);
    let of_files = || {
        let lines = rig.lines("onnxd_drift_rows_total{");
        lines.into_iter().filter(|line| line.contains("source=\"batch\"")).collect::<Vec<_>>()
    };
    assert_eq!(of_files(), Vec::<String>::new());
    monitor.expect_files(now());
    assert_eq!(of_files().len(), 2);
    let page = String::from_utf8(rig.monitors.page()).unwrap();
    assert!(page.contains("source=\"batch\""), "{page}");
    monitor.file(&file(&reference, 70, 1.0), now());
    assert!(of_files().iter().all(|line| line.ends_with(" 70")), "{:?}", of_files());
    drop(monitor);
    rig.monitors.sweep(|_, _| false);
    assert_eq!(rig.lines("onnxd_drift"), Vec::<String>::new());
    let again = rig.serve(1, &reference, &settings);
    assert_eq!(again.window(Source::Batch, Span::Long, now()).unwrap().rows, 70, "it was saved");
    assert_eq!(of_files().len(), 2);
}

#[test]
fn a_look_that_ends_after_its_version_has_gone_shows_nothing() {
    let rig = Rig::new(None);
    let monitor = rig.serve(1, &reference(300), &settings(SECOND));
    let looked_at = rig.monitors.0.shelf.all().remove(0).thing;
    let at = |seconds: u32| now() + seconds * SECOND;
    let look = |seconds| {
        monitor.inputs(&ones(300));
        looked_at.tick(at(seconds));
    };
    (1..=3).for_each(look);
    assert_eq!(rig.lines("onnxd_drift_state").len(), 1);
    rig.monitors.close("m", 1);
    assert_eq!(rig.lines("onnxd_drift"), Vec::<String>::new());
    (4..=6).for_each(look);
    assert_eq!(rig.lines("onnxd_drift"), Vec::<String>::new());
}

#[test]
fn looks_and_scrapes_beside_changes_leave_nothing_behind() {
    let rig = Rig::new(None);
    let (one, other) = (reference(300), reference(400));
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut at = now();
            while !stop.load(Ordering::Relaxed) {
                at += SECOND;
                rig.monitors.tick(at);
                let _ = rig.registry.text();
            }
        });
        for turn in 0..300 {
            let reference = if turn % 2 == 0 { &one } else { &other };
            rig.serve(turn % 3, reference, &settings(SECOND)).inputs(&ones(300));
            rig.monitors.sweep(|_, version| version != 0);
        }
        stop.store(true, Ordering::Relaxed);
    });
    rig.monitors.sweep(|_, _| false);
    assert_eq!(rig.lines("onnxd_drift"), Vec::<String>::new());
}

#[test]
fn what_left_the_repository_is_saved_and_let_go() {
    let directory = tempfile::tempdir().unwrap();
    let rig = Rig::new(Some(directory.path().to_owned()));
    let (reference, settings) = (reference(300), settings(3600 * SECOND));
    let serving = rig.serve(1, &reference, &settings);
    rig.serve(2, &reference, &settings).inputs(&ones(5));
    serving.inputs(&ones(7));
    rig.monitors.sweep(|_, _| false);
    assert_eq!(rig.lines("onnxd_drift_rows_total{").len(), 2, "one serves, whatever is there");
    drop(serving);
    rig.monitors.sweep(|_, _| false);
    assert!(rig.monitors.0.shelf.all().is_empty());
    assert_eq!(rows(&rig.serve(1, &reference, &settings)), 7);
    assert_eq!(rows(&rig.serve(2, &reference, &settings)), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn pages_show_the_monitors_that_are_there_and_no_others(
        steps in proptest::collection::vec((1u64..4, 0u8..5), 1..30),
    ) {
        let rig = Rig::new(None);
        let references = [reference(300), reference(400)];
        let settings = settings(SECOND);
        let mut serving = BTreeMap::new();
        for (version, step) in steps {
            match step {
                0 | 1 => {
                    let monitor = rig.serve(version, &references[usize::from(step)], &settings);
                    serving.insert(version, monitor);
                }
                2 => drop(rig.monitors.prepare(("m", version), &references[0], &settings)),
                3 => drop(serving.remove(&version)),
                _ => rig.monitors.sweep(|_, other| other != version),
            }
            for (version, monitor) in &serving {
                let found = rig.monitors.0.shelf.find("m", *version).unwrap();
                prop_assert!(Arc::ptr_eq(&found, monitor));
            }
            let there = rig.monitors.0.shelf.all().len();
            prop_assert_eq!(rig.lines("onnxd_drift_features_left_out{").len(), there);
            prop_assert_eq!(rig.lines("onnxd_drift_rows_total{").len(), 2 * there);
        }
        serving.clear();
        rig.monitors.sweep(|_, _| false);
        prop_assert_eq!(rig.lines("onnxd_drift"), Vec::<String>::new());
    }
}
