//! Looking at every block and every pin, to say what is damaged.

use std::collections::HashSet;

use holdfast_content::{BlockName, Cid, WalkLimits, survey};
use uuid::Uuid;

use super::{Store, StoreError, blocks::StoredBlock, damage::Sound, pin::cid_of};

/// All that is wrong with a pin is counted.
const LIMITS: WalkLimits = WalkLimits { blocks: usize::MAX, named: 1_000_000 };

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Blocks that were read.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blocks whose bytes are not what their name says; a raw CID of each. Their files were put aside.
    pub damaged_blocks: Vec<Cid>,
    /// Pins that were walked.
    pub pins: u64,
    /// Pins that are not complete.
    pub damaged_pins: Vec<DamagedPin>,
}

/// A pin with blocks that are missing or damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DamagedPin {
    /// Its id.
    pub id: Uuid,
    /// Its CID as its client knows it.
    pub cid: String,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub owner: String,
    /// How many of its blocks are not there any more, or are not what they should be.
    pub missing_blocks: u64,
    /// For what it is refused although all of it is there.
    pub refused: Option<String>,
}

struct LivePin {
    root: Cid,
    damaged: DamagedPin,
}

impl Store {
    /// Reads every block and walks every pin. A damaged block's file is put aside, so that the block can be written
    /// again: by an upload or a pin of the same content. What became of each pin is recorded. `progress` is told of every
    /// block.
    pub(crate) fn check(&self, mut progress: impl FnMut(&Checked)) -> Result<Checked, StoreError> {
        let mut checked = Checked::default();
        self.blocks.visit::<StoreError>(|StoredBlock { cid, bytes }| {
            checked.blocks += 1;
            checked.bytes += bytes;
            if self.blocks.get_if_sound(&cid)?.is_none() {
                self.blocks.set_aside(&cid)?;
                checked.damaged_blocks.push(cid);
            }
            progress(&checked);
            Ok(())
        })?;
        let mut intact = HashSet::new();
        for LivePin { root, mut damaged } in self.live_pins()? {
            checked.pins += 1;
            let name = BlockName::of(&root);
            if intact.contains(&name) {
                continue;
            }
            let walked = survey(&Sound(&self.blocks), &root, LIMITS)?;
            self.record_state(&root, &walked)?;
            if walked.is_complete() {
                intact.insert(name);
                continue;
            }
            damaged.missing_blocks = (walked.missing.len() + walked.unknown.len()) as u64;
            damaged.refused = walked.refused.first().map(ToString::to_string);
            checked.damaged_pins.push(damaged);
        }
        Ok(checked)
    }

    fn live_pins(&self) -> Result<Vec<LivePin>, StoreError> {
        self.database.read(|transaction| {
            let mut select = transaction.prepare(
                "SELECT root, pins.id, cid, pins.name, owners.name FROM pins JOIN owners ON owners.id = pins.owner
                 WHERE pinned = 1 ORDER BY row",
            )?;
            let mut rows = select.query(())?;
            let mut pins = Vec::new();
            while let Some(row) = rows.next()? {
                let root = cid_of(row.get(0)?)?;
                let damaged = DamagedPin {
                    id: Uuid::from_bytes(row.get(1)?),
                    cid: row.get(2)?,
                    name: row.get(3)?,
                    owner: row.get(4)?,
                    missing_blocks: 0,
                    refused: None,
                };
                pins.push(LivePin { root, damaged });
            }
            Ok(pins)
        })
    }
}
