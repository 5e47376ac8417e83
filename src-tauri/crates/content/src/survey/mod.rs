//! Looking at all blocks of a DAG that lies elsewhere, or at a sample of them: what to ask for next, and what came of it.
//!
//! A [`Survey`] fetches nothing and hashes nothing itself, so that whoever drives it has as many requests under way as is
//! right, and hashes where hashing is to be done ([`look_at`]). Nodes that lead to more than one block's worth of content are
//! always looked at: they say what there is. Of the others a few are drawn where there are many.
//!
//! What the blocks say is judged when all of them have come, by the one [rule](crate::judge()): of each block that was looked
//! at its outline is kept, and the walk goes over these. What was not looked at is taken for what its node says.

mod node;

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher, RandomState},
    io,
    sync::Arc,
};

use cid::Cid;

use crate::{
    block::HASH_IDENTITY,
    judge::{
        Refused, WalkLimits,
        walk::{self, Fault, Look, walk},
    },
};

pub use node::{Looked, Said, look_at};
use node::{Reach, Target};

/// Blocks that are known at a time: those of some terabytes. A hostile DAG has to send them all.
const MOST_KNOWN: usize = 8 << 20;

/// What the outlines of its nodes may take: they say where those blocks stand.
const MOST_OUTLINES: usize = 512 << 20;

/// Faults that are named; a survey that found so many has found enough.
const MOST_FAULTS: usize = 100;

/// How much of a DAG is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Every block.
    Whole,
    /// Every block where there are not more than so many parts with so many bytes, by what their nodes say; else all inner
    /// nodes, and `drawn` of the parts.
    Sample {
        /// The most parts that are all looked at.
        parts: usize,
        /// The most bytes.
        bytes: u64,
        /// How many are drawn where there is more.
        drawn: usize,
    },
}

/// Where a block stands in what people know of the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockPlace {
    /// The path below the root, with `/`; empty for the root's own blocks.
    pub path: Arc<str>,
    /// The byte of that file with which the block begins; `None` for the first block of a file, and for directories.
    pub byte: Option<u64>,
}

/// A block to ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its CID.
    pub cid: Cid,
    place: BlockPlace,
}

/// What is wrong with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It is not there.
    Missing,
    /// What is there is not what the CID says.
    Damaged,
}

/// A block that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockFault {
    /// Its CID.
    pub cid: Cid,
    /// What is wrong.
    pub kind: FaultKind,
    /// Where it stands.
    pub place: BlockPlace,
}

/// Why more cannot be said of a DAG than what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unclear {
    /// A block's hash proves nothing here, or its links are of no kind that is known.
    Unknown(Cid),
    /// There are more blocks than are looked at.
    TooMany,
}

impl fmt::Display for Unclear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(cid) => write!(f, "the block {cid} is of a kind that cannot be checked here"),
            Self::TooMany => f.write_str("it has more blocks than are looked at"),
        }
    }
}

/// What a survey found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surveyed {
    /// Different blocks that were looked at, whatever came of it. Those whose CID is their content need not be held, and do
    /// not count.
    pub looked_at: u64,
    /// Different blocks that there are, as far as the nodes that were looked at say.
    pub known: u64,
    /// Bytes of those that are sound.
    pub bytes: u64,
    /// Those that are missing or damaged; at most a hundred.
    pub faults: Vec<BlockFault>,
    /// The first thing for which the DAG is refused although its blocks are what their CIDs say.
    pub refused: Option<Refused>,
    /// Why not everything could be judged.
    pub unclear: Option<Unclear>,
    /// Whether only a sample was looked at.
    pub is_sample: bool,
}

