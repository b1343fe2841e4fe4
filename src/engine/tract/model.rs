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

use tokio::sync::oneshot;

use super::cache::{Claim, Limits, PlanCache};
use super::compile::CompileError;
use super::compiler::Compiler;
use super::helpers::Helpers;
use super::plan::{Common, RowByRow, TractPlan};
use super::template::{Rows, Template};
use super::warm_up::Findings;
use super::{Config, attributes, columns, facts, file, memory, operators, rewrite, support};
use crate::engine::{
    Batching, CostCurve, Facts, FileFacts, LoadError, LoadedModel, ModelSource, Plan, PlanLookup,
    PlanTicket, RunError, Signature,
};
use crate::tensor::Shape;

pub(super) struct TractModel {
    shared: Arc<Shared>,
    findings: Findings,
    file: FileFacts,
}

/// What compile jobs share with the model.
pub(super) struct Shared {
    pub(super) template: Template,
    pub(super) signature: Arc<Signature>,
    pub(super) cache: PlanCache<dyn Plan>,
    pub(super) compiles: AtomicU64,
    /// What every plan is given.
    pub(super) common: Common,
    compiler: Arc<Compiler>,
}

impl TractModel {
    pub(super) fn load(
        source: &ModelSource,
        config: &Config,
        (compiler, helpers): (Arc<Compiler>, Arc<Helpers>),
    ) -> Result<Self, LoadError> {
        let mut contents = file::read(&source.path)?;
        let proto = &mut contents.proto;
        let onnx = operators::framework();
        support::check(proto, &onnx)?;
        attributes::check(file::graph(proto)?)?;
        let facts = facts::of(&source.path, proto, &onnx);
        let mut signature = file::signature(file::graph(proto)?)?;
        columns::describe(&mut signature, proto, source.features.as_deref())?;
        rewrite::rewrite(proto);
        let directory = source.path.parent().unwrap_or(Path::new("."));
        let template =
            Template::parse(&onnx, contents, directory, signature.clone(), config.passes).map_err(
                |CompileError(reason)| LoadError::Compile {
                    reason: file::without_directory(&reason, directory),
                },
            )?;
        let limits = Limits { plans: config.max_plans, bytes: config.max_plan_bytes };
        let signature = Arc::new(signature);
        let shared = Shared {
            template,
            common: Common { signature: Arc::clone(&signature), helpers },
            signature,
            cache: PlanCache::new(limits),
            compiler,
            compiles: AtomicU64::new(0),
        };
        let findings = shared.warm_up(&source.known_shapes)?;
        Ok(Self { shared: Arc::new(shared), findings, file: facts })
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }
}

impl Shared {
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
                    let plan = TractPlan::new(compiled, &shared.common, false);
                    shared.cache.settle(&shapes, Ok(Arc::new(plan)), bytes);
                }
                Err(CompileError(reason)) => {
                    let error = RunError::Shapes { shapes: shapes.clone(), reason };
                    shared.cache.settle(&shapes, Err(error), 0);
                }
            }
        });
        if submitted.is_err() {
            self.cache.abandon(&key, &RunError::Busy);
        }
        submitted.is_ok()
    }
}

impl LoadedModel for TractModel {
    fn signature(&self) -> &Signature {
        &self.shared.signature
    }

    fn batching(&self) -> &Batching {
        &self.findings.batching
    }

    fn plan(&self, shapes: &[Shape]) -> PlanLookup {
        match self.joined_plan(shapes) {
            Some(plan) => PlanLookup::Ready(plan),
            None => self.concrete_plan(shapes),
        }
    }

    /// The symbolic plan, or a faster one for just these shapes; popular shapes have
    /// theirs compiled in the background.
    fn joined_plan(&self, shapes: &[Shape]) -> Option<Arc<dyn Plan>> {
        let symbolic = self.findings.symbolic.as_ref()?;
        if self.findings.rows == Rows::Alike && !same_rows(shapes) {
            return None;
        }
        if self.findings.specialise {
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

    fn any_rows(&self) -> bool {
        self.findings.symbolic.as_ref().is_some_and(|plan| plan.any_rows())
    }

    fn cost(&self) -> Option<&CostCurve> {
        self.findings.cost.as_ref()
    }

    fn facts(&self) -> Facts {
        let (cached, cached_bytes) = self.shared.cache.size();
        let own = self
            .findings
            .symbolic
            .as_ref()
            .map_or(memory::Estimate::default(), |plan| plan.memory());
        let strategy = match (&self.findings.symbolic, self.findings.specialise) {
            (Some(plan), _) if !plan.any_rows() => "one plan for the fixed shape",
            (Some(_), false) => "one symbolic plan",
            (Some(_), true) => "a symbolic plan, and one per popular shape",
            (None, _) => "a plan per shape",
        };
        Facts {
            strategy: strategy.to_owned(),
            strategy_reason: self.findings.reason.clone(),
            memory_bytes: self.shared.template.weights
                + self.shared.template.shared_bytes()
                + own.total()
                + cached_bytes,
            plans: cached + usize::from(self.findings.symbolic.is_some()),
            compiles: self.shared.compiles.load(Ordering::Relaxed),
            warnings: self.findings.warnings.clone(),
        }
    }

    fn file(&self) -> &FileFacts {
        &self.file
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
        if self.findings.batching.is_on()
            && let Some(one_row) = one_row(shapes)
            && one_row != shapes
            && let Some(plan) = self.shared.cache.get(&one_row)
        {
            return PlanLookup::Ready(Arc::new(RowByRow(plan)));
        }
        PlanLookup::Compiling(ticket)
    }
}

/// Whether all have the same leading dimension.
fn same_rows(shapes: &[Shape]) -> bool {
    let mut rows = shapes.iter().map(|shape| shape.dims().first());
    let first = rows.next();
    rows.all(|rows| first == Some(rows))
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
