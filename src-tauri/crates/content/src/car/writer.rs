//! Writing an archive while its blocks are made, root last.

use std::{
    collections::HashSet,
    io::{self, Seek, SeekFrom, Write},
};

use cid::Cid;

use super::car_header;
use crate::{
    block::BlockSink,
    dag_pb::write_varint,
    profile::{CidVersion, Profile},
};

/// Writes blocks as they come. The root, which an import knows last, is put into the header at the end; every CID of one
/// profile has the same length, so that its place is known from the start.
#[derive(Debug)]
pub struct CarWriter<W> {
    out: W,
    start: u64,
    header_bytes: usize,
    written: HashSet<Cid>,
}

impl<W: Write + Seek> CarWriter<W> {
    /// Begins an archive of one root at `out`'s present position. The root must be a CID of `profile`.
    ///
    /// ```
    /// use std::io::Cursor;
    /// use holdfast_content::{FileImporter, Profile, car::{CarReader, CarWriter}};
    /// let mut archive = CarWriter::new(Cursor::new(Vec::new()), Profile::UNIXFS_V1_2025)?;
    /// let mut importer = FileImporter::new(Profile::UNIXFS_V1_2025);
    /// importer.push(b"hello world", &mut archive)?;
    /// let root = importer.finish(&mut archive)?.cid;
    /// let bytes = archive.finish(&root)?.into_inner();
    /// assert_eq!(CarReader::new(&*bytes)?.roots(), [root]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(mut out: W, profile: Profile) -> io::Result<Self> {
        let start = out.stream_position()?;
        let stand_in = match profile.cid_version {
            CidVersion::V0 => "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn",
            CidVersion::V1 => "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
        };
        let root = Cid::try_from(stand_in).map_err(io::Error::other)?;
        let header = car_header(&[root]);
        out.write_all(&header)?;
        Ok(Self { out, start, header_bytes: header.len(), written: HashSet::new() })
    }

    /// Ends the archive: puts the root into the header, and gives `out` back, flushed and at its end.
    ///
    /// # Errors
    /// Those of `out`, and one for a root of another length than the profile's.
    pub fn finish(mut self, root: &Cid) -> io::Result<W> {
        let header = car_header(&[*root]);
        if header.len() != self.header_bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the root is no CID of the archive's profile"));
        }
        self.out.seek(SeekFrom::Start(self.start))?;
        self.out.write_all(&header)?;
        self.out.seek(SeekFrom::End(0))?;
        self.out.flush()?;
        Ok(self.out)
    }
}

impl<W: Write + Seek> BlockSink for CarWriter<W> {
    /// Writes a block, unless it is in the archive already.
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        if !self.written.insert(*cid) {
            return Ok(());
        }
        let name = cid.to_bytes();
        let mut frame = Vec::with_capacity(name.len() + 10);
        let block_bytes: usize = parts.iter().map(|part| part.len()).sum();
        write_varint(&mut frame, (name.len() + block_bytes) as u64);
        frame.extend(name);
        self.out.write_all(&frame)?;
        parts.iter().try_for_each(|part| self.out.write_all(part))
    }
}
