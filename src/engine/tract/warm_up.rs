//! What loading finds out about a model before it serves: shapes that run, the strategy
//! that reproduces itself, whether rows stand alone, and what a row costs.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::model::Shared;
use super::plan::TractPlan;
use super::template::Rows;
use super::{probe, verify};
use crate::engine::{Batching, Cost, Dim, LoadError, Plan, TensorSpec};
use crate::tensor::{Shape, Tensor};

/// The warm-up stops looking for shapes that run after this long.
const PROBE_BUDGET: Duration = Duration::from_secs(10);

/// A plan for one shape must be this much faster than the symbolic one to be worth having.
const WORTH_SPECIALISING: f64 = 1.15;

/// Gains below this are noise of the measurement.
const WORTH_COMPILING: Duration = Duration::from_micros(20);

/// A row among [`ROWS_IN_COMPANY`] must be this much cheaper than one alone for requests
/// to be joined. Most networks get dearer per row; small models get cheaper.
const WORTH_JOINING: f64 = 1.2;
const ROWS_IN_COMPANY: usize = 8;

/// Rows that the warm-up runs together: enough for rows to differ from one another.
const ROWS_TOGETHER: usize = 3;

/// What the warm-up decided.
pub(super) struct Findings {
    /// Serves every shape; `None` where each shape needs a plan of its own.
    pub(super) symbolic: Option<Arc<TractPlan>>,
    /// Which inputs the symbolic plan serves.
    pub(super) rows: Rows,
    /// Popular shapes get a plan of their own.
    pub(super) specialise: bool,
    pub(super) batching: Batching,
    pub(super) joins_requests: bool,
    pub(super) cost: Option<Cost>,
    /// Why no plan serves every shape.
    pub(super) reason: Option<String>,
    pub(super) warnings: Vec<String>,
}

/// A shape that the warm-up found to run, and the plan compiled for it.
struct Probe {
    shapes: Vec<Shape>,
    plan: Arc<TractPlan>,
    /// The size given to open dimensions other than the rows; `None` for known shapes.
    size: Option<usize>,
}

impl Findings {
    /// No shape ran, but a request may bring one that does.
    fn unproven(reason: &str) -> Self {
        let warning = format!(
            "the warm-up found no input shape that compiles, plans are made on request: {reason}"
        );
        Self {
            symbolic: None,
            rows: Rows::Each,
            specialise: false,
            batching: Batching::off("the warm-up found no input shape that runs"),
            joins_requests: false,
            cost: None,
            reason: None,
            warnings: vec![warning],
        }
    }
}

impl Shared {
    /// Finds shapes that run, chooses the strategy, and measures it.
    pub(super) fn warm_up(
        &self,
        known_shapes: &[Vec<(String, Vec<usize>)>],
    ) -> Result<Findings, LoadError> {
        let probe = match self.probe(known_shapes) {
            Ok(probe) => probe,
            // With no other open dimension than the rows, no other shape could do better.
            Err(reason) if !probe::has_inner_open_dims(&self.signature) => {
                return Err(LoadError::Compile { reason });
            }
            Err(reason) => return Ok(Findings::unproven(&reason)),
        };
        if self.signature.inputs.iter().all(TensorSpec::is_fixed) {
            return Ok(self.fixed(probe));
        }
        Ok(self.open(&probe))
    }

    fn fixed(&self, probe: Probe) -> Findings {
        let (cost, warnings) = self.measure(&probe.plan, &probe.shapes);
        Findings {
            symbolic: Some(probe.plan),
            rows: Rows::Each,
            specialise: false,
            batching: Batching::off("the model's leading dimension is fixed"),
            joins_requests: false,
            cost,
            reason: None,
            warnings,
        }
    }

