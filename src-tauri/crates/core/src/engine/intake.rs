//! What a person gives to be pinned: chosen files and folders, and CIDs. Everything is accepted at once or not at all.

use std::{path::PathBuf, sync::Arc, time::Duration};

use holdfast_content::{Cid, CidInText, cids_in_text};

use super::Engine;
use crate::{
    account::Account,
    content::{Chosen, Limits, Problem, Selection, entry_name, select},
    disk::Place,
    error::Error,
    ids::{AccountId, PinKey, TransferId},
    pin::{MAX_PIN_NAME_BYTES, Metadata, Pin, PinStatus},
    provider::ProviderError,
    queue::Lane,
    transfer::{NewBatch, Origin, Transfer, Work, relay},
};

/// Pairs of metadata that are taken; the Pinning Service API's limit.
const MAX_METADATA_PAIRS: usize = 1_000;

/// How long a provider may take to say what it accepts, before a selection is shown without knowing.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

impl Engine {
    /// Looks at what a person chose, before anything is sent to `account`.
    ///
    /// # Errors
    /// [`Error::NoSuch`] for the account.
    pub async fn select(&self, paths: Vec<PathBuf>, account: &AccountId) -> Result<Selection, Error> {
        let account = self.account(account).await?;
        // A person waits for this; the upload itself asks as long as it needs.
        let limits = tokio::select! {
            limits = self.upload_limits(&account) => limits,
            () = self.shared.ports.clock.sleep(LONGEST_LOOK) => Ok(Limits::LEAST),
        };
        let limits = match limits {
            Err(error @ Error::Provider(ProviderError::Unsupported { .. })) => return Ok(refused(&paths, &error)),
            limits => limits.unwrap_or(Limits::LEAST),
        };
        let (disk, own) = (Arc::clone(&self.shared.ports.disk), self.home.dir().to_owned());
        let user_home = std::env::var_os("HOME").map(PathBuf::from);
        let look = move || {
            let user_home = user_home.and_then(|home| disk.canonicalize(&home).ok());
            select(&*disk, &paths, limits, &own, user_home.as_deref())
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| Error::Internal)
    }

    /// What an upload to an account may have in it, wherever it is sent first.
    pub(super) async fn upload_limits(&self, account: &Account) -> Result<Limits, Error> {
        self.shared.access.limits(&relay::first_stop(&self.shared, account).await?).await
    }

    /// Accepts uploads of files and directories to an account: see [`Engine::upload_to`].
    ///
    /// # Errors
    /// What is wrong with the request; then nothing is accepted.
    pub async fn upload(
        &self,
        account: &AccountId,
        chosen: Vec<impl Into<Chosen>>,
        name: Option<String>,
        metadata: Metadata,
    ) -> Result<Vec<TransferId>, Error> {
        self.upload_to(std::slice::from_ref(account), chosen, name, metadata).await
    }

    /// Accepts uploads of files and directories to one account or several, all at once or none, each under its own name, or all
    /// under `name`; one transfer for each and each account, in their order. What is being uploaded already is the same transfer.
    ///
    /// # Errors
    /// What is wrong with the request; then nothing is accepted.
    pub async fn upload_to(
        &self,
        accounts: &[AccountId],
        chosen: Vec<impl Into<Chosen>>,
        name: Option<String>,
        metadata: Metadata,
    ) -> Result<Vec<TransferId>, Error> {
        let accounts = self.accounts_for(accounts, &metadata).await?;
        let name = name.map(|name| parse_name(&name)).transpose()?.filter(|name| !name.is_empty());
        let (lane, items) = (Lane::of_so_many(chosen.len()), chosen.len() as u64);
        let mut transfers = Vec::new();
        for Chosen { path, name: own, bytes } in chosen.into_iter().map(Into::into) {
            for account in &accounts {
                let mut transfer = self.shared.upload_of(&account.id, Place::of(&path), None);
                transfer.name = name.as_ref().or(own.as_ref()).unwrap_or(&transfer.name).clone();
                transfer.metadata.clone_from(&metadata);
                (transfer.lane, transfer.bytes) = (lane, bytes);
                transfers.push(transfer);
            }
        }
        self.shared.accept(batch_of(Origin::Added, items, &transfers), transfers).await
    }

