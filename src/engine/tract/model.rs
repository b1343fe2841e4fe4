//! A loaded model: which strategy serves which shapes.
//!
//! | the graph | strategy |
//! |---|---|
//! | has no open dimension | one plan |
//! | can be analysed symbolically, and that plan reproduces the concrete one | the symbolic plan serves everything; popular shapes get a plan of their own if the warm-up saw that it pays |
//! | otherwise | a plan per concrete shape, compiled on first use; rows run one by one meanwhile where they stand alone |

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::cache::{Claim, Limits, PlanCache};
use super::compile::CompileError;
use super::compiler::Compiler;
use super::plan::{RowByRow, TractPlan};
use super::template::Template;
use super::{Config, attributes, equal, file, memory, operators, probe, rewrite, verify};
use crate::engine::{
    Batching, Facts, LoadError, LoadedModel, ModelSource, Plan, PlanLookup, PlanTicket, RunError,
    Signature,
};
use crate::tensor::Shape;

/// The warm-up stops looking for shapes that run after this long.
const PROBE_BUDGET: Duration = Duration::from_secs(10);

/// A plan for one shape must be this much faster than the symbolic one to be worth having.
const WORTH_SPECIALISING: f64 = 1.15;

/// A row among [`ROWS_IN_COMPANY`] must be this much cheaper than one alone for requests
/// to be joined. Most networks get dearer per row; small models get cheaper.
const WORTH_JOINING: f64 = 1.2;
const ROWS_IN_COMPANY: usize = 8;

/// Rows that the warm-up runs together: enough for rows to differ from one another.
const ROWS_TOGETHER: usize = 3;

pub(super) struct TractModel {
    shared: Arc<Shared>,
    symbolic: Option<Arc<TractPlan>>,
    specialise: bool,
    batching: Batching,
    joins_requests: bool,
    cost: Option<Duration>,
    warnings: Vec<String>,
}

/// What compile jobs share with the model.
struct Shared {
    template: Template,
    signature: Arc<Signature>,
    cache: PlanCache<dyn Plan>,
    compiler: Arc<Compiler>,
    compiles: AtomicU64,
}

/// A shape that the warm-up found to run, and the plan compiled for it.
struct Probe {
    shapes: Vec<Shape>,
    plan: Arc<TractPlan>,
    /// The size given to open dimensions other than the rows; `None` for known shapes.
    size: Option<usize>,
}

impl TractModel {
    pub(super) fn load(
        source: &ModelSource,
        config: &Config,
        compiler: Arc<Compiler>,
    ) -> Result<Self, LoadError> {
        let mut proto = file::read(&source.path)?;
        let mut onnx = tract_onnx::onnx().with_ignore_value_info(true);
        equal::register(&mut onnx);
        operators::check(&proto, &onnx)?;
        attributes::check(file::graph(&proto)?)?;
        let signature = file::signature(file::graph(&proto)?)?;
        rewrite::rewrite(&mut proto);
        let directory = source.path.parent().unwrap_or(Path::new("."));
        let template = Template::parse(&onnx, &proto, directory, signature.clone())
            .map_err(|CompileError(reason)| LoadError::Compile { reason })?;
        drop(proto);
        let limits = Limits { plans: config.max_plans, bytes: config.max_plan_bytes };
        let shared = Shared {
            template,
            signature: Arc::new(signature),
            cache: PlanCache::new(limits),
            compiler,
            compiles: AtomicU64::new(0),
        };
        Self::warm_up(Arc::new(shared), &source.known_shapes)
    }

    fn warm_up(
        shared: Arc<Shared>,
        known_shapes: &[Vec<(String, Vec<usize>)>],
    ) -> Result<Self, LoadError> {
        let probe = match shared.probe(known_shapes) {
            Ok(probe) => probe,
            // With no other open dimension than the rows, no other shape could do better.
            Err(reason) if !probe::has_inner_open_dims(&shared.signature) => {
                return Err(LoadError::Compile { reason });
            }
            Err(reason) => return Ok(Self::unproven(shared, reason)),
        };
        if shared.signature.inputs.iter().all(crate::engine::TensorSpec::is_fixed) {
            return Ok(Self::fixed(shared, probe));
        }
        Ok(Self::open(shared, &probe))
    }

    /// No shape ran, but a request may bring one that does.
    fn unproven(shared: Arc<Shared>, reason: String) -> Self {
        let warning = format!(
            "the warm-up found no input shape that compiles, plans are made on request: {reason}"
        );
        Self {
            shared,
            symbolic: None,
            specialise: false,
            batching: Batching::off("the warm-up found no input shape that runs"),
            joins_requests: false,
            cost: None,
            warnings: vec![warning],
        }
    }

