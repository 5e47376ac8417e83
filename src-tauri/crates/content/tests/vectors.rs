//! Every CID of `cid-vectors.json` (recipes in the file), and reading back what was imported.
#![cfg(test)]

use std::collections::{BTreeMap, HashMap};

use chacha20::{
    ChaCha20,
    cipher::{KeyIvInit, StreamCipher},
};
use holdfast_content::{
    BlockSink, Cid, Discard, FileImporter, FileReader, Link, NodeKind, Profile, TreeBuilder, import_symlink,
    is_block_of, list_directory, resolve, stat,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Files above this are for `make bench`.
const MAX_BYTES: u64 = 128 * 1024 * 1024;

#[derive(Deserialize)]
struct Vectors {
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    #[serde(flatten)]
    file: Option<FileRecipe>,
    entries: Option<Vec<Entry>>,
    names: Option<Names>,
    cids: BTreeMap<String, Made>,
    #[serde(default)]
    expect: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Made {
    cid: String,
}

#[derive(Deserialize)]
struct FileRecipe {
    size: u64,
    content: String,
}

#[derive(Deserialize)]
struct Entry {
    path: String,
    #[serde(flatten)]
    file: Option<FileRecipe>,
    link: Option<String>,
    #[serde(default)]
    dir: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Names {
    kind: String,
    count: usize,
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    suffix: String,
    #[serde(default)]
    width: usize,
    content: Option<String>,
    #[serde(default)]
    empty_dirs: bool,
    seed: Option<String>,
    len: Option<usize>,
    last_len: Option<usize>,
}

fn profile(name: &str) -> Profile {
    match name {
        "kubo-cidv1-1m-174" => Profile::KUBO_CIDV1_256K_174.custom(1 << 20, 174),
        "tiny-v0" => Profile::UNIXFS_V0_2015.custom(16, 3),
        "tiny-v1" => Profile::UNIXFS_V1_2025.custom(16, 3),
        name => Profile::named(name).unwrap_or_else(|| panic!("profile {name}")),
    }
}

fn key_stream(seed: &str) -> ChaCha20 {
    let key: [u8; 32] = Sha256::digest(seed.as_bytes()).into();
    ChaCha20::new(&key.into(), &[0; 12].into())
}

fn import(profile: Profile, recipe: &FileRecipe, sink: &mut dyn BlockSink) -> Link {
    let mut importer = FileImporter::new(profile);
    if let Some(text) = recipe.content.strip_prefix("text:") {
        assert_eq!(text.len() as u64, recipe.size);
        importer.push(text.as_bytes(), sink).unwrap();
        return importer.finish(sink).unwrap();
    }
    let mut stream = recipe.content.strip_prefix("chacha20:").map(key_stream);
    let mut left = recipe.size as usize;
    // No divisor of a chunk, so that pieces and chunks never agree for long.
    let mut piece = vec![0; 300_007];
    while left > 0 {
        let piece = &mut piece[..left.min(300_007)];
        piece.fill(0);
        if let Some(stream) = &mut stream {
            stream.apply_keystream(piece);
        }
        importer.push(piece, sink).unwrap();
        left -= piece.len();
    }
    importer.finish(sink).unwrap()
}

fn import_vector(profile: Profile, vector: &Vector, sink: &mut dyn BlockSink) -> Link {
    if let Some(recipe) = &vector.file {
        return import(profile, recipe, sink);
    }
    let mut tree = TreeBuilder::new(profile);
    for entry in vector.entries.iter().flatten() {
        match (&entry.file, &entry.link) {
            (Some(recipe), _) => tree.insert(&entry.path, import(profile, recipe, sink)).unwrap(),
            (_, Some(target)) => {
                tree.insert(&entry.path, import_symlink(profile, target.as_bytes(), sink).unwrap()).unwrap();
            }
            _ if entry.dir => tree.insert_directory(&entry.path).unwrap(),
            _ => panic!("{}", entry.path),
        }
    }
    if let Some(names) = &vector.names {
        insert_names(&mut tree, profile, names, sink);
    }
    tree.finish(sink).unwrap()
}

fn insert_names(tree: &mut TreeBuilder, profile: Profile, names: &Names, sink: &mut dyn BlockSink) {
    let mut stream = names.seed.as_deref().map(key_stream);
    for i in 0..names.count {
        let name = match names.kind.as_str() {
            "printf" => format!("{}{i:0width$}{}", names.prefix, names.suffix, width = names.width),
            "kubo-easy" => {
                let last = i + 1 == names.count;
                let len = if last { names.last_len.or(names.len) } else { names.len }.unwrap();
                let mut bytes = vec![0; len];
                stream.as_mut().unwrap().apply_keystream(&mut bytes);
                let alphabet = b"abcdefghijklmnopqrstuvwxyz01234567890-_";
                bytes.iter().map(|b| char::from(alphabet[usize::from(*b) % 39])).collect()
            }
            kind => panic!("{kind}"),
        };
        if names.empty_dirs {
            tree.insert_directory(&name).unwrap();
            continue;
        }
        // Kubo's own fixtures hold one letter a file.
        let content = names.content.as_deref().unwrap_or("x").replace("{i}", &i.to_string());
        let recipe = FileRecipe { size: content.len() as u64, content: format!("text:{content}") };
        tree.insert(&name, import(profile, &recipe, sink)).unwrap();
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str::<Vectors>(include_str!("cid-vectors.json")).unwrap().vectors
}

#[test]
fn every_vector_has_its_cid_under_every_profile() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for vector in vectors() {
        if vector.file.as_ref().is_some_and(|file| file.size > MAX_BYTES) {
            continue;
        }
        for (name, made) in &vector.cids {
            let expected = vector.expect.get(name).unwrap_or(&made.cid);
            let cid = import_vector(profile(name), &vector, &mut Discard).cid.to_string();
            checked += 1;
            if cid != *expected {
                wrong.push(format!("{} {name}: {cid}, not {expected}", vector.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 150, "only {checked} vectors were read");
}

type Memory = HashMap<Cid, Vec<u8>>;

fn are_all_sound(store: &Memory) -> bool {
    store.iter().all(|(cid, bytes)| is_block_of(cid, bytes) == Some(true))
}

#[test]
fn a_file_is_read_back_whole_and_by_range_under_every_layout() {
    let mut content = vec![0; 2_500];
    key_stream("read").apply_keystream(&mut content);
    for layout in ["tiny-v0", "tiny-v1", "unixfs-v0-2015", "unixfs-v1-2025"] {
        let mut store = Memory::default();
        let mut importer = FileImporter::new(profile(layout));
        importer.push(&content, &mut store).unwrap();
        let link = importer.finish(&mut store).unwrap();
        assert!(are_all_sound(&store));
        assert_eq!(stat(&store, &link.cid).unwrap(), NodeKind::File { bytes: 2_500 });
        for range in [0..2_500, 0..0, 0..1, 15..17, 16..16, 1_000..1_001, 2_499..9_999, 40..2_000] {
            let reader = FileReader::open(&store, &link.cid).unwrap().range(range.clone());
            let read: Vec<u8> = reader.flat_map(Result::unwrap).collect();
            let end = (range.end as usize).min(content.len());
            assert_eq!(read, content[range.start as usize..end], "{layout} {range:?}");
        }
    }
}

#[test]
fn entries_are_found_and_listed_in_flat_and_in_sharded_directories() {
    for vector in vectors().into_iter().filter(|vector| vector.names.is_some()) {
        for profile in Profile::ALL {
            let mut store = Memory::default();
            let root = import_vector(profile, &vector, &mut store).cid;
            assert!(are_all_sound(&store));
            let entries = list_directory(&store, &root).unwrap();
            assert_eq!(entries.len(), vector.names.as_ref().unwrap().count);
            for entry in entries.iter().step_by(97) {
                assert_eq!(resolve(&store, &root, [entry.name.as_str()]).unwrap(), entry.cid);
            }
            assert!(resolve(&store, &root, ["no such name"]).is_err());
        }
    }
}
