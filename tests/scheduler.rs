//! The scheduler's promises, with an engine whose behaviour the tests choose.

#![expect(clippy::expect_used, reason = "a test that cannot go on must fail")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use onnxd::engine::fake::{FAILS, FakeLoaded, FakeModel, PANICS};
use onnxd::engine::{LoadedModel, guard};
use onnxd::metrics::Registry;
use onnxd::scheduler::{
    Answer, BatchLimits, Config, Limits, Metrics, Priority, Queue, Rejection, Scheduler, Work,
};
use onnxd::tensor::{Shape, Tensor};
use proptest::prelude::*;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

struct Rig {
    scheduler: Scheduler,
    queue: Arc<Queue>,
    model: Arc<FakeLoaded>,
}

fn rig(model: FakeModel, threads: usize, limits: Limits) -> Rig {
    guard::install_hook();
    let scheduler = Scheduler::start(Config { threads }).expect("threads start");
    let model = Arc::new(model.load());
    let metrics = Metrics::new(&Registry::default()).of("m", "1");
    let queue = scheduler.queue(Arc::clone(&model) as Arc<dyn LoadedModel>, limits, metrics);
    Rig { scheduler, queue: Arc::new(queue), model }
}

fn roomy() -> Limits {
    limits(10_000, 16)
}

fn limits(waiting: usize, max_rows: usize) -> Limits {
    let batch = BatchLimits { max_rows, preferred_rows: None, max_delay: Duration::ZERO };
    Limits { waiting, batch, idle_cores: true }
}

fn rows(values: &[i64]) -> Tensor {
    let shape = Shape::new(vec![values.len()]).expect("it is small");
    Tensor::new(shape, values.to_vec().into()).expect("it fits")
}

fn ask(rig: &Rig, values: &[i64], allowed: Duration) -> JoinHandle<Result<Answer, Rejection>> {
    ask_inputs(rig, vec![rows(values)], allowed)
}

fn ask_inputs(
    rig: &Rig,
    inputs: Vec<Tensor>,
    allowed: Duration,
) -> JoinHandle<Result<Answer, Rejection>> {
    ask_first(rig, inputs, allowed, Priority::default())
}

fn ask_first(
    rig: &Rig,
    inputs: Vec<Tensor>,
    allowed: Duration,
    priority: Priority,
) -> JoinHandle<Result<Answer, Rejection>> {
    let queue = Arc::clone(&rig.queue);
    let work = Work { inputs, deadline: Instant::now() + allowed, allowed, priority };
    tokio::spawn(async move { queue.run(work).await })
}

const LONG: Duration = Duration::from_secs(30);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_caller_gets_exactly_its_own_rows_under_any_mix(
        counts in proptest::collection::vec(0usize..24, 1..60),
        threads in 1usize..4,
        batch_rows in 1usize..20,
        gains: bool,
    ) {
        let costs = vec![(1, 1000), (4, if gains { 1000 } else { 8000 })];
        let model = FakeModel { costs, ..FakeModel::default() };
        let rig = rig(model, threads, limits(10_000, batch_rows));
        let asked: Vec<Vec<i64>> = counts
            .iter()
            .zip(0i64..)
            .map(|(&count, caller)| (caller * 100..).take(count).collect())
            .collect();
        let answers = runtime().block_on(async {
            let calls: Vec<_> = asked.iter().map(|values| ask(&rig, values, LONG)).collect();
            let mut answers = Vec::new();
            for call in calls {
                answers.push(call.await.expect("no panic").expect("an answer"));
            }
            answers
        });
        for (values, answer) in asked.iter().zip(answers) {
            prop_assert_eq!(answer.outputs, vec![rows(values)]);
        }
    }

    #[test]
    fn inputs_that_differ_in_their_rows_are_answered_as_if_alone(
        counts in proptest::collection::vec((0usize..5, 0usize..5), 1..40),
        threads in 1usize..4,
    ) {
        let rig = rig(FakeModel { inputs: 2, ..FakeModel::default() }, threads, roomy());
        let asked: Vec<Vec<Tensor>> = counts
            .iter()
            .zip(0i64..)
            .map(|(&(left, right), caller)| {
                let values = |count| (caller * 100..).take(count).collect::<Vec<_>>();
                vec![rows(&values(left)), rows(&values(right))]
            })
            .collect();
        let answers = runtime().block_on(async {
            let calls: Vec<_> =
                asked.iter().map(|inputs| ask_inputs(&rig, inputs.clone(), LONG)).collect();
            let mut answers = Vec::new();
            for call in calls {
                answers.push(call.await.expect("no panic").expect("an answer"));
            }
            answers
        });
        for (inputs, answer) in asked.into_iter().zip(answers) {
            prop_assert_eq!(answer.outputs, inputs);
        }
    }

    #[test]
    fn a_request_that_fails_or_panics_costs_nobody_else_an_answer(
        bad in proptest::collection::vec(proptest::option::weighted(0.2, any::<bool>()), 1..40),
    ) {
        let rig = rig(FakeModel::default(), 2, roomy());
        runtime().block_on(async {
            let calls: Vec<_> = bad
                .iter()
                .zip(0i64..)
                .map(|(bad, caller)| match bad {
                    None => ask(&rig, &[caller], LONG),
                    Some(true) => ask(&rig, &[PANICS], LONG),
                    Some(false) => ask(&rig, &[FAILS], LONG),
                })
                .collect();
            for ((call, bad), caller) in calls.into_iter().zip(&bad).zip(0i64..) {
                match (call.await.expect("no panic"), bad) {
                    (Ok(answer), None) => assert_eq!(answer.outputs, vec![rows(&[caller])]),
                    (Err(Rejection::Run(_)), Some(_)) => {}
                    (other, bad) => panic!("{other:?} for a request with {bad:?}"),
                }
            }
        });
    }
}