    /// What a text has to pin, and what of that the account has pinned.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] with what is wrong with a text that has no CID in it.
    pub async fn look_up(&self, account: &AccountId, text: &str) -> Result<Vec<PastedCid>, Error> {
        let mut pasted = Vec::new();
        for CidInText { cid, path } in in_text(text)? {
            let pins = self.shared.store.pins_of_cid(account, cid).await?;
            let pinned = pins.into_iter().find(|pin| pin.held.status != PinStatus::Failed);
            pasted.push(PastedCid { cid, path, pinned });
        }
        Ok(pasted)
    }

    /// Accepts pinning the CID in `text` at an account: see [`Engine::pin_text_at`].
    ///
    /// # Errors
    /// Those of [`Engine::pin_text_at`].
    pub async fn pin_text(
        &self,
        account: &AccountId,
        text: &str,
        name: Option<String>,
        metadata: Metadata,
    ) -> Result<TransferId, Error> {
        let mut accepted = self.pin_text_at(std::slice::from_ref(account), text, name, metadata).await?;
        accepted.pop().ok_or(Error::Internal)
    }

    /// Accepts pinning the CID in `text`, a CID or any link with one, at one account or several; a transfer for each, in their
    /// order.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is none in it, more than one, or only the path to one; and those of
    /// [`Engine::pin_at`].
    pub async fn pin_text_at(
        &self,
        accounts: &[AccountId],
        text: &str,
        name: Option<String>,
        metadata: Metadata,
    ) -> Result<Vec<TransferId>, Error> {
        let found = match <[_; 1]>::try_from(in_text(text)?) {
            Ok([found]) => found,
            Err(several) => {
                let cids: Vec<_> = several.iter().map(|one| one.cid.to_string()).collect();
                return Err(Error::InvalidInput(format!(
                    "There are several CIDs in this text ({}); give each by itself.",
                    cids.join(", ")
                )));
            }
        };
        if !found.path.is_empty() {
            return Err(Error::InvalidInput(format!(
                "This link leads to {:?} inside a directory, whose own CID is not in it; pin the whole directory by {}.",
                found.path, found.cid
            )));
        }
        self.pin_at(accounts, found.cid, name, metadata).await
    }

    /// Accepts pinning a CID at an account; asked twice, it is one transfer.
    ///
    /// # Errors
    /// What is wrong with the request.
    pub async fn pin(
        &self,
        account: &AccountId,
        cid: Cid,
        name: Option<String>,
        metadata: Metadata,
    ) -> Result<TransferId, Error> {
        self.pin_at(std::slice::from_ref(account), cid, name, metadata).await?.pop().ok_or(Error::Internal)
    }

    /// The same at one account or several, all at once or none.
    ///
    /// # Errors
    /// What is wrong with the request; then nothing is accepted.
    pub async fn pin_at(
        &self,
        accounts: &[AccountId],
        cid: Cid,
        name: Option<String>,
        metadata: Metadata,
    ) -> Result<Vec<TransferId>, Error> {
        let accounts = self.accounts_for(accounts, &metadata).await?;
        let name = parse_name(&name.unwrap_or_default())?;
        let mut transfers = Vec::new();
        for account in &accounts {
            self.shared.can_get(account, cid).await?;
            let mut transfer = self.shared.transfer(&account.id, Work::Pin { cid }, name.clone(), metadata.clone());
            transfer.cid = Some(cid);
            transfers.push(transfer);
        }
        self.shared.accept(batch_of(Origin::Pinned, 1, &transfers), transfers).await
    }