    fn fixed(shared: Arc<Shared>, probe: Probe) -> Self {
        let (cost, warnings) = shared.measure(&probe.plan, &probe.shapes);
        Self {
            shared,
            symbolic: Some(probe.plan),
            specialise: false,
            batching: Batching::off("the model's leading dimension is fixed"),
            joins_requests: false,
            cost,
            warnings,
        }
    }

    fn open(shared: Arc<Shared>, probe: &Probe) -> Self {
        let (cost, mut warnings) = shared.measure(&probe.plan, &probe.shapes);
        let symbolic = match shared.symbolic(probe) {
            Ok(plan) => Some(plan),
            Err(reason) => {
                warnings.push(format!("one plan per input shape: {reason}"));
                None
            }
        };
        let batching = match shared.rows_stand_alone(probe, symbolic.as_ref()) {
            Ok(()) => Batching::Rows,
            Err(reason) => Batching::Off { reason },
        };
        let symbolic_cost =
            symbolic.as_ref().and_then(|plan| shared.measure(plan, &probe.shapes).0);
        let specialise = match (symbolic_cost, cost) {
            (Some(symbolic), Some(concrete)) => {
                symbolic.as_secs_f64() > concrete.as_secs_f64() * WORTH_SPECIALISING
            }
            _ => false,
        };
        if specialise || symbolic.is_none() {
            shared.keep(probe);
        }
        let cost = if specialise { cost } else { symbolic_cost.or(cost) };
        let joins_requests = batching.is_on()
            && symbolic.as_ref().is_some_and(|plan| shared.company_pays(plan, probe, cost));
        Self { shared, symbolic, specialise, batching, joins_requests, cost, warnings }
    }
}

impl Shared {
    /// Finds input shapes that compile and run, real ones first.
    fn probe(&self, known_shapes: &[Vec<(String, Vec<usize>)>]) -> Result<Probe, String> {
        let started = Instant::now();
        let known = known_shapes.iter().filter_map(|known| Some((self.in_order(known)?, None)));
        let sizes: &[usize] =
            if probe::has_inner_open_dims(&self.signature) { &probe::SIZES } else { &[1] };
        let guesses = sizes
            .iter()
            .filter_map(|&size| Some((probe::shapes(&self.signature, 1, size)?, Some(size))));
        let mut first_error: Option<String> = None;
        for (shapes, size) in known.chain(guesses) {
            match self.try_shapes(&shapes) {
                Ok(plan) => return Ok(Probe { shapes, plan, size }),
                Err(error) => first_error = first_error.or(Some(error)),
            }
            if started.elapsed() > PROBE_BUDGET {
                break;
            }
        }
        Err(first_error.unwrap_or_else(|| "no input shapes to try".to_owned()))
    }

    /// Known shapes in the order of the signature, if they name and fit every input.
    fn in_order(&self, known: &[(String, Vec<usize>)]) -> Option<Vec<Shape>> {
        self.signature
            .inputs
            .iter()
            .map(|spec| {
                let (_, dims) = known.iter().find(|(name, _)| *name == spec.name)?;
                Shape::new(dims.clone()).ok()
            })
            .collect()
    }

    fn try_shapes(&self, shapes: &[Shape]) -> Result<Arc<TractPlan>, String> {
        let compiled = self.template.compile_concrete(shapes).map_err(|error| error.0)?;
        self.compiles.fetch_add(1, Ordering::Relaxed);
        let plan = Arc::new(TractPlan::new(compiled, Arc::clone(&self.signature), false));
        let inputs = probe::values(&self.signature, shapes).ok_or("no values to try")?;
        let Err(error) = plan.run(&inputs) else { return Ok(plan) };
        // The optimiser may have broken the graph; or the made-up values do not fit it.
        let accepted = self.template.compile_accepted(shapes, |compiled| {
            self.compiles.fetch_add(1, Ordering::Relaxed);
            let plan = TractPlan::new(compiled, Arc::clone(&self.signature), false);
            plan.run(&inputs).is_ok().then_some(plan)
        });
        match accepted {
            Some(plan) => Ok(Arc::new(plan)),
            // A run may fail on the made-up values and still be right for real ones; but
            // where there is a choice of shapes, one that runs is better.
            None if probe::has_inner_open_dims(&self.signature) => Err(error.to_string()),
            None => Ok(plan),
        }
    }

    /// The symbolic plan, if it exists and gives what the concrete plans give.
    fn symbolic(&self, probe: &Probe) -> Result<Arc<TractPlan>, String> {
        let compiled = self
            .template
            .compile_symbolic()
            .ok_or("an input has no declared rank")?
            .map_err(|error| error.0)?;
        self.compiles.fetch_add(1, Ordering::Relaxed);
        let plan = Arc::new(TractPlan::new(compiled, Arc::clone(&self.signature), true));
        self.reproduces(&plan, &probe.plan, &probe.shapes)?;
        if let Some(size) = probe.size
            && let Some(shapes) = probe::shapes(&self.signature, ROWS_TOGETHER, size)
            && shapes != probe.shapes
            && let Ok(several) = self.try_shapes(&shapes)
        {
            self.reproduces(&plan, &several, &shapes)?;
        }
        Ok(plan)
    }

