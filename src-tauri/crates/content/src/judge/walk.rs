//! What blocks say about one another: everything below a root, each block once.

use std::{collections::HashMap, io};

use cid::Cid;

use super::{
    node::{self, FilePart, Node, judge_node},
    shard::{NO_SHARD, Place, Shape, WRONG_SLOT, hash_of},
    unfit::Unfit,
};
use crate::{
    block::{CODEC_DAG_PB, CODEC_RAW},
    block_name::BlockName,
    tree::MAX_TREE_DEPTH,
};

/// What a DAG that was taken is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What its root names.
    pub kind: JudgedKind,
    /// Bytes of its files; those of a file that is in it twice count twice.
    pub content_bytes: u64,
    /// Its different blocks, without those that are their own CID.
    pub blocks: usize,
    /// Their bytes.
    pub dag_bytes: u64,
    /// Links that were looked at.
    pub links: u64,
}

/// What a CID names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each names the kind it stands for")]
pub enum JudgedKind {
    File,
    Directory,
    Symlink,
}

/// What a walk may cost at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WalkLimits {
    /// Different blocks that are looked at.
    pub blocks: usize,
    /// Missing, damaged, unknown and refused blocks that are named.
    pub named: usize,
}

impl Default for WalkLimits {
    /// A hundred million blocks: more than any disk has, and a hostile DAG has to send them all.
    fn default() -> Self {
        Self { blocks: 100_000_000, named: 100 }
    }
}

/// Nodes of a file one below the other.
pub(crate) const MAX_FILE_DEPTH: usize = 64;

/// Links of the nodes on the way down: some levels of the widest nodes that any writer makes.
pub(crate) const MAX_HELD_LINKS: usize = 1 << 18;

pub(crate) const WRONG_SIZE: Unfit = Unfit::Against("its size is not the one that its parent gives");
pub(crate) const NO_PART: Unfit = Unfit::Against("not a part of a file");
const TREE_TOO_DEEP: Unfit = Unfit::Against("the directories lie too deep inside one another");
pub(crate) const FILE_TOO_DEEP: Unfit = Unfit::Against("the file's tree is too deep");
pub(crate) const TOO_WIDE: Unfit = Unfit::Against("the tree is too wide");

/// What a walk asks for blocks.
pub(crate) trait Look {
    fn look(&mut self, cid: &Cid) -> io::Result<Looked>;
}

/// What there is of a block.
#[derive(Clone, Debug)]
pub(crate) enum Looked {
    Missing,
    /// Its bytes are others.
    Corrupt,
    UnknownHash,
    UnknownCodec,
    /// It has been named before the walk.
    Named,
    /// So many bytes of a file.
    Raw(u64),
    /// A node of so many bytes.
    Node(u64, Result<Outline, Unfit>),
}

impl Looked {
    /// A block whose bytes are those that its CID says.
    pub(crate) fn of(cid: &Cid, bytes: &[u8]) -> Self {
        let length = bytes.len() as u64;
        match cid.codec() {
            CODEC_RAW => Self::Raw(length),
            CODEC_DAG_PB => Self::Node(length, judge_node(bytes).map(|node| Outline::of(&node))),
            _ => Self::UnknownCodec,
        }
    }

    /// What it takes besides its own size.
    pub(crate) fn memory(&self) -> usize {
        size_of::<Self>() + if let Self::Node(_, Ok(outline)) = self { outline.links.len() } else { 0 }
    }
}

/// What a DAG is refused for.
#[derive(Debug)]
pub(crate) enum Fault {
    Missing(Cid),
    Corrupt(Cid),
    UnknownHash(Cid),
    UnknownCodec(Cid),
    Unfit(Cid, Unfit),
}