    /// Accepts asking anew for a pin that the service has given up or removed; what it has of it is removed first. What was
    /// sent from here and still is that content is sent again.
    ///
    /// # Errors
    /// [`Error::NoSuch`], [`Error::InvalidInput`] for a pin that is none of these, and [`Error::FetchesFromNowhere`].
    pub async fn pin_again(&self, key: &PinKey) -> Result<TransferId, Error> {
        let pin = self.shared.store.pin(key).await?;
        let held = pin.ok_or_else(|| Error::NoSuch { what: "pin", id: key.id.0.clone() })?.held;
        if !matches!(held.status, PinStatus::Failed | PinStatus::Unpinned) {
            return Err(Error::InvalidInput("Only what the service has given up can be asked for again.".into()));
        }
        held.all_kept()?;
        let work = Work::Pin { cid: held.cid };
        let account = self.account(&key.account).await?;
        if self.shared.sources_of(&account, key).await?.is_empty() {
            self.shared.can_get(&account, held.cid).await?;
        }
        let mut transfer = self.shared.transfer(&key.account, work, held.name.unwrap_or_default(), held.metadata);
        (transfer.cid, transfer.pin) = (Some(held.cid), Some(held.id));
        self.shared.store.forget_failed(key).await?;
        let batch = batch_of(Origin::Pinned, 1, std::slice::from_ref(&transfer));
        self.shared.accept(batch, vec![transfer]).await?.pop().ok_or(Error::Internal)
    }

    /// Accounts that are to have a pin with this metadata, each once.
    async fn accounts_for(&self, ids: &[AccountId], metadata: &Metadata) -> Result<Vec<Account>, Error> {
        let mut accounts: Vec<Account> = Vec::new();
        for id in ids {
            if accounts.iter().all(|account| account.id != *id) {
                accounts.push(self.account_for(id, metadata).await?);
            }
        }
        if accounts.is_empty() {
            return Err(Error::InvalidInput("There is no account to pin it at.".into()));
        }
        Ok(accounts)
    }

    /// An account that is to have a pin with this metadata.
    pub(super) async fn account_for(&self, id: &AccountId, metadata: &Metadata) -> Result<Account, Error> {
        let account = self.account(id).await?;
        self.check_metadata(&account, metadata)?;
        Ok(account)
    }

    /// Whether an account can have a pin with this metadata.
    pub(super) fn check_metadata(&self, account: &Account, metadata: &Metadata) -> Result<(), Error> {
        if metadata.len() > MAX_METADATA_PAIRS {
            return Err(Error::InvalidInput(format!("At most {MAX_METADATA_PAIRS} pairs of metadata are possible.")));
        }
        if metadata.keys().any(String::is_empty) {
            return Err(Error::InvalidInput("A key of the metadata is empty.".into()));
        }
        if !metadata.is_empty() && !self.shared.access.keeps_metadata(account) {
            return Err(Error::InvalidInput(format!(
                "The service of {:?} keeps no metadata with its pins, only a name; leave the metadata out.",
                account.label
            )));
        }
        Ok(())
    }
}

/// What transfers are accepted as, called as the first of them.
pub(super) fn batch_of(origin: Origin, items: u64, transfers: &[Transfer]) -> NewBatch {
    NewBatch { origin, name: transfers.first().map(Transfer::shown_name).unwrap_or_default(), items, folder: None }
}

/// Something to pin that a person pasted.
#[derive(Clone, Debug)]
pub struct PastedCid {
    /// Its CID.
    pub cid: Cid,
    /// Where below it the text leads; empty for the CID itself.
    pub path: String,
    /// The account's pin of the same content, or one that is on its way.
    pub pinned: Option<Pin>,
}

fn in_text(text: &str) -> Result<Vec<CidInText>, Error> {
    cids_in_text(text).map_err(|error| Error::InvalidInput(format!("{error}.")))
}

/// A selection of which nothing can be pinned.
fn refused(paths: &[PathBuf], why: &Error) -> Selection {
    let problem = |path: &PathBuf| Problem {
        name: path.file_name().map_or_else(|| path.display().to_string(), entry_name),
        reason: why.to_string(),
    };
    Selection { refused: paths.iter().map(problem).collect(), ..Selection::default() }
}

pub(super) fn parse_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    if name.len() > MAX_PIN_NAME_BYTES {
        return Err(Error::InvalidInput(format!("A name has at most {MAX_PIN_NAME_BYTES} bytes.")));
    }
    Ok(name.into())
}
