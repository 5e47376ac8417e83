//! Every CID that is answered is that of the vectors, and under every CID of the vectors come its bytes.

use chacha20::{
    ChaCha20,
    cipher::{KeyIvInit, StreamCipher},
};
use holdfast_content::{Cid, FileImporter, Profile, WalkLimits, car::CarReader, verify};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    client::{Form, TestService, start},
    planted::Planter,
};

const VECTORS: &str = include_str!("../../../content/tests/cid-vectors.json");

/// Larger ones are tested where no HTTP is between.
const MAX_BYTES: u64 = 4 * 1024 * 1024;

const UPLOADED: &str = "unixfs-v1-2025";

fn vectors() -> Vec<Value> {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    vectors["vectors"].as_array().unwrap().clone()
}

/// The bytes of a file's recipe; `None` for what is no file or too large.
fn bytes(recipe: &Value) -> Option<Vec<u8>> {
    let size = recipe["size"].as_u64().filter(|size| *size <= MAX_BYTES)?;
    let content = recipe["content"].as_str()?;
    if let Some(text) = content.strip_prefix("text:") {
        return Some(text.as_bytes().to_vec());
    }
    let mut bytes = vec![0; size as usize];
    if let Some(seed) = content.strip_prefix("chacha20:") {
        let key: [u8; 32] = Sha256::digest(seed.as_bytes()).into();
        ChaCha20::new(&key.into(), &[0; 12].into()).apply_keystream(&mut bytes);
    }
    Some(bytes)
}

fn profile(name: &str) -> Profile {
    match name {
        "kubo-cidv1-1m-174" => Profile::KUBO_CIDV1_256K_174.custom(1 << 20, 174),
        "tiny-v0" => Profile::UNIXFS_V0_2015.custom(16, 3),
        "tiny-v1" => Profile::UNIXFS_V1_2025.custom(16, 3),
        name => Profile::named(name).unwrap(),
    }
}

/// The archive of a root, complete and with nothing else in it.
async fn check_archive(service: &TestService, root: &Cid) {
    let archive = service.content(&format!("{root}?format=car")).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("archive.car");
    std::fs::write(&path, &archive).unwrap();
    let index = holdfast_content::car::CarIndex::open(std::fs::File::open(&path).unwrap()).unwrap();
    assert_eq!(index.roots(), [*root]);
    let walked = verify(&index, root, WalkLimits::default()).unwrap();
    assert!(walked.is_complete(), "{root}: {walked:?}");
    let blocks = CarReader::new(archive.as_slice()).unwrap().map(|block| block.unwrap().0);
    assert_eq!(walked.blocks, blocks.count(), "{root}");
}

#[tokio::test]
async fn files_of_every_profile_come_under_their_cids() {
    let service = start().await;
    let mut planter = Planter::new(&service);
    let mut seen = 0;
    for vector in vectors() {
        let Some(bytes) = bytes(&vector) else { continue };
        for (name, made) in vector["cids"].as_object().unwrap() {
            // A node of many tiny blocks shows nothing that a few hundred do not.
            if name.starts_with("tiny") && bytes.len() > 50_000 {
                continue;
            }
            let mut importer = FileImporter::new(profile(name));
            importer.push(&bytes, &mut planter).unwrap();
            let root = importer.finish(&mut planter).unwrap().cid;
            assert_eq!(made["cid"], root.to_string(), "{} {name}", vector["id"]);
            assert!(service.content(&root.to_string()).await == bytes, "{} {name}", vector["id"]);
            check_archive(&service, &root).await;
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[tokio::test]
async fn uploads_get_the_cids_of_the_vectors() {
    let service = start().await;
    let mut seen = 0;
    for vector in vectors() {
        let Some(made) = vector["cids"][UPLOADED]["cid"].as_str() else { continue };
        let form = match (bytes(&vector), vector["entries"].as_array()) {
            (Some(bytes), _) if !bytes.is_empty() => Form::new().file("a", &bytes),
            (_, Some(entries)) if !entries.is_empty() => entries.iter().fold(Form::new(), |form, entry| {
                let path = format!("t/{}", entry["path"].as_str().unwrap());
                match (bytes(entry), entry["link"].as_str()) {
                    (Some(bytes), _) => form.file(&path, &bytes),
                    (_, Some(target)) => form.symlink(&path, target.as_bytes()),
                    _ => form.directory(&path),
                }
            }),
            _ => continue,
        };
        let (status, reply) = service.try_upload(form).await;
        // Some vectors are the same content.
        if status == reqwest::StatusCode::CREATED {
            assert_eq!(reply["data"]["cid"], made, "{}", vector["id"]);
        }
        check_archive(&service, &made.parse().unwrap()).await;
        seen += 1;
    }
    assert!(seen > 20, "{seen}");
}
