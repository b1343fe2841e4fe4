//! Requests per second of a key.

use std::fs;

use super::start;
use crate::support::{Keys, Repository, Server, until};

#[test]
fn a_key_that_has_used_up_its_requests_waits_and_goes_on() {
    let repository = Repository::with(&["scale_1"]);
    let (server, mut keys) = start(&repository, &[]);
    server.stop();
    // Two at once, then one in two seconds.
    let slow = keys.add("slow", "predict", &["--requests-per-second", "0.5"]);
    keys.write(&(keys.text() + "burst = 2\n"));
    let server = Server::start(repository.path(), &["--auth-keys", &keys.file()]);
    let ask = |key: &str| server.get_with("/v1/models", &[("x-api-key", key)]);
    assert_eq!([ask(&slow).status, ask(&slow).status], [200, 200]);
    let refused = ask(&slow);
    let message = "the key has used up its requests per second".to_owned();
    assert_eq!(refused.error(), (429, message));
    let seconds: u32 = refused.header("retry-after").expect("it says when").parse().expect("s");
    assert!((1..=2).contains(&seconds), "{seconds}");
    // Others have their own.
    assert_eq!(ask(keys.get("predict")).status, 200);
    until("a token has come", || (ask(&slow).status == 200).then_some(()));
    assert_eq!(ask(&slow).status, 429);
    let page = server.get_with("/metrics", &[("x-api-key", keys.get("metrics"))]);
    let none = "onnxd_access_refused_total{reason=\"rate\"} 0";
    assert!(page.text().contains("reason=\"rate\"") && !page.text().contains(none));
    server.stop();
}

#[test]
fn the_command_says_what_a_key_may_do_and_says_it_once() {
    let mut keys = Keys::of_roles(&["predict"]);
    let before = keys.text();
    keys.add("both", "operate, metrics", &["--requests-per-second", "2.5"]);
    let added = keys.text().strip_prefix(&before).expect("what was there stays").to_owned();
    assert!(added.starts_with("\n[[key]]\nname = \"both\"\nsha256 = \""), "{added}");
    let rest = "roles = [\"operate\", \"metrics\"]\nrequests_per_second = 2.5\n";
    assert!(added.ends_with(rest), "{added}");
    let run = |arguments: &[&str]| crate::support::onnxd(&[&["key"], arguments].concat());
    let again = run(&["both", "--roles", "predict", "--file", &keys.file()]);
    let reason = "key 3 (both): has a name that another one has";
    assert!(again.code == 1 && again.stderr.contains(reason), "{again:?}");
    assert_eq!(again.stdout, "");
    // Without a file the entry follows the key.
    let printed = run(&["c", "--roles", "predict"]);
    let (key, entry) = printed.stdout.split_once("\n\n").expect("the key and its entry");
    assert!(key.starts_with("onnxd_") && !entry.contains(key), "{printed:?}");
    fs::write(keys.path(), entry).expect("the file is ours");
    let repository = Repository::with(&["scale_1"]);
    let server = Server::start(repository.path(), &["--auth-keys", &keys.file()]);
    assert_eq!(server.get_with("/v1/models", &[("x-api-key", key)]).status, 200);
    server.stop();
    for wrong in [
        &["a b", "--roles", "predict"][..],
        &["a", "--roles", "all"],
        &["a", "--roles", ""],
        &["a", "--roles", "predict", "--requests-per-second", "0"],
        &["a"],
    ] {
        let run = run(wrong);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{wrong:?}: {run:?}");
    }
}
