//! Batches: what was asked for together, as people see it.

use super::{Engine, Which, intake::batch_of};
use crate::{
    entropy::new_id,
    error::Error,
    ids::{AccountId, BatchId, TransferId},
    queue::Lane,
    transfer::{Batch, Origin, QueueTotals, Transfer, TransferState, Work},
};

impl Engine {
    /// How many batches there are, and some of them: those that run first, then those that need a person, then as the queue goes,
    /// then those that are over, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn batches(&self, offset: u64, limit: u32) -> Result<(u64, Vec<Batch>), Error> {
        Ok(self.shared.store.batches(offset, limit, self.shared.ports.clock.now()).await?)
    }

    /// One batch.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub async fn batch(&self, id: BatchId) -> Result<Batch, Error> {
        let batch = self.shared.store.batch(id, self.shared.ports.clock.now()).await?;
        batch.ok_or_else(|| Error::NoSuch { what: "batch", id: id.to_string() })
    }

    /// Some transfers of a batch: what runs, what has failed, what comes next in its order, what services work on, what is over.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn transfers_of_batch(&self, id: BatchId, offset: u64, limit: u32) -> Result<Vec<Transfer>, Error> {
        Ok(self.shared.store.transfers_of_batch(id, offset, limit).await?)
    }

    /// The queue as one progress, without what waits to be undone.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn queue_totals(&self) -> Result<QueueTotals, Error> {
        Ok(self.shared.store.queue_totals(self.shared.ports.clock.now()).await?)
    }

    /// Accepts at another account what has failed of a batch, in its place: what is to be removed at one account is not for
    /// another.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and what is wrong with the request; then nothing is accepted.
    pub async fn send_failed_to(&self, id: BatchId, account: &AccountId) -> Result<Vec<TransferId>, Error> {
        let batch = self.batch(id).await?;
        let known = self.account(account).await?;
        let failed = self.shared.store.failed_of_batch(id).await?;
        let (mut transfers, mut instead_of) = (Vec::new(), Vec::new());
        for old in failed {
            if old.account == *account || matches!(old.work, Work::Unpin { .. }) {
                continue;
            }
            self.check_metadata(&known, &old.metadata)?;
            transfers.push(anew(&old, account, TransferId(new_id(&*self.shared.ports.entropy))));
            instead_of.push(old.id);
        }
        if transfers.is_empty() {
            return Err(Error::InvalidInput(format!(
                "Nothing of {:?} has failed that could go to {:?}.",
                batch.label(),
                known.label
            )));
        }
        let lane = Lane::of_so_many(transfers.len());
        let now = self.shared.ports.clock.now();
        for transfer in &mut transfers {
            (transfer.lane, transfer.created_at, transfer.updated_at) = (lane, now, now);
        }
        let new = batch_of(Origin::SentOn, transfers.len() as u64, &transfers);
        let ids = self.shared.store.accept_instead(new, transfers, instead_of).await?;
        self.shared.has_accepted(Which::Many);
        Ok(ids)
    }
}

/// The same work for another account, as if nobody had begun it. No folder waits for it: its files belong at its own account.
fn anew(old: &Transfer, account: &AccountId, id: TransferId) -> Transfer {
    let work = match &old.work {
        Work::Upload { place, .. } => Work::Upload { place: place.clone(), folder: None },
        other => other.clone(),
    };
    let cid = if let Work::Pin { cid } = &work { Some(*cid) } else { None };
    Transfer {
        id,
        work,
        cid,
        account: account.clone(),
        batch: None,
        state: TransferState::Queued,
        attempts: 0,
        failures: 0,
        sent_in_vain: 0,
        unanswered_since: None,
        pin: None,
        verified: None,
        ..old.clone()
    }
}
