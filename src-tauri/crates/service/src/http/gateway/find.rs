//! Looking for what a request asks for. Blocks on the disk.

use std::{cell::RefCell, io};

use axum::http::StatusCode;
use holdfast_content::{BlockSource, Cid, FileReader, NodeKind, ReadError, resolve, stat};

use super::{
    car::{CarError, CarStream},
    content_type::SNIFFED_BYTES,
    error::GatewayError,
    format::Format,
    listing::{self, Listed},
    redirects::{Action, MAX_FILE_BYTES, Redirects, RedirectsError},
    wanted::{ContentPath, Site, Wanted},
};
use crate::store::{Store, blocks::BlockStore, memory::Who};

/// Up to here a file is read at once.
const SMALL_FILE_BYTES: u64 = 1024 * 1024;

/// What is there, and over which roots the path leads to it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) node: FoundNode,
    pub(super) roots: Vec<Cid>,
}

#[derive(Debug)]
pub(super) enum FoundNode {
    Block(Cid, Vec<u8>),
    Car(Cid, Box<CarStream>),
    File(FoundFile),
    Symlink(Cid, Vec<u8>),
    Listing(Cid, String),
    /// Something that has another address.
    Redirect(String, StatusCode),
}

#[derive(Debug)]
pub(super) struct FoundFile {
    /// What names it: the file, or the directory whose page it is.
    pub(super) cid: Cid,
    pub(super) content: Content,
    pub(super) name: Option<String>,
    /// Other than 200 where a site has a page for what it does not have.
    pub(super) status: StatusCode,
}

/// A file's bytes; those of a small one are there already.
#[derive(Debug)]
pub(super) enum Content {
    Whole(Vec<u8>),
    Stream { reader: FileReader<BlockStore>, start: Vec<u8> },
}

impl Content {
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Stream { reader, .. } => reader.bytes(),
        }
    }

    /// How it begins.
    pub(super) fn start(&self) -> &[u8] {
        match self {
            Self::Whole(bytes) => &bytes[..bytes.len().min(SNIFFED_BYTES)],
            Self::Stream { start, .. } => start,
        }
    }
}

/// Looks for it. `query` is that of the request, whose path may end in nothing; `whose` is the memory that it takes.
pub(super) fn find(store: &Store, wanted: &Wanted, query: Option<&str>, whose: Who) -> Result<Found, GatewayError> {
    let blocks = &store.blocks;
    let walked = match walk(blocks, &wanted.root, &wanted.path.segments) {
        Err(error @ (ReadError::NoSuchEntry(_) | ReadError::WrongKind(..))) => {
            let has_rules = wanted.site == Site::Subdomain && wanted.format == Format::Web;
            let action = if has_rules { action(blocks, wanted, query)? } else { None };
            return match action {
                Some(action) => follow(blocks, wanted, action),
                None => Err(error.into()),
            };
        }
        walked => walked?,
    };
    let Walked { cid, roots, path } = walked;
    let node = match &wanted.format {
        Format::Raw => {
            FoundNode::Block(cid, blocks.get(&cid).map_err(ReadError::from)?.ok_or(ReadError::Missing(cid))?)
        }
        Format::Car(options) => {
            let archive =
                CarStream::new(blocks.clone(), path, cid, options, store.memory.claim(whose)).map_err(|error| {
                    match error {
                        CarError::Read(error) => error.into(),
                        CarError::BeyondTheEnd => GatewayError::bad_request(format!("There is nothing: {error}.")),
                    }
                })?;
            FoundNode::Car(cid, Box::new(archive))
        }
        Format::Web => node(blocks, cid, wanted)?,
    };
    Ok(Found { node, roots })
}

/// Where a path leads.
struct Walked {
    cid: Cid,
    /// The node of every segment, from the root on.
    roots: Vec<Cid>,
    /// The blocks that were read on the way.
    path: Vec<Cid>,
}

fn walk(blocks: &BlockStore, root: &Cid, segments: &[String]) -> Result<Walked, ReadError> {
    let read = Recorder { blocks, read: RefCell::default() };
    let mut roots = vec![*root];
    let mut cid = *root;
    for segment in segments {
        cid = resolve(&read, &cid, [segment.as_str()])?;
        roots.push(cid);
    }
    Ok(Walked { cid, roots, path: read.read.into_inner() })
}

/// Notes which blocks are read.
struct Recorder<'a> {
    blocks: &'a BlockStore,
    read: RefCell<Vec<Cid>>,
}

impl BlockSource for Recorder<'_> {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        self.read.borrow_mut().push(*cid);
        self.blocks.get(cid)
    }
}

