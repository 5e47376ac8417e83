//! Uploads of CAR archives.

use std::io::Cursor;

use holdfast_content::{BlockSink, CODEC_RAW, Cid, Discard, Profile, TreeBuilder, car::CarWriter, import_symlink};
use holdfast_testkit::crafted::{Crafted, CraftedLink, crafted_cid};
use reqwest::StatusCode;
use serde_json::json;

use crate::{
    client::{self, Form, PROFILE, file_cid, file_link, import_file, noise, start},
    durability::block_files,
};

/// An archive of a tree, without the blocks of which `leave_out` says so.
fn archive_of_tree(leave_out: impl Fn(&Cid) -> bool) -> (Cid, Vec<u8>) {
    struct Some<F>(CarWriter<Cursor<Vec<u8>>>, F);
    impl<F: Fn(&Cid) -> bool> BlockSink for Some<F> {
        fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> std::io::Result<()> {
            if (self.1)(cid) { Ok(()) } else { self.0.put(cid, parts) }
        }
    }
    let mut writer = Some(CarWriter::new(Cursor::new(Vec::new()), PROFILE).unwrap(), leave_out);
    let mut tree = TreeBuilder::new(PROFILE);
    tree.insert("large", import_file(&noise(1, 2_500_000), &mut writer)).unwrap();
    tree.insert("d/small", import_file(b"small", &mut writer)).unwrap();
    tree.insert("link", import_symlink(PROFILE, b"large", &mut writer).unwrap()).unwrap();
    let root = tree.finish(&mut writer).unwrap().cid;
    (root, writer.0.finish(&root).unwrap().into_inner())
}

fn car(bytes: &[u8]) -> Form {
    Form::new().part("name=\"car\"; filename=\"tree.car\"", "application/vnd.ipld.car", bytes)
}

async fn refused(service: &client::Client, form: Form, message: &str) {
    let (status, reply) = service.try_upload(form).await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{reply}");
    assert!(reply["message"].as_str().unwrap().contains(message), "{reply}");
}

