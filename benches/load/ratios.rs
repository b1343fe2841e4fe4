//! Rates against the empty handler.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use crate::client;
use crate::figure::{Bar, Figure};
use crate::process::{Serving, project};
use crate::question::{Check, Question};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

pub struct Scenario {
    pub name: &'static str,
    path: &'static str,
    headers: String,
    body: Vec<u8>,
    pub connections: usize,
    check: Check,
    bar: f64,
}

pub fn run() -> Vec<Figure> {
    let onnxd = Serving::onnxd(&project("benches/models"), &[]);
    let empty = Serving::empty_handler();
    println!("| scenario | onnxd /s | empty handler /s | ratio | p50 | p99 |");
    println!("|---|---|---|---|---|---|");
    scenarios().iter().map(|scenario| measure(&onnxd, &empty, scenario)).collect()
}

pub fn scenarios() -> [Scenario; 4] {
    [digits_json(), digits_binary(), image_json(), image_binary()]
}

impl Scenario {
    pub fn question(&self) -> Question {
        self.question_to(self.path)
    }

    /// The same to another model of its kind.
    pub fn question_to(&self, path: &str) -> Question {
        self.to(path, Arc::clone(&self.check))
    }

    fn to(&self, path: &str, check: Check) -> Question {
        let request = client::post(path, &self.headers, &self.body).into();
        Question { request, rows: 1, check }
    }
}

fn measure(onnxd: &Serving, empty: &Serving, scenario: &Scenario) -> Figure {
    let request = [scenario.question()];
    let baseline = [scenario.to("/", Arc::new(|_| true))];
    let mut rounds: Vec<(f64, f64, f64, Duration, Duration)> = (0..ROUNDS)
        .map(|_| {
            let ours = client::load(onnxd.address, &request, scenario.connections, ROUND);
            let theirs = client::load(empty.address, &baseline, scenario.connections, ROUND);
            ours.must_be_right(scenario.name);
            let ratio = ours.rate() / theirs.rate();
            (ratio, ours.rate(), theirs.rate(), ours.quantile(0.5), ours.quantile(0.99))
        })
        .collect();
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, ours, theirs, p50, p99) = rounds[ROUNDS / 2];
    println!(
        "| {} | {ours:.0} | {theirs:.0} | {ratio:.2} | {p50:.2?} | {p99:.2?} |",
        scenario.name
    );
    let name = format!("{}, against the empty handler", scenario.name);
    Figure::new(name, ratio, Bar::AtLeast(scenario.bar))
}

fn digits_json() -> Scenario {
    Scenario {
        name: "digits, JSON, 1 row, 16 connections",
        path: "/v2/models/digits/infer",
        headers: "Content-Type: application/json\r\n".to_owned(),
        body: fs::read(project("models/digits/example.json")).expect("the example is there"),
        connections: 16,
        check: contains(r#""data":[2]"#),
        bar: 0.65,
    }
}

/// Binary data behind its JSON, and the header that says where the JSON ends.
fn binary(name: &str, shape: &str, data: &[u8]) -> (String, Vec<u8>) {
    let json = format!(
        r#"{{"inputs":[{{"name":"{name}","shape":{shape},"datatype":"FP32","parameters":{{"binary_data_size":{}}}}}],"parameters":{{"binary_data_output":true}}}}"#,
        data.len()
    );
    let headers = format!("Inference-Header-Content-Length: {}\r\n", json.len());
    (headers, [json.as_bytes(), data].concat())
}

fn digits_binary() -> Scenario {
    let example = fs::read(project("models/digits/example.json")).expect("the example is there");
    let example: serde_json::Value = serde_json::from_slice(&example).expect("it is JSON");
    #[expect(clippy::cast_possible_truncation, reason = "pixels are small integers")]
    let data: Vec<u8> = example["inputs"][0]["data"]
        .as_array()
        .expect("data is a list")
        .iter()
        .flat_map(|pixel| (pixel.as_f64().expect("a number") as f32).to_le_bytes())
        .collect();
    let (headers, body) = binary("pixels", "[1,64]", &data);
    Scenario {
        name: "digits, binary, 1 row, 16 connections",
        path: "/v2/models/digits/infer",
        headers,
        body,
        connections: 16,
        check: contains(r#""name":"label""#),
        bar: 0.65,
    }
}

const PIXELS: u32 = 3 * 224 * 224;

/// Values as a scaled image has them.
fn image() -> impl Iterator<Item = f32> {
    (0..PIXELS).map(|pixel| {
        let level = (pixel.wrapping_mul(2_654_435_761) >> 24) as f32;
        level / 255.0
    })
}

fn image_json() -> Scenario {
    let pixels: Vec<String> = image().map(|pixel| format!("{pixel:.6}")).collect();
    let body = format!(
        r#"{{"inputs":[{{"name":"image","shape":[1,3,224,224],"datatype":"FP32","data":[{}]}}]}}"#,
        pixels.join(",")
    );
    Scenario {
        name: "150,528 floats as JSON (1.35 MB), 4 connections",
        path: "/v2/models/channel-means/infer",
        headers: "Content-Type: application/json\r\n".to_owned(),
        body: body.into_bytes(),
        connections: 4,
        check: contains(r#""shape":[1,3]"#),
        bar: 0.30,
    }
}

fn image_binary() -> Scenario {
    let data: Vec<u8> = image().flat_map(f32::to_le_bytes).collect();
    let (headers, body) = binary("image", "[1,3,224,224]", &data);
    Scenario {
        name: "150,528 floats binary (602 kB), 4 connections",
        path: "/v2/models/channel-means/infer",
        headers,
        body,
        connections: 4,
        check: contains(r#""shape":[1,3]"#),
        bar: 0.70,
    }
}

pub fn contains(text: &'static str) -> Check {
    Arc::new(move |body| client::holds(body, text))
}
