//! What UnixFS 1.5 says of a file or directory beside its content: permissions, and when it was changed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cid::Cid;

use crate::{
    block::{BlockSource, CODEC_DAG_PB, HASH_IDENTITY},
    dag_pb::{self, Fields, Value},
    read_error::ReadError,
};

/// Permissions, and the bits that make a program run as somebody else.
const MODE_BITS: u64 = 0o7777;

/// What a node says of itself. What is no number or time that there is counts as not said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) mode: Option<u32>,
    pub(crate) modified: Option<SystemTime>,
}

/// Reads them from a file's or directory's root node.
pub(crate) fn attributes(source: &dyn BlockSource, cid: &Cid) -> Result<Attributes, ReadError> {
    if cid.codec() != CODEC_DAG_PB {
        return Ok(Attributes::default());
    }
    let bytes = if cid.hash().code() == HASH_IDENTITY {
        cid.hash().digest().to_vec()
    } else {
        source.get(cid)?.ok_or(ReadError::Missing(*cid))?
    };
    let data = dag_pb::decode(&bytes).ok().and_then(|node| node.data).unwrap_or_default();
    Ok(decode(&data))
}

fn decode(message: &[u8]) -> Attributes {
    let mut found = Attributes::default();
    let mut fields = Fields(message);
    while let Ok(Some((tag, value))) = fields.next() {
        match (tag, value) {
            // Writers that know no modes leave 0.
            (7, Value::Varint(mode)) if mode & MODE_BITS != 0 => found.mode = Some((mode & MODE_BITS) as u32),
            (8, Value::Bytes(time)) => found.modified = decode_time(time),
            _ => {}
        }
    }
    found
}

/// Seconds as a number of 64 bits with a sign, and optionally the nanoseconds as one of 32 bits of fixed length.
fn decode_time(message: &[u8]) -> Option<SystemTime> {
    let (head, nanoseconds) = match message {
        [head @ .., 0x15, a, b, c, d] if Fields(head).next().is_ok_and(|field| field.is_some()) => {
            (head, u32::from_le_bytes([*a, *b, *c, *d]))
        }
        _ => (message, 0),
    };
    let Ok(Some((1, Value::Varint(seconds)))) = Fields(head).next() else { return None };
    if nanoseconds > 999_999_999 {
        return None;
    }
    let seconds = seconds.cast_signed();
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second = if seconds < 0 { UNIX_EPOCH.checked_sub(whole) } else { UNIX_EPOCH.checked_add(whole) };
    second?.checked_add(Duration::from_nanos(nanoseconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_times_are_read_and_nonsense_is_none() {
        // A file of no bytes, mode 0755, 1_700_000_000.5.
        let time = [0x08, 0x80, 0xe2, 0xcf, 0xaa, 0x06, 0x15, 0x00, 0x65, 0xcd, 0x1d];
        let message = [&[0x08, 0x02, 0x38, 0xed, 0x03, 0x42, 0x0b][..], &time].concat();
        let found = decode(&message);
        assert_eq!(found.mode, Some(0o755));
        assert_eq!(found.modified, Some(UNIX_EPOCH + Duration::from_millis(1_700_000_000_500)));
        assert_eq!(decode(&[0x08, 0x02]), Attributes::default());
        assert_eq!(decode(&[0x08, 0x02, 0x38, 0x00, 0x42, 0x00]), Attributes::default());
        // A second before 1970.
        let before = [&[0x08][..], &[0xff; 9], &[0x01]].concat();
        assert_eq!(decode_time(&before), UNIX_EPOCH.checked_sub(Duration::from_secs(1)));
    }
}
