//! What a verifying client gets: blocks and archives.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    ops::Range,
    str::FromStr,
};

use holdfast_content::{
    BlockSource, Cid, FileImporter, FileReader, Link, Profile, TreeBuilder, WalkLimits, car::CarReader, list_directory,
    resolve, verify,
};
use proptest::{prelude::*, strategy::ValueTree};
use reqwest::{Method, StatusCode, header::HeaderMap};

use crate::{
    client::{Form, TestService, noise, start},
    planted::Planter,
};

const CAR: &str = "application/vnd.ipld.car";

/// The blocks of an archive, in its order.
struct Archive {
    roots: Vec<Cid>,
    order: Vec<Cid>,
    blocks: HashMap<Cid, Vec<u8>>,
}

impl Archive {
    fn read(bytes: &[u8]) -> Self {
        let reader = CarReader::new(bytes).unwrap();
        let roots = reader.roots().to_vec();
        let (mut order, mut blocks) = (Vec::new(), HashMap::new());
        for block in reader {
            let (cid, bytes) = block.unwrap();
            order.push(cid);
            blocks.insert(cid, bytes);
        }
        Self { roots, order, blocks }
    }

    fn cids(&self) -> BTreeSet<Cid> {
        self.order.iter().copied().collect()
    }

    fn file(&self, cid: &Cid, range: Range<u64>) -> Vec<u8> {
        FileReader::open(self, cid).unwrap().range(range).flat_map(Result::unwrap).collect()
    }
}

impl BlockSource for Archive {
    fn get(&self, cid: &Cid) -> io::Result<Option<Vec<u8>>> {
        Ok(self.blocks.get(cid).cloned())
    }
}

