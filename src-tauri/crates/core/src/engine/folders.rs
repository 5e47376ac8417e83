//! Watched folders: adding, looking, leaving alone.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Change, Engine, Which};
use crate::{
    disk::EntryKind,
    duty::{Duty, keep},
    entropy::new_id,
    error::Error,
    folder::{DEFAULT_SETTLE, Folder, FolderEntry, FolderTask, FolderView},
    ids::{AccountId, FolderId},
    transfer::TransferSet,
};

/// Shorter settle times would read files that are being written.
const LEAST_SETTLE: Duration = Duration::from_millis(100);

/// The task of a watched folder.
#[derive(Clone, Debug)]
pub(super) struct Watching {
    rescan: Arc<Notify>,
    stop: CancellationToken,
    task: TaskTracker,
}

impl Watching {
    async fn end(&self) {
        self.stop.cancel();
        self.task.wait().await;
    }
}

impl Engine {
    /// All watched folders.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn folders(&self) -> Result<Vec<FolderView>, Error> {
        let mut views = Vec::new();
        for folder in self.shared.store.folders().await? {
            views.push(self.folder_view(folder).await?);
        }
        Ok(views)
    }

    /// Watches a folder from now on.
    ///
    /// # Errors
    /// [`Error::Unreadable`], or [`Error::InvalidInput`] for what is no directory, is watched already, lies inside or
    /// around a watched one, or holds Holdfast's own state.
    pub async fn add_folder(
        &self,
        path: PathBuf,
        account: &AccountId,
        settle: Option<Duration>,
    ) -> Result<FolderView, Error> {
        self.account(account).await?;
        let disk = Arc::clone(&self.shared.ports.disk);
        let looked = tokio::task::spawn_blocking(move || {
            let unreadable = |source| Error::Unreadable { path: path.clone(), source };
            let real = disk.canonicalize(&path).map_err(unreadable)?;
            if disk.stat(&real).map_err(unreadable)?.kind != EntryKind::Directory {
                return Err(Error::InvalidInput(format!("{} is not a folder.", path.display())));
            }
            disk.root(&real).and_then(|root| root.read_directory(Path::new(""))).map_err(unreadable)?;
            Ok(real)
        });
        let path = looked.await.map_err(|_| Error::Internal)??;
        self.refuse_overlap(&path).await?;
        let folder = Folder {
            id: FolderId(new_id(&*self.shared.ports.entropy)),
            path,
            account: account.clone(),
            settle: settle.unwrap_or(DEFAULT_SETTLE).max(LEAST_SETTLE),
            last_scan: None,
        };
        if !self.shared.store.add_folder(folder.clone()).await? {
            return Err(Error::InvalidInput(format!("{} is watched already.", folder.path.display())));
        }
        self.start_folder(folder.clone());
        self.shared.announce(Change::Folders);
        self.folder_view(folder).await
    }

    /// Watches a folder no more, and sends nothing more of it: when this ends, nothing of it is being sent. Nothing is
    /// unpinned.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub async fn remove_folder(&self, id: &FolderId) -> Result<(), Error> {
        let known = self.shared.store.folders().await?.into_iter().find(|folder| folder.id == *id);
        let folder = known.ok_or_else(|| no_folder(id))?;
        self.end_folder(id).await;
        let removed = async {
            self.cancel_these(&TransferSet::Folder(id.clone())).await?;
            Ok(self.shared.store.remove_folder(id, self.shared.ports.clock.now()).await?)
        };
        match removed.await {
            Ok(is_removed) => {
                self.folder_tasks().remove(id);
                self.shared.folders().remove(id);
                self.shared.is_well_again(&Duty::Folder(id.clone()));
                self.shared.announce(Change::Folders);
                self.shared.announce(Change::Transfers(Which::Many));
                if is_removed { Ok(()) } else { Err(no_folder(id)) }
            }
            Err(error) => {
                self.start_folder(folder);
                Err(error)
            }
        }
    }

    /// Looks at everything in a folder again.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub fn rescan_folder(&self, id: &FolderId) -> Result<(), Error> {
        let watching = self.folder_tasks().get(id).cloned().ok_or_else(|| no_folder(id))?;
        watching.rescan.notify_one();
        Ok(())
    }

    /// The files of a folder that are not simply pinned.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn folder_entries(&self, id: &FolderId, limit: u32) -> Result<Vec<FolderEntry>, Error> {
        Ok(self.shared.store.folder_entries(id, limit).await?)
    }

    pub(super) async fn start_folders(&self) -> Result<(), Error> {
        for folder in self.shared.store.folders().await? {
            self.start_folder(folder);
        }
        Ok(())
    }

    pub(super) async fn stop_folders_of(&self, account: &AccountId) -> Result<(), Error> {
        for folder in self.shared.store.folders().await? {
            if folder.account == *account {
                self.end_folder(&folder.id).await;
                self.folder_tasks().remove(&folder.id);
            }
        }
        Ok(())
    }

    async fn end_folder(&self, id: &FolderId) {
        let watching = self.folder_tasks().get(id).cloned();
        if let Some(watching) = watching {
            watching.end().await;
        }
    }

    fn start_folder(&self, folder: Folder) {
        let watching =
            Watching { rescan: Arc::default(), stop: self.shared.stop.child_token(), task: TaskTracker::new() };
        let Watching { rescan, stop, task } = watching.clone();
        self.folder_tasks().insert(folder.id.clone(), watching);
        let duty = Duty::Folder(folder.id.clone());
        let watch = move |shared| FolderTask::new(shared, folder.clone(), Arc::clone(&rescan)).run();
        let watch = keep(Arc::clone(&self.shared), duty, watch);
        self.tasks.spawn(task.track_future(async move { stop.run_until_cancelled(watch).await }));
        task.close();
    }

    async fn refuse_overlap(&self, path: &Path) -> Result<(), Error> {
        if path.starts_with(self.home.dir()) || self.home.dir().starts_with(path) {
            return Err(Error::InvalidInput("This folder holds Holdfast's own state.".into()));
        }
        for other in self.shared.store.folders().await? {
            if path != other.path && (path.starts_with(&other.path) || other.path.starts_with(path)) {
                let other = other.path.display();
                return Err(Error::InvalidInput(format!("{other} is watched already, and one lies inside the other.")));
            }
        }
        Ok(())
    }

    async fn folder_view(&self, folder: Folder) -> Result<FolderView, Error> {
        let counts = self.shared.store.folder_counts(&folder.id).await?;
        let now = self.shared.folders().get(&folder.id).cloned().unwrap_or_default();
        Ok(FolderView {
            folder,
            state: now.state,
            message: now.message,
            last_event: now.last_event,
            on_disk: counts.pinned + counts.waiting + counts.skipped + counts.failed,
            pinned: counts.pinned,
            waiting: counts.waiting,
            held: counts.held,
            skipped: counts.skipped,
            failed: counts.failed,
        })
    }

    fn folder_tasks(&self) -> MutexGuard<'_, HashMap<FolderId, Watching>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no_folder(id: &FolderId) -> Error {
    Error::NoSuch { what: "folder", id: id.0.clone() }
}
