//! Import of one file: fixed-size chunks as the leaves of a balanced tree, built while the bytes come.

use std::io;

use crate::{
    block::{BlockSink, FileNumber, Link, put_dag_pb},
    dag_pb,
    leaves::{self, HashedLeaves},
    profile::Profile,
    unixfs,
};

/// Builds a file's DAG from its bytes, in pieces of any size. Keeps at most one chunk and `depth × links` links.
#[derive(Debug)]
pub struct FileImporter {
    profile: Profile,
    file: FileNumber,
    /// Bytes of the file that are in leaves.
    offset: u64,
    chunk: Vec<u8>,
    layers: Vec<Vec<Link>>,
}

impl FileImporter {
    /// An importer that has seen no byte yet.
    #[must_use]
    pub const fn new(profile: Profile) -> Self {
        Self::numbered(profile, FileNumber(0))
    }

    /// An importer for one file among several, whose leaves are given to the sink under that number.
    #[must_use]
    pub const fn numbered(profile: Profile, file: FileNumber) -> Self {
        Self { profile, file, offset: 0, chunk: Vec::new(), layers: Vec::new() }
    }

    /// Takes the next bytes of the file.
    ///
    /// ```
    /// use holdfast_content::{Discard, FileImporter, Profile};
    /// let mut importer = FileImporter::new(Profile::UNIXFS_V0_2015);
    /// // In pieces of any size.
    /// for piece in ["hello", " ", "world"] {
    ///     importer.push(piece.as_bytes(), &mut Discard)?;
    /// }
    /// let link = importer.finish(&mut Discard)?;
    /// assert_eq!(link.cid.to_string(), "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD");
    /// assert_eq!((link.content_bytes, link.dag_bytes), (11, 19));
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    /// Only those of `sink`.
    pub fn push(&mut self, mut bytes: &[u8], sink: &mut dyn BlockSink) -> io::Result<()> {
        let chunk_bytes = self.profile.chunk_bytes;
        if !self.chunk.is_empty() {
            let taken = bytes.len().min(chunk_bytes - self.chunk.len());
            let (head, rest) = bytes.split_at(taken);
            self.chunk.extend_from_slice(head);
            bytes = rest;
            if self.chunk.len() < chunk_bytes {
                return Ok(());
            }
            let mut chunk = std::mem::take(&mut self.chunk);
            self.add_leaves(leaves::links_of(&self.profile, &chunk), &chunk, sink)?;
            chunk.clear();
            self.chunk = chunk;
        }
        let (whole, rest) = bytes.split_at(bytes.len() - bytes.len() % chunk_bytes);
        self.add_leaves(leaves::links_of(&self.profile, whole), whole, sink)?;
        if !rest.is_empty() {
            self.chunk.reserve_exact(chunk_bytes.saturating_sub(self.chunk.capacity()));
            self.chunk.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Takes the next bytes with leaves that were hashed before. Leaves that do not fit (of another profile or other
    /// bytes, or not beginning and ending where leaves do) are hashed again.
    ///
    /// # Errors
    /// Only those of `sink`.
    pub fn push_hashed(&mut self, bytes: &[u8], leaves: HashedLeaves, sink: &mut dyn BlockSink) -> io::Result<()> {
        if self.chunk.is_empty()
            && bytes.len().is_multiple_of(self.profile.chunk_bytes)
            && leaves.fits(&self.profile, bytes.len())
        {
            return self.add_leaves(leaves.into_links(), bytes, sink);
        }
        self.push(bytes, sink)
    }

    /// Takes the last bytes with their leaves, of which the last may be short, and gives the root.
    ///
    /// # Errors
    /// Only those of `sink`.
    pub fn finish_hashed(mut self, bytes: &[u8], leaves: HashedLeaves, sink: &mut dyn BlockSink) -> io::Result<Link> {
        if self.chunk.is_empty() && leaves.fits(&self.profile, bytes.len()) {
            self.add_leaves(leaves.into_links(), bytes, sink)?;
        } else {
            self.push(bytes, sink)?;
        }
        self.finish(sink)
    }

    /// Ends the file and gives its root.
    ///
    /// # Errors
    /// Only those of `sink`.
    pub fn finish(mut self, sink: &mut dyn BlockSink) -> io::Result<Link> {
        if !self.chunk.is_empty() {
            let chunk = std::mem::take(&mut self.chunk);
            self.add_leaves(leaves::links_of(&self.profile, &chunk), &chunk, sink)?;
        } else if self.layers.is_empty() {
            self.add_leaves(vec![leaves::empty_link(&self.profile)], &[], sink)?;
        }
        let mut level = 0;
        loop {
            let top = level + 1 == self.layers.len();
            if top
                && self.layers[level].len() == 1
                && let Some(root) = self.layers[level].pop()
            {
                return Ok(root);
            }
            self.fold(level, sink)?;
            level += 1;
        }
    }

    fn add_leaves(&mut self, links: Vec<Link>, bytes: &[u8], sink: &mut dyn BlockSink) -> io::Result<()> {
        leaves::put_leaves(&self.profile, &links, bytes, self.file, self.offset, sink)?;
        self.offset += bytes.len() as u64;
        links.into_iter().try_for_each(|link| self.add_link(0, link, sink))
    }

    fn add_link(&mut self, level: usize, link: Link, sink: &mut dyn BlockSink) -> io::Result<()> {
        if self.layers.len() == level {
            self.layers.push(Vec::new());
        }
        if self.layers[level].len() == self.profile.links_per_node {
            self.fold(level, sink)?;
        }
        self.layers[level].push(link);
        Ok(())
    }

    /// Makes one inner node of all links of a layer and adds it to the layer above.
    fn fold(&mut self, level: usize, sink: &mut dyn BlockSink) -> io::Result<()> {
        let links = std::mem::take(&mut self.layers[level]);
        let node = inner_node(&self.profile, &links, sink)?;
        self.add_link(level + 1, node, sink)
    }
}

fn inner_node(profile: &Profile, links: &[Link], sink: &mut dyn BlockSink) -> io::Result<Link> {
    let mut block = Vec::with_capacity(links.len() * 64);
    for link in links {
        dag_pb::encode_link(&mut block, &link.cid, b"", link.dag_bytes);
    }
    dag_pb::encode_data(&mut block, &unixfs::file_node(links.iter().map(|link| link.content_bytes)));
    let cid = put_dag_pb(profile.cid_version, &block, sink)?;
    Ok(Link {
        cid,
        dag_bytes: block.len() as u64 + links.iter().map(|link| link.dag_bytes).sum::<u64>(),
        content_bytes: links.iter().map(|link| link.content_bytes).sum(),
    })
}
