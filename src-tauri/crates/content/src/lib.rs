//! What bytes are on IPFS.
//!
//! Turns files and directory trees into the blocks and the CID that a named set of UnixFS parameters (a [`Profile`])
//! gives them, and reads such DAGs back. No network, no GUI, no database: blocks come from a [`BlockSource`] and go to a
//! [`BlockSink`].
//!
//! | to | take |
//! |---|---|
//! | make the CID and the blocks of a file, a symlink, a tree | [`FileImporter`], [`import_symlink`], [`TreeBuilder`], [`OrderedTree`] |
//! | keep blocks, or send them on | any [`BlockSink`]: [`Discard`], [`car::CarWriter`], one of your own |
//! | get blocks | any [`BlockSource`]: [`car::CarIndex`], a `HashMap`, one of your own |
//! | know what a CID names, and read it | [`stat`], [`resolve`], [`list_directory`], [`FileReader`], [`export`](export()) |
//! | know whether a DAG is all there and can be read, by one rule | [`judge`](judge()); with all that is wrong, [`verify`](verify()), and [`verify_archive`](verify_archive()) for one that is coming in |
//! | know whether the blocks of a DAG that lies elsewhere are there, or a sample of them | [`Survey`] |
//! | know whether a local file is what a CID names, made by whatever software | [`prove_file`] |
//! | read and write CAR archives | [`car`] |
//! | read a CID that stands alone | [`parse_cid`] |
//! | show text that others wrote | [`harmless`], [`harmless_json`] |
//! | find the CID in what somebody pasted, or all of them, and show it in other forms | [`CidInText`], [`cids_in_text`], [`cid_v0`], [`cid_v1`], [`base36`] |
//!
//! Whatever is read may be hostile. Blocks are at most [`MAX_BLOCK_BYTES`] long, no length that an input states is
//! allocated before its bytes are there, depths and numbers of links have limits, and a DAG that costs more to read than
//! it has blocks is an error. Nothing here panics on any input; `make fuzz` looks for one that says otherwise.
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

mod attributes;
mod block;
mod block_name;
pub mod car;
mod cid_forms;
mod cid_length;
mod cid_text;
mod dag_pb;
mod directory;
mod draft;
mod entity;
mod export;
mod file;
mod file_name;
mod foreign_text;
mod gateway_link;
mod hamt;
mod hashes;
mod index;
mod judge;
mod leaves;
mod name;
mod new_file;
mod ordered_tree;
mod packed_link;
mod profile;
mod proof;
mod read;
mod read_error;
mod sha256;
mod survey;
mod tree;
mod unixfs;
mod verify;
mod verify_archive;

pub use block::{
    BlockSink, BlockSource, CODEC_DAG_PB, CODEC_RAW, Discard, FileNumber, HASH_IDENTITY, HASH_SHA2_256, LeafBlock,
    Link, MAX_BLOCK_BYTES, is_block_of,
};
pub use block_name::BlockName;
pub use cid::Cid;
pub use cid_forms::{base36, cid_v0, cid_v1, multihash_hex, same_content};
pub use cid_text::{CidInText, CidTextError, cids_in_text, parse_cid};
pub use dag_pb::PbError;
pub use directory::import_symlink;
pub use entity::{EntityNode, entity_node};
pub use export::{Export, ExportError, Exported, MAX_EXPORTED_ENTRIES, export, export_size};
pub use file::FileImporter;
pub use file_name::file_name;
pub use foreign_text::{harmless, harmless_json};
pub use gateway_link::{gateway_as_typed, gateway_link};
pub use index::{BlockIndex, IndexedBlocks, Place};
pub use judge::{Judged, JudgedKind, Refused, Unfit, WalkLimits, judge};
pub use leaves::{HashedLeaves, hash_leaves};
pub use name::name_as_text;
pub use new_file::NewFile;
pub use ordered_tree::{OrderedTree, OrderedTreeError};
pub use profile::{CidVersion, Entries, EntryRules, Leaves, Profile, ShardRule};
pub use proof::{
    Difference, DifferenceKind, EntryWord, LocalBytes, LocalEntry, LocalKind, LocalTree, ProofLimits, Proven, Verdict,
    prove_file, prove_tree,
};
pub use read::{DirectoryEntry, FileReader, NodeKind, child_cids, list_directory, resolve, stat, visit_directory};
pub use read_error::ReadError;
pub use survey::{BlockFault, BlockPlace, Extent, FaultKind, Looked, Said, Survey, Surveyed, Unclear, Wanted, look_at};
pub use tree::{MAX_NAME_BYTES, MAX_TREE_DEPTH, TreeBuilder, TreeError};
pub use verify::{Walked, survey, verify};
pub use verify_archive::verify_archive;
