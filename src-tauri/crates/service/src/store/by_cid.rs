//! Pins by CID: of content that is held they are pins at once, else they wait for it.

use holdfast_content::Cid;

use super::{
    Store, StoreError,
    blocks::BlockWriter,
    holding::{Holding, holding},
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
    ) -> Result<Pin, StoreError> {
        if self.pins.is_pinned(owner, &root)? {
            return Err(StoreError::AlreadyPinned);
        }
        let (state, _writer) = self.new_state(owner, &root)?;
        self.pins.insert(owner, &NewPin { root, cid_text, origin: Origin::ByHash, state, metadata })
    }

    /// What a new pin by CID begins as, and the writer to keep until the pin is recorded. A root that the owner has pinned
    /// counts once: another pin of it needs no more of the quota than for what is said about it.
    pub(crate) fn new_state(&self, owner: Owner, root: &Cid) -> Result<(NewPinState, BlockWriter), StoreError> {
        self.blocks.room().check(0)?;
        if self.pins.is_pinned(owner, root)? {
            let mut writer = self.blocks.writer();
            let state = self.look_for(root, &mut writer)?;
            // Else it was unpinned meanwhile, and would not be counted at all.
            if self.pins.is_pinned(owner, root)? {
                return Ok((state, writer));
            }
        }
        let mut writer = self.writer_for(owner)?;
        let state = self.look_for(root, &mut writer)?;
        Ok((state, writer))
    }

    fn look_for(&self, root: &Cid, writer: &mut BlockWriter) -> Result<NewPinState, StoreError> {
        match holding(&self.blocks, root, writer)? {
            Holding::Complete { content_bytes, is_dir } => {
                // Its blocks may be those of an upload that has not come to its end.
                writer.make_durable()?;
                self.record_dag(root, writer.dag_bytes(), writer)?;
                Ok(NewPinState::Pinned { content_bytes, is_dir })
            }
            Holding::Incomplete => Ok(NewPinState::Queued),
        }
    }
}
