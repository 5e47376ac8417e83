//! The CIDs of a plan's bytes: what an upload of it would be called.
//!
//! Reading and hashing are jobs of the [`HashingPool`], a run of bytes or a few small files each, with a fixed number of
//! jobs under way; what they made is put together in the plan's order, so that blocks come in the same order everywhere.

use std::{collections::VecDeque, path::Path, sync::Arc};

use bytes::{Bytes, BytesMut};
use holdfast_content::{
    BlockSink, Discard, FileImporter, FileNumber, HashedLeaves, Link, OrderedTree, OrderedTreeError, Profile,
    hash_leaves, import_symlink,
};
use tokio_util::sync::CancellationToken;

use super::{
    HashingPool, Plan, PlanKind, RUN_BYTES,
    pool::Pending,
    read::{check_same, open_same, read_run},
};
use crate::{
    disk::{Fingerprint, OpenFile},
    error::Error,
};

/// Small files that one job reads at most.
const FILES_PER_JOB: usize = 256;

/// What a plan's bytes are called under one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identified {
    /// The profile.
    pub profile: Profile,
    /// The root.
    pub link: Link,
}

/// What identifying needs beside the plan.
#[derive(Clone)]
pub struct Identification {
    /// Where it hashes.
    pub pool: HashingPool,
    /// Ends it.
    pub cancel: CancellationToken,
}

impl std::fmt::Debug for Identification {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identification")
    }
}

impl Identification {
    /// One that nobody will cancel.
    #[must_use]
    pub fn new(pool: HashingPool) -> Self {
        Self { pool, cancel: CancellationToken::new() }
    }

    /// Reads everything that a plan names, once, and gives its CID under every profile. Blocks.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::Changed`] when a file is not what the plan says, and [`Error::Cancelled`].
    pub fn identify(&self, plan: &Arc<Plan>, profiles: &[Profile]) -> Result<Vec<Identified>, Error> {
        self.identify_into(plan, profiles, &mut Discard)
    }

    /// The same, and gives `sink` the blocks of every profile, files numbered by their place in the plan.
    ///
    /// # Errors
    /// Those of [`identify`](Self::identify), and [`Error::Blocks`] when the sink fails.
    pub fn identify_into(
        &self,
        plan: &Arc<Plan>,
        profiles: &[Profile],
        sink: &mut dyn BlockSink,
    ) -> Result<Vec<Identified>, Error> {
        let mut identifier = Identifier::new(&self.pool, Arc::clone(plan), profiles);
        let mut batch = Batch::default();
        for (index, entry) in plan.entries().enumerate() {
            let bytes = match entry.kind() {
                PlanKind::File(fingerprint) => fingerprint.bytes,
                PlanKind::EmptyDirectory | PlanKind::Symlink(_) => 0,
            };
            if !batch.has_room_for(bytes) {
                self.give_batch(&mut identifier, std::mem::take(&mut batch), sink)?;
            }
            match entry.kind() {
                PlanKind::File(expected) if bytes > RUN_BYTES as u64 => {
                    self.give_runs(&mut identifier, index, &entry.source(), expected, sink)?;
                }
                _ => batch.add(index, bytes),
            }
        }
        self.give_batch(&mut identifier, batch, sink)?;
        identifier.drain(sink)?;
        if !plan.is_directory {
            return identifier.finish(sink);
        }
        // All was read: the last look does not wait for the directories' nodes, nor they for it.
        let planned = Arc::clone(plan);
        let checked = self.pool.give(move || planned.check());
        let identified = identifier.finish(sink)?;
        checked.wait()??;
        Ok(identified)
    }

