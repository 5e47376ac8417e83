//! Links that are kept in great numbers.

use std::io;

use cid::Cid;

use crate::{
    block::Link,
    dag_pb::{Fields, write_varint},
};

/// A [`Link`] in as many bytes as it has, a third of the room that one takes otherwise.
#[derive(Clone, Debug)]
pub(crate) struct PackedLink(Box<[u8]>);

impl PackedLink {
    pub(crate) fn of(link: &Link) -> Self {
        let mut bytes = link.cid.to_bytes();
        write_varint(&mut bytes, link.dag_bytes);
        write_varint(&mut bytes, link.content_bytes);
        Self(bytes.into())
    }

    pub(crate) fn unpack(&self) -> io::Result<Link> {
        let mut rest = &*self.0;
        let cid = Cid::read_bytes(&mut rest).map_err(io::Error::other)?;
        let mut numbers = Fields(rest);
        let dag_bytes = numbers.varint().map_err(io::Error::other)?;
        let content_bytes = numbers.varint().map_err(io::Error::other)?;
        Ok(Link { cid, dag_bytes, content_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Discard, FileImporter, Profile};

    #[test]
    fn a_link_is_unpacked_as_it_was() {
        for profile in Profile::ALL {
            let file = FileImporter::new(profile).finish(&mut Discard).unwrap();
            let large = Link { dag_bytes: u64::MAX, content_bytes: 1 << 40, ..file.clone() };
            for link in [file, large] {
                assert_eq!(PackedLink::of(&link).unpack().unwrap(), link);
            }
        }
    }
}
