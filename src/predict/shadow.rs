//! Copies of requests for versions that are tried beside those that serve. No caller waits
//! for them; when too many are under way, copies are dropped.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{NamedTensor, Predictor, inputs};
use crate::engine::Signature;
use crate::registry::{Compared, LiveModel, ShadowOutcome};
use crate::scheduler::{Answer, Priority, Work};
use crate::tensor::Tensor;

/// Requests that shadows may be working on; more would take memory for no one's benefit.
pub(super) const MAX_AT_ONCE: usize = 64;

/// A request that a shadow is working on.
pub(super) struct Shadowed(oneshot::Sender<Answered>);

/// What the caller got.
struct Answered {
    signature: Signature,
    outputs: Vec<Tensor>,
    infer: Duration,
}

impl Predictor {
    /// Sends a copy of the request, whose inputs are in the order of the signature, to the
    /// model's shadow, if it has one.
    pub(super) fn shadow(&self, live: &LiveModel, inputs: &[Tensor]) -> Option<Shadowed> {
        let snapshot = self.registry.snapshot();
        let shadow = Arc::clone(snapshot.models.get(&live.name)?.shadow_of(live)?);
        let Ok(permit) = Arc::clone(&self.shadows).try_acquire_owned() else {
            self.metrics.shadowed(&shadow, ShadowOutcome::Dropped);
            return None;
        };
        let (sender, answered) = oneshot::channel();
        let named =
            live.signature().inputs.iter().zip(inputs).map(|(spec, tensor)| NamedTensor {
                name: spec.name.clone(),
                tensor: tensor.clone(),
            });
        let (inputs, metrics) = (named.collect(), self.metrics.clone());
        tokio::spawn(async move {
            let outcome = run(&shadow, inputs, answered).await;
            metrics.shadowed(&shadow, outcome);
            drop(permit);
        });
        Some(Shadowed(sender))
    }
}

impl Shadowed {
    /// Hands over what the caller gets. An answer that never comes is not compared.
    pub(super) fn compare(self, signature: Signature, answer: &Answer) {
        let outputs = answer.outputs.clone();
        // The shadow may have failed already.
        let _ = self.0.send(Answered { signature, outputs, infer: answer.infer });
    }
}

async fn run(
    shadow: &LiveModel,
    given: Vec<NamedTensor>,
    answered: oneshot::Receiver<Answered>,
) -> ShadowOutcome {
    let Ok((inputs, _)) = inputs::in_order(shadow.signature(), given) else {
        return ShadowOutcome::Failed;
    };
    if shadow.signature().check(&inputs).is_err() {
        return ShadowOutcome::Failed;
    }
    let (deadline, allowed) = (Instant::now() + shadow.deadline, shadow.deadline);
    let Ok(own) = shadow
        .queue
        .run(Work { inputs, deadline, allowed, priority: Priority::of(u64::MAX) })
        .await
    else {
        return ShadowOutcome::Failed;
    };
    let Ok(theirs) = answered.await else { return ShadowOutcome::Unanswered };
    let compared =
        Compared::of((&theirs.signature, &theirs.outputs), (shadow.signature(), &own.outputs));
    let Some(compared) = compared else { return ShadowOutcome::Incomparable };
    shadow.comparison.add(&compared, theirs.infer, own.infer);
    ShadowOutcome::Compared
}
