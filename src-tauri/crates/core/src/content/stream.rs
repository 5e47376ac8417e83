//! The CIDs of bytes that come once and from nowhere that can be looked at again: a pipe.

use std::{
    collections::VecDeque,
    io::{self, Read},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use holdfast_content::{BlockSink, FileImporter, HashedLeaves, Profile, hash_leaves};

use super::{Identification, Identified, RUN_BYTES, pool::Pending};
use crate::error::Error;

/// A run of the bytes, hashed under every profile.
type Hashed = (Bytes, Vec<HashedLeaves>);

impl Identification {
    /// Reads to the end, and gives `sink` the blocks of every profile; `path` is what errors call it. Blocks.
    ///
    /// # Errors
    /// [`Error::Unreadable`], [`Error::Blocks`] when the sink fails, and [`Error::Cancelled`].
    pub fn identify_stream(
        &self,
        stream: &mut dyn Read,
        path: &Path,
        profiles: &[Profile],
        sink: &mut dyn BlockSink,
    ) -> Result<Vec<Identified>, Error> {
        let mut importers: Vec<_> = profiles.iter().map(|&profile| FileImporter::new(profile)).collect();
        let profiles: Arc<[Profile]> = profiles.into();
        let mut under_way: VecDeque<Pending<Hashed>> = VecDeque::new();
        let push = |oldest: Pending<Hashed>, importers: &mut Vec<FileImporter>, sink: &mut dyn BlockSink| {
            let (bytes, leaves) = oldest.wait()?;
            let mut each = importers.iter_mut().zip(leaves);
            each.try_for_each(|(importer, leaves)| importer.push_hashed(&bytes, leaves, sink)).map_err(Error::Blocks)
        };
        let last = loop {
            if self.cancel.is_cancelled() {
                return Err(Error::Cancelled);
            }
            let run = read_run(stream).map_err(|source| Error::Unreadable { path: path.into(), source })?;
            if run.len() < RUN_BYTES {
                break run;
            }
            while under_way.len() > self.pool.threads() {
                let Some(oldest) = under_way.pop_front() else { break };
                push(oldest, &mut importers, sink)?;
            }
            let profiles = Arc::clone(&profiles);
            under_way.push_back(self.pool.give(move || {
                let leaves = hash_leaves(&profiles, &run);
                (run, leaves)
            }));
        };
        for oldest in under_way {
            push(oldest, &mut importers, sink)?;
        }
        let leaves = hash_leaves(&profiles, &last);
        let each = importers.into_iter().zip(leaves).zip(profiles.iter());
        each.map(|((importer, leaves), &profile)| {
            let link = importer.finish_hashed(&last, leaves, sink).map_err(Error::Blocks)?;
            Ok(Identified { profile, link })
        })
        .collect()
    }
}

/// The next run; a shorter one at the end.
fn read_run(stream: &mut dyn Read) -> io::Result<Bytes> {
    let mut run = Vec::with_capacity(RUN_BYTES);
    stream.take(RUN_BYTES as u64).read_to_end(&mut run)?;
    Ok(run.into())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use holdfast_content::Discard;

    use super::*;
    use crate::content::{HashingPool, Urgency};

    /// A pipe whose writer gives a few bytes at a time.
    struct Slowly(Cursor<Vec<u8>>);

    impl Read for Slowly {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let few = buffer.len().min(60_001);
            self.0.read(&mut buffer[..few])
        }
    }

    #[test]
    fn a_stream_has_the_cids_of_a_file_with_its_bytes() {
        let identification = Identification::new(HashingPool::start(Urgency::Background).unwrap());
        for length in [0, 1, RUN_BYTES - 1, RUN_BYTES, 7 * RUN_BYTES, 7 * RUN_BYTES + 1] {
            let bytes: Vec<u8> = (0..length).map(|at| (at / 1000) as u8).collect();
            let mut stream = Slowly(Cursor::new(bytes.clone()));
            let found =
                identification.identify_stream(&mut stream, Path::new("-"), &Profile::ALL, &mut Discard).unwrap();
            for one in found {
                let mut importer = FileImporter::new(one.profile);
                importer.push(&bytes, &mut Discard).unwrap();
                assert_eq!(one.link, importer.finish(&mut Discard).unwrap(), "{length}, {}", one.profile);
            }
        }
    }
}
