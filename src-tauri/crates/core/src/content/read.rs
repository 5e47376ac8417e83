//! Reading a file that must be, from first to last, what the plan saw.

use std::path::Path;

use super::Plan;
use crate::{
    disk::{Fingerprint, OpenFile, Opened},
    error::Error,
};

/// Opens a planned file that is as expected.
pub(crate) fn open_same(plan: &Plan, path: &Path, expected: &Fingerprint) -> Result<Box<dyn OpenFile>, Error> {
    let Opened { file, stat } = plan.open(path).map_err(|source| Error::Unreadable { path: path.into(), source })?;
    if stat.fingerprint == *expected { Ok(file) } else { Err(Error::Changed { path: path.into() }) }
}

/// Looks again, once all was read, whether the file is as expected.
pub(super) fn check_same(file: &dyn OpenFile, path: &Path, expected: &Fingerprint) -> Result<(), Error> {
    let now = file.stat().map_err(|source| Error::Unreadable { path: path.into(), source })?;
    if now.fingerprint == *expected { Ok(()) } else { Err(Error::Changed { path: path.into() }) }
}

/// Fills `buffer` from `offset` on, in as many reads as it takes.
pub(crate) fn read_run(file: &dyn OpenFile, path: &Path, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
    let mut filled = 0;
    while filled < buffer.len() {
        let read = file
            .read_at(offset + filled as u64, &mut buffer[filled..])
            .map_err(|source| Error::Unreadable { path: path.into(), source })?;
        if read == 0 {
            return Err(Error::Changed { path: path.into() });
        }
        filled += read;
    }
    Ok(())
}
