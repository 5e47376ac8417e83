//! Reading an archive block by block, every block checked against its CID.

use std::io::{self, Read};

use cid::Cid;

use super::header;
use crate::block::{MAX_BLOCK_BYTES, is_block_of};

/// Ten thousand roots fit.
const MAX_HEADER_BYTES: u64 = 1024 * 1024;

/// A CID's version, codec and hash; longer ones are nobody's.
const MAX_CID_BYTES: u64 = 128;

/// Why an archive cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum CarError {
    /// It does not begin as an archive does.
    #[error("this is no CAR archive")]
    NotACar,
    /// Another version than 1.
    #[error("this is a CAR archive of version {0}, and only version 1 is read")]
    Version(u64),
    /// It ends inside a block.
    #[error("the archive is cut short after {after} bytes")]
    Truncated {
        /// Where the last whole block ended.
        after: u64,
    },
    /// A block's bytes are not what its CID says.
    #[error("the block {0} is damaged")]
    Corrupt(Cid),
    /// A block whose hash proves nothing here ([`is_block_of`]): an unknown function, SHA-1, or a shortened digest.
    #[error("the block {0} has a hash function that is not supported")]
    UnknownHash(Cid),
    /// A block over 2 MiB.
    #[error("a block of {0} bytes is larger than 2 MiB")]
    TooLarge(u64),
    /// Bytes that are no block.
    #[error("there is no block after {after} bytes")]
    NoBlock {
        /// Where the last whole block ended.
        after: u64,
    },
    /// The source failed.
    #[error("the archive cannot be read")]
    Io(#[from] io::Error),
}

/// An archive's blocks, in the order in which they stand. Blocks may repeat and come in any order; what that means is for
/// whoever walks them.
#[derive(Debug)]
pub struct CarReader<R> {
    input: Counted<R>,
    roots: Vec<Cid>,
    ended: bool,
}

impl<R: Read> CarReader<R> {
    /// Reads the header.
    ///
    /// ```
    /// use holdfast_content::car::CarReader;
    /// // A header that names no root, and one block, which is its own CID.
    /// let archive = b"\x11\xa2\x65roots\x80\x67version\x01\x0a\x01\x55\x00\x03abcabc";
    /// let mut reader = CarReader::new(&archive[..])?;
    /// assert!(reader.roots().is_empty());
    /// let (cid, bytes) = reader.next().ok_or("no block")??;
    /// assert_eq!((cid.to_string().as_str(), bytes.as_slice()), ("bafkqaa3bmjrq", &b"abc"[..]));
    /// assert_eq!(reader.position(), archive.len() as u64);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`CarError`].
    pub fn new(input: R) -> Result<Self, CarError> {
        let mut input = Counted { input, count: 0 };
        let length = match input.varint() {
            Ok(Some(length @ 1..=MAX_HEADER_BYTES)) => length,
            Ok(_) => return Err(CarError::NotACar),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(CarError::NotACar),
            Err(error) => return Err(error.into()),
        };
        let bytes = input.take(length)?.ok_or(CarError::NotACar)?;
        let header = header::decode(&bytes).ok_or(CarError::NotACar)?;
        if header.version != 1 {
            return Err(CarError::Version(header.version));
        }
        Ok(Self { input, roots: header.roots, ended: false })
    }

    /// The roots that the header names; nothing says that their blocks are there.
    #[must_use]
    pub fn roots(&self) -> &[Cid] {
        &self.roots
    }

    /// Bytes read so far: at the end of a block, where the next begins.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.input.count
    }

    fn block(&mut self) -> Result<Option<(Cid, Vec<u8>)>, CarError> {
        let after = self.input.count;
        let truncated = |error: io::Error| match error.kind() {
            io::ErrorKind::UnexpectedEof => CarError::Truncated { after },
            _ => error.into(),
        };
        let Some(length) = self.input.varint().map_err(truncated)? else { return Ok(None) };
        if length > MAX_BLOCK_BYTES as u64 + MAX_CID_BYTES {
            return Err(CarError::TooLarge(length));
        }
        let mut bytes = self.input.take(length)?.ok_or(CarError::Truncated { after })?;
        let mut rest = bytes.as_slice();
        let cid = Cid::read_bytes(&mut rest).map_err(|_| CarError::NoBlock { after })?;
        let cid_bytes = bytes.len() - rest.len();
        bytes.drain(..cid_bytes);
        if bytes.len() > MAX_BLOCK_BYTES {
            return Err(CarError::TooLarge(bytes.len() as u64));
        }
        match is_block_of(&cid, &bytes) {
            Some(true) => Ok(Some((cid, bytes))),
            Some(false) => Err(CarError::Corrupt(cid)),
            None => Err(CarError::UnknownHash(cid)),
        }
    }
}

impl<R: Read> Iterator for CarReader<R> {
    type Item = Result<(Cid, Vec<u8>), CarError>;

    /// The next block. After one that is damaged or cannot be judged comes the one behind it; after any other error there is
    /// none, as where it would begin is not known.
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let block = self.block().transpose();
        self.ended = !matches!(block, Some(Ok(_) | Err(CarError::Corrupt(_) | CarError::UnknownHash(_))));
        block
    }
}

#[derive(Debug)]
struct Counted<R> {
    input: R,
    count: u64,
}

impl<R: Read> Counted<R> {
    /// The next number; `None` at the end of the input.
    fn varint(&mut self) -> io::Result<Option<u64>> {
        let mut value = 0u64;
        for shift in (0..63).step_by(7) {
            let mut byte = [0];
            match self.input.read_exact(&mut byte) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof && shift == 0 => return Ok(None),
                result => result?,
            }
            self.count += 1;
            value |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(Some(value));
            }
        }
        // Nine bytes and no end: larger than anything that is read here.
        Ok(Some(u64::MAX))
    }

    /// So many bytes; `None` when the input ends before.
    fn take(&mut self, length: u64) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0).min(MAX_BLOCK_BYTES));
        (&mut self.input).take(length).read_to_end(&mut bytes)?;
        self.count += bytes.len() as u64;
        Ok((bytes.len() as u64 == length).then_some(bytes))
    }
}
