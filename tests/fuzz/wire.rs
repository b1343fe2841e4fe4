//! Rows in the forms in which clients send them, and answers read back.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::row::{Random, Row};

#[derive(Debug, Clone, Copy)]
pub enum Format {
    /// Rows by name.
    V1,
    /// Columns as JSON.
    V2,
    /// Columns as bytes behind the JSON.
    Binary,
}

const LENGTH: &str = "inference-header-content-length";

impl Format {
    pub fn any(random: &mut Random) -> Self {
        random.pick(&[Self::V1, Self::V2, Self::Binary])
    }
}

/// The status and the body of the answer.
pub fn send(
    agent: &ureq::Agent,
    address: SocketAddr,
    format: Format,
    rows: &[Row],
) -> (u16, Vec<u8>) {
    let (path, json, bytes) = match format {
        Format::V1 => ("v1/models/echo:predict", v1(rows), Vec::new()),
        Format::V2 => ("v2/models/echo/infer", v2(rows), Vec::new()),
        Format::Binary => ("v2/models/echo/infer", head(rows), binary(rows)),
    };
    let mut request = agent.post(format!("http://{address}/{path}"));
    if matches!(format, Format::Binary) {
        request = request.header(LENGTH, json.len().to_string());
    }
    let mut response =
        request.send([json.into_bytes(), bytes].concat()).expect("the server answers");
    let status = response.status().as_u16();
    let header = response.headers().get(LENGTH).and_then(|it| it.to_str().ok()?.parse().ok());
    let body = response.body_mut().with_config().limit(1 << 26).read_to_vec();
    let body = body.expect("the whole answer");
    // What comes behind the JSON is the echo.
    (status, body[header.unwrap_or(0)..].to_vec())
}

/// Whether the answer is what was sent.
pub fn is_echo(format: Format, rows: &[Row], body: &[u8]) -> bool {
    match format {
        Format::V1 => {
            let read = |text: &str| {
                let quoted = text.replace("NaN", "\"NaN\"").replace("Infinity", "\"Infinity\"");
                serde_json::from_str::<Value>(&quoted).ok()
            };
            let answer = std::str::from_utf8(body).ok().and_then(read);
            let sent = read(
                &v1(rows)
                    .replace("\"real\"", "\"reals\"")
                    .replace("\"whole\"", "\"wholes\"")
                    .replace("\"text\"", "\"texts\""),
            );
            answer
                .zip(sent)
                .is_some_and(|(answer, sent)| answer["predictions"] == sent["instances"])
        }
        Format::V2 | Format::Binary => body == binary(rows),
    }
}

fn real(number: f32) -> String {
    match number {
        number if number.is_nan() => "NaN".to_owned(),
        f32::INFINITY => "Infinity".to_owned(),
        f32::NEG_INFINITY => "-Infinity".to_owned(),
        number => format!("{number:?}"),
    }
}

fn reals(numbers: impl Iterator<Item = f32>) -> String {
    format!("[{}]", numbers.map(real).collect::<Vec<_>>().join(","))
}

fn v1(rows: &[Row]) -> String {
    let row = |row: &Row| {
        let (whole, text) = (json!(row.whole), json!(row.text));
        format!("{{\"real\":{},\"whole\":{whole},\"text\":{text}}}", reals(row.real.into_iter()))
    };
    format!("{{\"instances\":[{}]}}", rows.iter().map(row).collect::<Vec<_>>().join(","))
}

fn v2(rows: &[Row]) -> String {
    let count = rows.len();
    let wholes: Vec<i64> = rows.iter().flat_map(|row| row.whole).collect();
    let texts: Vec<&String> = rows.iter().flat_map(|row| &row.text).collect();
    let (wholes, texts) = (json!(wholes), json!(texts));
    let reals = reals(rows.iter().flat_map(|row| row.real));
    // Inputs in another order than the model's.
    format!(
        "{{\"parameters\":{{\"binary_data_output\":true}},\"inputs\":[\
         {{\"name\":\"text\",\"datatype\":\"BYTES\",\"shape\":[{count},2],\"data\":{texts}}},\
         {{\"name\":\"real\",\"datatype\":\"FP32\",\"shape\":[{count},4],\"data\":{reals}}},\
         {{\"name\":\"whole\",\"datatype\":\"INT64\",\"shape\":[{count},2],\"data\":{wholes}}}]}}"
    )
}

fn head(rows: &[Row]) -> String {
    let [real, whole, text] = parts(rows).map(|part| part.len());
    let input = |name: &str, datatype: &str, width: usize, size: usize| {
        json!({"name": name, "datatype": datatype, "shape": [rows.len(), width],
            "parameters": {"binary_data_size": size}})
    };
    let inputs = [
        input("real", "FP32", 4, real),
        input("whole", "INT64", 2, whole),
        input("text", "BYTES", 2, text),
    ];
    json!({"parameters": {"binary_data_output": true}, "inputs": inputs}).to_string()
}

/// The inputs one after the other, as the outputs come back.
fn binary(rows: &[Row]) -> Vec<u8> {
    parts(rows).concat()
}

fn parts(rows: &[Row]) -> [Vec<u8>; 3] {
    let text = |text: &String| {
        let length = u32::try_from(text.len()).expect("a short text");
        [&length.to_le_bytes()[..], text.as_bytes()].concat()
    };
    [
        rows.iter().flat_map(|row| row.real).flat_map(f32::to_le_bytes).collect(),
        rows.iter().flat_map(|row| row.whole).flat_map(i64::to_le_bytes).collect(),
        rows.iter().flat_map(|row| &row.text).flat_map(text).collect(),
    ]
}
