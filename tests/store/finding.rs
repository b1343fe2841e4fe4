//! Patterns name the files that a shell would name, here and in buckets.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use onnxd::store::{Place, Stores};

use super::server::{Fault, Server};

struct Tree(tempfile::TempDir);

impl Tree {
    fn of(paths: &[&str]) -> Self {
        let directory = tempfile::tempdir().expect("there is room");
        for path in paths {
            let path = directory.path().join(path);
            fs::create_dir_all(path.parent().expect("it has one")).expect("it is made");
            fs::write(&path, "x").expect("it is written");
        }
        Self(directory)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn found(&self, pattern: &str) -> Vec<String> {
        relatives(&Stores::new(), &format!("{}/{pattern}", self.0.path().display()))
    }
}

fn relatives(stores: &Stores, text: &str) -> Vec<String> {
    let found = stores.find(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    found.into_iter().map(|found| found.relative).collect()
}

#[test]
fn odd_names_are_found_by_what_they_are_called() {
    let tree =
        Tree::of(&["d/a[1].csv", "d/a1.csv", "d/ü b.csv", "d/*.csv", "d/.h.csv", "d/.g/x.csv"]);
    assert_eq!(tree.found("d/a[[]1].csv"), ["a[1].csv"]);
    assert_eq!(tree.found("d/a[1].csv"), ["a1.csv"]);
    assert_eq!(tree.found("d/? b.csv"), ["ü b.csv"]);
    assert_eq!(tree.found("d/[*].csv"), ["*.csv"]);
    assert_eq!(tree.found("d/*.csv"), ["*.csv", "a1.csv", "a[1].csv", "ü b.csv"]);
    assert_eq!(tree.found("d/"), tree.found("d/*.csv"));
    assert_eq!(tree.found("d/.*.csv"), [".h.csv"]);
    assert_eq!(tree.found("d/.g/*"), ["x.csv"]);
    // What fits nothing is a name.
    fs::remove_file(tree.path("d/a1.csv")).expect("it goes");
    assert_eq!(tree.found("d/a[1].csv"), ["a[1].csv"]);
}

#[test]
fn names_are_relative_to_what_has_no_wildcard_and_in_order() {
    let tree = Tree::of(&["2013-02/x.csv", "2013-01/x.csv", "2013-01/y.csv", "2014-01/b/c/x.csv"]);
    assert_eq!(tree.found("2013-*/x.csv"), ["2013-01/x.csv", "2013-02/x.csv"]);
    assert_eq!(tree.found("2013-01/x.csv"), ["x.csv"]);
    assert_eq!(tree.found("**/x.csv"), ["2013-01/x.csv", "2013-02/x.csv", "2014-01/b/c/x.csv"]);
    assert_eq!(tree.found("2014-01/**/c/**"), ["b/c/x.csv"]);
    assert_eq!(tree.found("2014-*/**/*/**"), ["2014-01/b/c/x.csv"]);
}

#[test]
fn links_are_followed_and_circles_end() {
    let tree = Tree::of(&["real/deep/x.csv", "outside/y.csv"]);
    symlink("../outside", tree.path("real/a-link")).expect("it is made");
    symlink("..", tree.path("real/deep/up")).expect("it is made");
    symlink("deep", tree.path("real/again")).expect("it is made");
    symlink("deep/x.csv", tree.path("real/z.csv")).expect("it is made");
    symlink("nowhere", tree.path("real/broken.txt")).expect("it is made");
    assert_eq!(tree.found("real/**/*.csv"), ["a-link/y.csv", "deep/x.csv", "z.csv"]);
    let error = Stores::new().find(tree.path("real/*.txt").to_str().expect("it is text"));
    assert!(error.expect_err("it is broken").to_string().contains("broken.txt: No such file"));
}

#[test]
fn a_directory_is_told_from_the_files_in_it() {
    let tree = Tree::of(&["d/x.csv"]);
    let directory = tree.path("d").display().to_string();
    let error = Stores::new().find(&directory).expect_err("it is none").to_string();
    assert_eq!(
        error,
        format!(
            "cannot look for {directory}: it is a directory, '/' at its end means the files below"
        )
    );
    let identity = |name: &Path| {
        let found = Stores::new().look(&Place::Local(name.to_owned())).expect("it is known");
        found.expect("it is there").identity
    };
    let before = identity(&tree.path("d/x.csv"));
    fs::write(tree.path("d/new"), "x").expect("it is written");
    fs::rename(tree.path("d/new"), tree.path("d/x.csv")).expect("it is replaced");
    assert_ne!(identity(&tree.path("d/x.csv")), before);
}

#[test]
fn a_hundred_thousand_files_are_listed_soon() {
    let directory = tempfile::tempdir_in("/dev/shm").expect("there is room");
    for group in 0..100 {
        let group = directory.path().join(format!("g{group:02}"));
        fs::create_dir(&group).expect("it is made");
        for file in 0..1000 {
            fs::write(group.join(format!("{file:03}.csv")), "x").expect("it is written");
        }
    }
    for pattern in ["**/*.csv", "g*/*.csv", ""] {
        let began = Instant::now();
        let found = relatives(&Stores::new(), &format!("{}/{pattern}", directory.path().display()));
        assert_eq!((found.len(), found.is_sorted()), (100_000, true));
        println!("{pattern}: {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}

#[test]
fn patterns_name_objects_as_they_name_files() {
    let server = Server::start();
    for key in ["d/2013-01/x.csv", "d/2013-02/x.csv", "d/2013-02/y.csv", "d/a[1] ü&.csv", "e/x.csv"]
    {
        server.put(key, "x");
    }
    // A tool made this for the directory, and another one hidden files.
    server.put("d/2013-01", "");
    server.put("d/.hidden/x.csv", "x");
    let stores = server.stores(3);
    let found = |text: &str| relatives(&stores, text);
    assert_eq!(found("s3://bucket/d/2013-*/x.csv"), ["2013-01/x.csv", "2013-02/x.csv"]);
    assert_eq!(found("s3://bucket/**/y.csv"), ["d/2013-02/y.csv"]);
    assert_eq!(found("s3://bucket/d/a[[]?] *.csv"), ["a[1] ü&.csv"]);
    assert_eq!(found("s3://bucket/d/a[1] ü&.csv"), ["a[1] ü&.csv"]);
    assert_eq!(found("s3://bucket/d/").len(), 4);
    assert_eq!(found("s3://bucket/").len(), 5);
    let places = stores.find("s3://bucket/d/2013-?2/x.csv").expect("it is there");
    assert_eq!(places[0].place.to_string(), "s3://bucket/d/2013-02/x.csv");
}

#[test]
fn a_long_listing_that_breaks_is_continued() {
    let server = Server::start();
    for number in 0..1234 {
        server.put(&format!("d/{number:04}.csv"), "x");
    }
    server.breaks(|_, number| match number % 4 {
        1 => Some(Fault::Status(503)),
        2 => Some(Fault::Cut(100)),
        _ => None,
    });
    let found = relatives(&server.stores(3), "s3://bucket/d/*.csv");
    assert_eq!((found.len(), found.is_sorted()), (1234, true));
    assert!(server.lines().len() < 40, "no page was asked for again that had come");
    server.breaks(|_, _| Some(Fault::Status(500)));
    let error = server.stores(3).find("s3://bucket/d/*.csv").expect_err("it fails").to_string();
    assert_eq!(
        error,
        "cannot look for s3://bucket/d/*.csv: the server answered 500, 3 times in a row"
    );
}

#[test]
fn what_names_no_files_is_refused_and_nothing_secret_repeated() {
    let stores = Stores::new();
    let refused = |text: &str| stores.find(text).expect_err("it is refused").to_string();
    for (text, reason) in [
        ("http://h/d/*.csv", "a web server has no listings"),
        ("https://h/d/", "a web server has no listings"),
        ("https://h/x.csv?sig=topsecret", "neither is supported"),
        ("https://me:topsecret@h/x.csv", "the URL holds credentials"),
        ("s3://b*/x.csv", "the name of a bucket"),
        ("s3://bucket", "with '/' at its end it means all of them"),
        ("s3://bucket/../x.csv", "'.' or '..'"),
        ("s3://bucket/a/*/../x.csv", "'..' stands behind a wildcard"),
        ("data/*/../x.csv", "'..' stands behind a wildcard"),
        ("ftp://h/x.csv", "is not known"),
        ("", "the path is empty"),
    ] {
        let error = refused(text);
        assert!(error.contains(reason) && !error.contains("topsecret"), "{text}: {error}");
    }
}
