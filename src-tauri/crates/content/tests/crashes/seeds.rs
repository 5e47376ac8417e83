//! What the fuzz targets begin with: CIDs, blocks and archives of the vectors, and inputs made to be nasty.

use std::io::Cursor;

use holdfast_content::{
    Cid, FileImporter, Link, Profile, TreeBuilder,
    car::{CarReader, CarWriter},
    import_symlink,
};
use serde_json::Value;

use super::{
    dag_pb_unixfs::{BETWEEN_BLOCKS, digest_of_block},
    targets::Seeds,
};

/// Archives above this teach a fuzzer nothing more.
const MAX_BYTES: usize = 16 * 1024;

pub(crate) fn car_reader() -> Seeds {
    let mut seeds = archives();
    let whole = seeds["hello tiny-v0"].clone();
    let mut nasty = |name: &str, bytes: Vec<u8>| seeds.insert(format!("nasty {name}"), bytes);
    nasty("nothing", vec![]);
    nasty("header of no length", vec![0]);
    nasty("header of hostile length", vec![0xff, 0xff, 0x3f, 0xa1]);
    nasty("length without end", vec![0x80; 40]);
    nasty("roots without end", b"\x11\xa1\x65roots\x9b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec());
    nasty("version 2", b"\x0a\xa1\x67version\x02".to_vec());
    nasty("cut", whole[..whole.len() - 3].to_vec());
    nasty("twice", [&whole[..], &whole[whole.len() - 56..]].concat());
    nasty("block of hostile length", [&whole[..], &[0xff, 0xff, 0xff, 0x7f]].concat());
    nasty("block that is too long by one", [&whole[..], &[0x81, 0x81, 0x80, 0x01]].concat());
    nasty("block of no length", [&whole[..], &[0]].concat());
    nasty("block without a CID", [&whole[..], &[3, 1, 2, 3]].concat());
    nasty("identity", [&whole[..], b"\x0a\x01\x55\x00\x03abcabc", b"\x07\x01\x55\x00\x03abc"].concat());
    nasty("hash of no bytes", [&whole[..], b"\x06\x01\x55\x12\x00ab"].concat());
    nasty("SHA-1", [&whole[..], b"\x18\x01\x55\x11\x14aaaaaaaaaaaaaaaaaaaa"].concat());
    seeds
}

pub(crate) fn dag_pb_unixfs() -> Seeds {
    let mut seeds: Seeds = archives().into_iter().map(|(name, car)| (name, numbered(&car))).collect();
    let link = |to: usize, name: &[u8], size: u64| {
        let hash = [&[1, 0x70, 0x12, 32][..], &digest_of_block(to)].concat();
        field(2, &[field(1, &hash), field(2, name), number(3, size)].concat())
    };
    let file = |sizes: &[u64]| {
        let sizes: Vec<u8> = sizes.iter().flat_map(|size| number(4, *size)).collect();
        field(1, &[number(1, 2), sizes].concat())
    };
    let shard = || field(1, &[number(1, 5), number(5, 0x22), number(6, 256)].concat());
    let raw = |bytes: &[u8]| [&[1, 0x55, 0, bytes.len() as u8][..], bytes].concat();
    let mut nasty = |name: &str, blocks: &[Vec<u8>]| {
        seeds.insert(format!("nasty {name}"), blocks.join(BETWEEN_BLOCKS));
    };
    nasty("nothing", &[vec![]]);
    nasty("number without end", &[vec![0xff; 12]]);
    nasty("number of 65 bits", &[[&[0x0a][..], &[0xff; 9], &[0x7f]].concat()]);
    nasty("hostile length", &[vec![0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]]);
    nasty("cut in a link", &[link(1, b"name", 5)[..20].to_vec()]);
    nasty("data twice", &[[file(&[]), file(&[])].concat()]);
    nasty("negative type", &[field(1, &number(1, u64::MAX))]);
    nasty("negative size", &[[link(1, b"", 0), file(&[u64::MAX])].concat(), vec![]]);
    nasty("sizes that overflow", &[[link(1, b"", 0), link(1, b"", 0), file(&[u64::MAX, u64::MAX])].concat()]);
    nasty("more links than sizes", &[[link(1, b"", 0), link(1, b"", 0), file(&[1])].concat(), vec![b'a']]);
    nasty("fewer links than sizes", &[[link(1, b"", 0), file(&[1, 1])].concat(), vec![b'a']]);
    nasty("file in itself", &[[link(0, b"", 0), file(&[1 << 40])].concat()]);
    nasty("many of nothing", &[[link(0, b"", 0).repeat(100), file(&[0; 100])].concat()]);
    nasty("shard in itself", &[[link(0, b"00", 0).repeat(9), shard()].concat()]);
    nasty("shard without slots", &[[link(0, b"", 0), link(0, b"0", 0), shard()].concat()]);
    nasty("directory in itself", &[[link(0, b"a", 0), link(0, b"a", u64::MAX), field(1, &[8, 1])].concat()]);
    nasty("names", &[[b"..", b"/\0", b"\xff\xfe", b"a/"].map(|name| link(0, name, 1)).concat(), field(1, &[8, 1])]);
    let inline = [field(2, &[field(1, &raw(b"abc")), number(3, 3)].concat()), file(&[3])].concat();
    nasty("leaf that is its own CID", &[inline]);
    let unordered = [link(1, b"b", 1), link(1, b"a", 1), field(1, &[8, 1])].concat();
    nasty("unordered links", &[unordered, field(1, &[8, 1])]);
    nasty("packed sizes", &[[link(1, b"", 0), link(1, b"", 0), field(1, &[8, 2, 0x22, 2, 1, 1])].concat(), vec![b'a']]);
    seeds
}

pub(crate) fn cid_in_text() -> Seeds {
    let mut seeds = Seeds::new();
    let mut texts = Vec::new();
    for (index, vector) in vectors().iter().enumerate() {
        let cids = vector["cids"].as_object().unwrap().values().filter_map(|made| made["cid"].as_str());
        for cid in cids.take(1 + index % 2) {
            texts.push(match index % 8 {
                0 => cid.to_owned(),
                1 => format!("ipfs://{cid}/a%20b/"),
                2 => format!("https://dweb.link/ipfs/{cid}?filename=x#y"),
                3 => format!("see http://me:pw@{cid}.ipfs.localhost:8080/a."),
                4 => format!("/ipfs/{cid}/x"),
                5 => format!("[a](dweb:/ipfs/{cid}),"),
                6 => holdfast_content::base36(&cid.parse().unwrap()),
                _ => format!("{{\"cid\": \"{cid}\"}}"),
            });
        }
    }
    let nasty =
        ["", "\0", "ipns://k51qzi5uqu5dlvj2baxnqndepeb86cbk3ng7n3i46uzyxzyqj2xjonzllnv0v8", "🚀🪐☄", "RA B/C:D%E"];
    texts.extend(nasty.map(str::to_owned));
    texts.extend(["(", "m/", "=", "https://", "%", "@.ipfs."].map(|text| text.repeat(300)));
    for (index, text) in texts.into_iter().enumerate() {
        seeds.insert(format!("text {index}"), text.into_bytes());
    }
    seeds
}

fn vectors() -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../cid-vectors.json")).unwrap();
    all["vectors"].as_array().unwrap().clone()
}

