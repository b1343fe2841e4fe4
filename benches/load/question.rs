//! Requests and what must come back. Everything is written before a load starts, so that
//! asking costs the client a write, and checking a comparison.

use std::fmt::Write;
use std::sync::Arc;

use onnxd::tensor::{Data, Tensor, batch};

use crate::client;
use crate::expect;
use crate::raw::Raw;

/// Decides whether an answer's body is right.
pub type Check = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// A request, and how to tell its answer.
#[derive(Clone)]
pub struct Question {
    pub request: Arc<[u8]>,
    pub rows: usize,
    pub check: Check,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    Binary,
}

/// Rows that a model may be asked, and what it answers to each. The answers are the engine's
/// own to the rows one by one; that they are right is for other tests to say.
pub struct Rows {
    model: String,
    names: Vec<String>,
    /// Input by input, row by row.
    inputs: Vec<Vec<Tensor>>,
    /// The last output, row by row.
    answers: Vec<Vec<f32>>,
}

impl Rows {
    pub fn new(model: &str, raw: &Raw, inputs: &[Tensor]) -> Self {
        let count = inputs[0].rows().expect("it has rows");
        let inputs: Vec<Vec<Tensor>> = inputs.iter().map(|input| apart(input, count)).collect();
        let answers = (0..count).map(|row| {
            let row: Vec<Tensor> = inputs.iter().map(|input| input[row].clone()).collect();
            let outputs = raw.run(&row);
            let last = outputs.last().and_then(|last| last.data().as_slice::<f32>());
            last.expect("the last output holds floats").to_vec()
        });
        let answers = answers.collect();
        Self { model: model.to_owned(), names: raw.input_names(), inputs, answers }
    }

    pub fn len(&self) -> usize {
        self.answers.len()
    }

    /// These rows in one tensor per input.
    pub fn tensors(&self, picks: &[usize]) -> Vec<Tensor> {
        let join = |rows: &Vec<Tensor>| {
            let picked: Vec<&Tensor> = picks.iter().map(|&pick| &rows[pick]).collect();
            batch::concat(&picked).expect("rows of one input")
        };
        self.inputs.iter().map(join).collect()
    }

    /// What the last output holds for these rows.
    pub fn answers(&self, picks: &[usize]) -> Vec<f32> {
        picks.iter().flat_map(|&pick| &self.answers[pick]).copied().collect()
    }

    /// Asks for these rows. `parameters` are those of the request: `"timeout":1000`.
    pub fn question(&self, picks: &[usize], form: Form, parameters: &str) -> Question {
        let expected = self.answers(picks);
        let check: Check = match form {
            Form::Json => Arc::new(move |body| expect::json(body, &expected)),
            Form::Binary => Arc::new(move |body| expect::binary(body, &expected)),
        };
        let request = self.request(picks, form, parameters).into();
        Question { request, rows: picks.len(), check }
    }

    pub fn request(&self, picks: &[usize], form: Form, parameters: &str) -> Vec<u8> {
        let path = format!("/v2/models/{}/infer", self.model);
        let tensors = self.tensors(picks);
        let mut parameters = parameters.to_owned();
        let mut behind = Vec::new();
        if form == Form::Binary {
            let comma = if parameters.is_empty() { "" } else { "," };
            let _ = write!(parameters, r#"{comma}"binary_data_output":true"#);
        }
        let mut inputs = Vec::new();
        for (name, tensor) in self.names.iter().zip(&tensors) {
            let (shape, kind) = (tensor.shape().dims(), tensor.data_type());
            let data = match form {
                Form::Json => format!(r#""data":[{}]"#, numbers(tensor.data())),
                Form::Binary => {
                    let start = behind.len();
                    append(&mut behind, tensor.data());
                    format!(r#""parameters":{{"binary_data_size":{}}}"#, behind.len() - start)
                }
            };
            inputs.push(format!(
                r#"{{"name":"{name}","datatype":"{kind}","shape":{shape:?},{data}}}"#
            ));
        }
        let json = format!(r#"{{"parameters":{{{parameters}}},"inputs":[{}]}}"#, inputs.join(","));
        let headers = match form {
            Form::Json => String::new(),
            Form::Binary => format!("Inference-Header-Content-Length: {}\r\n", json.len()),
        };
        client::post(&path, &headers, &[json.as_bytes(), &behind].concat())
    }
}

fn apart(tensor: &Tensor, rows: usize) -> Vec<Tensor> {
    batch::split(tensor, &vec![1; rows]).expect("it has that many rows")
}

fn numbers(data: &Data) -> String {
    let texts: Vec<String> = match data {
        Data::Fp32(values) => values.iter().map(ToString::to_string).collect(),
        Data::Bytes(values) => values.iter().map(|text| format!("{text:?}")).collect(),
        _ => unreachable!("the models of this benchmark take floats and texts"),
    };
    texts.join(",")
}

fn append(bytes: &mut Vec<u8>, data: &Data) {
    match data {
        Data::Fp32(values) => bytes.extend(values.iter().flat_map(|value| value.to_le_bytes())),
        Data::Bytes(values) => {
            for text in values {
                let length = u32::try_from(text.len()).expect("a short text");
                bytes.extend(length.to_le_bytes());
                bytes.extend(text.as_bytes());
            }
        }
        _ => unreachable!("the models of this benchmark take floats and texts"),
    }
}