#[test]
fn rows_that_wait_together_run_together() {
    let rig = rig(FakeModel { delay_ms: 30, ..FakeModel::default() }, 1, roomy());
    runtime().block_on(async {
        let calls: Vec<_> = (0..9).map(|caller| ask(&rig, &[caller], LONG)).collect();
        let mut largest = 0;
        for call in calls {
            let answer = call.await.expect("no panic").expect("an answer");
            largest = largest.max(answer.batch_rows.expect("the model counts rows"));
        }
        assert!(largest > 1, "nothing was joined");
    });
    assert!(rig.model.runs() < 9, "{} runs for 9 requests", rig.model.runs());
}

#[test]
fn rows_of_a_model_that_does_not_allow_it_never_run_together() {
    let model = FakeModel { rows: false, delay_ms: 5, ..FakeModel::default() };
    let rig = rig(model, 1, roomy());
    runtime().block_on(async {
        let calls: Vec<_> = (0..6).map(|caller| ask(&rig, &[caller], LONG)).collect();
        for call in calls {
            call.await.expect("no panic").expect("an answer");
        }
    });
    assert_eq!(rig.model.runs(), 6);
}

#[test]
fn a_full_queue_refuses_at_once() {
    let model = FakeModel { rows: false, delay_ms: 300, ..FakeModel::default() };
    let rig = rig(model, 1, limits(2, 1));
    runtime().block_on(async {
        let calls: Vec<_> = (0..8).map(|caller| ask(&rig, &[caller], LONG)).collect();
        let mut refused = 0;
        for call in calls {
            let asked = Instant::now();
            if let Err(error) = call.await.expect("no panic") {
                assert_eq!(error, Rejection::QueueFull { waiting: 2 });
                assert!(asked.elapsed() < Duration::from_secs(2));
                refused += 1;
            }
        }
        // One runs (or is about to), two wait.
        assert!((5..=6).contains(&refused), "{refused} of 8 were refused");
    });
}

#[test]
fn work_whose_deadline_passed_is_refused_and_not_run() {
    let model = FakeModel { rows: false, delay_ms: 150, ..FakeModel::default() };
    let rig = rig(model, 1, roomy());
    runtime().block_on(async {
        let first = ask(&rig, &[1], LONG);
        while rig.model.runs() == 0 {
            tokio::task::yield_now().await;
        }
        let late = ask(&rig, &[2], Duration::from_millis(20)).await.expect("no panic");
        assert!(matches!(late, Err(Rejection::DeadlineExceeded(_))), "{late:?}");
        first.await.expect("no panic").expect("an answer");
        ask(&rig, &[3], LONG).await.expect("no panic").expect("an answer");
    });
    assert_eq!(rig.model.runs(), 2);
}

#[test]
fn work_of_a_caller_who_went_away_is_not_run() {
    let model = FakeModel { rows: false, delay_ms: 150, ..FakeModel::default() };
    let rig = rig(model, 1, roomy());
    runtime().block_on(async {
        let first = ask(&rig, &[1], LONG);
        while rig.model.runs() == 0 {
            tokio::task::yield_now().await;
        }
        let gone = ask(&rig, &[2], LONG);
        while rig.queue.depth() == 0 {
            tokio::task::yield_now().await;
        }
        gone.abort();
        first.await.expect("no panic").expect("an answer");
        ask(&rig, &[3], LONG).await.expect("no panic").expect("an answer");
    });
    assert_eq!(rig.model.runs(), 2);
}

