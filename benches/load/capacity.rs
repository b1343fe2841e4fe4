//! What a server can do, measured right before the loads that are fractions of it: the
//! machine's speed changes from minute to minute.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use crate::client;
use crate::open::{Arrivals, Open};
use crate::process;
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
pub fn busy_rate(address: SocketAddr, arrivals: &Arrivals, closed: f64, share: f64) -> f64 {
    let mut rate = closed / 2.0;
    for _ in 0..2 {
        let load = Open::start(address, &Arrivals { rate, ..arrivals.clone() });
        sleep(WARM_UP);
        let before = process::busy_time();
        sleep(MEASURED);
        let busy = process::busy_time().saturating_sub(before);
        load.end().must_be_answered("the search for the rate");
        let time = cores() as f64 * MEASURED.as_secs_f64();
        rate *= share * time / busy.as_secs_f64();
    }
    rate
}
