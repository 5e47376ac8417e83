//! Pins by CID: of content that is held they are pins at once, else they wait for it.

use holdfast_content::Cid;
use tokio_util::sync::CancellationToken;

use super::{
    Store, StoreError,
    blocks::BlockWriter,
    holding::{Holding, Measured, holding},
    keys::Owner,
    pin::{Metadata, NewPin, NewPinState, Origin, Pin},
};

impl Store {
    /// Pins by CID as the AIOZ API does: once for an owner.
    pub(crate) fn pin_by_hash(
        &self,
        owner: Owner,
        root: Cid,
        cid_text: String,
        metadata: Metadata,
        given_up: CancellationToken,
    ) -> Result<Pin, StoreError> {
        if self.pins.is_pinned(owner, &root)? {
            return Err(StoreError::AlreadyPinned);
        }
        let (state, _writer) = self.new_state(owner, &root, given_up)?;
        self.pins.insert(owner, &NewPin { root, cid_text, origin: Origin::ByHash, state, metadata })
    }

    /// What a new pin by CID begins as, and the writer to keep until the pin is recorded. A root that the owner has pinned
    /// counts once: another pin of it needs no more of the quota than for what is said about it.
    ///
    /// When it is given up, looking for the blocks ends.
    pub(crate) fn new_state(
        &self,
        owner: Owner,
        root: &Cid,
        given_up: CancellationToken,
    ) -> Result<(NewPinState, BlockWriter), StoreError> {
        self.blocks.room().check(0)?;
        if self.pins.is_pinned(owner, root)? {
            let mut writer = self.blocks.writer().counted_in(self.memory.claim(owner)).given_up_with(given_up.clone());
            let state = self.look_for(root, &mut writer)?;
            // Else it was unpinned meanwhile, and would not be counted at all.
            if self.pins.is_pinned(owner, root)? {
                return Ok((state, writer));
            }
        }
        let mut writer = self.writer_for(owner)?.given_up_with(given_up);
        let state = self.look_for(root, &mut writer)?;
        Ok((state, writer))
    }

    fn look_for(&self, root: &Cid, writer: &mut BlockWriter) -> Result<NewPinState, StoreError> {
        match holding(&self.blocks, root, writer)? {
            Holding::Complete(Measured { content_bytes, is_dir, dag_bytes }) => {
                // Its blocks may be those of an upload that has not come to its end.
                writer.make_durable()?;
                self.record_dag(root, dag_bytes, writer)?;
                Ok(NewPinState::Pinned { content_bytes, is_dir })
            }
            Holding::Incomplete => {
                // Others may have it pinned.
                self.blocks.suspect(root);
                Ok(NewPinState::Queued)
            }
        }
    }
}