/// The small vectors whose content needs no cipher, each as an archive under layouts of few and of many levels.
fn archives() -> Seeds {
    let layouts = [
        ("unixfs-v1-2025", Profile::UNIXFS_V1_2025),
        ("tiny-v0", Profile::UNIXFS_V0_2015.custom(16, 3)),
        ("tiny-v1", Profile::UNIXFS_V1_2025.custom(16, 3)),
    ];
    let mut seeds = Seeds::new();
    for vector in vectors() {
        for (name, profile) in layouts {
            let Some(car) = archive(&vector, profile).filter(|car| car.len() <= MAX_BYTES) else { continue };
            seeds.insert(format!("{} {name}", vector["id"].as_str().unwrap()), car);
        }
    }
    seeds
}

fn archive(vector: &Value, profile: Profile) -> Option<Vec<u8>> {
    let mut car = CarWriter::new(Cursor::new(Vec::new()), profile).unwrap();
    let root = if vector["content"].is_string() {
        file(vector, profile, &mut car)?.cid
    } else {
        let mut tree = TreeBuilder::new(profile);
        for entry in vector["entries"].as_array()? {
            let path = entry["path"].as_str().unwrap();
            match entry["link"].as_str() {
                Some(target) => {
                    tree.insert(path, import_symlink(profile, target.as_bytes(), &mut car).unwrap()).unwrap();
                }
                None if entry["dir"] == true => tree.insert_directory(path).unwrap(),
                None => tree.insert(path, file(entry, profile, &mut car)?).unwrap(),
            }
        }
        tree.finish(&mut car).unwrap().cid
    };
    Some(car.finish(&root).unwrap().into_inner())
}

fn file(recipe: &Value, profile: Profile, car: &mut CarWriter<Cursor<Vec<u8>>>) -> Option<Link> {
    let (bytes, content) = (recipe["size"].as_u64()?, recipe["content"].as_str()?);
    let bytes = match content.strip_prefix("text:") {
        Some(text) => text.as_bytes().to_vec(),
        None if content == "zeros" && bytes <= MAX_BYTES as u64 => vec![0; bytes as usize],
        None => return None,
    };
    let mut importer = FileImporter::new(profile);
    importer.push(&bytes, car).unwrap();
    Some(importer.finish(car).unwrap())
}

/// An archive's blocks, root first, with the digests in them replaced by the blocks' numbers.
fn numbered(car: &[u8]) -> Vec<u8> {
    let mut blocks: Vec<(Cid, Vec<u8>)> = CarReader::new(car).unwrap().map(Result::unwrap).collect();
    blocks.reverse();
    let digests: Vec<_> = blocks.iter().map(|(cid, _)| cid.hash().digest().to_vec()).collect();
    for (_, block) in &mut blocks {
        for (number, digest) in digests.iter().enumerate() {
            while let Some(at) = block.windows(digest.len()).position(|window| window == digest) {
                block[at..at + digest.len()].copy_from_slice(&digest_of_block(number));
            }
        }
    }
    let blocks: Vec<_> = blocks.into_iter().map(|(_, block)| block).collect();
    blocks.join(BETWEEN_BLOCKS)
}

/// A protobuf field of bytes.
fn field(tag: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![tag << 3 | 2], varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A protobuf field of a number.
fn number(tag: u8, value: u64) -> Vec<u8> {
    [vec![tag << 3], varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}
