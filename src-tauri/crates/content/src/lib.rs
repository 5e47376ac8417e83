//! What bytes are on IPFS.
//!
//! Turns files and directory trees into the blocks and the CID that a named set of UnixFS parameters (a [`Profile`])
//! gives them, and reads such DAGs back. No network, no GUI, no database: blocks come from a [`BlockSource`] and go to a
//! [`BlockSink`].
//!
//! ```
//! use holdfast_content::{Discard, FileImporter, Profile};
//!
//! let mut importer = FileImporter::new(Profile::UNIXFS_V1_2025);
//! importer.push(b"hello ", &mut Discard)?;
//! importer.push(b"world", &mut Discard)?;
//! let link = importer.finish(&mut Discard)?;
//! assert_eq!(link.cid.to_string(), "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
//! # Ok::<(), std::io::Error>(())
//! ```

mod block;
pub mod car;
mod cid_text;
mod dag_pb;
mod directory;
mod entity;
mod export;
mod file;
mod hamt;
mod profile;
mod proof;
mod read;
mod tree;
mod unixfs;
mod verify;

pub use block::{BlockSink, BlockSource, Discard, Link, MAX_BLOCK_BYTES, is_block_of};
pub use cid::Cid;
pub use cid_text::{CidInText, CidTextError, base36, cid_v0, cid_v1, multihash_hex};
pub use directory::import_symlink;
pub use entity::{EntityNode, entity_node};
pub use export::{ExportError, Exported, export};
pub use file::FileImporter;
pub use profile::{CidVersion, Leaves, Profile, ShardRule};
pub use proof::{LocalBytes, ProofLimits, Proven, Verdict, prove_file};
pub use read::{DirectoryEntry, FileReader, NodeKind, ReadError, child_cids, list_directory, resolve, stat};
pub use tree::{MAX_NAME_BYTES, MAX_TREE_DEPTH, TreeBuilder, TreeError};
pub use verify::{WalkLimits, Walked, verify};
