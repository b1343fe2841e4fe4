//! Throughput of requests of many sizes: 1 to 64 rows each on boosted trees, against a loop
//! that does nothing but run the plan on batches of the size that is best for it, on as many
//! threads as there are cores.
//!
//! The loop has the cores for itself; the server shares them with the client, which writes
//! the questions and checks the answers. The client's part of the machine's time is printed,
//! and the ratio without it beside the figure. Binary data is what callers use who care for
//! rows a second, so that is the figure; JSON stands beside it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::capacity::cores;
use crate::client;
use crate::figure::{Bar, Figure, median};
use crate::process::{Serving, busy_time, own_time};
use crate::question::{Form, Question, Rows};
use crate::random::Random;
use crate::raw::Raw;
use crate::repository::{self, Repository};
use crate::subjects;

const MODEL: &str = "flight-delay";
const MOST_ROWS: usize = 64;
const QUESTIONS: usize = 512;
const CONNECTIONS: usize = 16;
const ROUND: Duration = Duration::from_secs(3);
const BATCHES: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];

pub fn run(rounds: usize) -> Vec<Figure> {
    let repository = Repository::new();
    repository.add(MODEL, 2, &repository::flight_delay(2));
    let raw = Raw::load(&repository.version(MODEL, 2));
    let rows = Rows::new(MODEL, &raw, &subjects::flights(&raw));
    let server = Serving::onnxd(&repository.root, &[]);
    let forms =
        [("binary", questions(&rows, Form::Binary)), ("JSON", questions(&rows, Form::Json))];
    let mut ratios = [Vec::new(), Vec::new()];
    println!(
        "\n| 1-64 rows of flight-delay | server, rows/s | plan alone, rows/s (batch) | ratio | machine busy | client's part of it | ratio without that |\n|---|---|---|---|---|---|---|"
    );
    for _ in 0..rounds {
        let (best, batch) = best_batch(&raw, &rows);
        for ((form, questions), ratios) in forms.iter().zip(&mut ratios) {
            let Measured { rate, busy, client } = measure(server.address, questions);
            let ratio = rate / best;
            println!(
                "| {form} | {rate:.0} | {best:.0} ({batch}) | {ratio:.2} | {busy:.2} | {client:.2} | {:.2} |",
                ratio / (1.0 - client),
            );
            ratios.push(ratio);
        }
    }
    let [binary, json] = ratios.map(median);
    let name = |form| format!("1-64 rows of flight-delay, {form}: rows/s against the plan alone");
    vec![
        Figure::new(name("binary"), binary, Bar::AtLeast(0.8)),
        Figure::new(name("JSON"), json, Bar::AtLeast(0.8)),
    ]
}

/// The same sizes and rows in every form.
fn questions(rows: &Rows, form: Form) -> Vec<Question> {
    let mut random = Random::new(4);
    let question = |_| {
        let count = 1 + random.below(MOST_ROWS);
        let picks: Vec<usize> = (0..count).map(|_| random.below(rows.len())).collect();
        rows.question(&picks, form, "")
    };
    (0..QUESTIONS).map(question).collect()
}

/// Rows a second of the plan alone, and the rows of a batch that reach it.
fn best_batch(raw: &Raw, rows: &Rows) -> (f64, usize) {
    let rates = BATCHES.map(|batch| {
        let picks: Vec<usize> = (0..batch).map(|row| row % rows.len()).collect();
        let runs = raw.rate(&rows.tensors(&picks), cores(), Duration::from_millis(200));
        (runs * batch as f64, batch)
    });
    rates.into_iter().max_by(|a, b| a.0.total_cmp(&b.0)).expect("several batches")
}

/// Rows a second, and parts of the machine's time.
struct Measured {
    rate: f64,
    busy: f64,
    client: f64,
}

fn measure(address: SocketAddr, questions: &[Question]) -> Measured {
    let (started, busy, own) = (Instant::now(), busy_time(), own_time());
    let outcome = client::load(address, questions, CONNECTIONS, ROUND);
    outcome.must_be_right("the mix");
    let machine = started.elapsed().as_secs_f64() * cores() as f64;
    let part = |now: Duration, before| now.saturating_sub(before).as_secs_f64() / machine;
    Measured {
        rate: outcome.rows_rate(),
        busy: part(busy_time(), busy),
        client: part(own_time(), own),
    }
}
