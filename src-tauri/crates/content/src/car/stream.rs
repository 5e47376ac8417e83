//! The pieces of an archive whose roots are known first: for writers that only go forward.

use cid::Cid;

use super::header;
use crate::dag_pb::write_varint;

/// How an archive of these roots begins.
#[must_use]
pub fn car_header(roots: &[Cid]) -> Vec<u8> {
    let header = header::encode(roots);
    let mut framed = Vec::with_capacity(header.len() + 2);
    write_varint(&mut framed, header.len() as u64);
    framed.extend(header);
    framed
}

/// Appends a block to an archive.
pub fn push_car_block(archive: &mut Vec<u8>, cid: &Cid, bytes: &[u8]) {
    let name = cid.to_bytes();
    archive.reserve(name.len() + bytes.len() + 10);
    write_varint(archive, (name.len() + bytes.len()) as u64);
    archive.extend_from_slice(&name);
    archive.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::{super::CarReader, *};

    #[test]
    fn an_archive_of_pieces_is_read_back() {
        let cid: Cid = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e".parse().unwrap();
        let mut archive = car_header(&[cid]);
        push_car_block(&mut archive, &cid, b"hello world");
        let mut reader = CarReader::new(archive.as_slice()).unwrap();
        assert_eq!(reader.roots(), [cid]);
        assert_eq!(reader.next().unwrap().unwrap(), (cid, b"hello world".to_vec()));
        assert!(reader.next().is_none());
    }
}