    fn give_batch(&self, identifier: &mut Identifier<'_>, batch: Batch, sink: &mut dyn BlockSink) -> Result<(), Error> {
        if batch.entries.is_empty() {
            return Ok(());
        }
        let (plan, profiles) = (Arc::clone(&identifier.plan), identifier.profiles());
        let mut buffer = identifier.buffer();
        self.give(identifier, sink, move || {
            buffer.reserve(usize::try_from(batch.bytes).unwrap_or(RUN_BYTES));
            let piece = |index: usize| {
                let entry = plan.entry(index).ok_or(Error::Internal)?;
                match entry.kind() {
                    PlanKind::File(expected) => {
                        let path = entry.source();
                        let file = open_same(&plan, &path, expected)?;
                        buffer.resize(usize::try_from(expected.bytes).unwrap_or(RUN_BYTES), 0);
                        read_run(&*file, &path, expected, 0, &mut buffer)?;
                        // A directory's files are looked at once more, all together, when all were read.
                        if !plan.is_directory {
                            check_same(&*file, &path, expected)?;
                        }
                        let bytes = buffer.split().freeze();
                        let leaves = hash_leaves(&profiles, &bytes);
                        Ok(Piece { entry: index, bytes, leaves, is_last: true, of: None })
                    }
                    PlanKind::EmptyDirectory | PlanKind::Symlink(_) => Ok(Piece::without_bytes(index)),
                }
            };
            batch.entries.into_iter().map(piece).collect()
        })
    }

    fn give_runs(
        &self,
        identifier: &mut Identifier<'_>,
        entry: usize,
        path: &Path,
        expected: &Fingerprint,
        sink: &mut dyn BlockSink,
    ) -> Result<(), Error> {
        let file: Arc<dyn OpenFile> = open_same(&identifier.plan, path, expected)?.into();
        let mut offset = 0;
        while offset < expected.bytes {
            let left = expected.bytes - offset;
            let run = RUN_BYTES.min(usize::try_from(left).unwrap_or(RUN_BYTES));
            let is_last = left == run as u64;
            let (file, path, profiles) = (Arc::clone(&file), path.to_owned(), identifier.profiles());
            let expected = *expected;
            let mut buffer = identifier.buffer();
            self.give(identifier, sink, move || {
                buffer.resize(run, 0);
                read_run(&*file, &path, &expected, offset, &mut buffer)?;
                let bytes = buffer.freeze();
                let leaves = hash_leaves(&profiles, &bytes);
                Ok(vec![Piece { entry, bytes, leaves, is_last, of: is_last.then_some(file) }])
            })?;
            offset += run as u64;
        }
        Ok(())
    }

    fn give(
        &self,
        identifier: &mut Identifier<'_>,
        sink: &mut dyn BlockSink,
        job: impl FnOnce() -> Result<Vec<Piece>, Error> + Send + 'static,
    ) -> Result<(), Error> {
        if self.cancel.is_cancelled() {
            return Err(Error::Cancelled);
        }
        identifier.give(job, sink)
    }
}

/// Entries that one job takes together.
#[derive(Default)]
struct Batch {
    entries: Vec<usize>,
    bytes: u64,
}

impl Batch {
    const fn has_room_for(&self, bytes: u64) -> bool {
        self.entries.len() < FILES_PER_JOB && self.bytes.saturating_add(bytes) <= RUN_BYTES as u64
    }

    fn add(&mut self, entry: usize, bytes: u64) {
        self.entries.push(entry);
        self.bytes += bytes;
    }
}

/// A part of one entry, read and hashed. The last part of each entry ends it.
pub(super) struct Piece {
    entry: usize,
    bytes: Bytes,
    leaves: Vec<HashedLeaves>,
    is_last: bool,
    /// The file that must still be as planned, when only now all of it has been read.
    of: Option<Arc<dyn OpenFile>>,
}

impl Piece {
    /// The next bytes of a file, hashed.
    pub(super) fn hashed(profiles: &[Profile], entry: usize, bytes: Bytes, is_last: bool) -> Self {
        let leaves = hash_leaves(profiles, &bytes);
        Self { entry, bytes, leaves, is_last, of: None }
    }

    /// An entry that is no file.
    pub(super) const fn without_bytes(entry: usize) -> Self {
        Self { entry, bytes: Bytes::new(), leaves: Vec::new(), is_last: true, of: None }
    }
}