/// A node as others see it, in little memory.
#[derive(Clone, Debug)]
pub(crate) struct Outline {
    kind: OutlineKind,
    /// CID and what is said of it, one after the other, the last link first.
    links: Box<[u8]>,
    count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OutlineKind {
    File { bytes: u64 },
    Directory,
    Shard(Shape),
    Symlink,
}

/// What a node says of what it links to.
#[derive(Clone, Copy, Debug)]
enum Said {
    /// A part of a file, and of so many bytes.
    Part(u64),
    Entry,
    /// An entry whose name has that hash, in that slot.
    InSlot(u64, u64),
    /// A further shard in that slot.
    ShardIn(u64),
}

impl Outline {
    pub(crate) fn of(node: &Node) -> Self {
        let mut links = Vec::new();
        let mut put = |cid: &Cid, said: Said| {
            let (tag, a, b) = match said {
                Said::Part(bytes) => (0_u8, bytes, 0_u16),
                Said::Entry => (1, 0, 0),
                // A slot is below 1024.
                Said::InSlot(hash, slot) => (2, hash, slot as u16),
                Said::ShardIn(slot) => (3, 0, slot as u16),
            };
            // Writing to memory does not fail.
            let _ = cid.write_bytes(&mut links);
            links.push(tag);
            if tag != 1 {
                links.extend(a.to_le_bytes());
                links.extend(b.to_le_bytes());
            }
        };
        let (kind, count) = match node {
            Node::File(FilePart { parts, bytes, .. }) => {
                parts.iter().rev().for_each(|part| put(&part.cid, Said::Part(part.bytes)));
                (OutlineKind::File { bytes: *bytes }, parts.len())
            }
            Node::Directory(entries) => {
                entries.iter().rev().for_each(|entry| put(&entry.cid, Said::Entry));
                (OutlineKind::Directory, entries.len())
            }
            Node::Shard(shard) => {
                for link in shard.links.iter().rev() {
                    let entry = || Said::InSlot(hash_of(&link.name), link.slot);
                    put(&link.cid, if link.name.is_empty() { Said::ShardIn(link.slot) } else { entry() });
                }
                (OutlineKind::Shard(shard.shape), shard.links.len())
            }
            Node::Symlink(_) => (OutlineKind::Symlink, 0),
        };
        Self { kind, links: links.into(), count }
    }

    /// The link that begins at `at`, and where the next one does.
    fn link(&self, at: usize) -> Option<(Cid, Said, usize)> {
        let mut rest = self.links.get(at..)?;
        let cid = Cid::read_bytes(&mut rest).ok()?;
        let (&tag, rest) = rest.split_first()?;
        let (said, rest) = match tag {
            1 => (Said::Entry, rest),
            _ => {
                let (a, rest) = rest.split_first_chunk()?;
                let (b, rest) = rest.split_first_chunk()?;
                let (a, b) = (u64::from_le_bytes(*a), u64::from(u16::from_le_bytes(*b)));
                let said = match tag {
                    0 => Said::Part(a),
                    2 => Said::InSlot(a, b),
                    _ => Said::ShardIn(b),
                };
                (said, rest)
            }
        };
        Some((cid, said, self.links.len() - rest.len()))
    }
}

/// What a block and everything below it turned out to be.
#[derive(Clone, Copy, Debug)]
enum Outcome {
    /// A file of that many bytes, and nodes one below the other.
    File {
        bytes: u64,
        nodes: usize,
    },
    /// A directory whose files have that many bytes, and directories one below the other.
    Directory {
        bytes: u64,
        directories: usize,
    },
    Symlink,
    /// It was named, or something below it was.
    Faulty,
}

/// As what a block is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The root, or an entry.
    Entry,
    Part(u64),
    Shard(Shape, Place),
}

struct Frame {
    cid: Cid,
    outline: Outline,
    at: usize,
    role: Role,
    bytes: u64,
    /// Nodes of a file, or directories, that are one below the other under this one.
    depth: usize,
    is_faulty: bool,
}

struct Walk<'a> {
    limits: WalkLimits,
    look: &'a mut dyn Look,
    fault: &'a mut dyn FnMut(Fault),
    faults: usize,
    known: HashMap<BlockName, Outcome>,
    /// Shards below roots of shards, by where they stand.
    shards: HashMap<BlockName, Vec<(Place, Outcome)>>,
    frames: Vec<Frame>,
    held_links: usize,
    directories: usize,
    file_nodes: usize,
    blocks: usize,
    bytes: u64,
    links: u64,
}