    fn open(&self, probe: &Probe) -> Findings {
        let (cost, warnings) = self.measure(&probe.plan, &probe.shapes);
        let (symbolic, rows, why_not) = match self.symbolic(probe) {
            Ok((plan, rows)) => (Some(plan), rows, None),
            Err(reason) => (None, Rows::Each, Some(reason)),
        };
        let batching = match self.rows_stand_alone(probe, symbolic.as_ref()) {
            Ok(()) => Batching::Rows,
            Err(reason) => Batching::Off { reason },
        };
        let per_row = |cost: Cost| {
            if batching.is_on() { cost.for_one_of(leading(&probe.shapes)) } else { cost }
        };
        let cost = cost.map(per_row);
        let symbolic_cost = symbolic.as_ref().and_then(|plan| self.measure(plan, &probe.shapes).0);
        let symbolic_cost = symbolic_cost.map(per_row);
        let specialise = match (symbolic_cost, cost) {
            (Some(symbolic), Some(concrete)) => {
                symbolic.time.as_secs_f64() > concrete.time.as_secs_f64() * WORTH_SPECIALISING
                    && symbolic.time.saturating_sub(concrete.time) > WORTH_COMPILING
            }
            _ => false,
        };
        if specialise || symbolic.is_none() {
            self.keep(probe.shapes.clone(), &probe.plan);
        }
        let cost = if specialise { cost } else { symbolic_cost.or(cost) };
        let joins_requests = batching.is_on()
            && symbolic.as_ref().is_some_and(|plan| self.company_pays(plan, probe, cost));
        Findings {
            symbolic,
            rows,
            specialise,
            batching,
            joins_requests,
            cost,
            reason: why_not,
            warnings,
        }
    }

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

    /// Input shapes that compile and run, and the plan for them.
    pub(super) fn shapes_that_run(
        &self,
        known_shapes: &[Vec<(String, Vec<usize>)>],
    ) -> Result<(Vec<Shape>, Arc<TractPlan>), String> {
        self.probe(known_shapes).map(|probe| (probe.shapes, probe.plan))
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
    fn symbolic(&self, probe: &Probe) -> Result<(Arc<TractPlan>, Rows), String> {
        let each = self.symbolic_for(probe, Rows::Each);
        let nameless = |spec: &&TensorSpec| {
            spec.dims.as_ref().is_some_and(|dims| dims.first() == Some(&Dim::Unknown))
        };
        let several = self.signature.inputs.iter().filter(nameless).count() > 1;
        match each {
            Err(reason) if several => {
                let alike = self.symbolic_for(probe, Rows::Alike).map_err(|_| reason)?;
                Ok((alike, Rows::Alike))
            }
            each => Ok((each?, Rows::Each)),
        }
    }

    fn symbolic_for(&self, probe: &Probe, rows: Rows) -> Result<Arc<TractPlan>, String> {
        let compiled = self
            .template
            .compile_symbolic(rows)
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
        if let Some(output) = probe.plan.shaped_by_values() {
            return Err(format!("the values decide the shape of output '{output}'"));
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
        verify::rows_stand_alone(together.as_ref(), alone.as_ref(), &inputs, ROWS_TOGETHER)?;
        if symbolic.is_none() {
            // Serves rows one by one while a plan for several is being compiled.
            self.keep(one, &alone);
        }
        Ok(())
    }

    /// The size that known shapes give to the first open dimension besides the rows.
    fn size_of(&self, probe: &Probe) -> Option<usize> {
        let open = self.signature.inputs.iter().zip(&probe.shapes).find_map(|(spec, shape)| {
            let dims = spec.dims.as_ref()?;
            let axis = dims.iter().skip(1).position(|dim| !matches!(dim, Dim::Fixed(_)))?;
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
    fn measure(&self, plan: &TractPlan, shapes: &[Shape]) -> (Option<Cost>, Vec<String>) {
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
        let weight = inputs.iter().map(Tensor::weight).sum();
        (best.map(|time| Cost { time, weight }), Vec::new())
    }

    /// Whether a row costs clearly less among others than alone.
    fn company_pays(&self, plan: &TractPlan, probe: &Probe, alone: Option<Cost>) -> bool {
        let size = probe.size.or_else(|| self.size_of(probe)).unwrap_or(1);
        let together = probe::shapes(&self.signature, ROWS_IN_COMPANY, size)
            .and_then(|shapes| Some(self.measure(plan, &shapes).0?.for_one_of(leading(&shapes))));
        match (alone, together) {
            (Some(alone), Some(together)) => {
                alone.time.as_secs_f64() > together.time.as_secs_f64() * WORTH_JOINING
            }
            _ => false,
        }
    }

    fn keep(&self, shapes: Vec<Shape>, plan: &Arc<TractPlan>) {
        let bytes = plan.memory().total();
        self.cache.settle(&shapes, Ok(Arc::clone(plan) as Arc<dyn Plan>), bytes);
    }
}

/// Rows of the first input.
fn leading(shapes: &[Shape]) -> usize {
    shapes.first().and_then(|shape| shape.dims().first()).copied().unwrap_or(1)
}

impl Cost {
    /// The share of one row.
    fn for_one_of(self, rows: usize) -> Self {
        let rows = rows.max(1);
        let divisor = u32::try_from(rows).unwrap_or(u32::MAX);
        Self { time: self.time / divisor, weight: self.weight / rows }
    }
}
