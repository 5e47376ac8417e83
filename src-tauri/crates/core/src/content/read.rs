//! Reading a file that must be, from first to last, what the plan saw. Its bytes are what is read to its end, whatever its size
//! is said to be.

use std::path::Path;

use super::Plan;
use crate::{
    disk::{Fingerprint, OpenFile, Opened},
    error::Error,
};

/// Bytes beyond a file's size that are counted, to say how many there are.
const COUNTED_BYTES: u64 = 1024 * 1024;

/// Opens a planned file that is as expected, and ends where its size says.
pub(crate) fn open_same(plan: &Plan, path: &Path, expected: &Fingerprint) -> Result<Box<dyn OpenFile>, Error> {
    let Opened { file, stat } = plan.open(path).map_err(|source| Error::Unreadable { path: path.into(), source })?;
    if stat.fingerprint != *expected {
        return Err(Error::Changed { path: path.into() });
    }
    let beyond = bytes_beyond(&*file, path, expected.bytes)?;
    if beyond == 0 { Ok(file) } else { Err(ends_elsewhere(&*file, path, expected, expected.bytes + beyond)) }
}

/// Looks again, once all was read, whether the file is as expected.
pub(super) fn check_same(file: &dyn OpenFile, path: &Path, expected: &Fingerprint) -> Result<(), Error> {
    let now = file.stat().map_err(|source| Error::Unreadable { path: path.into(), source })?;
    if now.fingerprint == *expected { Ok(()) } else { Err(Error::Changed { path: path.into() }) }
}

/// Fills `buffer` from `offset` on, in as many reads as it takes.
pub(crate) fn read_run(
    file: &dyn OpenFile,
    path: &Path,
    expected: &Fingerprint,
    offset: u64,
    buffer: &mut [u8],
) -> Result<(), Error> {
    let mut filled = 0;
    while filled < buffer.len() {
        let offset = offset + filled as u64;
        let read = read_at(file, path, offset, &mut buffer[filled..])?;
        if read == 0 {
            return Err(ends_elsewhere(file, path, expected, offset));
        }
        filled += read;
    }
    Ok(())
}

/// Why a file that is read to another end than its size says cannot be taken.
fn ends_elsewhere(file: &dyn OpenFile, path: &Path, expected: &Fingerprint, read: u64) -> Error {
    if let Err(changed) = check_same(file, path, expected) {
        return changed;
    }
    let name = path.file_name().map_or_else(|| path.display().to_string(), super::entry_name);
    let more = if read >= expected.bytes.saturating_add(COUNTED_BYTES) { " and more" } else { "" };
    Error::Refused { name, reason: format!("its size is said to be {} bytes, {read}{more} were read", expected.bytes) }
}

fn bytes_beyond(file: &dyn OpenFile, path: &Path, offset: u64) -> Result<u64, Error> {
    let (mut beyond, mut buffer) = (0, [0; 4096]);
    while beyond < COUNTED_BYTES {
        let read = read_at(file, path, offset.saturating_add(beyond), &mut buffer)?;
        if read == 0 {
            break;
        }
        beyond += read as u64;
    }
    Ok(beyond)
}

fn read_at(file: &dyn OpenFile, path: &Path, offset: u64, buffer: &mut [u8]) -> Result<usize, Error> {
    file.read_at(offset, buffer).map_err(|source| Error::Unreadable { path: path.into(), source })
}
