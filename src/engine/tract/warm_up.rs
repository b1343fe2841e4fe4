//! What loading finds out about a model before it serves: shapes that run, the strategy
//! that reproduces itself, whether rows stand alone, and what runs cost.

mod curve;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::model::Shared;
use super::plan::TractPlan;
use super::template::Rows;
use super::{probe, verify};
use crate::engine::{Batching, CostCurve, Dim, LoadError, Plan, TensorSpec};
use crate::tensor::Shape;
use curve::Sized;

/// The warm-up stops looking for shapes that run after this long.
const PROBE_BUDGET: Duration = Duration::from_secs(10);

/// A plan for one shape must be this much faster than the symbolic one to be worth having.
const WORTH_SPECIALISING: f64 = 1.15;

/// Gains below this are noise of the measurement.
const WORTH_COMPILING: Duration = Duration::from_micros(20);

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
    pub(super) cost: Option<CostCurve>,
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
        let measured = self.measure(&probe.plan, &probe.shapes);
        let warnings = measured.as_ref().err().cloned().into_iter().collect();
        Findings {
            symbolic: Some(probe.plan),
            rows: Rows::Each,
            specialise: false,
            batching: Batching::off("the model's leading dimension is fixed"),
            cost: measured.ok().and_then(|time| self.one_point(time, &probe.shapes)),
            reason: None,
            warnings,
        }
    }

    fn open(&self, probe: &Probe) -> Findings {
        let concrete = self.measure(&probe.plan, &probe.shapes);
        let (symbolic, rows, why_not) = match self.symbolic(probe) {
            Ok((plan, rows)) => (Some(plan), rows, None),
            Err(reason) => (None, Rows::Each, Some(reason)),
        };
        let together = self.rows_stand_alone(probe, symbolic.as_ref());
        let general = symbolic.as_ref().and_then(|plan| self.measure(plan, &probe.shapes).ok());
        let specialise = match (general, &concrete) {
            (Some(general), Ok(concrete)) => worth_specialising(general, *concrete),
            _ => false,
        };
        if specialise || symbolic.is_none() {
            self.keep(probe.shapes.clone(), &probe.plan);
        }
        let time = if specialise { concrete.as_ref().ok().copied() } else { general };
        let cost = match (&together, time.or(concrete.as_ref().ok().copied())) {
            (_, None) => None,
            (Err(_), Some(time)) => self.one_point(time, &probe.shapes),
            (Ok(several), Some(time)) => self.curve(several, symbolic.as_ref(), (probe, time)),
        };
        Findings {
            symbolic,
            rows,
            specialise,
            batching: together.map_or_else(|reason| Batching::Off { reason }, |_| Batching::Rows),
            cost,
            reason: why_not,
            warnings: concrete.err().into_iter().collect(),
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
        let plan = Arc::new(TractPlan::new(compiled, &self.common, false));
        let inputs = probe::values(&self.signature, shapes).ok_or("no values to try")?;
        let Err(error) = plan.run(&inputs) else { return Ok(plan) };
        // The optimiser may have broken the graph; or the made-up values do not fit it.
        let accepted = self.template.compile_accepted(shapes, |compiled| {
            self.compiles.fetch_add(1, Ordering::Relaxed);
            let plan = TractPlan::new(compiled, &self.common, false);
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
        let plan = Arc::new(TractPlan::new(compiled, &self.common, true));
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

    /// The self-test of rows; gives back what ran.
    fn rows_stand_alone(
        &self,
        probe: &Probe,
        symbolic: Option<&Arc<TractPlan>>,
    ) -> Result<Sized, String> {
        if !probe::has_rows(&self.signature) {
            return Err("the leading dimension of an input is fixed".to_owned());
        }
        if let Some(output) = probe.plan.shaped_by_values() {
            return Err(format!("the values decide the shape of output '{output}'"));
        }
        let size = probe.size.unwrap_or_else(|| self.size_of(probe));
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
        Ok(Sized { size, alone, together })
    }

    /// The size that known shapes give to the first open dimension besides the rows.
    fn size_of(&self, probe: &Probe) -> usize {
        let open = self.signature.inputs.iter().zip(&probe.shapes).find_map(|(spec, shape)| {
            let dims = spec.dims.as_ref()?;
            let axis = dims.iter().skip(1).position(|dim| !matches!(dim, Dim::Fixed(_)))?;
            shape.dims().get(axis + 1).copied()
        });
        open.unwrap_or(1)
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

    fn keep(&self, shapes: Vec<Shape>, plan: &Arc<TractPlan>) {
        let bytes = plan.memory().total();
        self.cache.settle(&shapes, Ok(Arc::clone(plan) as Arc<dyn Plan>), bytes);
    }
}

/// Whether a plan for one shape gains enough over the one for all.
fn worth_specialising(general: Duration, concrete: Duration) -> bool {
    general.as_secs_f64() > concrete.as_secs_f64() * WORTH_SPECIALISING
        && general.saturating_sub(concrete) > WORTH_COMPILING
}
