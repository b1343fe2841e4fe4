//! Files in requests: predictions go while rows come, in order, and what is cut off never looks
//! whole.

mod transfer;

use std::fs;
use std::io::Write as _;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::{Answer, Server, models_that_ship, onnxd, until};

const PATH: &str = "/api/models/flight-delay/score?keep=id";
const CSV: (&str, &str) = ("Content-Type", "text/csv");
const HEADER: &str = "id,carrier,origin,dest,weekday,hour,distance,temp,humid,wind_speed,precip,\
                      pressure,visib\n";

fn serve(arguments: &[&str]) -> Server {
    Server::start(&models_that_ship().join("flight-delay"), arguments)
}

fn rows(ids: std::ops::Range<usize>) -> String {
    let row = |id: usize| {
        let (hour, distance) = (id % 24, 100 + id % 2000);
        format!("{id},UA,LGA,IAH,{},{hour},{distance},42.9,52.8,16.1,0,1006.9,10\n", 1 + id % 7)
    };
    ids.map(row).collect()
}

fn file(count: usize) -> String {
    HEADER.to_owned() + &rows(0..count)
}

fn score(server: &Server, body: impl AsRef<[u8]>, headers: &[(&str, &str)]) -> Answer {
    server.post_with(PATH, body, headers)
}

fn ids(csv: &str) -> Vec<usize> {
    let id = |line: &str| line.split(',').next().and_then(|id| id.parse().ok());
    csv.lines().skip(1).map(|line| id(line).expect("rows begin with their id")).collect()
}

