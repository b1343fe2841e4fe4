//! What operators may ask of the registry while it runs.

use std::sync::mpsc::Sender;

use tokio::sync::oneshot;

use super::Registry;
use super::owner::Event;
use super::routing::Routing;
use crate::repository::{Overlay, Version};

/// A wish, and where its outcome goes.
pub(super) enum Command {
    Load {
        model: String,
        overlay: Option<Overlay>,
        reply: Reply<()>,
    },
    Unload {
        model: String,
        reply: Reply<()>,
    },
    /// `None` goes back to what `model.toml` says.
    Route {
        model: String,
        routing: Option<Routing>,
        reply: Reply<Routed>,
    },
    Rollback {
        model: String,
        reply: Reply<Version>,
    },
    /// A model that left memory is asked for.
    Wake {
        model: String,
    },
}

pub(super) type Reply<T> = oneshot::Sender<Result<T, ControlError>>;

/// What holds after a change of the routing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    pub routing: Routing,
    /// It outlives the process.
    pub kept: bool,
}

/// Why a wish was not granted. The message is for the one who asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    #[error("Request for unknown model: '{0}' is not found")]
    UnknownModel(String),
    /// It contradicts itself, or what is there.
    #[error("{0}")]
    Invalid(String),
    /// It was tried.
    #[error("{0}")]
    Failed(String),
    #[error("the server is shutting down")]
    ShuttingDown,
}

/// Sends wishes to the owner. Cheap to clone.
#[derive(Clone)]
pub(super) struct Commands(pub(super) Sender<Event>);

impl Registry {
    /// Loads a model, again if it was refused before, and waits until it serves. `overlay`
    /// stands before what the repository says until the model is loaded again.
    ///
    /// # Errors
    /// [`ControlError`] if there is no such model, or it does not serve.
    pub async fn load(&self, model: &str, overlay: Option<Overlay>) -> Result<(), ControlError> {
        self.ask(|reply| Command::Load { model: model.to_owned(), overlay, reply }).await
    }

    /// Takes a model out of service. Requests under way are answered.
    ///
    /// # Errors
    /// [`ControlError`] if there is no such model, or the repository decides what is served.
    pub async fn unload(&self, model: &str) -> Result<(), ControlError> {
        self.ask(|reply| Command::Unload { model: model.to_owned(), reply }).await
    }

    /// Replaces the routing of a model; `None` goes back to `model.toml`.
    ///
    /// # Errors
    /// [`ControlError`] if it contradicts itself or names versions that are not there.
    pub async fn route(
        &self,
        model: &str,
        routing: Option<Routing>,
    ) -> Result<Routed, ControlError> {
        self.ask(|reply| Command::Route { model: model.to_owned(), routing, reply }).await
    }

    /// Takes the serving version back and waits for the one before it, which is returned.
    ///
    /// # Errors
    /// [`ControlError`] if there is none, or it does not serve.
    pub async fn roll_back(&self, model: &str) -> Result<Version, ControlError> {
        self.ask(|reply| Command::Rollback { model: model.to_owned(), reply }).await
    }

    /// Brings a model back into memory; returns at once.
    pub fn wake(&self, model: &str) {
        // Without an owner the process is about to end.
        let _ = self.commands.0.send(Event::Command(Command::Wake { model: model.to_owned() }));
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, ControlError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.commands.0.send(Event::Command(command(reply)));
        sent.map_err(|_| ControlError::ShuttingDown)?;
        answer.await.unwrap_or(Err(ControlError::ShuttingDown))
    }
}