#[test]
fn a_flood_on_one_model_does_not_keep_another_from_its_turn() {
    let slow = FakeModel { rows: false, delay_ms: 20, ..FakeModel::default() };
    let flooded = rig(slow, 1, roomy());
    let metrics = Metrics::new(&Registry::default()).of("quiet", "1");
    let quiet = Arc::new(FakeModel::default().load());
    let queue = flooded.scheduler.queue(quiet, roomy(), metrics);
    runtime().block_on(async {
        let flood: Vec<_> = (0..50).map(|caller| ask(&flooded, &[caller], LONG)).collect();
        while flooded.queue.depth() < 40 {
            tokio::task::yield_now().await;
        }
        let work = Work {
            inputs: vec![rows(&[7])],
            deadline: Instant::now() + LONG,
            allowed: LONG,
            priority: Priority::default(),
        };
        let before = flooded.model.runs();
        queue.run(work).await.expect("an answer");
        let waited_for = flooded.model.runs() - before;
        assert!(waited_for <= 1, "it waited for {waited_for} runs of 20 ms");
        flood.iter().for_each(JoinHandle::abort);
    });
}

#[test]
fn rows_that_cost_more_in_company_run_one_by_one_and_side_by_side() {
    let model =
        FakeModel { delay_ms: 20, costs: vec![(1, 20_000), (2, 50_000)], ..FakeModel::default() };
    let rig = rig(model, 4, roomy());
    let values: Vec<i64> = (0..8).collect();
    let started = Instant::now();
    let answer = runtime()
        .block_on(async { ask(&rig, &values, LONG).await.expect("no panic").expect("an answer") });
    assert_eq!(answer.outputs, vec![rows(&values)]);
    assert_eq!((rig.model.runs(), answer.batch_rows), (8, Some(1)));
    assert!(started.elapsed() < Duration::from_millis(8 * 20), "{:?}", started.elapsed());
}

#[test]
fn the_rows_of_one_request_stay_together_where_batching_is_turned_off() {
    let model = FakeModel { costs: vec![(1, 20_000), (2, 50_000)], ..FakeModel::default() };
    let rig = rig(model, 2, limits(100, 1));
    runtime().block_on(async {
        ask(&rig, &[1, 2, 3], LONG).await.expect("no panic").expect("an answer");
    });
    assert_eq!(rig.model.runs(), 1);
}

#[test]
fn one_bad_row_of_a_request_in_slices_fails_that_request_alone() {
    let model = FakeModel { costs: vec![(1, 1000), (2, 5000)], ..FakeModel::default() };
    let rig = rig(model, 2, roomy());
    runtime().block_on(async {
        let bad = ask(&rig, &[1, 2, PANICS, 4], LONG);
        let good = ask(&rig, &[5, 6, 7], LONG);
        let bad = bad.await.expect("no panic");
        assert!(matches!(bad, Err(Rejection::Run(_))), "{bad:?}");
        let good = good.await.expect("no panic").expect("an answer");
        assert_eq!(good.outputs, vec![rows(&[5, 6, 7])]);
    });
}

/// Keeps the only worker busy with a long run.
fn busy(rig: &Rig) -> JoinHandle<Result<Answer, Rejection>> {
    ask(rig, &[0], LONG)
}

async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::task::yield_now().await;
    }
}

#[test]
fn urgent_requests_go_first_and_those_of_one_priority_in_their_order() {
    let model = FakeModel { rows: false, delay_ms: 60, ..FakeModel::default() };
    let rig = rig(model, 1, roomy());
    runtime().block_on(async {
        let first = busy(&rig);
        until(|| rig.model.runs() == 1).await;
        let mut calls = Vec::new();
        for (depth, priority) in [5, 0, 0, 1].into_iter().enumerate() {
            let priority = Priority::of(priority);
            calls.push(ask_first(&rig, vec![rows(&[1])], LONG, priority));
            until(|| rig.queue.depth() == depth + 1).await;
        }
        first.await.expect("no panic").expect("an answer");
        let mut waited = Vec::new();
        for call in calls {
            waited.push(call.await.expect("no panic").expect("an answer").queued);
        }
        let [last, second, third, first] = waited[..] else { panic!("four calls") };
        assert!(first < second && second < third && third < last, "{waited:?}");
    });
}