/// What `onnxd predict` makes of a file.
fn predicted(input: &[u8], from: &str, to: &str) -> Vec<u8> {
    let directory = TempDir::new().expect("there is room for a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (input_path, output) = (path(&format!("in.{from}")), path(&format!("out.{to}")));
    fs::write(&input_path, input).expect("there is room for the file");
    let model = models_that_ship().join("flight-delay").display().to_string();
    let arguments = ["predict", &model, "--input", &input_path, "--output", &output];
    let more = ["--keep", "id", "--on-bad-row", "null"];
    let finished = onnxd(&[&arguments[..], &more].concat());
    assert_eq!(finished.code, 0, "{finished:?}");
    fs::read(output).expect("it was written")
}

#[test]
fn predictions_come_while_the_file_still_goes_and_in_its_order() {
    let server = serve(&[]);
    let (mut sender, mut receiver) = transfer::begin(server.address(), PATH, &[CSV]);
    sender.send(file(50_000).as_bytes()).expect("the server reads");
    assert_eq!(receiver.status(), 200);
    let mut all = receiver.piece().expect("it goes on").expect("predictions come");
    sender.send(rows(50_000..60_000).as_bytes()).expect("the server reads");
    sender.end().expect("the server reads");
    let (rest, is_whole) = receiver.rest();
    assert!(is_whole);
    all.extend(rest);
    assert_eq!(ids(&String::from_utf8(all).expect("CSV is text")), (0..60_000).collect::<Vec<_>>());
    let counted = server.metric(
        r#"onnxd_requests_total{model="flight-delay",outcome="ok",protocol="score",version="2"}"#,
    );
    assert_eq!(counted, 1);
    assert_eq!(server.metric(r#"onnxd_rows_total{model="flight-delay",version="2"}"#), 60_000);
    server.stop();
}

#[test]
fn the_bytes_are_those_that_the_command_writes_from_and_to_every_format() {
    let types = [
        ("csv", "text/csv"),
        ("ndjson", "application/x-ndjson"),
        ("parquet", "application/vnd.apache.parquet"),
        ("arrow", "application/vnd.apache.arrow.file"),
    ];
    let server = serve(&[]);
    // Few enough to be one row group.
    let csv = file(3000);
    let expected = predicted(csv.as_bytes(), "csv", "csv");
    for (extension, media) in types {
        let out = score(&server, &csv, &[CSV, ("Accept", media)]);
        assert_eq!((out.status, out.header("content-type")), (200, Some(media)), "{out:?}");
        assert!(out.body == predicted(csv.as_bytes(), "csv", extension), "{extension} differs");
        // What came out can go in where it holds the inputs: here the rows themselves.
        let rows = converted(csv.as_bytes(), extension);
        let back = score(&server, rows, &[("Content-Type", media), ("Accept", "text/csv")]);
        assert_eq!(back.status, 200, "{extension}: {}", back.text());
        assert!(back.body == expected, "from {extension}");
    }
    let stream = "application/vnd.apache.arrow.stream";
    let arrow = score(&server, &csv, &[CSV, ("Accept", stream)]);
    assert_eq!(arrow.header("content-type"), Some(stream));
    assert_eq!(arrow.body[..4], [0xff; 4]);
    assert!(arrow.body.ends_with(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
    server.stop();
}

/// The same rows in another format: all columns are kept.
fn converted(csv: &[u8], to: &str) -> Vec<u8> {
    let directory = TempDir::new().expect("there is room for a directory");
    let path = |name: &str| directory.path().join(name).display().to_string();
    let (input, output) = (path("in.csv"), path(&format!("out.{to}")));
    fs::write(&input, csv).expect("there is room for the file");
    let model = models_that_ship().join("flight-delay").display().to_string();
    let keep = HEADER.trim_end();
    let finished =
        onnxd(&["predict", &model, "--input", &input, "--output", &output, "--keep", keep]);
    assert_eq!(finished.code, 0, "{finished:?}");
    fs::read(output).expect("it was written")
}

#[test]
fn bad_rows_are_marked_or_left_out_or_end_it() {
    let server = serve(&[]);
    let bad = "7,UA,LGA,IAH,1,noon,100,42.9,52.8,16.1,0,1006.9,10\n";
    let body = HEADER.to_owned() + &rows(0..7) + bad + &rows(8..10);
    let marked = score(&server, &body, &[CSV]);
    assert_eq!(ids(marked.text()), (0..10).collect::<Vec<_>>());
    let line = marked.text().lines().nth(8).expect("the row is there");
    assert!(line.ends_with("hour: wrong_dtype"), "{line}");
    let with = |what: &str| server.post_with(&format!("{PATH}&on_bad_row={what}"), &body, &[CSV]);
    assert_eq!(ids(with("drop").text()), [0, 1, 2, 3, 4, 5, 6, 8, 9]);
    let (status, detail) = with("fail").problem();
    assert_eq!(status, 400);
    assert!(detail.starts_with("body: row 7: column 'hour': wrong_dtype"), "{detail}");
    assert_eq!(with("ignore").problem().0, 400);
    server.stop();
}

#[test]
fn what_fails_after_the_first_predictions_cuts_them_off_and_lines_of_json_say_why() {
    let server = serve(&[]);
    for (accept, says_why) in [("text/csv", false), ("application/x-ndjson", true)] {
        let path = format!("{PATH}&on_bad_row=fail");
        let headers = [CSV, ("Accept", accept)];
        let (mut sender, mut receiver) = transfer::begin(server.address(), &path, &headers);
        sender.send(file(50_000).as_bytes()).expect("the server reads");
        assert_eq!(receiver.status(), 200);
        let first = receiver.piece().expect("it goes on").expect("predictions come");
        sender.send(b"x,UA,LGA,IAH,1,noon,100,1,1,1,0,1,1\n").expect("the server reads");
        sender.end().expect("the server reads");
        let (rest, is_whole) = receiver.rest();
        assert!(!is_whole);
        let text = String::from_utf8([first, rest].concat()).expect("it is text");
        let last = text.lines().last().expect("there are rows");
        assert_eq!(
            last.starts_with(r#"{"error":{"status":400,"detail":"body: row 50000"#),
            says_why,
            "{last}"
        );
    }
    server.stop();
}

#[test]
fn what_cannot_be_read_is_refused_before_the_first_byte() {
    // More than there are here: the slot of one that was refused is free only soon after.
    let server = serve(&["--max-scores", "64"]);
    let csv = file(10);
    let problem = |body: &[u8], headers: &[(&str, &str)]| score(&server, body, headers).problem();
    let (status, detail) = problem(csv.as_bytes(), &[("Content-Type", "text/html")]);
    assert_eq!(status, 415);
    assert!(detail.contains("application/vnd.apache.parquet"), "{detail}");
    assert_eq!(problem(csv.as_bytes(), &[CSV, ("Content-Encoding", "br")]).0, 415);
    assert_eq!(problem(csv.as_bytes(), &[CSV, ("Accept", "text/html")]).0, 406);
    assert_eq!(problem(b"", &[CSV]), (400, "body: it is empty".to_owned()));
    let (status, detail) = problem(b"id,a,b\n1,2,3\n", &[CSV]);
    assert_eq!(status, 400);
    assert!(detail.starts_with("body: "), "{detail}");
    let parquet = [("Content-Type", "application/vnd.apache.parquet")];
    assert_eq!(problem(b"PAR1 or not", &parquet).0, 400);
    let unknown = server.post_with("/api/models/none/score", &csv, &[CSV]);
    assert_eq!(unknown.problem().0, 404);
    let version = server.post_with("/api/models/flight-delay/versions/1/score", &csv, &[CSV]);
    assert_eq!(version.problem().0, 404);
    let version = server.post_with("/api/models/flight-delay/versions/2/score", &csv, &[CSV]);
    assert_eq!((version.status, version.header("x-model-version")), (200, Some("2")));
    server.stop();
}

#[test]
fn a_parquet_file_that_is_too_large_is_refused() {
    let server = serve(&["--max-score-file", "1KiB"]);
    let rows = converted(file(3000).as_bytes(), "parquet");
    let answer = score(&server, rows, &[("Content-Type", "application/vnd.apache.parquet")]);
    assert_eq!(answer.problem(), (413, "the body is larger than the limit of 1024 bytes".into()));
    server.stop();
}

#[test]
fn packed_texts_are_unpacked_as_they_come_and_must_be_whole() {
    let server = serve(&[]);
    let csv = file(20_000);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(csv.as_bytes()).expect("there is room");
    let packed = encoder.finish().expect("there is room");
    let gzip = [CSV, ("Content-Encoding", "gzip")];
    let plain = score(&server, &csv, &[CSV]);
    assert!(score(&server, &packed, &gzip).body == plain.body);
    let zstd = zstd::bulk::compress(csv.as_bytes(), 1).expect("there is room");
    assert!(score(&server, zstd, &[CSV, ("Content-Encoding", "zstd")]).body == plain.body);
    let (mut sender, mut receiver) = transfer::begin(server.address(), PATH, &gzip);
    sender.send(&packed[..packed.len() / 50]).expect("the server reads");
    sender.end().expect("the server reads");
    assert_eq!(receiver.status(), 400);
    server.stop();
}

#[test]
fn a_client_that_does_not_read_is_not_read_from_and_memory_stays() {
    const PIECES: usize = 40;
    let server = serve(&[]);
    let piece = rows(0..80_000);
    let (mut sender, mut receiver) = transfer::begin(server.address(), PATH, &[CSV]);
    sender.patience(Duration::from_secs(4));
    sender.send(HEADER.as_bytes()).expect("the server reads");
    let sent = (0..PIECES).take_while(|_| sender.send(piece.as_bytes()).is_ok()).count();
    assert!(sent < PIECES, "the server took {} MB", PIECES * piece.len() / 1_000_000);
    let resident = server.metric("process_resident_memory_bytes");
    assert!(resident < 400_000_000, "{resident} bytes");
    assert_eq!(receiver.status(), 200);
    drop((sender, receiver));
    until("the request is over", || {
        let sample = r#"onnxd_requests_total{model="flight-delay",outcome="cancelled",protocol="score",version="2"}"#;
        (server.metric(sample) == 1).then_some(())
    });
    server.stop();
}

#[test]
fn so_many_files_at_once_and_one_whose_client_left_makes_room() {
    let server = serve(&["--max-scores", "1"]);
    let (mut sender, mut receiver) = transfer::begin(server.address(), PATH, &[CSV]);
    sender.send(file(50_000).as_bytes()).expect("the server reads");
    // Who has answers has the only slot; before that, the next file could be first.
    assert_eq!(receiver.status(), 200);
    let full = score(&server, file(10), &[CSV]);
    assert_eq!(full.status, 503, "{full:?}");
    assert_eq!(full.header("retry-after"), Some("1"));
    assert!(full.problem().1.contains("max-scores"), "{full:?}");
    drop((sender, receiver));
    until("there is room", || (score(&server, file(10), &[CSV]).status == 200).then_some(()));
    server.stop_after(&["request failed"]);
}

#[test]
fn an_upload_that_flows_may_take_long_and_one_that_stands_still_may_not() {
    let server = serve(&["--read-timeout", "3s"]);
    let (mut sender, mut receiver) = transfer::begin(server.address(), PATH, &[CSV]);
    sender.send(HEADER.as_bytes()).expect("the server reads");
    let started = Instant::now();
    // Only time shows this: pieces are far closer than the limit, all of them are far past it.
    for id in (0..).take_while(|_| started.elapsed() < Duration::from_secs(5)) {
        sender.send(rows(id..id + 1).as_bytes()).expect("the server reads");
        std::thread::sleep(Duration::from_millis(50));
    }
    sender.end().expect("the server reads");
    assert_eq!(receiver.status(), 200);
    let (_sender, mut receiver) = transfer::begin(server.address(), PATH, &[CSV]);
    assert_eq!(receiver.status(), 408);
    server.stop();
}
