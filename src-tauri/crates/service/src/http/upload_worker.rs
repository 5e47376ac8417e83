//! The thread that makes blocks and a pin of an upload's pieces: of files, or of one CAR archive.

use std::io::{self, Read};

use bytes::{Buf, Bytes};
use holdfast_content::Cid;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

use super::{errors::ApiError, metadata::GivenMetadata};
use crate::{
    archive::{Archived, import_archive},
    import::{Import, PartKind},
    store::{
        Store, StoreError,
        blocks::BlockWriter,
        keys::Owner,
        memory::Claim,
        pin::{Metadata, NewPin, NewPinState, Origin, Pin},
    },
};

/// What the thread is told.
pub(super) enum Piece {
    /// A part of a tree, and its path.
    Begin(PartKind, String),
    /// An archive, and its file's name.
    BeginArchive(String),
    Bytes(Bytes),
    /// The body is complete.
    End(GivenMetadata),
}

/// Blocks that came, and what the pin of them will be.
struct Stored {
    root: Cid,
    name: String,
    mime_type: Option<String>,
    state: NewPinState,
    dag_bytes: u64,
    given: GivenMetadata,
}

/// Takes pieces until the end, then makes the blocks durable and the pin after them. `memory` is for what is kept until then.
pub(super) fn import(
    store: &Store,
    owner: Owner,
    memory: Claim,
    mut pieces: Receiver<Piece>,
    given_up: CancellationToken,
) -> Result<Pin, ApiError> {
    let writer = store.writer_for(owner)?.counted_in(memory.beside()).given_up_with(given_up);
    let (stored, mut writer) = match next(&mut pieces)? {
        Piece::BeginArchive(name) => store_archive(store, name, writer, pieces)?,
        first => store_files(first, Import::new(writer, memory), pieces)?,
    };
    if store.pins.is_pinned(owner, &stored.root)? {
        // What was written may have repaired that pin, which the client takes this answer for.
        writer.keep();
        writer.make_durable().map_err(StoreError::from)?;
        store.note_complete(&stored.root)?;
        return Err(StoreError::AlreadyPinned.into());
    }
    writer.make_durable().map_err(StoreError::from)?;
    store.record_dag(&stored.root, stored.dag_bytes, &mut writer)?;
    let metadata = Metadata {
        mime_type: stored.given.mime_type.or(stored.mime_type),
        name: stored.given.name.unwrap_or(stored.name),
        keyvalues: stored.given.keyvalues,
    };
    let (root, cid_text) = (stored.root, stored.root.to_string());
    let new = NewPin { root, cid_text, origin: Origin::Upload, state: stored.state, metadata };
    let recorded = store.pins.insert(owner, &new);
    // A commit that fails otherwise may have happened nevertheless, so the blocks stay.
    if !recorded.as_ref().is_err_and(StoreError::is_surely_undone) {
        writer.keep();
    }
    recorded.map_err(|error| {
        store.blocks.note_garbage();
        error.into()
    })
}

fn store_files(
    first: Piece,
    mut import: Import<BlockWriter>,
    mut pieces: Receiver<Piece>,
) -> Result<(Stored, BlockWriter), ApiError> {
    let mut piece = first;
    let given = loop {
        match piece {
            Piece::Begin(kind, path) => import.begin(kind, path)?,
            Piece::BeginArchive(_) => return Err(not_alone()),
            Piece::Bytes(bytes) => import.push(&bytes)?,
            Piece::End(metadata) => break metadata,
        }
        piece = next(&mut pieces)?;
    };
    let (imported, writer) = import.finish()?;
    let is_file = imported.kind == PartKind::File;
    let stored = Stored {
        root: imported.link.cid,
        mime_type: is_file.then(|| mime_guess::from_path(&imported.name).first_or_octet_stream().to_string()),
        name: imported.name,
        state: NewPinState::Pinned {
            content_bytes: imported.link.content_bytes,
            is_dir: imported.kind == PartKind::Directory,
        },
        dag_bytes: writer.dag_bytes(),
        given,
    };
    Ok((stored, writer))
}

fn store_archive(
    store: &Store,
    name: String,
    mut writer: BlockWriter,
    pieces: Receiver<Piece>,
) -> Result<(Stored, BlockWriter), ApiError> {
    let mut archive = ArchiveBytes { pieces, current: Bytes::new(), after: None };
    let imported = import_archive(&mut archive, &store.blocks, &mut writer);
    if let Some(After::GivenUp) = archive.after {
        return Err(given_up());
    }
    let Archived { root, measured } = imported?;
    let given = match archive.after {
        Some(After::Piece(Piece::End(metadata))) => metadata,
        _ => return Err(not_alone()),
    };
    let stored = Stored {
        root,
        name: if name.is_empty() { root.to_string() } else { name },
        mime_type: None,
        state: NewPinState::Pinned { content_bytes: measured.content_bytes, is_dir: measured.is_dir },
        dag_bytes: measured.dag_bytes,
        given,
    };
    Ok((stored, writer))
}

fn next(pieces: &mut Receiver<Piece>) -> Result<Piece, ApiError> {
    pieces.blocking_recv().ok_or_else(given_up)
}

fn given_up() -> ApiError {
    ApiError::bad_request("the upload was given up")
}

fn not_alone() -> ApiError {
    ApiError::bad_request("an archive must be the only part besides the metadata")
}

/// The bytes of one part.
struct ArchiveBytes {
    pieces: Receiver<Piece>,
    current: Bytes,
    /// What came after the last of them.
    after: Option<After>,
}

enum After {
    Piece(Piece),
    GivenUp,
}

impl Read for ArchiveBytes {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() && self.after.is_none() {
            match self.pieces.blocking_recv() {
                Some(Piece::Bytes(bytes)) => self.current = bytes,
                Some(other) => self.after = Some(After::Piece(other)),
                None => self.after = Some(After::GivenUp),
            }
        }
        let count = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
