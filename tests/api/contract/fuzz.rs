//! Some thousand random rows; `cargo bench --bench health -- target contracts` sends a million.

use crate::fuzz;
use crate::support::{Repository, Server};

const ROWS: u64 = 20_000;
const SEED: u64 = 7;

#[test]
fn no_wrong_row_reaches_the_model_and_every_refusal_says_all_that_is_wrong() {
    let repository = Repository::new();
    fuzz::prepare(repository.path());
    let server = Server::start(repository.path(), &[]);
    let outcome = fuzz::run(server.address(), ROWS, SEED);
    assert_eq!((outcome.reached, outcome.missed, outcome.wronged), (0, 0, 0), "{outcome:?}");
    // Both kinds of rows and requests were many.
    assert!(outcome.invalid > ROWS / 50 && outcome.refused > 100, "{outcome:?}");
    assert!(outcome.requests - outcome.refused > 100, "{outcome:?}");
    server.stop();
}
