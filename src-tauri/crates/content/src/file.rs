//! Import of one file: fixed-size chunks as the leaves of a balanced tree, built while the bytes come.

use std::io;

use crate::{
    block::{BlockSink, Link, put_dag_pb, put_raw, total_bytes},
    dag_pb,
    profile::{Leaves, Profile},
    unixfs,
};

/// Builds a file's DAG from its bytes, in pieces of any size. Keeps at most one chunk and `depth × links` links.
#[derive(Debug)]
pub struct FileImporter {
    profile: Profile,
    chunk: Vec<u8>,
    layers: Vec<Vec<Link>>,
}

impl FileImporter {
    /// An importer that has seen no byte yet.
    #[must_use]
    pub const fn new(profile: Profile) -> Self {
        Self { profile, chunk: Vec::new(), layers: Vec::new() }
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
            let chunk = std::mem::take(&mut self.chunk);
            self.add_leaf(&chunk, sink)?;
            self.chunk = chunk;
            self.chunk.clear();
        }
        let mut chunks = bytes.chunks_exact(chunk_bytes);
        for chunk in &mut chunks {
            self.add_leaf(chunk, sink)?;
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            self.chunk.reserve_exact(chunk_bytes.saturating_sub(self.chunk.capacity()));
            self.chunk.extend_from_slice(rest);
        }
        Ok(())
    }

    /// Ends the file and gives its root.
    ///
    /// # Errors
    /// Only those of `sink`.
    pub fn finish(mut self, sink: &mut dyn BlockSink) -> io::Result<Link> {
        if !self.chunk.is_empty() || self.layers.is_empty() {
            let chunk = std::mem::take(&mut self.chunk);
            self.add_leaf(&chunk, sink)?;
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

    fn add_leaf(&mut self, chunk: &[u8], sink: &mut dyn BlockSink) -> io::Result<()> {
        let link = leaf(&self.profile, chunk, sink)?;
        self.add_link(0, link, sink)
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

fn leaf(profile: &Profile, chunk: &[u8], sink: &mut dyn BlockSink) -> io::Result<Link> {
    let content_bytes = chunk.len() as u64;
    match profile.leaves {
        Leaves::Raw => Ok(Link { cid: put_raw(chunk, sink)?, dag_bytes: content_bytes, content_bytes }),
        Leaves::DagPb => {
            let (before, after) = unixfs::leaf_frame(chunk.len());
            let parts = [before.as_slice(), chunk, after.as_slice()];
            let cid = put_dag_pb(profile.cid_version, &parts, sink)?;
            Ok(Link { cid, dag_bytes: total_bytes(&parts), content_bytes })
        }
    }
}

fn inner_node(profile: &Profile, links: &[Link], sink: &mut dyn BlockSink) -> io::Result<Link> {
    let mut block = Vec::with_capacity(links.len() * 64);
    for link in links {
        dag_pb::encode_link(&mut block, &link.cid, b"", link.dag_bytes);
    }
    dag_pb::encode_data(&mut block, &unixfs::file_node(links.iter().map(|link| link.content_bytes)));
    let cid = put_dag_pb(profile.cid_version, &[&block], sink)?;
    Ok(Link {
        cid,
        dag_bytes: block.len() as u64 + links.iter().map(|link| link.dag_bytes).sum::<u64>(),
        content_bytes: links.iter().map(|link| link.content_bytes).sum(),
    })
}