    fn reproduces(
        &self,
        symbolic: &TractPlan,
        concrete: &TractPlan,
        shapes: &[Shape],
    ) -> Result<(), String> {
        let inputs = probe::values(&self.signature, shapes).ok_or("no values to try")?;
        match (symbolic.run(&inputs), concrete.run(&inputs)) {
            (Ok(left), Ok(right)) if verify::same(&left, &right) => Ok(()),
            (Ok(_), Ok(_)) => Err("the symbolic plan gives other results".to_owned()),
            (Err(error), Ok(_)) => Err(format!("the symbolic plan does not run: {error}")),
            // The made-up values fail in both: nothing was learnt against the plan.
            (_, Err(_)) => Ok(()),
        }
    }

    fn rows_stand_alone(
        &self,
        probe: &Probe,
        symbolic: Option<&Arc<TractPlan>>,
    ) -> Result<(), String> {
        if !probe::has_rows(&self.signature) {
            return Err("the leading dimension of an input is fixed".to_owned());
        }
        let Some(size) = probe.size.or_else(|| self.size_of(probe)) else {
            return Err("the self-test has no shapes for several rows".to_owned());
        };
        let (Some(one), Some(several)) = (
            probe::shapes(&self.signature, 1, size),
            probe::shapes(&self.signature, ROWS_TOGETHER, size),
        ) else {
            return Err("the self-test has no shapes for several rows".to_owned());
        };
        let alone = self.plan_for(&one, symbolic)?;
        let together = self.plan_for(&several, symbolic)?;
        let inputs = probe::values(&self.signature, &several).ok_or("no values to try")?;
        verify::rows_stand_alone(together.as_ref(), alone.as_ref(), &inputs, ROWS_TOGETHER)
    }

    /// The size that known shapes give to the first open dimension besides the rows.
    fn size_of(&self, probe: &Probe) -> Option<usize> {
        let open = self.signature.inputs.iter().zip(&probe.shapes).find_map(|(spec, shape)| {
            let dims = spec.dims.as_ref()?;
            let axis =
                dims.iter().skip(1).position(|dim| !matches!(dim, crate::engine::Dim::Fixed(_)))?;
            shape.dims().get(axis + 1).copied()
        });
        open.or(Some(1))
    }

    fn plan_for(
        &self,
        shapes: &[Shape],
        symbolic: Option<&Arc<TractPlan>>,
    ) -> Result<Arc<TractPlan>, String> {
        match symbolic {
            Some(plan) => Ok(Arc::clone(plan)),
            None => self.try_shapes(shapes),
        }
    }

    /// The best of a few runs, and a warning if the values do not run.
    fn measure(&self, plan: &TractPlan, shapes: &[Shape]) -> (Option<Duration>, Vec<String>) {
        const BUDGET: Duration = Duration::from_millis(50);
        const MAX_RUNS: usize = 20;
        let Some(inputs) = probe::values(&self.signature, shapes) else {
            return (None, Vec::new());
        };
        let started = Instant::now();
        let mut best = None;
        for _ in 0..MAX_RUNS {
            let run = Instant::now();
            if let Err(error) = plan.run(&inputs) {
                return (None, vec![format!("the warm-up's made-up values do not run: {error}")]);
            }
            let taken = run.elapsed();
            best = Some(best.map_or(taken, |best: Duration| best.min(taken)));
            if started.elapsed() > BUDGET {
                break;
            }
        }
        let rows = shapes.first().and_then(|shape| shape.dims().first()).copied().unwrap_or(1);
        let rows = u32::try_from(rows.max(1)).unwrap_or(u32::MAX);
        (best.map(|best| best / rows), Vec::new())
    }

    /// Whether a row costs clearly less among others than alone.
    fn company_pays(&self, plan: &TractPlan, probe: &Probe, alone: Option<Duration>) -> bool {
        let size = probe.size.or_else(|| self.size_of(probe)).unwrap_or(1);
        let together = probe::shapes(&self.signature, ROWS_IN_COMPANY, size)
            .and_then(|shapes| self.measure(plan, &shapes).0);
        match (alone, together) {
            (Some(alone), Some(together)) => {
                alone.as_secs_f64() > together.as_secs_f64() * WORTH_JOINING
            }
            _ => false,
        }
    }

    fn keep(&self, probe: &Probe) {
        let bytes = probe.plan.memory().total();
        let plan = Arc::clone(&probe.plan) as Arc<dyn Plan>;
        self.cache.settle(&probe.shapes, Ok(plan), bytes);
    }