/// A survey under way: ask for what [`Survey::wanted`] gives, several at a time if you like, and give each back with what came.
///
/// ```
/// use std::collections::HashMap;
/// use holdfast_content::{Cid, Extent, Looked, Survey, look_at};
/// let root: Cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse()?;
/// let blocks = HashMap::from([(root, b"hello world".to_vec())]);
/// let mut survey = Survey::of(root, Extent::Whole);
/// while let Some(wanted) = survey.wanted() {
///     let looked = blocks.get(&wanted.cid).map_or(Looked::Missing, |bytes| look_at(&wanted.cid, bytes));
///     survey.take(&wanted, looked, &mut |_| 0);
/// }
/// let surveyed = survey.end();
/// assert_eq!((surveyed.looked_at, surveyed.known, surveyed.faults.len()), (1, 1, 0));
/// # Ok::<(), cid::Error>(())
/// ```
#[derive(Debug)]
pub struct Survey {
    extent: Extent,
    /// To be asked for, the last one first.
    pending: Vec<Wanted>,
    parts: Parts,
    /// Blocks that were given out and did not come back.
    under_way: usize,
    root: Cid,
    known: HashMap<u64, Held>,
    hasher: RandomState,
    outline_bytes: usize,
    found: Surveyed,
}

/// What is kept of a block that is known.
#[derive(Debug)]
enum Held {
    /// It was not looked at, or was named.
    Nothing,
    Raw(u64),
    Node(Box<walk::Looked>),
}

/// What lies below the inner nodes.
#[derive(Debug)]
enum Parts {
    /// Few so far: all of them.
    All { parts: Vec<Wanted>, bytes: u64 },
    /// Of so many, those that were drawn, each as likely as any other.
    Drawn { parts: Vec<Wanted>, of: u64 },
    /// Inner nodes are done: whatever is found now is looked at.
    Chosen,
}

impl Survey {
    /// Begins with the root.
    #[must_use]
    pub fn of(root: Cid, extent: Extent) -> Self {
        let parts = match extent {
            Extent::Whole => Parts::Chosen,
            Extent::Sample { .. } => Parts::All { parts: Vec::new(), bytes: 0 },
        };
        let mut survey = Self {
            extent,
            pending: Vec::new(),
            parts,
            under_way: 0,
            root,
            known: HashMap::new(),
            hasher: RandomState::new(),
            outline_bytes: 0,
            found: Surveyed::default(),
        };
        let place = BlockPlace { path: "".into(), byte: None };
        survey.meet(Target { cid: root, place, reach: Reach::Inner }, &mut |_| 0);
        survey
    }

    /// The next block to ask for. `None` while nothing more is known before one that is under way comes back; when none is, it
    /// is over.
    pub fn wanted(&mut self) -> Option<Wanted> {
        if self.found.faults.len() >= MOST_FAULTS {
            return None;
        }
        if self.pending.is_empty() && self.under_way == 0 {
            self.choose();
        }
        let wanted = self.pending.pop()?;
        self.under_way += 1;
        Some(wanted)
    }

    /// Takes what came of a block. `below` gives a number below its argument, each as likely as any other.
    pub fn take(&mut self, wanted: &Wanted, looked: Looked, below: &mut dyn FnMut(u64) -> u64) {
        self.under_way = self.under_way.saturating_sub(1);
        self.found.looked_at += 1;
        let fault = |kind| BlockFault { cid: wanted.cid, kind, place: wanted.place.clone() };
        match looked {
            Looked::Missing => self.found.faults.push(fault(FaultKind::Missing)),
            Looked::Damaged => self.found.faults.push(fault(FaultKind::Damaged)),
            Looked::Unknown => self.note(Unclear::Unknown(wanted.cid)),
            Looked::Sound { bytes, links, said } => {
                self.found.bytes += bytes;
                self.hold(&wanted.cid, said.0);
                self.follow(links.below(&wanted.place), below);
            }
        }
    }

