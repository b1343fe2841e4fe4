//! What a batch job costs those who ask meanwhile: questions to `digits` at a moderate rate, with
//! and without a job that runs all flights through `flight-delay` as fast as it may.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::capacity;
use crate::figure::{Bar, Figure, median};
use crate::open::{Arrivals, Open, Precedence};
use crate::process::Serving;
use crate::question::{Form, Rows};
use crate::raw::Raw;
use crate::repository::{self, Repository};
use crate::subjects;

/// Of the machine's time, what the questions take, their client included.
const SHARES: [f64; 2] = [0.3, 0.6];
const WARM_UP: Duration = Duration::from_secs(1);
/// With and without a job take turns, so that both see the same of the machine.
const TURN: Duration = Duration::from_secs(2);
const TURNS: usize = 3;
const STILL: usize = 1;
const BESIDE_A_JOB: usize = 2;

const FLIGHTS: usize = 300_000;
/// The same file under so many names: more than a turn can do.
const FILES: usize = 100;

pub fn run(rounds: usize) -> Vec<Figure> {
    let repository = Repository::new();
    repository.add("flight-delay", 2, &repository::flight_delay(2));
    repository.add("digits", 1, &repository::digits());
    let raw = Raw::load(&repository.version("digits", 1));
    let rows = Rows::new("digits", &raw, &[subjects::digits_of(&[256, 64], 4)]);
    let questions = subjects::one_by_one(&rows, Form::Json, "");
    let files = Repository::new();
    let first = files.root.join("flights-0.csv");
    fs::write(&first, flights()).expect("writable");
    for at in 1..FILES {
        fs::hard_link(&first, files.root.join(format!("flights-{at}.csv"))).expect("writable");
    }
    let root = files.root.display().to_string();
    let server = Serving::onnxd(&repository.root, &["--job-root", &root]);
    let address = server.address;
    let idle = beside_job(address, || sleep(TURN));
    println!("\nOn an idle server a job does {idle:.0} rows/s.");
    println!(
        "\n| digits, 1 row | open loop /s | p50 still, beside a job | p99 still, beside a job | p99 ratio | rows/s of the job |\n|---|---|---|---|---|---|"
    );
    let mut figures = Vec::new();
    for share in SHARES {
        let mut ratios = Vec::new();
        for round in 0..rounds as u64 {
            let closed = capacity::closed(address, &questions, 16);
            let mut arrivals = Arrivals {
                questions: questions.clone().into(),
                rate: 0.0,
                connections: 1024,
                seed: round,
                precedence: Precedence::Nobody,
            };
            arrivals.rate = capacity::busy_rate(&server, &arrivals, closed, share);
            let load = Open::start(address, &arrivals);
            sleep(WARM_UP);
            let mut done = 0.0;
            for _ in 0..TURNS {
                load.enter(STILL);
                sleep(TURN);
                load.enter(0);
                done += beside_job(address, || {
                    load.enter(BESIDE_A_JOB);
                    sleep(TURN);
                    load.enter(0);
                });
            }
            let seen = load.end();
            seen.must_be_answered("digits beside a job");
            let phase = |phase: usize, q| seen.phases[phase].quantile(q);
            let ratio = phase(BESIDE_A_JOB, 0.99).as_secs_f64() / phase(STILL, 0.99).as_secs_f64();
            println!(
                "| {:.0} % busy | {:.0} | {:.2?}, {:.2?} | {:.2?}, {:.2?} | {ratio:.2} | {:.0} |",
                share * 100.0,
                arrivals.rate,
                phase(STILL, 0.5),
                phase(BESIDE_A_JOB, 0.5),
                phase(STILL, 0.99),
                phase(BESIDE_A_JOB, 0.99),
                done / TURNS as f64,
            );
            ratios.push(ratio);
        }
        let name = format!("p99 beside a job / without, digits, {:.0} % load", share * 100.0);
        figures.push(Figure::new(name, median(ratios), Bar::AtMost(1.5)));
    }
    figures
}

/// Rows a second that a job does during this.
fn beside_job(address: SocketAddr, then: impl FnOnce()) -> f64 {
    let job = json!({
        "model": "flight-delay",
        "input": "flights-*.csv",
        "output": "out.csv",
        "keep": ["id"],
    });
    let job = ask(address, "POST", "/api/jobs", &job.to_string());
    let path = format!("/api/jobs/{}", job["id"].as_str().expect("it is accepted"));
    let rows = || {
        let job = ask(address, "GET", &path, "");
        assert!(job["error"].is_null(), "the job failed: {}", job["error"]);
        job["progress"]["rows"].as_u64().unwrap_or(0)
    };
    let give_up = Instant::now() + Duration::from_secs(30);
    while rows() == 0 {
        assert!(Instant::now() < give_up, "the job did not begin");
        sleep(Duration::from_millis(5));
    }
    let (before, started) = (rows(), Instant::now());
    then();
    let done = (rows() - before) as f64 / started.elapsed().as_secs_f64();
    ask(address, "DELETE", &path, "");
    while ask(address, "GET", &path, "")["state"] == "running" {
        sleep(Duration::from_millis(5));
    }
    ask(address, "DELETE", &path, "");
    done
}

/// Asks on a connection of its own. The answer is null if it has no body.
fn ask(address: SocketAddr, method: &str, path: &str, body: &str) -> Value {
    let mut stream = TcpStream::connect(address).expect("the server accepts");
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    let request = format!("{head}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).expect("the server reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the server answers");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a head");
    serde_json::from_str(body).unwrap_or_default()
}

fn flights() -> String {
    let mut text = "id,carrier,origin,dest,weekday,hour,distance,temp,humid,wind_speed,precip,pressure,visib\n".to_owned();
    for row in 0..FLIGHTS {
        let carrier = ["UA", "AA", "B6", "DL"][row % 4];
        let origin = ["EWR", "LGA", "JFK"][row % 3];
        let (weekday, hour, distance) = (row % 7, row % 24, 200 + row % 2400);
        let _ = writeln!(
            text,
            "{row},{carrier},{origin},IAH,{weekday},{hour},{distance},{}.5,60.25,12.5,0.0,1012.5,10.0",
            20 + row % 70
        );
    }
    text
}