fn node(blocks: &BlockStore, cid: Cid, wanted: &Wanted) -> Result<FoundNode, GatewayError> {
    match stat(blocks, &cid)? {
        NodeKind::File { .. } => file(blocks, cid, wanted, wanted.path.segments.last().cloned()).map(FoundNode::File),
        NodeKind::Symlink { target } => Ok(FoundNode::Symlink(cid, target)),
        NodeKind::Directory if !wanted.path.has_slash_at_end => {
            // A base ends in a slash already.
            let slash = if wanted.path.encoded.is_empty() { "" } else { "/" };
            let location = format!("{}{}{slash}", wanted.base(), wanted.path.encoded);
            Ok(FoundNode::Redirect(location, StatusCode::MOVED_PERMANENTLY))
        }
        NodeKind::Directory => match index_of(blocks, &cid)? {
            Some(index) => {
                let file = file(blocks, index, wanted, Some("index.html".into()))?;
                Ok(FoundNode::File(FoundFile { cid, ..file }))
            }
            None => Ok(FoundNode::Listing(cid, listing::page(wanted, &Listed::of(blocks, &cid)?))),
        },
    }
}

/// The page that a directory has of its own.
fn index_of(blocks: &BlockStore, directory: &Cid) -> Result<Option<Cid>, ReadError> {
    let index = match resolve(blocks, directory, ["index.html"]) {
        Err(ReadError::NoSuchEntry(_)) => return Ok(None),
        index => index?,
    };
    Ok(matches!(stat(blocks, &index)?, NodeKind::File { .. }).then_some(index))
}

fn file(blocks: &BlockStore, cid: Cid, wanted: &Wanted, name: Option<String>) -> Result<FoundFile, GatewayError> {
    let open = || FileReader::open(blocks.clone(), &cid);
    let reader = open()?;
    let content = if reader.bytes() <= SMALL_FILE_BYTES && !wanted.is_part {
        Content::Whole(read_all(reader)?)
    } else {
        // A part may be there where the start is not.
        let start = match open()?.range(0..SNIFFED_BYTES as u64).next().transpose() {
            Err(ReadError::Missing(_)) if wanted.is_part => None,
            start => start?,
        };
        Content::Stream { reader, start: start.unwrap_or_default() }
    };
    Ok(FoundFile { cid, content, name, status: StatusCode::OK })
}

fn read_all(reader: FileReader<BlockStore>) -> Result<Vec<u8>, ReadError> {
    let mut whole = Vec::new();
    for bytes in reader {
        whole.append(&mut bytes?);
    }
    Ok(whole)
}

/// What the site's own rules say about a path that it does not have.
fn action(blocks: &BlockStore, wanted: &Wanted, query: Option<&str>) -> Result<Option<Action>, GatewayError> {
    let rules = match resolve(blocks, &wanted.root, ["_redirects"]) {
        Err(ReadError::NoSuchEntry(_) | ReadError::WrongKind(..)) => return Ok(None),
        rules => rules?,
    };
    let broken = |why: &dyn std::fmt::Display| {
        GatewayError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("could not parse _redirects: {why}"))
    };
    let reader = FileReader::open(blocks.clone(), &rules).map_err(|error| broken(&error))?;
    if reader.bytes() > MAX_FILE_BYTES {
        return Err(broken(&RedirectsError::TooLarge));
    }
    let file = read_all(reader).map_err(|error| broken(&error))?;
    let file = String::from_utf8(file).map_err(|_| broken(&RedirectsError::NotText))?;
    let rules = Redirects::parse(&file).map_err(|error| broken(&error))?;
    let slash = if wanted.path.has_slash_at_end { "/" } else { "" };
    Ok(rules.action(&format!("/{}{slash}", wanted.path.encoded), query))
}

fn follow(blocks: &BlockStore, wanted: &Wanted, action: Action) -> Result<Found, GatewayError> {
    let (path, status) = match action {
        Action::Redirect { location, status } => {
            return Ok(Found { node: FoundNode::Redirect(location, status), roots: vec![wanted.root] });
        }
        Action::Rewrite { path, status } => (ContentPath::parse(&path)?, status),
    };
    let Walked { mut cid, mut roots, .. } = walk(blocks, &wanted.root, &path.segments)?;
    let mut name = path.segments.last().cloned();
    if stat(blocks, &cid)? == NodeKind::Directory {
        let nothing = || GatewayError::not_found("There is nothing at the path that _redirects leads to.");
        cid = index_of(blocks, &cid)?.ok_or_else(nothing)?;
        roots.push(cid);
        name = Some("index.html".into());
    }
    let file = file(blocks, cid, wanted, name)?;
    Ok(Found { node: FoundNode::File(FoundFile { status, ..file }), roots })
}