    /// Compiles in the background and settles the claim; gives the claim back if the queue
    /// of the compiler is full.
    fn compile_in_background(self: &Arc<Self>, shapes: Vec<Shape>) -> bool {
        let shared = Arc::clone(self);
        let key = shapes.clone();
        let submitted = self.compiler.submit(move || {
            let compiled = shared.template.compile_concrete(&shapes);
            shared.compiles.fetch_add(1, Ordering::Relaxed);
            match compiled {
                Ok(compiled) => {
                    let bytes = compiled.memory.total();
                    let plan = TractPlan::new(compiled, Arc::clone(&shared.signature), false);
                    shared.cache.settle(&shapes, Ok(Arc::new(plan)), bytes);
                }
                Err(CompileError(reason)) => {
                    let error = RunError::Shapes { shapes: shapes.clone(), reason };
                    shared.cache.settle(&shapes, Err(error), 0);
                }
            }
        });
        if submitted.is_err() {
            let reason = "too many plans are being compiled".to_owned();
            self.cache.abandon(&key, &RunError::Operator { reason });
        }
        submitted.is_ok()
    }
}

impl LoadedModel for TractModel {
    fn signature(&self) -> &Signature {
        &self.shared.signature
    }

    fn batching(&self) -> &Batching {
        &self.batching
    }

    fn plan(&self, shapes: &[Shape]) -> PlanLookup {
        match self.joined_plan(shapes) {
            Some(plan) => PlanLookup::Ready(plan),
            None => self.concrete_plan(shapes),
        }
    }

    fn joins_requests(&self) -> bool {
        self.joins_requests
    }

    /// The symbolic plan, or a faster one for just these shapes; popular shapes have
    /// theirs compiled in the background.
    fn joined_plan(&self, shapes: &[Shape]) -> Option<Arc<dyn Plan>> {
        let symbolic = self.symbolic.as_ref()?;
        if self.specialise {
            let shared = &self.shared;
            if let Some(plan) = shared.cache.get(shapes) {
                return Some(plan);
            }
            if shared.cache.has_become_popular(shapes)
                && let Claim::Owner(_) = shared.cache.claim(shapes)
            {
                shared.compile_in_background(shapes.to_vec());
            }
        }
        Some(Arc::clone(symbolic) as Arc<dyn Plan>)
    }

    fn cost(&self) -> Option<Duration> {
        self.cost
    }

    fn facts(&self) -> Facts {
        let (cached, cached_bytes) = self.shared.cache.size();
        let own = self.symbolic.as_ref().map_or(memory::Estimate::default(), |plan| plan.memory());
        let strategy = match (&self.symbolic, self.specialise) {
            (Some(plan), _) if !plan.any_rows() => "one plan for the fixed shape",
            (Some(_), false) => "one symbolic plan",
            (Some(_), true) => "a symbolic plan, and one per popular shape",
            (None, _) => "a plan per shape",
        };
        Facts {
            strategy: strategy.to_owned(),
            memory_bytes: own.total() + cached_bytes,
            plans: cached + usize::from(self.symbolic.is_some()),
            compiles: self.shared.compiles.load(Ordering::Relaxed),
            warnings: self.warnings.clone(),
        }
    }
}

impl TractModel {
    fn concrete_plan(&self, shapes: &[Shape]) -> PlanLookup {
        let shared = &self.shared;
        match shared.cache.claim(shapes) {
            Claim::Known(Ok(plan)) => PlanLookup::Ready(plan),
            Claim::Known(Err(error)) => {
                let (sender, ticket) = oneshot::channel();
                // The receiver is still in hand.
                let _ = sender.send(Err(error));
                PlanLookup::Compiling(ticket)
            }
            Claim::Joined(waiting) => self.meanwhile(shapes, waiting),
            Claim::Owner(waiting) => {
                if shared.compile_in_background(shapes.to_vec()) {
                    self.meanwhile(shapes, waiting)
                } else {
                    PlanLookup::Busy
                }
            }
        }
    }

    /// Rows one by one if that is possible now, else the ticket for the plan.
    fn meanwhile(&self, shapes: &[Shape], ticket: PlanTicket) -> PlanLookup {
        if self.batching.is_on()
            && let Some(one_row) = one_row(shapes)
            && one_row != shapes
            && let Some(plan) = self.shared.cache.get(&one_row)
        {
            return PlanLookup::Ready(Arc::new(RowByRow(plan)));
        }
        PlanLookup::Compiling(ticket)
    }
}

/// The same shapes with one row each; `None` if they hold no rows.
fn one_row(shapes: &[Shape]) -> Option<Vec<Shape>> {
    shapes
        .iter()
        .map(|shape| {
            let mut dims = shape.dims().to_vec();
            *dims.first_mut().filter(|rows| **rows > 0)? = 1;
            Shape::new(dims).ok()
        })
        .collect()
}