/// Walks everything below `root`, the last link of a node first. `fault` is told what is wrong; after as many as are to be
/// named the walk ends. `None` where it ended early, or anything is wrong.
pub(crate) fn walk(
    root: &Cid,
    limits: WalkLimits,
    look: &mut dyn Look,
    fault: &mut dyn FnMut(Fault),
) -> io::Result<Option<Judged>> {
    Ok(walk_all(root, limits, look, fault)?.judged)
}

/// What a walk has seen, to its end or not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) blocks: usize,
    pub(crate) bytes: u64,
    /// Whether it ended at a limit.
    pub(crate) cut: bool,
    pub(crate) judged: Option<Judged>,
}

/// The same, with what was seen.
pub(crate) fn walk_all(
    root: &Cid,
    limits: WalkLimits,
    look: &mut dyn Look,
    fault: &mut dyn FnMut(Fault),
) -> io::Result<Seen> {
    let mut walk = Walk {
        limits,
        look,
        fault,
        faults: 0,
        known: HashMap::new(),
        shards: HashMap::new(),
        frames: Vec::new(),
        held_links: 0,
        directories: 0,
        file_nodes: 0,
        blocks: 0,
        bytes: 0,
        links: 0,
    };
    let outcome = walk.root(root)?;
    let Walk { blocks, bytes, links, faults, .. } = walk;
    let judged = |kind, content_bytes| Judged { kind, content_bytes, blocks, dag_bytes: bytes, links };
    let judged = match outcome.filter(|_| faults == 0) {
        Some(Outcome::File { bytes, .. }) => Some(judged(JudgedKind::File, bytes)),
        Some(Outcome::Directory { bytes, .. }) => Some(judged(JudgedKind::Directory, bytes)),
        Some(Outcome::Symlink) => Some(judged(JudgedKind::Symlink, 0)),
        Some(Outcome::Faulty) | None => None,
    };
    Ok(Seen { blocks, bytes, cut: outcome.is_none(), judged })
}