async fn archive(service: &TestService, path: &str) -> Archive {
    let response = service.ipfs(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    Archive::read(&response.bytes().await.unwrap())
}

async fn headers(service: &TestService, method: Method, path: &str) -> HeaderMap {
    let response = service.ipfs(method, path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response.headers().clone()
}

fn cid(text: &str) -> Cid {
    Cid::from_str(text).unwrap()
}

/// 16 bytes a block and three links a node: small files have deep trees.
fn tiny() -> Profile {
    Profile::UNIXFS_V1_2025.custom(16, 3)
}

fn plant_file(planter: &mut Planter, profile: Profile, bytes: &[u8]) -> Link {
    let mut importer = FileImporter::new(profile);
    importer.push(bytes, planter).unwrap();
    importer.finish(planter).unwrap()
}

#[tokio::test]
async fn an_archive_has_every_block_and_says_how_it_is_made() {
    let service = start().await;
    let large = noise(1, 3_000_000);
    let form = Form::new().file("t/a", b"a").file("t/sub/large", &large).file("t/sub/again", &large);
    let root = service.upload(form).await["cid"].as_str().unwrap().to_owned();
    let archive = archive(&service, &format!("{root}?format=car")).await;
    assert_eq!(archive.roots, [cid(&root)]);
    assert_eq!(archive.order.first(), Some(&cid(&root)), "depth first");
    assert!(verify(&archive, &cid(&root), WalkLimits::default()).unwrap().is_complete());
    assert_eq!(archive.order.len(), archive.cids().len(), "a block came twice");
    let large_cid = resolve(&archive, &cid(&root), ["sub", "again"]).unwrap();
    assert!(archive.file(&large_cid, 0..u64::MAX) == large);
    for method in [Method::GET, Method::HEAD] {
        let headers = headers(&service, method, &format!("{root}?format=car")).await;
        assert_eq!(headers["content-type"], "application/vnd.ipld.car; version=1; order=dfs; dups=n");
        assert_eq!(headers["content-disposition"], format!("attachment; filename=\"{root}.car\"").as_str());
        assert_eq!(headers["cache-control"], "public, max-age=29030400, immutable");
        assert_eq!(headers["accept-ranges"], "none");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["x-ipfs-path"], format!("/ipfs/{root}").as_str());
        assert_eq!(headers["x-ipfs-roots"], root.as_str());
        assert!(!headers.contains_key("access-control-allow-origin"), "on this computer's own address");
        let etag = headers["etag"].to_str().unwrap();
        let request = service.ipfs(Method::GET, &format!("{root}?format=car")).header("if-none-match", etag);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn each_shape_of_archive_has_a_tag_of_its_own() {
    let service = start().await;
    let root = service.upload(Form::new().file("t/a", b"a")).await["cid"].as_str().unwrap().to_owned();
    let mut etags = BTreeSet::new();
    let shapes = ["", "&dag-scope=block", "&dag-scope=entity", "&entity-bytes=0:1", "&entity-bytes=0:*", "&car-dups=y"];
    for shape in shapes {
        let headers = headers(&service, Method::HEAD, &format!("{root}/a?format=car{shape}")).await;
        etags.insert(headers["etag"].to_str().unwrap().to_owned());
    }
    let headers = headers(&service, Method::HEAD, &format!("{}?format=car", crate::client::file_cid(b"a"))).await;
    etags.insert(headers["etag"].to_str().unwrap().to_owned());
    assert_eq!(etags.len(), shapes.len() + 1);
}

#[tokio::test]
async fn the_header_chooses_as_the_query_does() {
    let service = start().await;
    let root = service.upload(Form::new().file("t/a", b"a")).await["cid"].as_str().unwrap().to_owned();
    let ask = async |accept: &str, query: &str| {
        let request = service.ipfs(Method::HEAD, &format!("{root}{query}")).header("accept", accept);
        let response = request.send().await.unwrap();
        (response.status(), response.headers().clone())
    };
    let (_, headers) = ask("application/vnd.ipld.car; order=dfs; dups=y", "").await;
    assert_eq!(headers["content-type"], "application/vnd.ipld.car; version=1; order=dfs; dups=y");
    let location = format!("/ipfs/{root}?format=car&car-version=1&car-order=dfs&car-dups=y");
    assert_eq!(headers["content-location"], location.as_str());
    assert_eq!(headers["vary"], "accept");
    let (_, headers) = ask(CAR, "?format=raw").await;
    assert_eq!(headers["content-type"], "application/vnd.ipld.raw");
    assert!(!headers.contains_key("content-location"));
    for (accept, query, status) in [
        ("application/vnd.ipld.dag-json", "", StatusCode::NOT_ACCEPTABLE),
        ("application/vnd.ipfs.ipns-record", "", StatusCode::NOT_ACCEPTABLE),
        ("application/vnd.ipld.car; version=2", "", StatusCode::BAD_REQUEST),
        (CAR, "?car-order=bfs", StatusCode::BAD_REQUEST),
        (CAR, "?dag-scope=half", StatusCode::BAD_REQUEST),
        (CAR, "?entity-bytes=x", StatusCode::BAD_REQUEST),
        (CAR, "?format=ipns-record", StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(ask(accept, query).await.0, status, "{accept} {query}");
    }
}

#[tokio::test]
async fn the_scope_says_what_follows_the_path() {
    let service = start().await;
    let large = noise(2, 2_500_000);
    let form = Form::new().file("t/d/large", &large).file("t/d/e/f", b"f").file("t/other", b"other");
    let root = service.upload(form).await["cid"].as_str().unwrap().to_owned();
    let whole = archive(&service, &format!("{root}?format=car")).await;
    let at = |path: &[&str]| resolve(&whole, &cid(&root), path.iter().copied()).unwrap();
    let (d, file) = (at(&["d"]), at(&["d", "large"]));
    let leaves: Vec<Cid> = whole.order.iter().copied().filter(|cid| cid.codec() == 0x55).collect();
    let leaf_of_file = |cid: &&Cid| large.chunks(1 << 20).any(|chunk| chunk == whole.blocks[*cid]);
    let leaves: BTreeSet<Cid> = leaves.iter().filter(leaf_of_file).copied().collect();
    for (path, wanted) in [
        ("/d/large?dag-scope=block", BTreeSet::from([cid(&root), d, file])),
        ("/d?dag-scope=entity", BTreeSet::from([cid(&root), d])),
        ("/d/large?dag-scope=entity", &leaves | &BTreeSet::from([cid(&root), d, file])),
        ("/d/large?dag-scope=all", &leaves | &BTreeSet::from([cid(&root), d, file])),
        ("/d/e?entity-bytes=0:*", BTreeSet::from([cid(&root), d, at(&["d", "e"])])),
    ] {
        let archive = archive(&service, &format!("{root}{path}&format=car")).await;
        assert_eq!(archive.cids(), wanted, "{path}");
    }
}

#[tokio::test]
async fn an_entity_of_a_sharded_directory_is_its_list() {
    let service = start().await;
    let mut planter = Planter::new(&service);
    let names: Vec<String> = (0..6000).map(|number| format!("a rather long name of a file {number:05}")).collect();
    let mut tree = TreeBuilder::new(Profile::UNIXFS_V1_2025);
    for name in &names {
        tree.insert(name, plant_file(&mut planter, Profile::UNIXFS_V1_2025, name.as_bytes())).unwrap();
    }
    let files = planter.planted.len();
    let root = tree.finish(&mut planter).unwrap().cid;
    let shards = planter.planted.len() - files;
    assert!(shards > 10);
    let list = archive(&service, &format!("{root}?format=car&dag-scope=entity")).await;
    assert_eq!(list.order.len(), shards);
    assert_eq!(list_directory(&list, &root).unwrap().len(), names.len());
    // A path through it is proven by the shards on the way.
    let one = archive(&service, &format!("{root}/{}?format=car", names[4711].replace(' ', "%20"))).await;
    let file = resolve(&one, &root, [names[4711].as_str()]).unwrap();
    assert_eq!(one.file(&file, 0..u64::MAX), names[4711].as_bytes());
    assert!(one.order.len() <= 5, "{}", one.order.len());
    let page = String::from_utf8(service.content(&format!("{root}/")).await).unwrap();
    assert!(names.iter().all(|name| page.contains(name.as_str())));
}

#[tokio::test]
async fn blocks_are_repeated_only_on_demand() {
    let service = start().await;
    let mut planter = Planter::new(&service);
    let root = plant_file(&mut planter, tiny(), &[7; 160]).cid;
    let once = archive(&service, &format!("{root}?format=car&car-dups=n")).await;
    assert_eq!(once.order.len(), once.cids().len());
    let twice = archive(&service, &format!("{root}?format=car&car-dups=y")).await;
    assert_eq!(twice.cids(), once.cids());
    // Ten leaves below four nodes below two below the root.
    assert_eq!(twice.order.len(), 10 + 4 + 2 + 1);
    assert_eq!(twice.file(&root, 0..160), [7; 160]);
}

#[tokio::test]
async fn any_bytes_of_a_file_come_with_no_more_blocks_than_they_need() {
    let service = start().await;
    let mut planter = Planter::new(&service);
    for (profile, bytes) in
        [(tiny(), noise(3, 1000)), (tiny(), [5; 700].to_vec()), (Profile::UNIXFS_V0_2015.custom(16, 3), noise(4, 333))]
    {
        let root = plant_file(&mut planter, profile, &bytes).cid;
        let length = bytes.len() as u64;
        let ranges = (0..length, 0..length).prop_map(|(a, b)| a.min(b)..a.max(b) + 1);
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        for _ in 0..40 {
            let range = ranges.new_tree(&mut runner).unwrap().current();
            for duplicates in ["n", "y"] {
                let path = format!(
                    "{root}?format=car&entity-bytes={}:{}&car-dups={duplicates}",
                    range.start,
                    range.end as i64 - 1 - i64::from(range.start > 50) * length as i64
                );
                let archive = archive(&service, &path).await;
                let slice = &bytes[range.start as usize..range.end as usize];
                assert_eq!(archive.file(&root, range.clone()), slice, "{path}");
                let leaves = archive.order.iter().filter(|cid| archive.blocks[cid].len() <= 32).count() as u64;
                let needed = (range.end - 1) / 16 - range.start / 16 + 1;
                assert!(leaves <= needed, "{path}: {leaves} leaves for {needed}");
            }
        }
    }
}

#[tokio::test]
async fn bytes_behind_a_file_s_end_are_refused_and_none_are_its_root() {
    let service = start().await;
    let mut planter = Planter::new(&service);
    let root = plant_file(&mut planter, tiny(), &noise(5, 100)).cid;
    let ask = |bytes: &str| service.ipfs(Method::GET, &format!("{root}?format=car&entity-bytes={bytes}")).send();
    assert_eq!(ask("100:*").await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(ask("9:8").await.unwrap().status(), StatusCode::BAD_REQUEST);
    let nothing = archive(&service, &format!("{root}?format=car&entity-bytes=50:-90")).await;
    assert_eq!(nothing.order, [root]);
    let part = archive(&service, &format!("{root}?format=car&entity-bytes=90:1000000")).await;
    assert_eq!(part.file(&root, 90..100), &noise(5, 100)[90..]);
}

#[tokio::test]
async fn a_block_that_is_missing_is_an_error_before_and_a_cut_after_the_head() {
    let service = start().await;
    let mut planter = Planter::new(&service);
    let root = plant_file(&mut planter, Profile::UNIXFS_V1_2025.custom(100_000, 3), &noise(6, 1_000_000)).cid;
    let leaf = *planter.planted.iter().rfind(|cid| cid.codec() == 0x55).unwrap();
    planter.remove(&leaf);
    let sent = async { service.ipfs(Method::GET, &format!("{root}?format=car")).send().await?.bytes().await };
    assert!(sent.await.is_err(), "an archive came as if it were whole");
    planter.remove(&root);
    for path in [format!("{root}?format=car"), format!("{root}?format=raw"), format!("{root}/a?format=car")] {
        assert_eq!(service.ipfs(Method::GET, &path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
        let cached = service.ipfs(Method::HEAD, &path).header("cache-control", "only-if-cached");
        assert_eq!(cached.send().await.unwrap().status(), StatusCode::PRECONDITION_FAILED);
    }
}

#[tokio::test]
async fn a_probe_finds_a_gateway() {
    let service = start().await;
    for method in [Method::GET, Method::HEAD] {
        let response = service.ipfs(method.clone(), "bafkqaaa?format=raw").send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/vnd.ipld.raw");
        assert!(response.bytes().await.unwrap().is_empty());
        let response = service.ipfs(method, "bafkqaaa").header("accept", CAR).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    let probed = archive(&service, "bafkqaaa?format=car").await;
    assert_eq!((probed.roots, probed.order), (vec![cid("bafkqaaa")], vec![]));
}

#[tokio::test]
async fn a_block_may_be_asked_for_by_any_of_its_cids() {
    let service = start().await;
    let mut planter = Planter::new(&service);
    let v0 = plant_file(&mut planter, Profile::UNIXFS_V0_2015, b"hello world").cid;
    assert_eq!(v0.to_string(), "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD");
    for text in [v0.to_string(), holdfast_content::cid_v1(&v0), holdfast_content::base36(&v0)] {
        assert_eq!(service.content(&text).await, b"hello world", "{text}");
        let archive = archive(&service, &format!("{text}?format=car")).await;
        assert_eq!(archive.order, [cid(&text)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn any_range_of_a_file_is_that_slice(seed: u64, length in 1_usize..4_000_000, places: [(u32, u32); 12]) {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let service = start().await;
            let bytes = noise(seed, length);
            let cid = service.upload(Form::new().file("a", &bytes)).await["cid"].as_str().unwrap().to_owned();
            for (from, count) in places {
                let from = from as usize % length;
                let end = (from + count as usize % length + 1).min(length);
                let range = format!("bytes={from}-{}", end - 1);
                let response = service.ipfs(Method::GET, &cid).header("range", &range).send().await.unwrap();
                assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
                assert!(response.bytes().await.unwrap() == bytes[from..end], "{range} of {length}");
            }
        });
    }
}