#[tokio::test]
async fn an_archive_is_pinned_under_its_root() {
    let service = start().await;
    let (root, archive) = archive_of_tree(|_| false);
    let pin = service.upload(car(&archive).metadata(r#"{"name":"mine","keyvalues":{"a":"b"}}"#)).await;
    assert_eq!((&pin["cid"], &pin["is_dir"]), (&json!(root.to_string()), &json!(true)));
    assert_eq!((&pin["is_pin_by_hash"], &pin["status"]), (&json!(false), &json!("pinned")));
    assert_eq!(pin["metadata"], json!({"name": "mine", "keyvalues": {"a": "b"}}));
    assert_eq!(service.pin(&pin["id"]).await["size"], 2_500_005);
    assert!(service.content(&format!("{root}/large")).await == noise(1, 2_500_000));
    assert_eq!(service.content(&format!("{root}/d/small")).await, b"small");
    let (status, _) = service.try_upload(car(&archive)).await;
    assert_eq!(status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn an_archive_of_any_profile_keeps_its_cid() {
    let service = start().await;
    let profile = Profile::UNIXFS_V0_2015;
    let mut writer = CarWriter::new(Cursor::new(Vec::new()), profile).unwrap();
    let mut importer = holdfast_content::FileImporter::new(profile);
    importer.push(&noise(2, 700_000), &mut writer).unwrap();
    let root = importer.finish(&mut writer).unwrap().cid;
    let archive = writer.finish(&root).unwrap().into_inner();
    let pin = service.upload(car(&archive)).await;
    assert_eq!((&pin["cid"], &pin["metadata"]["name"]), (&json!(root.to_string()), &json!("tree.car")));
    assert!(service.content(&root.to_string()).await == noise(2, 700_000));
}

#[tokio::test]
async fn what_an_archive_lacks_is_refused_unless_it_is_held() {
    let service = start().await;
    let small = file_link(b"small").cid;
    let (root, archive) = archive_of_tree(|cid| *cid == small);
    refused(&service, car(&archive), &format!("the block {small} is missing")).await;
    assert_eq!(block_files(service.dir.path()), 0);
    service.upload(Form::new().file("small", b"small")).await;
    service.upload(car(&archive)).await;
    assert_eq!(service.content(&format!("{root}/d/small")).await, b"small");
}

#[tokio::test]
async fn damaged_cut_and_other_archives_are_refused_and_leave_nothing() {
    let service = start().await;
    let (_, archive) = archive_of_tree(|_| false);
    let mut damaged = archive.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    refused(&service, car(&damaged), "is damaged").await;
    refused(&service, car(&archive[..archive.len() - 10]), "cut short").await;
    refused(&service, car(b"no archive"), "no CAR archive").await;
    refused(&service, car(b""), "no CAR archive").await;
    // roots: []
    refused(&service, car(b"\x11\xa2\x65roots\x80\x67version\x01"), "exactly one root").await;
    refused(&service, car(&archive).file("f", b"f"), "the only part").await;
    refused(&service, Form::new().file("f", b"f").part("name=\"car\"", "text/plain", &archive), "the only part").await;
    refused(&service, car(&archive).part("name=\"car\"", "text/plain", &archive), "the only part").await;
    let unfinished = car(&archive).unfinished();
    let (status, _) = client::json(service.upload_request(unfinished).send().await.unwrap()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(service.list("").await["totals"]["files"], 0);
    assert_eq!(block_files(service.dir.path()), 0);
}

#[tokio::test]
async fn blocks_that_the_root_does_not_need_do_not_stay() {
    let service = start().await;
    let mut writer = CarWriter::new(Cursor::new(Vec::new()), PROFILE).unwrap();
    import_file(&noise(9, 1_500_000), &mut writer);
    let root = import_file(b"needed", &mut writer).cid;
    let archive = writer.finish(&root).unwrap().into_inner();
    assert_eq!(import_file(b"needed", &mut Discard).cid, root);
    let pin = service.upload(car(&archive)).await;
    assert_eq!(pin["cid"], file_cid(b"needed"));
    service.service.collect().await.unwrap();
    assert_eq!(block_files(service.dir.path()), 1);
}

#[tokio::test]
async fn the_service_says_that_it_takes_archives() {
    let service = start().await;
    let (_, reply) = service.get("/apiKeys/testAuthentication/").await;
    assert!(reply["capabilities"].as_array().unwrap().contains(&json!("car")), "{reply}");
}

/// Leaves that are not there, each taken for another one by who looks at less of a hash than all of it.
fn look_alikes(of: &Cid) -> Vec<(&'static str, Cid)> {
    let digest = of.hash().digest();
    let mut equal_start = digest.to_vec();
    equal_start[16..].fill(0);
    let raw = |code, digest: &[u8]| crafted_cid(CODEC_RAW, code, digest);
    vec![
        ("another hash function", raw(0x16, digest)),
        ("a hash function that nobody knows", raw(0x30_0001, digest)),
        ("a digest of 16 bytes", raw(0x12, &digest[..16])),
        ("a digest of 31 bytes", raw(0x12, &digest[..31])),
        ("sha1", raw(0x11, &digest[..20])),
        ("the same first 16 bytes", raw(0x12, &equal_start)),
        ("a longer digest", raw(0x13, &[digest, digest].concat())),
    ]
}

#[tokio::test]
async fn a_leaf_that_only_resembles_one_that_is_there_is_missing() {
    let service = start().await;
    let leaf = Crafted::default().raw(b"leaf");
    for (what, missing) in look_alikes(&leaf) {
        for with_leaf_first in [true, false] {
            let mut crafted = Crafted::default();
            let leaf = crafted.raw(b"leaf");
            let links = if with_leaf_first { [leaf, missing] } else { [missing, leaf] };
            let root = crafted.file(&links.map(|cid| CraftedLink::new(cid, "", 4)));
            let message = format!("the block {missing} is missing");
            refused(&service, car(&crafted.archive(&root)), &message).await;
            // As one of a directory, and where the resembling one is held already.
            let directory = crafted.directory(&[CraftedLink::new(leaf, "a", 4), CraftedLink::new(missing, "b", 4)]);
            refused(&service, car(&crafted.archive(&directory)), &message).await;
            service.upload(Form::new().file("leaf", b"leaf")).await;
            refused(&service, car(&crafted.archive(&directory)), &message).await;
            let pin = service.list("").await["pins"][0]["id"].clone();
            service.unpin(&pin).await;
            let (_, pinned) = service.try_pin_by_hash(json!({"hash_to_pin": root.to_string()})).await;
            assert_ne!(pinned["data"]["status"], "pinned", "{what}");
        }
    }
}