#[test]
fn a_request_that_the_queue_would_make_late_is_refused_at_once() {
    let model =
        FakeModel { rows: false, delay_ms: 50, costs: vec![(1, 50_000)], ..FakeModel::default() };
    let rig = rig(model, 1, roomy());
    runtime().block_on(async {
        let first = busy(&rig);
        until(|| rig.model.runs() == 1).await;
        let waiting: Vec<_> = (0..4).map(|_| ask(&rig, &[1], LONG)).collect();
        until(|| rig.queue.depth() == 4).await;
        let asked = Instant::now();
        let late = ask(&rig, &[2], Duration::from_millis(150)).await.expect("no panic");
        assert!(matches!(late, Err(Rejection::WouldBeLate { .. })), "{late:?}");
        assert!(asked.elapsed() < Duration::from_millis(100), "{:?}", asked.elapsed());
        // What goes before the queue is not kept out by it.
        let priority = Priority::of(1);
        let urgent = ask_first(&rig, vec![rows(&[3])], Duration::from_millis(150), priority);
        urgent.await.expect("no panic").expect("an answer");
        for call in waiting.into_iter().chain([first]) {
            call.await.expect("no panic").expect("an answer");
        }
    });
}

#[test]
fn a_run_ends_when_its_deadline_passes_or_its_caller_goes() {
    let model = FakeModel { rows: false, delay_ms: 10_000, ..FakeModel::default() };
    let rig = rig(model, 1, roomy());
    let started = Instant::now();
    runtime().block_on(async {
        let late = ask(&rig, &[1], Duration::from_millis(50)).await.expect("no panic");
        assert!(matches!(late, Err(Rejection::DeadlineExceeded(_))), "{late:?}");
        let gone = ask(&rig, &[2], LONG);
        until(|| rig.model.runs() == 2).await;
        gone.abort();
        let next = ask(&rig, &[3], LONG);
        until(|| rig.model.runs() == 3).await;
        next.abort();
    });
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_long_run_stands_still_while_a_short_one_of_another_model_is_at_work() {
    let costs = vec![(1, 1_000_000)];
    let computes = FakeModel { computes_ms: 1000, costs, ..FakeModel::default() };
    let long = rig(computes, 1, roomy());
    let short = Arc::new(FakeModel { delay_ms: 200, ..FakeModel::default() }.load());
    let metrics = Metrics::new(&Registry::default()).of("short", "1");
    let queue = long.scheduler.queue(short, roomy(), metrics);
    runtime().block_on(async {
        let asked = ask(&long, &[7], LONG);
        // It stands still no longer than it has run.
        until(|| long.model.computed() > Duration::from_millis(250)).await;
        let before = long.model.computed();
        let (deadline, allowed) = (Instant::now() + LONG, LONG);
        let inputs = vec![rows(&[8])];
        let work = Work { inputs, deadline, allowed, priority: Priority::default() };
        queue.run(work).await.expect("an answer");
        let meanwhile = long.model.computed().saturating_sub(before);
        assert!(meanwhile < Duration::from_millis(100), "{meanwhile:?} of 200 ms");
        asked.await.expect("no panic").expect("an answer");
    });
}

#[test]
fn a_batch_that_is_not_full_waits_for_company_no_longer_than_that_saves() {
    let batch =
        BatchLimits { max_rows: 16, preferred_rows: None, max_delay: Duration::from_mins(1) };
    let model = FakeModel { costs: vec![(1, 40_000), (16, 40_000)], ..FakeModel::default() };
    let rig = rig(model, 2, Limits { batch, ..roomy() });
    runtime().block_on(async {
        let alone = ask(&rig, &[1], LONG).await.expect("no panic").expect("an answer");
        // 40 ms alone, 2.5 ms in a full batch.
        let saving = Duration::from_micros(37_500);
        assert!(alone.queued >= saving && alone.queued < saving * 4, "{:?}", alone.queued);
        let full: Vec<_> = (0..16).map(|caller| ask(&rig, &[caller], LONG)).collect();
        for call in full {
            let answer = call.await.expect("no panic").expect("an answer");
            assert_eq!(answer.batch_rows, Some(16));
        }
    });
}

#[test]
fn no_request_is_forgotten_however_the_workers_come_to_rest() {
    let rig = rig(FakeModel::default(), 1, roomy());
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Keeps the lock busy, so that enqueuing and going idle meet in every order.
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let _ = rig.queue.depth();
            }
        });
        runtime().block_on(async {
            for caller in 0..3000 {
                let answer = ask(&rig, &[caller], Duration::from_secs(5)).await.expect("no panic");
                assert!(answer.is_ok(), "request {caller}: {answer:?}");
            }
        });
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
