//! Removes the blocks that no pin needs. Runs only while nothing else uses the store.

use std::collections::HashSet;

use cid::multihash::Multihash;
use holdfast_content::{Cid, ReadError};

use super::{StoreError, blocks::BlockStore, holding, pins::Pins};

const CODEC_RAW: u64 = 0x55;

/// Walks all live pins, then removes every block that none of them reached. Says whether it could: if any pin cannot be
/// walked to its end nothing is removed.
pub(crate) fn collect(pins: &Pins, blocks: &BlockStore) -> bool {
    let mut needed = HashSet::new();
    let walked = pins.visit_live_roots(|root| {
        let walked = holding::walk(blocks, &root, |cid| {
            needed.insert(holding::short_hash(cid));
        });
        walked.map_err(|error| Unwalkable::Pin(Box::new((root, error))))
    });
    if let Err(error) = walked {
        tracing::error!(error = &error as &dyn std::error::Error, "blocks that no pin needs are kept");
        return false;
    }
    // A name that is no multihash is not ours to remove.
    let removed = blocks.retain(|name| short_hash_of_name(name).is_none_or(|short| needed.contains(&short)));
    match removed {
        Ok(removed) => {
            tracing::info!(removed, "removed blocks that no pin needs");
            true
        }
        Err(error) => {
            tracing::warn!(%error, "could not remove all blocks that no pin needs");
            false
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Unwalkable {
    #[error("the pin of {} is incomplete: {}", .0.0, .0.1)]
    Pin(Box<(Cid, ReadError)>),
    #[error("the pins cannot be read")]
    Store(#[from] StoreError),
    #[error("the pins cannot be read")]
    Database(#[from] rusqlite::Error),
}

fn short_hash_of_name(name: &str) -> Option<[u8; 16]> {
    let digits = name.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let multihash = Multihash::<64>::from_bytes(&bytes?).ok()?;
    Some(holding::short_hash(&Cid::new_v1(CODEC_RAW, multihash)))
}
