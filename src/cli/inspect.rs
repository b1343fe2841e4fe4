//! `onnxd inspect`.

use std::path::{Path, PathBuf};

use clap::ArgMatches;
use serde::Serialize;

use super::Failure;
use super::timing::ProfileFacts;
use crate::engine::tract::{self, Inspection, TractEngine};
use crate::engine::{Batching, CostPoint, Engine, Label, ModelSource, Role, Signature, TensorSpec};
use crate::repository::{self, Repository, Settings, VersionFiles};
use crate::scheduler::BatchLimits;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileFacts>,
}

#[derive(Serialize)]
struct Value {
    name: String,
    datatype: &'static str,
    shape: String,
    /// Names of the columns of an input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    features: Vec<Label>,
    /// Classes that the columns of an output stand for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    labels: Vec<Label>,
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
    /// Rows that are worth running together.
    batch_rows: Option<usize>,
    cost: Vec<CostPoint>,
    memory_bytes: u64,
    warnings: Vec<String>,
}

pub(super) fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let path = matches.get_one::<String>("MODEL").map_or(Path::new("."), Path::new);
    let found = find(path)?;
    if found.is_empty() {
        return Err(Failure::Work(format!("no models in {}", path.display())));
    }
    let engine = TractEngine::new(tract::Config::default());
    crate::engine::guard::install_hook();
    let profile = matches.get_flag("profile");
    let reports = found.into_iter().map(|found| report(&engine, found, profile));
    let reports: Vec<Report> = reports.collect();
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

/// One version in the path.
struct Found {
    model: String,
    version: u64,
    files: VersionFiles,
    /// Of its model.
    settings: Result<Settings, String>,
}

/// Every version in the path, whatever the policies say.
fn find(path: &Path) -> Result<Vec<Found>, Failure> {
    let config = repository::Config::local(path);
    let work = |error: repository::Error| Failure::Work(error.to_string());
    let listing = Repository::open(config).map_err(work)?.list().map_err(work)?;
    let mut found = Vec::new();
    for (name, model) in listing.models {
        for (version, files) in model.versions {
            found.push(Found {
                model: name.clone(),
                version,
                files,
                settings: model.settings.clone(),
            });
        }
    }
    Ok(found)
}

fn report(engine: &TractEngine, found: Found, profile: bool) -> Report {
    let Found { model, version, files, settings } = found;
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
        profile: None,
        file: files.model_file,
    };
    match tract::inspect(&report.file) {
        Ok(inspection) => report.add_file(inspection),
        Err(error) => {
            report.reason = Some(error.to_string());
            return report;
        }
    }
    let settings = match settings {
        Ok(settings) => settings,
        Err(reason) => {
            report.reason = Some(reason);
            return report;
        }
    };
    let path = report.file.clone();
    let source = ModelSource { path, known_shapes, features: settings.features };
    match engine.load(&source) {
        Ok(loaded) => {
            report.add_signature(loaded.signature());
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
                batch_rows: BatchLimits::from(&settings.batching).rows(loaded.as_ref()),
                cost: loaded.cost().map_or_else(Vec::new, |curve| curve.points().to_vec()),
                memory_bytes: facts.memory_bytes,
                warnings: facts.warnings,
            });
        }
        Err(error) => report.reason = Some(error.to_string()),
    }
    if profile && let Some(facts) = &mut report.load_facts {
        match engine.profile(&source) {
            Ok(profile) => report.profile = Some(profile.into()),
            Err(error) => facts.warnings.push(format!("it cannot be profiled: {error}")),
        }
    }
    report
}

impl Report {
    fn add_file(&mut self, inspection: Inspection) {
        if let Ok(signature) = &inspection.signature {
            self.add_signature(signature);
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

    fn add_signature(&mut self, signature: &Signature) {
        self.inputs = signature.inputs.iter().map(value).collect();
        self.outputs = signature.outputs.iter().map(value).collect();
    }

    fn text(&self) -> String {
        let mut lines =
            vec![format!("{} version {} ({})", self.model, self.version, self.file.display())];
        for (kind, values) in [("input", &self.inputs), ("output", &self.outputs)] {
            for value in values {
                lines.push(format!("  {kind:<10} {}", value.line()));
            }
        }
        if let Some(facts) = &self.file_facts {
            lines.extend(facts.lines());
        }
        if let Some(facts) = &self.load_facts {
            lines.extend(facts.lines());
        }
        if let Some(profile) = &self.profile {
            lines.extend(profile.lines());
        }
        lines.push(match &self.reason {
            None => "  servable   yes".to_owned(),
            Some(reason) => format!("  servable   no: {reason}"),
        });
        lines.join("\n") + "\n"
    }
}

fn value(spec: &TensorSpec) -> Value {
    let named = |features: bool| {
        let columns = spec.columns.as_ref();
        let wanted = columns.filter(|columns| {
            matches!(columns.role(), Role::Features | Role::SparseFeatures) == features
        });
        wanted.map_or_else(Vec::new, |columns| columns.names().to_vec())
    };
    Value {
        name: spec.name.clone(),
        datatype: spec.data_type.as_str(),
        shape: spec.shape_text(),
        features: named(true),
        labels: named(false),
    }
}

impl Value {
    fn line(&self) -> String {
        /// More are shown by `--json`.
        const SHOWN: usize = 12;
        let Self { name, datatype, shape, features, labels } = self;
        let list = |kind: &str, names: &[Label]| {
            let shown: Vec<String> = names.iter().take(SHOWN).map(ToString::to_string).collect();
            match names.len().saturating_sub(SHOWN) {
                _ if names.is_empty() => String::new(),
                0 => format!(" {kind}: {}", shown.join(", ")),
                more => format!(" {kind}: {} and {more} more", shown.join(", ")),
            }
        };
        let (features, labels) = (list("features", features), list("labels", labels));
        format!("{name} {datatype} {shape}{features}{labels}")
    }
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
        let points = self
            .cost
            .iter()
            .map(|CostPoint { rows, time }| format!("{rows}: {:.1} us", time.as_secs_f64() * 1e6));
        let points: Vec<String> = points.collect();
        if !points.is_empty() {
            lines.push(format!("  rows: run  {}", points.join(", ")));
        }
        lines.extend(self.warnings.iter().map(|warning| format!("  warning    {warning}")));
        lines
    }
}
