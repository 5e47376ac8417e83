//! The engine of a home, and what was started beside it: once, whoever needs it first.

use std::sync::Arc;

use holdfast_core::{Background, Engine, Error};
use holdfast_embedded::StartError;
use holdfast_service::{RunningService, ServiceError};
use tokio::sync::Mutex;

/// Who owns a home. Commands that come to it share its engine.
#[derive(Debug)]
pub struct Owner {
    engine: Arc<Engine>,
    begun: Mutex<Begun>,
}

/// What runs.
#[derive(Debug)]
struct Begun {
    service: Beside,
    works: bool,
}

/// The service of the home.
#[derive(Debug)]
enum Beside {
    NotStarted,
    Running(RunningService),
    /// By whoever made the engine.
    Elsewhere,
}

impl Owner {
    /// Of an engine that rests, and whose service has not been started.
    #[must_use]
    pub fn resting(engine: Arc<Engine>) -> Self {
        Self { engine, begun: Mutex::new(Begun { service: Beside::NotStarted, works: false }) }
    }

    /// Of an engine that works, beside a service that others look after.
    #[must_use]
    pub fn at_work(engine: Arc<Engine>) -> Self {
        Self { engine, begun: Mutex::new(Begun { service: Beside::Elsewhere, works: true }) }
    }

    /// The engine.
    #[must_use]
    pub const fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Starts the home's own service, where it does not run.
    pub(crate) async fn start_service(&self) -> Result<(), StartError> {
        let mut begun = self.begun.lock().await;
        if matches!(begun.service, Beside::NotStarted) {
            begun.service = Beside::Running(holdfast_embedded::start(&self.engine).await?.0);
        }
        Ok(())
    }

    /// Begins to work, where it does not.
    pub(crate) async fn start_work(&self, background: Background) -> Result<(), Error> {
        let mut begun = self.begun.lock().await;
        if !begun.works {
            self.engine.start(background).await?;
            begun.works = true;
        }
        Ok(())
    }

    /// Whether the queue is worked on.
    pub(crate) async fn works(&self) -> bool {
        self.begun.lock().await.works
    }

    /// Stops everything; what was under way goes on when the home is opened next.
    pub(crate) async fn end(&self) -> Result<(), ServiceError> {
        let mut begun = self.begun.lock().await;
        self.engine.shut_down().await;
        match std::mem::replace(&mut begun.service, Beside::Elsewhere) {
            Beside::Running(service) => service.shutdown().await,
            Beside::NotStarted | Beside::Elsewhere => Ok(()),
        }
    }
}
