//! The dag-pb codec (<https://ipld.io/specs/codecs/dag-pb/spec/>): nodes of links and data, in protobuf's wire format.
//!
//! The canonical form writes the links before the data.

use cid::Cid;

use crate::block::exact_cid;

/// Links of one node. A block of 2 MiB has no room for so many of 32-byte hashes; more are only there to cost memory.
pub(crate) const MAX_LINKS: usize = 1 << 16;

/// One entry of a node's link list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PbLink {
    pub(crate) cid: Cid,
    pub(crate) name: Vec<u8>,
    pub(crate) tsize: u64,
}

/// A decoded node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PbNode {
    pub(crate) links: Vec<PbLink>,
    pub(crate) data: Option<Vec<u8>>,
}

/// Why bytes are no dag-pb node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PbError {
    /// The bytes end inside a field.
    #[error("the node ends in the middle of a field")]
    Truncated,
    /// A number that does not fit 64 bits.
    #[error("a number in the node is longer than 64 bits")]
    Overlong,
    /// A field that dag-pb does not have.
    #[error("the node has a field that dag-pb does not know")]
    UnknownField,
    /// A field that must be there once at most; readers would differ in which one they take.
    #[error("the node has a field twice")]
    Duplicate,
    /// Links on both sides of the data, or a link whose fields are out of order.
    #[error("the node's fields are not in their order")]
    Disordered,
    /// More links or block sizes than a node of 2 MiB can mean.
    #[error("the node has too many links")]
    TooManyLinks,
    /// A UnixFS message without its type.
    #[error("the node does not say whether it is a file or a directory")]
    NoType,
    /// A link without a CID, or with bytes that are none.
    #[error("a link of the node has no valid CID")]
    BadLink,
}

/// Appends one link in wire format.
pub(crate) fn encode_link(out: &mut Vec<u8>, cid: &Cid, name: &[u8], tsize: u64) {
    let hash = cid.to_bytes();
    let body = field_bytes_len(hash.len()) + field_bytes_len(name.len()) + 1 + varint_len(tsize);
    out.push(0x12);
    write_varint(out, body as u64);
    write_bytes_field(out, 0x0a, &hash);
    write_bytes_field(out, 0x12, name);
    out.push(0x18);
    write_varint(out, tsize);
}

/// Appends a node's data in wire format.
pub(crate) fn encode_data(out: &mut Vec<u8>, data: &[u8]) {
    write_bytes_field(out, 0x0a, data);
}

/// Reads a node. Accepts data before all links, as old writers made it.
pub(crate) fn decode(bytes: &[u8]) -> Result<PbNode, PbError> {
    let mut node = PbNode::default();
    let mut fields = Fields(bytes);
    let mut has_links_first = false;
    while let Some((tag, value)) = fields.next()? {
        match (tag, &value) {
            (1, _) => has_links_first = !node.links.is_empty(),
            (2, _) if has_links_first && node.data.is_some() => return Err(PbError::Disordered),
            _ => {}
        }
        match (tag, value) {
            (1, Value::Bytes(data)) => set_once(&mut node.data, data.to_vec())?,
            (2, Value::Bytes(_)) if node.links.len() == MAX_LINKS => return Err(PbError::TooManyLinks),
            (2, Value::Bytes(link)) => node.links.push(decode_link(link)?),
            _ => return Err(PbError::UnknownField),
        }
    }
    Ok(node)
}

/// Reads what [`encode_link`] appends, without the tag and length before it.
pub(crate) fn decode_link(bytes: &[u8]) -> Result<PbLink, PbError> {
    let (mut cid, mut name, mut tsize) = (None, None, None);
    let mut fields = Fields(bytes);
    let mut last = 0;
    while let Some((tag, value)) = fields.next()? {
        if tag < last {
            return Err(PbError::Disordered);
        }
        last = tag;
        match (tag, value) {
            (1, Value::Bytes(hash)) => set_once(&mut cid, exact_cid(hash).ok_or(PbError::BadLink)?)?,
            (2, Value::Bytes(text)) => set_once(&mut name, text.to_vec())?,
            (3, Value::Varint(size)) => set_once(&mut tsize, size)?,
            _ => return Err(PbError::UnknownField),
        }
    }
    let cid = cid.ok_or(PbError::BadLink)?;
    Ok(PbLink { cid, name: name.unwrap_or_default(), tsize: tsize.unwrap_or_default() })
}

/// Fills a field that may be there once.
pub(crate) fn set_once<T>(field: &mut Option<T>, value: T) -> Result<(), PbError> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(PbError::Duplicate),
    }
}

/// A protobuf field's value, of the two wire types that dag-pb and UnixFS use.
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

/// The fields of a protobuf message, in order.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Value<'a>)>, PbError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Varint(self.varint()?),
            2 => {
                let len = usize::try_from(self.varint()?).map_err(|_| PbError::Truncated)?;
                let (value, rest) = self.0.split_at_checked(len).ok_or(PbError::Truncated)?;
                self.0 = rest;
                Value::Bytes(value)
            }
            _ => return Err(PbError::UnknownField),
        };
        Ok(Some((key >> 3, value)))
    }

    pub(crate) fn varint(&mut self) -> Result<u64, PbError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first().ok_or(PbError::Truncated)?;
            self.0 = rest;
            if shift == 63 && byte > 1 {
                return Err(PbError::Overlong);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(PbError::Overlong)
    }
}

pub(crate) fn write_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

fn write_bytes_field(out: &mut Vec<u8>, key: u8, bytes: &[u8]) {
    out.push(key);
    write_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn field_bytes_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_read_back_as_written() {
        let cid: Cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse().unwrap();
        for (name, tsize) in [(&b""[..], 0), (b"a", 127), (b"\xffname", 1 << 40)] {
            let mut bytes = Vec::new();
            encode_link(&mut bytes, &cid, name, tsize);
            assert_eq!(decode(&bytes).unwrap().links, [PbLink { cid, name: name.to_vec(), tsize }]);
        }
    }

    #[test]
    fn cut_nodes_and_overlong_numbers_are_refused() {
        assert_eq!(decode(&[0x0a, 0x05, 1]), Err(PbError::Truncated));
        assert_eq!(decode(&[0x12]), Err(PbError::Truncated));
        assert_eq!(decode(&[0xff; 11]), Err(PbError::Overlong));
        assert_eq!(decode(&[0x12, 0]), Err(PbError::BadLink));
        assert_eq!(decode(&[0x1a, 0]), Err(PbError::UnknownField));
    }

    #[test]
    fn varints_have_the_length_that_was_foretold() {
        for value in [0, 1, 127, 128, 16383, 16384, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            write_varint(&mut out, value);
            assert_eq!(out.len(), varint_len(value));
            assert_eq!(Fields(&out).varint(), Ok(value));
        }
    }
}
