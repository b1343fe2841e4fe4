//! `onnxd inspect`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ArgMatches;
use serde::Serialize;

use super::Failure;
use crate::engine::tract::{self, Inspection, TractEngine};
use crate::engine::{Batching, Engine, ModelSource, TensorSpec};
use crate::repository::{self, Repository, VersionFiles};

/// What is printed about one model file.
#[derive(Serialize)]
struct Report {
    model: String,
    version: u64,
    file: PathBuf,
    servable: bool,
    /// Why not, if not.
    reason: Option<String>,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
    #[serde(flatten)]
    file_facts: Option<FileFacts>,
    #[serde(flatten)]
    load_facts: Option<LoadFacts>,
}

#[derive(Serialize)]
struct Value {
    name: String,
    datatype: &'static str,
    shape: String,
}

#[derive(Serialize)]
struct FileFacts {
    producer: String,
    ir_version: i64,
    opsets: Vec<String>,
    parameters: u64,
    external_data: bool,
    nodes: usize,
    operators: Vec<Operator>,
}

#[derive(Serialize)]
struct Operator {
    name: String,
    nodes: usize,
    supported: bool,
    first_node: String,
}

#[derive(Serialize)]
struct LoadFacts {
    strategy: String,
    strategy_reason: Option<String>,
    batching: bool,
    batching_reason: Option<String>,
    joins_requests: bool,
    row_cost_us: Option<f64>,
    memory_bytes: u64,
    warnings: Vec<String>,
}

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let path = matches.get_one::<String>("MODEL").map_or(Path::new("."), Path::new);
    let models = models(path)?;
    if models.is_empty() {
        return Err(Failure::Work(format!("no models in {}", path.display())));
    }
    let engine = TractEngine::new(tract::Config::default());
    crate::engine::guard::install_hook();
    let reports: Vec<Report> = models
        .into_iter()
        .map(|(name, version, files)| report(&engine, name, version, files))
        .collect();
    if matches.get_flag("json") {
        let text = serde_json::to_string_pretty(&reports).unwrap_or_default();
        println!("{text}");
    } else {
        let texts: Vec<String> = reports.iter().map(Report::text).collect();
        print!("{}", texts.join("\n"));
    }
    match reports.iter().filter(|report| !report.servable).count() {
        0 => Ok(()),
        count => Err(Failure::Work(format!("{count} of {} cannot be served", reports.len()))),
    }
}

/// Every version in the path, whatever the policies say.
fn models(path: &Path) -> Result<Vec<(String, u64, VersionFiles)>, Failure> {
    let config =
        repository::Config { root: path.to_owned(), model_name: None, settle: Duration::ZERO };
    let work = |error: repository::Error| Failure::Work(error.to_string());
    let listing = Repository::open(config).map_err(work)?.list().map_err(work)?;
    let mut found = Vec::new();
    for (name, model) in listing.models {
        for (version, files) in model.versions {
            found.push((name.clone(), version, files));
        }
    }
    Ok(found)
}

fn report(engine: &TractEngine, model: String, version: u64, files: VersionFiles) -> Report {
    let known_shapes = files.known_shapes();
    let mut report = Report {
        model,
        version,
        servable: false,
        reason: None,
        inputs: Vec::new(),
        outputs: Vec::new(),
        file_facts: None,
        load_facts: None,
        file: files.model_file,
    };
    match tract::inspect(&report.file) {
        Ok(inspection) => report.add_file(inspection),
        Err(error) => {
            report.reason = Some(error.to_string());
            return report;
        }
    }
    let source = ModelSource { path: report.file.clone(), known_shapes };
    match engine.load(&source) {
        Ok(loaded) => {
            let facts = loaded.facts();
            let batching_reason = match loaded.batching() {
                Batching::Rows => None,
                Batching::Off { reason } => Some(reason.clone()),
            };
            report.servable = true;
            report.load_facts = Some(LoadFacts {
                strategy: facts.strategy,
                strategy_reason: facts.strategy_reason,
                batching: loaded.batching().is_on(),
                batching_reason,
                joins_requests: loaded.joins_requests(),
                row_cost_us: loaded.cost().map(|cost| cost.as_secs_f64() * 1e6),
                memory_bytes: facts.memory_bytes,
                warnings: facts.warnings,
            });
        }
        Err(error) => report.reason = Some(error.to_string()),
    }
    report
}

impl Report {
    fn add_file(&mut self, inspection: Inspection) {
        if let Ok(signature) = &inspection.signature {
            self.inputs = signature.inputs.iter().map(value).collect();
            self.outputs = signature.outputs.iter().map(value).collect();
        }
        self.file_facts = Some(FileFacts {
            producer: inspection.producer,
            ir_version: inspection.ir_version,
            opsets: inspection.opsets.iter().map(|(d, v)| format!("{d} {v}")).collect(),
            parameters: inspection.parameters,
            external_data: inspection.external_data,
            nodes: inspection.nodes,
            operators: inspection
                .operators
                .into_iter()
                .map(|operator| Operator {
                    name: operator.operator,
                    nodes: operator.nodes,
                    supported: operator.supported,
                    first_node: operator.first_node,
                })
                .collect(),
        });
    }

    fn text(&self) -> String {
        let mut lines =
            vec![format!("{} version {} ({})", self.model, self.version, self.file.display())];
        for (kind, values) in [("input", &self.inputs), ("output", &self.outputs)] {
            for value in values {
                lines.push(format!(
                    "  {kind:<10} {} {} {}",
                    value.name, value.datatype, value.shape
                ));
            }
        }
        if let Some(facts) = &self.file_facts {
            lines.extend(facts.lines());
        }
        if let Some(facts) = &self.load_facts {
            lines.extend(facts.lines());
        }
        lines.push(match &self.reason {
            None => "  servable   yes".to_owned(),
            Some(reason) => format!("  servable   no: {reason}"),
        });
        lines.join("\n") + "\n"
    }
}

fn value(spec: &TensorSpec) -> Value {
    Value { name: spec.name.clone(), datatype: spec.data_type.as_str(), shape: spec.shape_text() }
}

impl FileFacts {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("  producer   {}", self.producer),
            format!("  opsets     {}", self.opsets.join(", ")),
            format!("  parameters {}", self.parameters),
        ];
        let operators: Vec<String> = self
            .operators
            .iter()
            .map(|operator| {
                let mark = if operator.supported { "" } else { " UNSUPPORTED" };
                format!("{} x{}{mark}", operator.name, operator.nodes)
            })
            .collect();
        lines.push(format!("  operators  {}", operators.join(", ")));
        lines
    }
}

impl LoadFacts {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("  strategy   {}", self.strategy),
            match &self.batching_reason {
                None => "  batching   rows of several requests may run together".to_owned(),
                Some(reason) => format!("  batching   off: {reason}"),
            },
            format!("  memory     about {} kB", self.memory_bytes.div_ceil(1000)),
        ];
        if let Some(reason) = &self.strategy_reason {
            lines.insert(1, format!("             because {reason}"));
        }
        if let Some(cost) = self.row_cost_us {
            lines.push(format!("  one row    {cost:.1} us"));
        }
        lines.extend(self.warnings.iter().map(|warning| format!("  warning    {warning}")));
        lines
    }
}
