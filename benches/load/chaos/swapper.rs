//! Versions that come and go under load.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::models::{SWAPPED, Swapped};
use super::tally::Tally;
use crate::process::Serving;
use crate::random::Random;
use crate::repository::Repository;
use crate::swaps::wait_until_live;

const PAUSE: Duration = Duration::from_secs(2);

pub fn run(server: &Serving, repository: &Repository, until: Instant, tally: &Tally) {
    let mut random = Random::new(7);
    let mut serving = [1u64; SWAPPED.len()];
    let mut newest = serving;
    while Instant::now() + PAUSE < until {
        sleep(PAUSE);
        let index = random.below(SWAPPED.len());
        let swapped = &SWAPPED[index];
        newest[index] += 1;
        let next = newest[index];
        if random.chance(0.5) {
            repository.add(swapped.name, next, &(swapped.files)(next));
        } else {
            copy_slowly(repository, swapped, next);
        }
        wait_until_live(server, swapped.name, next);
        // Mostly the old one goes. Sometimes the new one does, and what served before is back.
        let gone =
            if random.chance(0.75) { std::mem::replace(&mut serving[index], next) } else { next };
        sleep(Duration::from_millis(200));
        repository.remove(swapped.name, gone);
        tally.swapped();
    }
}

/// As a plain copy into the place does it: the server sees halves of files.
fn copy_slowly(repository: &Repository, swapped: &Swapped, version: u64) {
    let directory = repository.version(swapped.name, version);
    fs::create_dir_all(&directory).expect("writable");
    for (name, bytes) in (swapped.files)(version) {
        let path = directory.join(name);
        fs::write(&path, &bytes[..bytes.len() / 2]).expect("writable");
        sleep(Duration::from_millis(20));
        fs::write(&path, &bytes).expect("writable");
    }
}
