//! How domain values stand in columns.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use holdfast_content::Cid;
use rusqlite::{Connection, functions::FunctionFlags};

use super::StoreError;
use crate::{
    disk::Fingerprint,
    pin::{Metadata, PinNumber},
};

/// What SQL asks of ids and CIDs.
pub(super) fn register_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection
        .create_scalar_function("pin_number", 1, flags, |context| Ok(PinNumber::of(context.get_raw(0).as_str()?).0))?;
    connection
        .create_scalar_function("lowercase", 1, flags, |context| Ok(context.get_raw(0).as_str()?.to_lowercase()))?;
    connection.create_scalar_function("content_number", 1, flags, |context| {
        Ok(Cid::try_from(context.get_raw(0).as_str()?).ok().map(|cid| content_number(&cid)))
    })
}

/// A path as bytes: paths need not be text.
pub(super) fn path_bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_encoded_bytes().to_vec()
}

#[cfg(unix)]
pub(super) fn path_from(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
pub(super) fn path_from(bytes: Vec<u8>) -> PathBuf {
    OsString::from(String::from_utf8_lossy(&bytes).into_owned()).into()
}

pub(super) fn cid_from(text: &str) -> Result<Cid, StoreError> {
    Cid::try_from(text).map_err(|_| StoreError::Row("a CID"))
}

/// A number for the content that a CID names, equal for equal digests: short to look for.
pub(super) fn content_number(cid: &Cid) -> i64 {
    cid.hash().digest().iter().rev().take(8).fold(0, |number, byte| (number << 8) | i64::from(*byte))
}

pub(super) fn metadata_text(metadata: &Metadata) -> String {
    serde_json::to_string(metadata).unwrap_or_else(|_| "{}".into())
}

pub(super) fn metadata_from(text: &str) -> Result<Metadata, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Row("metadata"))
}

/// SQLite's integers are signed; lengths and file numbers keep all their bits.
pub(super) const fn signed(value: u64) -> i64 {
    value.cast_signed()
}

pub(super) const fn unsigned(value: i64) -> u64 {
    value.cast_unsigned()
}

/// Reads a fingerprint from five columns, starting at `first`.
pub(super) fn fingerprint_from(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Fingerprint> {
    Ok(Fingerprint {
        bytes: unsigned(row.get(first)?),
        modified_ns: row.get(first + 1)?,
        changed_ns: row.get(first + 2)?,
        device: unsigned(row.get(first + 3)?),
        inode: unsigned(row.get(first + 4)?),
    })
}
