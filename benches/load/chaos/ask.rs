//! The callers: each on a connection of its own, one request after the other, and sometimes
//! away in the middle of one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::models::Model;
use super::tally::Tally;
use crate::client;
use crate::question::Form;
use crate::random::Random;

/// What a caller does with a request.
#[derive(Clone, Copy)]
enum Manner {
    Waits,
    LeavesWhileAsking,
    LeavesWhileWaiting,
    LeavesInTheAnswer,
}

struct Request {
    model: usize,
    picks: Vec<usize>,
    form: Form,
    manner: Manner,
    bytes: Vec<u8>,
}

pub fn run(
    address: SocketAddr,
    models: &Arc<Vec<Model>>,
    connections: u64,
    until: Instant,
    tally: &Arc<Tally>,
) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    runtime.block_on(async {
        let caller = |seed| caller(address, Arc::clone(models), seed, until, Arc::clone(tally));
        let callers: Vec<_> = (0..connections).map(|seed| tokio::spawn(caller(seed))).collect();
        for caller in callers {
            caller.await.expect("a caller does not panic");
        }
    });
}

async fn caller(
    address: SocketAddr,
    models: Arc<Vec<Model>>,
    seed: u64,
    until: Instant,
    tally: Arc<Tally>,
) {
    let started = Instant::now();
    let mut random = Random::new(seed);
    let mut stream = None;
    let mut buffer = Vec::new();
    while Instant::now() < until {
        let request = draw(&models, &mut random);
        let open = match stream.take() {
            Some(open) => Ok(open),
            None => TcpStream::connect(address).await,
        };
        let Ok(open) = open else {
            tally.broken();
            continue;
        };
        let away = Duration::from_micros(random.number() % 5_000);
        stream = ask(open, &models, &request, away, &mut buffer, &tally).await;
        // New versions load where nothing else wants the cores; they must get some time. So
        // three seconds of ten are as busy as can be.
        if started.elapsed().as_secs() % 10 >= 3 {
            tokio::time::sleep(Duration::from_micros(random.number() % 100_000)).await;
        }
    }
}

/// Gives the connection back if it can be used again.
async fn ask(
    mut stream: TcpStream,
    models: &[Model],
    request: &Request,
    away: Duration,
    buffer: &mut Vec<u8>,
    tally: &Tally,
) -> Option<TcpStream> {
    buffer.clear();
    let whole = &request.bytes;
    let part = match request.manner {
        Manner::LeavesWhileAsking => &whole[..whole.len() / 2],
        _ => whole,
    };
    if stream.write_all(part).await.is_err() {
        tally.broken();
        return None;
    }
    match request.manner {
        Manner::LeavesWhileAsking | Manner::LeavesWhileWaiting => {
            tokio::time::sleep(away).await;
            tally.left();
            return None;
        }
        Manner::LeavesInTheAnswer => {
            let mut first = [0; 20];
            // The rest is in the socket or still in the server.
            let _ = stream.read(&mut first).await;
            tally.left();
            return None;
        }
        Manner::Waits => {}
    }
    let answer = loop {
        if let Some(answer) = client::parse(buffer) {
            break answer;
        }
        let Ok(1..) = stream.read_buf(buffer).await else {
            tally.broken();
            return None;
        };
    };
    let body = &buffer[answer.body..answer.end];
    match answer.status {
        200 if models[request.model].is_right(body, &request.picks, request.form) => {
            tally.right(request.picks.len());
        }
        status => tally.not_right(status, body),
    }
    Some(stream)
}

fn draw(models: &[Model], random: &mut Random) -> Request {
    let mut left = random.below(models.iter().map(|model| model.weight).sum());
    let mut model = 0;
    while left >= models[model].weight {
        left -= models[model].weight;
        model += 1;
    }
    let asked = &models[model];
    let count = 1 + random.below(asked.most_rows);
    let picks: Vec<usize> = (0..count).map(|_| random.below(asked.rows())).collect();
    let form = if random.chance(0.5) { Form::Json } else { Form::Binary };
    let manner = match random.below(40) {
        0 | 1 => Manner::LeavesWhileAsking,
        2 | 3 => Manner::LeavesWhileWaiting,
        4 | 5 => Manner::LeavesInTheAnswer,
        _ => Manner::Waits,
    };
    let bytes = asked.request(&picks, form, &parameters(random));
    Request { model, picks, form, manner, bytes }
}

fn parameters(random: &mut Random) -> String {
    let mut parameters = Vec::new();
    if random.chance(0.4) {
        // From far too short to long enough, in microseconds.
        let micros = 10f64.powf(2.0 + 4.0 * random.unit());
        parameters.push(format!(r#""timeout":{micros:.0}"#));
    }
    if random.chance(0.4) {
        parameters.push(format!(r#""priority":{}"#, random.below(3)));
    }
    parameters.join(",")
}
