//! What a server can do, measured right before the loads that are fractions of it: the
//! machine's speed changes from minute to minute.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use crate::client;
use crate::open::{Arrivals, Open};
use crate::process::{Serving, own_time};
use crate::question::Question;

const WARM_UP: Duration = Duration::from_millis(500);
const MEASURED: Duration = Duration::from_secs(2);

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Requests a second that a closed loop on so many connections gets answered.
pub fn closed(address: SocketAddr, questions: &[Question], connections: usize) -> f64 {
    for duration in [WARM_UP, MEASURED] {
        let outcome = client::load(address, questions, connections, duration);
        outcome.must_be_right("capacity");
        if duration == MEASURED {
            return outcome.rate();
        }
    }
    unreachable!("the last one is measured")
}

/// Questions a second of an open loop that keep the machine busy for this share of its time.
/// It runs the client, too, and sending one by one costs that more than sending at once, so
/// the rate of a closed loop is only where the search begins.
pub fn busy_rate(server: &Serving, arrivals: &Arrivals, closed: f64, share: f64) -> f64 {
    let mut rate = closed / 3.0;
    for _ in 0..3 {
        let load = Open::start(server.address, &Arrivals { rate, ..arrivals.clone() });
        sleep(WARM_UP);
        let before = own_time() + server.time();
        sleep(MEASURED / 2);
        let busy = (own_time() + server.time()).saturating_sub(before);
        // Too much is no failure yet, it only says that the rate must be lower.
        let overdone = load.end().unsent > 0;
        let time = cores() as f64 * (MEASURED / 2).as_secs_f64();
        let busy = if overdone { 1.0 } else { busy.as_secs_f64() / time };
        rate = (rate * share / busy).min(closed);
    }
    rate
}
