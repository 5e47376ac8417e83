//! What is behind the window: the engine of one home, and the service that comes with Holdfast.
//!
//! Both start off the main thread; whoever needs the engine waits for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[cfg(unix)]
use holdfast_cli::{Door, Owner};
use holdfast_core::account::AccountId;
use holdfast_core::content::Urgency;
use holdfast_core::{Background, Engine, Error, Home, host};
use holdfast_service::RunningService;
use tokio::sync::{Mutex, SetOnce};
use tokio::time::timeout;

use crate::check_runs::CheckRuns;
use crate::selections::Selections;

/// What other programs are told about who has the home.
const OWNER: &str = "the Holdfast window";

/// How long quitting waits for work to be parked. Everything is durable, so that cutting it loses nothing.
const DRAIN: Duration = Duration::from_secs(5);

/// Between two tries to start the service.
const START_AGAIN: Duration = Duration::from_secs(30);

/// The engine and the service of one home.
#[derive(Debug)]
pub(crate) struct Backend {
    home: PathBuf,
    opening: Mutex<()>,
    engine: SetOnce<Arc<Engine>>,
    service: Mutex<Option<RunningService>>,
    /// Set when the service was started, or could not be.
    service_tried: SetOnce<()>,
    start_again: Duration,
    quits: SetOnce<()>,
    /// Where commands come in that find the home owned.
    #[cfg(unix)]
    door: Mutex<Option<Door>>,
    /// What was dropped or picked and not decided on yet.
    pub(crate) selections: Selections,
    /// The runs of checks under way.
    pub(crate) check_runs: CheckRuns,
}

impl Backend {
    pub(crate) fn new(home: PathBuf) -> Self {
        Self {
            home,
            opening: Mutex::new(()),
            engine: SetOnce::new(),
            service: Mutex::new(None),
            service_tried: SetOnce::new(),
            start_again: START_AGAIN,
            quits: SetOnce::new(),
            #[cfg(unix)]
            door: Mutex::new(None),
            selections: Selections::default(),
            check_runs: CheckRuns::default(),
        }
    }

    /// The engine. Opens the home where that has not been done, so that a home that was busy can be tried again.
    ///
    /// # Errors
    ///
    /// When another process owns the home, or its database cannot be opened.
    pub(crate) async fn engine(&self) -> Result<Arc<Engine>, Error> {
        if let Some(engine) = self.engine.get() {
            return Ok(Arc::clone(engine));
        }
        let opening = self.opening.lock().await;
        if let Some(engine) = self.engine.get() {
            return Ok(Arc::clone(engine));
        }
        let engine = Arc::new(open(&self.home).await?);
        // Only who holds `opening` sets it.
        self.engine.set(Arc::clone(&engine)).map_err(|_| Error::Internal)?;
        drop(opening);
        Ok(engine)
    }

    /// The engine, once somebody has opened the home.
    pub(crate) async fn opened(&self) -> &Arc<Engine> {
        self.engine.wait().await
    }

    /// Starts the service that comes with Holdfast, and then the engine's work, which may need it.
    pub(crate) async fn work(&self) {
        let engine = self.opened().await;
        let mut is_running = self.start_service(engine).await;
        // Nobody else sets it, and work begins once.
        drop(self.service_tried.set(()));
        if let Err(error) = engine.start(Background::Everything).await {
            tracing::error!(%error, "the engine cannot work");
        }
        #[cfg(unix)]
        match Door::open(Arc::new(Owner::at_work(Arc::clone(engine)))) {
            Ok(door) => *self.door.lock().await = Some(door),
            Err(error) => tracing::warn!(%error, "no command can come to this window"),
        }
        // What is in its way, such as a full disk, may be over any time.
        while !is_running && timeout(self.start_again, self.quits.wait()).await.is_err() {
            is_running = self.start_service(engine).await;
        }
    }

    /// Whether it runs, or is not wanted any more.
    async fn start_service(&self, engine: &Engine) -> bool {
        let mut running = self.service.lock().await;
        if self.quits.get().is_some() {
            return true;
        }
        match holdfast_embedded::start(engine).await {
            Ok((service, _)) => *running = Some(service),
            Err(error) => tracing::error!(%error, "the service on this computer cannot be started"),
        }
        running.is_some()
    }

    /// Waits until the account *This computer* is there, or will not be.
    pub(crate) async fn service_tried(&self) {
        self.service_tried.wait().await;
    }

    /// Where things go when nobody says otherwise.
    ///
    /// # Errors
    ///
    /// Those of [`Backend::engine`], and when there is no account yet.
    pub(crate) async fn default_account(&self) -> Result<AccountId, Error> {
        Ok(self.engine().await?.default_account().await?.id)
    }

    /// Parks what is under way and gives the home free, within a deadline.
    pub(crate) async fn drain(&self) {
        // It may be told more than once.
        drop(self.quits.set(()));
        let parked = async {
            #[cfg(unix)]
            if let Some(door) = self.door.lock().await.take() {
                door.cut().await;
            }
            if let Some(engine) = self.engine.get() {
                engine.shut_down().await;
            }
            if let Some(service) = self.service.lock().await.take()
                && let Err(error) = service.shutdown().await
            {
                tracing::warn!(%error, "the service on this computer did not end well");
            }
        };
        if timeout(DRAIN, parked).await.is_err() {
            tracing::warn!("work was cut; it goes on at the next start");
        }
    }
}

async fn open(home: &Path) -> Result<Engine, Error> {
    let dir = home.to_owned();
    let home = tokio::task::spawn_blocking(move || Home::open(&dir, OWNER)).await.map_err(|_| Error::Internal)??;
    Engine::open(home, host::ports(Urgency::Background)?).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_home_that_was_busy_can_be_tried_again() {
        let dir = std::env::temp_dir().join(format!("holdfast-backend-{}", std::process::id()));
        let other = Home::open(&dir, "another program").unwrap();
        let backend = Backend::new(dir.clone());
        assert_eq!(backend.engine().await.unwrap_err().code(), holdfast_core::Code::HomeBusy);
        drop(other);
        let engine = backend.engine().await.unwrap();
        assert!(Arc::ptr_eq(&engine, &backend.engine().await.unwrap()));
        backend.drain().await;
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_service_that_could_not_be_started_is_started_when_it_can_be() {
        let dir = std::env::temp_dir().join(format!("holdfast-backend-service-{}", std::process::id()));
        let backend = Arc::new(Backend { start_again: Duration::from_millis(10), ..Backend::new(dir.clone()) });
        let engine = backend.engine().await.unwrap();
        std::fs::write(dir.join("service"), "in its way").unwrap();
        let working = Arc::clone(&backend);
        let work = tokio::spawn(async move { working.work().await });
        backend.service_tried().await;
        assert!(engine.accounts().await.unwrap().is_empty());
        std::fs::remove_file(dir.join("service")).unwrap();
        timeout(Duration::from_secs(60), work).await.unwrap().unwrap();
        assert!(backend.service.lock().await.is_some());
        assert_eq!(engine.accounts().await.unwrap().len(), 1);
        backend.drain().await;
        std::fs::remove_dir_all(dir).unwrap();
    }
}