/// Builds the DAGs of one upload under several profiles at once, from pieces that a pool hashes.
pub(super) struct Identifier<'a> {
    pool: &'a HashingPool,
    plan: Arc<Plan>,
    profiles: Arc<[Profile]>,
    per_profile: Vec<PerProfile>,
    under_way: VecDeque<Pending<Result<Vec<Piece>, Error>>>,
    /// To be read into again, no more of them than there are jobs under way.
    buffers: Vec<BytesMut>,
}

struct PerProfile {
    profile: Profile,
    file: Option<FileImporter>,
    tree: OrderedTree,
    single: Option<Link>,
}

impl<'a> Identifier<'a> {
    pub(super) fn new(pool: &'a HashingPool, plan: Arc<Plan>, profiles: &[Profile]) -> Self {
        let of = |&profile| PerProfile { profile, file: None, tree: OrderedTree::new(profile), single: None };
        let per_profile = profiles.iter().map(of).collect();
        Self { pool, plan, profiles: profiles.into(), per_profile, under_way: VecDeque::new(), buffers: Vec::new() }
    }

    pub(super) fn profiles(&self) -> Arc<[Profile]> {
        Arc::clone(&self.profiles)
    }

    /// Starts a job, after waiting for the oldest when there are enough of them.
    pub(super) fn give(
        &mut self,
        job: impl FnOnce() -> Result<Vec<Piece>, Error> + Send + 'static,
        sink: &mut dyn BlockSink,
    ) -> Result<(), Error> {
        while self.under_way.len() > self.pool.threads() {
            self.take_oldest(sink)?;
        }
        self.under_way.push_back(self.pool.give(job));
        Ok(())
    }

    /// Waits for everything that was given.
    pub(super) fn drain(&mut self, sink: &mut dyn BlockSink) -> Result<(), Error> {
        while self.take_oldest(sink)? {}
        Ok(())
    }

    /// Ends every DAG, once everything was given.
    pub(super) fn finish(mut self, sink: &mut dyn BlockSink) -> Result<Vec<Identified>, Error> {
        self.drain(sink)?;
        let is_directory = self.plan.is_directory;
        let finish = |one: PerProfile| {
            let link = match one.single {
                Some(link) if !is_directory => link,
                _ => one.tree.finish(sink).map_err(Error::Blocks)?,
            };
            Ok(Identified { profile: one.profile, link })
        };
        self.per_profile.into_iter().map(finish).collect()
    }

    fn buffer(&mut self) -> BytesMut {
        self.buffers.pop().unwrap_or_default()
    }

    /// Waits for the oldest of what was given; says whether there was one.
    pub(super) fn take_oldest(&mut self, sink: &mut dyn BlockSink) -> Result<bool, Error> {
        let Some(oldest) = self.under_way.pop_front() else { return Ok(false) };
        for piece in oldest.wait()?? {
            self.add(piece, sink)?;
        }
        Ok(true)
    }

    fn add(&mut self, piece: Piece, sink: &mut dyn BlockSink) -> Result<(), Error> {
        let plan = Arc::clone(&self.plan);
        let entry = plan.entry(piece.entry).ok_or(Error::Internal)?;
        if let (Some(file), PlanKind::File(expected)) = (&piece.of, entry.kind()) {
            check_same(&**file, &entry.source(), expected)?;
        }
        let path = if piece.is_last { entry.path() } else { String::new() };
        let number = FileNumber(u32::try_from(piece.entry).map_err(|_| Error::Internal)?);
        let mut leaves = piece.leaves.into_iter();
        for one in &mut self.per_profile {
            let link = match entry.kind() {
                PlanKind::File(_) => {
                    let importer = one.file.take();
                    let mut importer = importer.unwrap_or_else(|| FileImporter::numbered(one.profile, number));
                    let leaves = leaves.next().ok_or(Error::Internal)?;
                    if !piece.is_last {
                        importer.push_hashed(&piece.bytes, leaves, sink).map_err(Error::Blocks)?;
                        one.file = Some(importer);
                        continue;
                    }
                    importer.finish_hashed(&piece.bytes, leaves, sink).map_err(Error::Blocks)?
                }
                PlanKind::Symlink(target) => import_symlink(one.profile, target, sink).map_err(Error::Blocks)?,
                PlanKind::EmptyDirectory => {
                    one.tree.insert_directory(&path, sink).map_err(|error| refused(&path, error))?;
                    continue;
                }
            };
            if plan.is_directory {
                one.tree.insert(&path, &link, sink).map_err(|error| refused(&path, error))?;
            } else {
                one.single = Some(link);
            }
        }
        if self.buffers.len() <= self.pool.threads()
            && let Ok(mut buffer) = piece.bytes.try_into_mut()
        {
            buffer.clear();
            self.buffers.push(buffer);
        }
        Ok(())
    }
}