impl Walk<'_> {
    /// `None` where a limit ended it.
    fn root(&mut self, root: &Cid) -> io::Result<Option<Outcome>> {
        let Some(mut outcome) = self.meet(root, Role::Entry)? else { return Ok(None) };
        loop {
            if let Met::Known(known) = outcome {
                let Some(frame) = self.frames.last_mut() else { return Ok(Some(known)) };
                add(frame, known);
            }
            let Some(frame) = self.frames.last_mut() else { return Ok(None) };
            let next = frame.outline.link(frame.at);
            outcome = match next {
                Some((cid, said, next)) => {
                    frame.at = next;
                    self.links += 1;
                    match self.follow(&cid, said)? {
                        Some(met) => met,
                        None => return Ok(None),
                    }
                }
                None => Met::Known(self.leave()),
            };
        }
    }

    /// Comes to what the node on top links to.
    fn follow(&mut self, cid: &Cid, said: Said) -> io::Result<Option<Met>> {
        let Some(Frame { cid: parent, outline, role, .. }) = self.frames.last() else { return Ok(None) };
        let (parent, kind, role) = (*parent, outline.kind, *role);
        let place = if let Role::Shard(_, place) = role { place } else { Place::default() };
        let role = match (said, kind) {
            (Said::Part(bytes), _) => Role::Part(bytes),
            (Said::InSlot(hash, slot), OutlineKind::Shard(shape)) => {
                if !shape.is_place_of(hash, place, slot) && !self.found(Fault::Unfit(parent, WRONG_SLOT)) {
                    return Ok(None);
                }
                Role::Entry
            }
            (Said::ShardIn(slot), OutlineKind::Shard(shape)) => Role::Shard(shape, shape.below(place, slot)),
            _ => Role::Entry,
        };
        self.meet(cid, role)
    }

    /// Comes to a block. `None` where a limit ends the walk.
    fn meet(&mut self, cid: &Cid, role: Role) -> io::Result<Option<Met>> {
        let name = node::inline(cid).is_none().then(|| BlockName::of(cid));
        if let Some(known) = name.as_ref().and_then(|name| self.known_as(name, role)) {
            return Ok(self.fitting(cid, role, known).map(Met::Known));
        }
        let is_known = |name| self.known.contains_key(name) || self.shards.contains_key(name);
        let counts = name.as_ref().is_some_and(|name| !is_known(name));
        if counts && self.known.len() + self.shards.len() >= self.limits.blocks {
            return Ok(None);
        }
        let looked = match node::inline(cid) {
            Some(bytes) => Looked::of(cid, bytes),
            None => self.look.look(cid)?,
        };
        let (fault, length) = match looked {
            Looked::Raw(bytes) => {
                self.count(counts, bytes);
                let known = Outcome::File { bytes, nodes: 0 };
                self.note(name, Role::Entry, known);
                return Ok(self.fitting(cid, role, known).map(Met::Known));
            }
            Looked::Node(bytes, Ok(outline)) => {
                self.count(counts, bytes);
                return self.enter(cid, role, outline);
            }
            Looked::Node(bytes, Err(why)) => (Some(Fault::Unfit(*cid, why)), Some(bytes)),
            Looked::Missing => (Some(Fault::Missing(*cid)), None),
            Looked::Corrupt => (Some(Fault::Corrupt(*cid)), None),
            Looked::UnknownHash => (Some(Fault::UnknownHash(*cid)), None),
            Looked::UnknownCodec => (Some(Fault::UnknownCodec(*cid)), None),
            Looked::Named => (None, None),
        };
        if let Some(bytes) = length {
            self.count(counts, bytes);
        }
        self.note(name, role, Outcome::Faulty);
        let goes_on = fault.is_none_or(|fault| self.found(fault));
        Ok(goes_on.then_some(Met::Known(Outcome::Faulty)))
    }

    /// Goes on below a node.
    fn enter(&mut self, cid: &Cid, role: Role, outline: Outline) -> io::Result<Option<Met>> {
        let unfit = match (outline.kind, role) {
            (OutlineKind::File { bytes }, Role::Part(said)) if bytes != said => Some(WRONG_SIZE),
            (OutlineKind::File { .. }, Role::Part(_)) => None,
            (_, Role::Part(_)) => Some(NO_PART),
            (OutlineKind::Shard(shape), Role::Shard(above, place)) if shape == above => {
                shape.unfit_below(outline.count, place)
            }
            (_, Role::Shard(..)) => Some(NO_SHARD),
            (_, Role::Entry) => None,
        };
        let too_much = match outline.kind {
            OutlineKind::File { .. } if self.file_nodes >= MAX_FILE_DEPTH => Some(FILE_TOO_DEEP),
            OutlineKind::Directory | OutlineKind::Shard(_)
                if role == Role::Entry && self.directories > MAX_TREE_DEPTH =>
            {
                Some(TREE_TOO_DEEP)
            }
            _ if self.held_links + outline.count > MAX_HELD_LINKS => Some(TOO_WIDE),
            _ => None,
        };
        let unfit = unfit.or(too_much);
        if let Some(why) = unfit
            && !self.found(Fault::Unfit(*cid, why))
        {
            return Ok(None);
        }
        if too_much.is_some() {
            return Ok(Some(Met::Known(Outcome::Faulty)));
        }
        self.held_links += outline.count;
        let bytes = if let OutlineKind::File { bytes } = outline.kind { bytes } else { 0 };
        self.descend(outline.kind, role, true);
        self.frames.push(Frame { cid: *cid, outline, at: 0, role, bytes, depth: 0, is_faulty: unfit.is_some() });
        Ok(Some(Met::Entered))
    }

    fn descend(&mut self, kind: OutlineKind, role: Role, down: bool) {
        let level = match kind {
            OutlineKind::File { .. } => &mut self.file_nodes,
            OutlineKind::Directory | OutlineKind::Shard(_) if role == Role::Entry => &mut self.directories,
            _ => return,
        };
        *level = if down { *level + 1 } else { level.saturating_sub(1) };
    }

    /// Everything below the node on top is known.
    fn leave(&mut self) -> Outcome {
        let Some(frame) = self.frames.pop() else { return Outcome::Faulty };
        self.held_links -= frame.outline.count;
        self.descend(frame.outline.kind, frame.role, false);
        let is_root_of_shards = !matches!(frame.role, Role::Shard(..));
        let outcome = match frame.outline.kind {
            _ if frame.is_faulty => Outcome::Faulty,
            OutlineKind::File { bytes } => Outcome::File { bytes, nodes: frame.depth + 1 },
            OutlineKind::Directory | OutlineKind::Shard(_) => {
                Outcome::Directory { bytes: frame.bytes, directories: frame.depth + usize::from(is_root_of_shards) }
            }
            OutlineKind::Symlink => Outcome::Symlink,
        };
        let name = node::inline(&frame.cid).is_none().then(|| BlockName::of(&frame.cid));
        self.note(name, frame.role, outcome);
        outcome
    }

    fn known_as(&self, name: &BlockName, role: Role) -> Option<Outcome> {
        match role {
            Role::Shard(_, place) => {
                let found = self.shards.get(name)?.iter().find(|(known, _)| *known == place)?;
                Some(found.1)
            }
            Role::Entry | Role::Part(_) => self.known.get(name).copied(),
        }
    }

    fn note(&mut self, name: Option<BlockName>, role: Role, outcome: Outcome) {
        let Some(name) = name else { return };
        if let Role::Shard(_, place) = role {
            self.shards.entry(name).or_default().push((place, outcome));
        } else {
            self.known.insert(name, outcome);
        }
    }

    /// What is known of a block, if it fits where it is met. `None` where the walk ends.
    fn fitting(&mut self, cid: &Cid, role: Role, known: Outcome) -> Option<Outcome> {
        let why = match (role, known) {
            (_, Outcome::Faulty) => return Some(known),
            (Role::Part(said), Outcome::File { bytes, .. }) if bytes != said => WRONG_SIZE,
            (Role::Part(_), Outcome::File { nodes, .. }) if self.file_nodes + nodes > MAX_FILE_DEPTH => FILE_TOO_DEEP,
            (Role::Part(_), Outcome::File { .. }) => return Some(known),
            (Role::Part(_), _) => NO_PART,
            (_, Outcome::Directory { directories, .. }) if self.directories + directories > MAX_TREE_DEPTH + 1 => {
                TREE_TOO_DEEP
            }
            (Role::Shard(..), Outcome::Directory { .. }) | (Role::Entry, _) => return Some(known),
            (Role::Shard(..), _) => NO_SHARD,
        };
        self.found(Fault::Unfit(*cid, why)).then_some(Outcome::Faulty)
    }

    fn count(&mut self, counts: bool, bytes: u64) {
        if counts {
            self.blocks += 1;
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    /// Tells of a fault. Whether the walk goes on.
    fn found(&mut self, fault: Fault) -> bool {
        (self.fault)(fault);
        self.faults += 1;
        self.faults < self.limits.named
    }
}

/// What became of coming to a block.
enum Met {
    Known(Outcome),
    /// It is the node on top now.
    Entered,
}

/// Adds to a node what is known of one of its links.
fn add(frame: &mut Frame, known: Outcome) {
    let (bytes, depth) = match known {
        Outcome::File { bytes, nodes } => {
            (bytes, if matches!(frame.outline.kind, OutlineKind::File { .. }) { nodes } else { 0 })
        }
        Outcome::Directory { bytes, directories } => (bytes, directories),
        Outcome::Symlink => (0, 0),
        Outcome::Faulty => {
            frame.is_faulty = true;
            return;
        }
    };
    if !matches!(frame.outline.kind, OutlineKind::File { .. }) {
        frame.bytes = frame.bytes.saturating_add(bytes);
    }
    frame.depth = frame.depth.max(depth);
}