    /// Blocks that were looked at, and those that will be, as far as that is known.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let waiting = match &self.parts {
            Parts::All { parts, .. } | Parts::Drawn { parts, .. } => parts.len(),
            Parts::Chosen => 0,
        };
        let left = self.pending.len() + self.under_way + waiting;
        (self.found.looked_at, self.found.looked_at + left as u64)
    }

    /// What was found. Takes time where there are many blocks.
    #[must_use]
    pub fn end(mut self) -> Surveyed {
        let limits = WalkLimits { blocks: usize::MAX, named: 1 };
        let (mut refused, root) = (None, self.root);
        // Nothing is read, so nothing fails.
        let _ = walk(&root, limits, &mut Kept(&self), &mut |fault| {
            if let Fault::Unfit(cid, why) = fault {
                refused = Some(Refused { cid, why });
            }
        });
        self.found.refused = refused;
        self.found
    }

    fn hold(&mut self, cid: &Cid, said: walk::Looked) {
        let held = match said {
            walk::Looked::Raw(bytes) => Held::Raw(bytes),
            node => {
                self.outline_bytes += node.memory();
                Held::Node(Box::new(node))
            }
        };
        if self.outline_bytes > MOST_OUTLINES {
            return self.note(Unclear::TooMany);
        }
        self.known.insert(self.hasher.hash_one(cid), held);
    }

    fn follow(&mut self, targets: impl Iterator<Item = Target>, below: &mut dyn FnMut(u64) -> u64) {
        // What is met first is asked for first.
        let begin = self.pending.len();
        for target in targets {
            self.meet(target, below);
        }
        if let Some(new) = self.pending.get_mut(begin..) {
            new.reverse();
        }
    }

    fn meet(&mut self, target: Target, below: &mut dyn FnMut(u64) -> u64) {
        let Target { cid, place, reach } = target;
        if cid.hash().code() == HASH_IDENTITY {
            // It is its own block, and may lead to others.
            if let Looked::Sound { links, .. } = look_at(&cid, cid.hash().digest()) {
                self.follow(links.below(&place), below);
            }
            return;
        }
        let name = self.hasher.hash_one(cid);
        if self.known.contains_key(&name) {
            return;
        }
        if self.known.len() >= MOST_KNOWN {
            return self.note(Unclear::TooMany);
        }
        self.known.insert(name, Held::Nothing);
        self.found.known += 1;
        let wanted = Wanted { cid, place };
        match reach {
            Reach::Part(bytes) => self.gather(wanted, bytes, below),
            Reach::Inner => self.pending.push(wanted),
        }
    }

    /// Keeps a part, or draws whether it is kept (Vitter's algorithm R).
    fn gather(&mut self, wanted: Wanted, part_bytes: u64, below: &mut dyn FnMut(u64) -> u64) {
        let Extent::Sample { parts: most_parts, bytes: most_bytes, drawn } = self.extent else {
            return self.pending.push(wanted);
        };
        match &mut self.parts {
            Parts::Chosen => self.pending.push(wanted),
            Parts::All { parts, bytes } => {
                parts.push(wanted);
                *bytes = bytes.saturating_add(part_bytes);
                if parts.len() > drawn && (parts.len() > most_parts || *bytes > most_bytes) {
                    let of = parts.len() as u64;
                    let mut parts = std::mem::take(parts);
                    for at in 0..drawn {
                        let left = parts.len() - at;
                        parts.swap(at, at + (below(left as u64) as usize).min(left - 1));
                    }
                    parts.truncate(drawn);
                    self.found.is_sample = true;
                    self.parts = Parts::Drawn { parts, of };
                }
            }
            Parts::Drawn { parts, of } => {
                *of += 1;
                if let Some(place) = parts.get_mut(below(*of) as usize) {
                    *place = wanted;
                }
            }
        }
    }

    fn choose(&mut self) {
        if let Parts::All { parts, .. } | Parts::Drawn { parts, .. } = std::mem::replace(&mut self.parts, Parts::Chosen)
        {
            self.pending = parts;
            self.pending.reverse();
        }
    }

    fn note(&mut self, unclear: Unclear) {
        self.found.unclear.get_or_insert(unclear);
    }
}

/// The blocks that were looked at.
struct Kept<'a>(&'a Survey);

impl Look for Kept<'_> {
    fn look(&mut self, cid: &Cid) -> io::Result<walk::Looked> {
        Ok(match self.0.known.get(&self.0.hasher.hash_one(cid)) {
            Some(Held::Raw(bytes)) => walk::Looked::Raw(*bytes),
            Some(Held::Node(node)) => (**node).clone(),
            // What is wrong with it was found before.
            Some(Held::Nothing) | None => walk::Looked::Named,
        })
    }
}

#[cfg(test)]
mod tests;
