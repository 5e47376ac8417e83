//! The thread of an upload: it reads the disk once, into blocks that go both to the connection and to the hashing.

use std::{io, ops::Range, path::Path, sync::Arc};

use bytes::Bytes;
use holdfast_content::{Discard, Profile};
use tokio::{runtime::Handle, sync::mpsc::UnboundedSender};
use tokio_util::sync::CancellationToken;

use super::{
    Plan, PlanKind,
    blocks::{Block, Blocks},
    identify::{Identified, Identifier, Piece},
    read::{check_same, open_same, read_run},
};
use crate::{disk::Fingerprint, error::Error};

/// Where leaves of every named profile end: what is hashed of a file begins at a multiple of it.
const LEAF_BYTES: usize = 1024 * 1024;

/// What one block has parts of at most: until a block was hashed, each part takes memory of its own.
const PARTS_PER_BLOCK: usize = 1024;

/// A block for the connection.
pub(super) struct Filled {
    pub(super) bytes: Bytes,
    /// What of it is content, from its first byte to its last.
    pub(super) runs: Vec<Run>,
}

/// Bytes that are content, or the frames around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) bytes: usize,
    pub(super) is_content: bool,
}

pub(super) struct Reader<'a> {
    pub(super) plan: &'a Plan,
    pub(super) identifier: Identifier<'a>,
    /// Nothing but blocks is sent, so that their number is a bound.
    pub(super) to_request: UnboundedSender<io::Result<Filled>>,
    pub(super) stop: CancellationToken,
    pub(super) runtime: Handle,
    pub(super) blocks: Arc<Blocks>,
    pub(super) filling: Option<Filling>,
}

/// A block that is not full.
pub(super) struct Filling {
    block: Block,
    runs: Vec<Run>,
    parts: Vec<Part>,
}

/// A file's bytes in a block, or an entry without any.
struct Part {
    entry: usize,
    bytes: Option<Range<usize>>,
    is_last: bool,
}

impl Reader<'_> {
    /// Sends everything, each part after its frame, and `end` after the last one. Gives the CIDs of what was sent.
    pub(super) fn read(mut self, frames: impl Iterator<Item = Bytes>, end: &[u8]) -> Result<Vec<Identified>, Error> {
        match self.read_all(frames, end) {
            Ok(()) => {
                drop(self.to_request);
                self.identifier.finish(&mut Discard)
            }
            Err(error) => {
                // Breaks the request, so that the provider never sees a well-formed but short body.
                drop(self.to_request.send(Err(io::Error::other(error.to_string()))));
                Err(error)
            }
        }
    }

    fn read_all(&mut self, mut frames: impl Iterator<Item = Bytes>, end: &[u8]) -> Result<(), Error> {
        let plan = self.plan;
        for (entry, planned) in plan.entries().enumerate() {
            self.put(&frames.next().unwrap_or_default(), false)?;
            match planned.kind() {
                PlanKind::File(expected) => self.put_file(entry, &planned.source(), expected)?,
                PlanKind::Symlink(target) => {
                    self.note(Part { entry, bytes: None, is_last: true })?;
                    self.put(target, true)?;
                }
                PlanKind::EmptyDirectory => self.note(Part { entry, bytes: None, is_last: true })?,
            }
        }
        for frame in frames {
            self.put(&frame, false)?;
        }
        // Files that were read one after another are a directory only if it was the same from first to last.
        if plan.is_directory {
            plan.check()?;
        }
        self.put(end, false)?;
        self.flush()
    }

    fn put_file(&mut self, entry: usize, path: &Path, expected: &Fingerprint) -> Result<(), Error> {
        let file = open_same(self.plan, path, expected)?;
        let mut offset = 0;
        loop {
            let left = usize::try_from(expected.bytes - offset).unwrap_or(usize::MAX);
            let room = self.filling()?.block.room();
            // Only the last leaf of a file may be short.
            let bytes = if left <= room { left } else { room - room % LEAF_BYTES };
            if bytes == 0 && left > 0 {
                self.flush()?;
                continue;
            }
            let filling = self.filling()?;
            let from = filling.block.filled();
            read_run(&*file, path, expected, offset, filling.block.next(bytes))?;
            filling.runs.push(Run { bytes, is_content: true });
            let is_last = bytes == left;
            self.note(Part { entry, bytes: Some(from..from + bytes), is_last })?;
            offset += bytes as u64;
            if is_last {
                return check_same(&*file, path, expected);
            }
        }
    }

    fn put(&mut self, mut bytes: &[u8], is_content: bool) -> Result<(), Error> {
        while !bytes.is_empty() {
            let filling = self.filling()?;
            let room = filling.block.next(bytes.len());
            let (now, later) = bytes.split_at(room.len());
            room.copy_from_slice(now);
            if !now.is_empty() {
                filling.runs.push(Run { bytes: now.len(), is_content });
            }
            if !later.is_empty() {
                self.flush()?;
            }
            bytes = later;
        }
        Ok(())
    }

    fn note(&mut self, part: Part) -> Result<(), Error> {
        let filling = self.filling()?;
        filling.parts.push(part);
        if filling.parts.len() < PARTS_PER_BLOCK { Ok(()) } else { self.flush() }
    }

    /// The block that is being filled, or an empty one once there is one.
    fn filling(&mut self) -> Result<&mut Filling, Error> {
        let filling = match self.filling.take() {
            Some(filling) => filling,
            None => Filling { block: self.take_block()?, runs: Vec::new(), parts: Vec::new() },
        };
        Ok(self.filling.insert(filling))
    }

    fn take_block(&mut self) -> Result<Block, Error> {
        loop {
            if let Some(block) = self.blocks.try_take() {
                return Ok(block);
            }
            // The hashing keeps blocks until it is asked for what it made of them.
            if !self.identifier.take_oldest(&mut Discard)? {
                break;
            }
        }
        let (blocks, stop) = (&self.blocks, &self.stop);
        self.runtime.block_on(async {
            tokio::select! {
                block = blocks.take() => block.ok_or(Error::Internal),
                () = stop.cancelled() => Err(Error::Cancelled),
            }
        })
    }

    fn flush(&mut self) -> Result<(), Error> {
        let Some(Filling { block, runs, parts }) = self.filling.take() else { return Ok(()) };
        let bytes = block.freeze();
        // The request is gone when it was cancelled or has failed.
        if !bytes.is_empty() {
            self.to_request.send(Ok(Filled { bytes: bytes.clone(), runs })).map_err(|_| Error::Cancelled)?;
        }
        if parts.is_empty() {
            return Ok(());
        }
        let profiles = self.identifier.profiles();
        let hash = move || Ok(parts.into_iter().map(|part| part.hashed(&profiles, &bytes)).collect());
        self.identifier.give(hash, &mut Discard)
    }
}

impl Part {
    fn hashed(self, profiles: &[Profile], block: &Bytes) -> Piece {
        match self.bytes {
            Some(bytes) => Piece::hashed(profiles, self.entry, block.slice(bytes), self.is_last),
            None => Piece::without_bytes(self.entry),
        }
    }
}
