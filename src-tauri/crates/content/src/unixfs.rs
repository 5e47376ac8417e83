//! The UnixFS message inside dag-pb nodes (<https://specs.ipfs.tech/unixfs/>).

use crate::dag_pb::{Fields, MAX_LINKS, PbError, Value, set_once, varint_len, write_varint};

pub(crate) const TYPE_RAW: u64 = 0;
pub(crate) const TYPE_DIRECTORY: u64 = 1;
pub(crate) const TYPE_FILE: u64 = 2;
pub(crate) const TYPE_SYMLINK: u64 = 4;
pub(crate) const TYPE_SHARD: u64 = 5;

/// murmur3-x64-64, the only hash function of UnixFS shards (multicodec table).
pub(crate) const SHARD_HASH: u64 = 0x22;
/// Children of a shard node.
pub(crate) const SHARD_FANOUT: u64 = 256;

/// A decoded UnixFS message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnixFs {
    pub(crate) kind: u64,
    pub(crate) data: Vec<u8>,
    pub(crate) file_bytes: Option<u64>,
    pub(crate) block_bytes: Vec<u64>,
    pub(crate) hash: Option<u64>,
    pub(crate) fanout: Option<u64>,
}

/// The bytes before and after a leaf's content, so that the content itself is never copied.
pub(crate) fn leaf_frame(content_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    leaf_frame_of(TYPE_FILE, content_bytes)
}

/// The same for a leaf of another type: some writers make leaves of type raw.
pub(crate) fn leaf_frame_of(kind: u64, content_bytes: usize) -> (Vec<u8>, Vec<u8>) {
    let mut after = vec![0x18];
    write_varint(&mut after, content_bytes as u64);
    let mut message = vec![0x08, kind as u8];
    if content_bytes > 0 {
        message.push(0x12);
        write_varint(&mut message, content_bytes as u64);
    }
    let mut before = vec![0x0a];
    write_varint(&mut before, (message.len() + content_bytes + after.len()) as u64);
    before.append(&mut message);
    (before, after)
}

/// Other ways in which writers make the leaf of nothing: without a size, and with data of no bytes.
pub(crate) fn other_empty_leaves_of(kind: u64) -> [Vec<u8>; 2] {
    let kind = kind as u8;
    [vec![0x0a, 2, 0x08, kind], vec![0x0a, 6, 0x08, kind, 0x12, 0, 0x18, 0]]
}

/// The message of a file's inner node.
pub(crate) fn file_node(block_bytes: impl Iterator<Item = u64> + Clone) -> Vec<u8> {
    let mut out = vec![0x08, TYPE_FILE as u8, 0x18];
    write_varint(&mut out, block_bytes.clone().sum());
    for bytes in block_bytes {
        out.push(0x20);
        write_varint(&mut out, bytes);
    }
    out
}

/// The message of an unsharded directory.
pub(crate) const DIRECTORY: [u8; 2] = [0x08, TYPE_DIRECTORY as u8];

/// The message of a symlink.
pub(crate) fn symlink(target: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(target.len() + 2 + 1 + varint_len(target.len() as u64));
    out.extend([0x08, TYPE_SYMLINK as u8, 0x12]);
    write_varint(&mut out, target.len() as u64);
    out.extend_from_slice(target);
    out
}

/// The message of a shard node; `bitfield` is big-endian with its leading zero bytes cut.
pub(crate) fn shard(bitfield: &[u8]) -> Vec<u8> {
    let mut out = vec![0x08, TYPE_SHARD as u8, 0x12];
    write_varint(&mut out, bitfield.len() as u64);
    out.extend_from_slice(bitfield);
    out.push(0x28);
    write_varint(&mut out, SHARD_HASH);
    out.push(0x30);
    write_varint(&mut out, SHARD_FANOUT);
    out
}

/// Reads a message. Fields that only carry attributes (mode, mtime) are passed over.
pub(crate) fn decode(bytes: &[u8]) -> Result<UnixFs, PbError> {
    let (mut kind, mut data, mut message) = (None, None, UnixFs::default());
    let mut fields = Fields(bytes);
    while let Some((tag, value)) = fields.next()? {
        match (tag, value) {
            (1, Value::Varint(value)) => set_once(&mut kind, value)?,
            (2, Value::Bytes(value)) => set_once(&mut data, value)?,
            (3, Value::Varint(bytes)) => set_once(&mut message.file_bytes, bytes)?,
            (4, Value::Varint(bytes)) => push_size(&mut message.block_bytes, bytes)?,
            (4, Value::Bytes(packed)) => {
                let mut numbers = Fields(packed);
                while !numbers.0.is_empty() {
                    push_size(&mut message.block_bytes, numbers.varint()?)?;
                }
            }
            (5, Value::Varint(hash)) => set_once(&mut message.hash, hash)?,
            (6, Value::Varint(fanout)) => set_once(&mut message.fanout, fanout)?,
            (7, Value::Varint(_)) | (8, Value::Bytes(_)) => {}
            _ => return Err(PbError::UnknownField),
        }
    }
    message.kind = kind.ok_or(PbError::NoType)?;
    message.data = data.unwrap_or_default().to_vec();
    Ok(message)
}

/// As many sizes as a node may have links.
fn push_size(sizes: &mut Vec<u64>, bytes: u64) -> Result<(), PbError> {
    if sizes.len() == MAX_LINKS {
        return Err(PbError::TooManyLinks);
    }
    sizes.push(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_back_as_written() {
        let file = decode(&file_node([3, 1 << 40].into_iter())).unwrap();
        assert_eq!((file.kind, file.file_bytes, file.block_bytes), (TYPE_FILE, Some(3 + (1 << 40)), vec![3, 1 << 40]));
        let link = decode(&symlink(b"../there")).unwrap();
        assert_eq!((link.kind, link.data.as_slice()), (TYPE_SYMLINK, &b"../there"[..]));
        let node = decode(&shard(&[1, 0])).unwrap();
        assert_eq!((node.kind, node.hash, node.fanout), (TYPE_SHARD, Some(SHARD_HASH), Some(SHARD_FANOUT)));
        assert_eq!(decode(&DIRECTORY).unwrap().kind, TYPE_DIRECTORY);
    }

    #[test]
    fn block_sizes_may_be_packed() {
        assert_eq!(decode(&[8, 2, 0x22, 3, 5, 0x80, 1]).unwrap().block_bytes, [5, 128]);
        assert_eq!(decode(&[8, 2, 0x22, 1, 0x80]), Err(PbError::Truncated));
    }

    #[test]
    fn a_message_that_two_readers_could_take_differently_is_refused() {
        assert_eq!(decode(&[]), Err(PbError::NoType));
        assert_eq!(decode(&[8, 2, 8, 1]), Err(PbError::Duplicate));
        assert_eq!(decode(&[8, 2, 0x12, 1, b'a', 0x12, 1, b'b']), Err(PbError::Duplicate));
        assert_eq!(decode(&[8, 2, 0x18, 0, 0x18, 1]), Err(PbError::Duplicate));
    }

    #[test]
    fn a_small_message_cannot_ask_for_much_memory() {
        let mut packed = vec![8, 2, 0x22];
        write_varint(&mut packed, 1 << 20);
        packed.resize(packed.len() + (1 << 20), 0);
        assert_eq!(decode(&packed), Err(PbError::TooManyLinks));
        assert_eq!(decode(&[8, 2, 0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]), Err(PbError::Truncated));
    }
}
