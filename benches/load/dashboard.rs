//! What it costs that somebody looks: 50 models under load with the dashboard open and without,
//! turn by turn on one server.
//!
//! Twice: with the page in a real browser on this machine, which takes its share of the cores
//! for drawing, and with the page's requests alone, as a browser elsewhere sends them. Only the
//! second is the server's cost; the first is what one sees who looks on the machine itself.
//! `make dashboard-bench` sets up the browser; `pairs=10` makes a quick look of it.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::client;
use crate::figure::{Bar, Figure};
use crate::pairs::ratio;
use crate::process::{Serving, project};
use crate::question::Question;
use crate::ratios;
use crate::repository::{Repository, digits};

const MODELS: usize = 50;
const CONNECTIONS: usize = 16;
const PAIRS: usize = 60;

/// Longer than the pauses of the page between its requests.
const ROUND: Duration = Duration::from_secs(5);

pub fn run(pairs: Option<usize>) -> Vec<Figure> {
    let repository = Repository::new();
    (0..MODELS).for_each(|at| repository.add(&name(at), 1, &digits()));
    let server = Serving::onnxd(&repository.root, &[]);
    let mut page = Page::over(server.address);
    let bench = Bench { server: &server, questions: questions(), pairs: pairs.unwrap_or(PAIRS) };
    let requests = page.asks();
    println!("The page asks, with pauses in seconds: {requests:?}");
    // The plans, the caches, the processor's clock.
    bench.rate();
    let whole = bench.compare("with the page open in a browser on this machine", |measure| {
        page.say("open");
        let rate = measure();
        page.say("shut");
        rate
    });
    let asked = bench.compare("with the page's requests alone", |measure| {
        let polls = Polls { address: server.address, requests: &requests };
        polls.during(measure)
    });
    vec![whole, asked]
}

fn name(at: usize) -> String {
    format!("digits-{at:02}")
}

/// One of the shipped example to each of the models.
fn questions() -> Vec<Question> {
    let [json, ..] = ratios::scenarios();
    (0..MODELS).map(|at| json.question_to(&format!("/v2/models/{}/infer", name(at)))).collect()
}

struct Bench<'a> {
    server: &'a Serving,
    questions: Vec<Question>,
    pairs: usize,
}

impl Bench<'_> {
    fn rate(&self) -> f64 {
        let outcome = client::load(self.server.address, &self.questions, CONNECTIONS, ROUND);
        outcome.must_be_right("dashboard");
        outcome.rate()
    }

    /// Requests per second while `looked_at` has somebody look, over those while nobody does.
    fn compare(&self, name: &str, mut looked_at: impl FnMut(&dyn Fn() -> f64) -> f64) -> Figure {
        let rate = || self.rate();
        let pair = |at: usize| {
            if at.is_multiple_of(2) {
                let with = looked_at(&rate);
                [with, rate()]
            } else {
                let without = rate();
                [looked_at(&rate), without]
            }
        };
        let pairs: Vec<[f64; 2]> = (0..self.pairs).map(pair).collect();
        let ratio = ratio(&pairs);
        println!("{name} / without: {:.4} ({:.4} to {:.4})", ratio.median, ratio.low, ratio.high);
        Figure::new(format!("{name} / without: requests/s"), ratio.median, Bar::AtLeast(0.99))
    }
}

/// The page in a browser, told by lines what to do and answering each with one.
struct Page {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Page {
    fn over(server: SocketAddr) -> Self {
        let mut child = Command::new("node")
            .arg(project("benches/dashboard/page.js"))
            .arg(format!("http://{server}"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts: `make dashboard-bench` looks for it");
        assert!(env::var_os("CHROMIUM").is_some(), "run it by `make dashboard-bench`");
        let orders = child.stdin.take().expect("it is piped");
        let answers = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, orders, answers }
    }

    /// Returns when it is done.
    fn say(&mut self, order: &str) -> String {
        writeln!(self.orders, "{order}").expect("the browser is there");
        let mut answer = String::new();
        let length = self.answers.read_line(&mut answer).expect("it answers in text");
        assert!(length > 0, "the browser ended");
        answer
    }

    /// What the open page asks for, and the seconds between.
    fn asks(&mut self) -> BTreeMap<String, f64> {
        let answer = self.say("asks");
        let asked = serde_json::from_str(&answer).expect("paths with seconds");
        self.say("shut");
        asked
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It ends its browser when its orders end.
        let _ = self.orders.write_all(b"end\n");
        let _ = self.child.wait();
    }
}

/// The requests of a page, each in its own time.
struct Polls<'a> {
    address: SocketAddr,
    requests: &'a BTreeMap<String, f64>,
}

impl Polls<'_> {
    fn during(&self, measure: &dyn Fn() -> f64) -> f64 {
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for (path, seconds) in self.requests {
                let over = &over;
                scope.spawn(move || self.poll(path, Duration::from_secs_f64(*seconds), over));
            }
            let rate = measure();
            over.store(true, Ordering::Relaxed);
            rate
        })
    }

    fn poll(&self, path: &str, pause: Duration, over: &AtomicBool) {
        const NAP: Duration = Duration::from_millis(50);
        // As a browser asks: over one connection, for packed answers.
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n\r\n"
        );
        let mut connection = client::Connection::open(self.address).expect("the server is there");
        while !over.load(Ordering::Relaxed) {
            let answer = connection.ask(request.as_bytes());
            assert!(answer.is_some_and(|(status, _)| status == 200), "{path} is answered");
            let next = Instant::now() + pause;
            while Instant::now() < next && !over.load(Ordering::Relaxed) {
                thread::sleep(NAP);
            }
        }
    }
}