fn refused(path: &str, error: OrderedTreeError) -> Error {
    match error {
        OrderedTreeError::Io(error) => Error::Blocks(error),
        error => Error::Refused { name: path.into(), reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io};

    use holdfast_content::{Cid, TreeBuilder};

    use super::*;
    use crate::{
        content::{Limits, Urgency, plan},
        host::RealDisk,
    };

    fn identification() -> Identification {
        Identification::new(HashingPool::start(Urgency::Background).unwrap())
    }

    fn planned(path: &Path) -> Arc<Plan> {
        Arc::new(plan(&RealDisk, path, Limits::NONE).unwrap())
    }

    /// The CIDs of all blocks, in the order in which they come.
    #[derive(Default)]
    struct Order(Vec<Cid>);

    impl BlockSink for Order {
        fn put(&mut self, cid: &Cid, _: &[&[u8]]) -> io::Result<()> {
            self.0.push(*cid);
            Ok(())
        }
    }

    #[test]
    fn a_file_that_is_not_what_was_planned_has_no_cid() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "hello world").unwrap();
        let (identification, plan) = (identification(), planned(&path));
        let found = identification.identify(&plan, &[Profile::UNIXFS_V1_2025, Profile::UNIXFS_V0_2015]).unwrap();
        assert_eq!(found[0].link.cid.to_string(), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
        assert_eq!(found[1].link.cid.to_string(), "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD");
        fs::write(&path, "hello").unwrap();
        assert!(matches!(identification.identify(&plan, &Profile::ALL), Err(Error::Changed { .. })));
        fs::remove_file(&path).unwrap();
        assert!(matches!(identification.identify(&plan, &Profile::ALL), Err(Error::Unreadable { .. })));
    }

    #[test]
    fn large_and_small_files_hash_as_they_do_one_by_one_and_their_blocks_come_in_one_order() {
        let dir = tempfile::tempdir().unwrap();
        let mut expected = TreeBuilder::new(Profile::UNIXFS_V0_2015);
        let mut order = Order::default();
        let sizes = [0, 1, RUN_BYTES - 1, RUN_BYTES, RUN_BYTES + 1, 2 * RUN_BYTES, 3 * RUN_BYTES + 7, 5, 1000];
        for (number, bytes) in sizes.into_iter().enumerate() {
            let content: Vec<u8> = (0..bytes).map(|at| (at / 1000 + number) as u8).collect();
            fs::write(dir.path().join(format!("{number}")), &content).unwrap();
            let mut importer = FileImporter::new(Profile::UNIXFS_V0_2015);
            importer.push(&content, &mut order).unwrap();
            expected.insert(&format!("{number}"), importer.finish(&mut order).unwrap()).unwrap();
        }
        let expected = expected.finish(&mut order).unwrap();
        let mut found_order = Order::default();
        let profiles = [Profile::UNIXFS_V0_2015];
        let found = identification().identify_into(&planned(dir.path()), &profiles, &mut found_order).unwrap();
        assert_eq!(found[0].link, expected);
        assert_eq!(found_order.0, order.0);
    }

    #[test]
    fn a_cancelled_one_ends_before_its_next_job() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "hello").unwrap();
        let identification = identification();
        identification.cancel.cancel();
        let found = identification.identify(&planned(dir.path()), &Profile::ALL);
        assert!(matches!(found, Err(Error::Cancelled)));
    }
}
