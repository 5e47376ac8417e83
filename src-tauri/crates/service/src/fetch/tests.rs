use std::collections::HashMap;

use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use cid::multihash::Multihash;
use holdfast_content::{FileImporter, Link, Profile, TreeBuilder};

use super::*;
use crate::store::{
    Store,
    blocks::StoredBlock,
    holding::{Holding, holding},
    quota::Quota,
};

/// A trustless gateway that does as it is told.
#[derive(Clone, Debug, Default)]
struct Gateway {
    state: Arc<Mutex<GatewayState>>,
}

#[derive(Debug, Default)]
struct GatewayState {
    blocks: HashMap<Cid, Vec<u8>>,
    asked: Vec<Cid>,
    /// Answered so often before it does as it should.
    failures: usize,
    lies: bool,
    redirects_to: Option<String>,
}

impl BlockSink for Gateway {
    fn put(&mut self, cid: &Cid, parts: &[&[u8]]) -> io::Result<()> {
        self.state.lock().unwrap().blocks.insert(*cid, parts.concat());
        Ok(())
    }
}

async fn answer(State(gateway): State<Gateway>, Path(cid): Path<String>) -> Response {
    let cid: Cid = cid.parse().unwrap();
    let mut state = gateway.state.lock().unwrap();
    state.asked.push(cid);
    if let Some(target) = &state.redirects_to {
        return Redirect::temporary(&format!("{target}/ipfs/{cid}?format=raw")).into_response();
    }
    plainly(&mut state, cid)
}

async fn answer_plainly(State(gateway): State<Gateway>, Path(cid): Path<String>) -> Response {
    plainly(&mut gateway.state.lock().unwrap(), cid.parse().unwrap())
}

fn plainly(state: &mut GatewayState, cid: Cid) -> Response {
    if state.failures > 0 {
        state.failures -= 1;
        return StatusCode::BAD_GATEWAY.into_response();
    }
    match state.blocks.get(&cid) {
        Some(_) if state.lies => b"other bytes".into_response(),
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Gateway {
    async fn serve(&self) -> Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().route("/ipfs/{cid}", get(answer));
        let router = router.route("/deeper/ipfs/{cid}", get(answer_plainly)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url.parse().unwrap()
    }

    fn asked(&self) -> usize {
        self.state.lock().unwrap().asked.len()
    }
}

const PROFILE: Profile = Profile::UNIXFS_V1_2025;

fn file(bytes: &[u8], sink: &mut dyn BlockSink) -> Link {
    let mut importer = FileImporter::new(PROFILE);
    importer.push(bytes, sink).unwrap();
    importer.finish(sink).unwrap()
}

fn bytes(seed: u8, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at as u32).wrapping_mul(2_654_435_761).to_be_bytes()[at % 4] ^ seed).collect()
}

/// A directory of two files, one of them of several blocks: seven blocks.
fn tree(sink: &mut dyn BlockSink) -> Cid {
    let mut tree = TreeBuilder::new(PROFILE);
    let (large, small) = (file(&bytes(1, 2_500_000), sink), file(b"small", sink));
    tree.insert("d/large", large).unwrap();
    tree.insert("small", small).unwrap();
    tree.finish(sink).unwrap().cid
}

const BLOCKS: usize = 7;

struct Here {
    _dir: tempfile::TempDir,
    store: Store,
    progress: FetchProgress,
}

impl Here {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        Self { _dir: dir, store, progress: FetchProgress::default() }
    }

    async fn fetch(&self, config: FetchConfig, root: Cid, origins: &[String]) -> Result<(), FetchError> {
        let owner = self.store.keys.owner("somebody").unwrap();
        let writer = self.store.writer_for(owner).unwrap();
        let fetcher = Fetcher::new(config, TaskTracker::new()).unwrap();
        let mut writer = fetcher.fetch(root, origins, &self.store.blocks, writer, &self.progress).await?;
        writer.make_durable()?;
        writer.keep();
        Ok(())
    }

    async fn fetch_from(&self, gateways: &[&Url], root: Cid) -> Result<(), FetchError> {
        let gateways: Vec<Url> = gateways.iter().map(|url| (*url).clone()).collect();
        self.fetch(FetchConfig { gateways: gateways.into(), ..FetchConfig::default() }, root, &[]).await
    }

    fn hashes(&self) -> HashSet<Multihash<64>> {
        let mut hashes = HashSet::new();
        let note = |block: StoredBlock| {
            hashes.insert(*block.cid.hash());
            Ok::<_, io::Error>(())
        };
        self.store.blocks.visit(note).unwrap();
        hashes
    }

    fn has(&self, root: &Cid) -> bool {
        let mut writer = self.store.blocks.writer();
        holding(&self.store.blocks, root, &mut writer).unwrap() != Holding::Incomplete
    }
}

fn origin(url: &Url) -> String {
    format!("/ip4/127.0.0.1/tcp/{}/http", url.port().unwrap())
}

#[tokio::test]
async fn a_tree_is_fetched_from_a_gateway_each_block_once() {
    let (mut gateway, here) = (Gateway::default(), Here::new());
    let root = tree(&mut gateway);
    here.fetch_from(&[&gateway.serve().await], root).await.unwrap();
    assert!(here.has(&root));
    assert_eq!(gateway.asked(), BLOCKS);
    assert_eq!(here.progress.blocks.load(Ordering::Relaxed), BLOCKS as u64);
}

#[tokio::test]
async fn what_is_held_is_not_fetched_again() {
    let (mut gateway, here) = (Gateway::default(), Here::new());
    let root = tree(&mut gateway);
    let mut writer = here.store.blocks.writer();
    file(&bytes(1, 2_500_000), &mut writer);
    writer.keep();
    drop(writer);
    here.fetch_from(&[&gateway.serve().await], root).await.unwrap();
    assert_eq!(gateway.asked(), BLOCKS - 4);
}

#[tokio::test]
async fn a_retrieval_that_was_cut_goes_on_where_it_was() {
    let (mut gateway, here) = (Gateway::default(), Here::new());
    let root = tree(&mut gateway);
    let url = gateway.serve().await;
    let lost = file(b"small", &mut holdfast_content::Discard).cid;
    let block = gateway.state.lock().unwrap().blocks.remove(&lost).unwrap();
    let error = here.fetch_from(&[&url], root).await.unwrap_err();
    assert!(error.to_string().contains(&lost.to_string()) && error.to_string().contains("does not have it"), "{error}");
    let (asked, held) = (gateway.asked(), here.hashes());
    gateway.state.lock().unwrap().blocks.insert(lost, block);
    here.fetch_from(&[&url], root).await.unwrap();
    assert!(here.has(&root));
    let again = gateway.state.lock().unwrap().asked.split_off(asked);
    // What was under way when it was cut may come to the gateway only now.
    assert!(again.iter().all(|cid| !held.contains(cid.hash())), "blocks that are held were fetched again");
}

#[tokio::test]
async fn a_gateway_that_fails_now_and_then_is_asked_again() {
    let (mut gateway, here) = (Gateway::default(), Here::new());
    let root = tree(&mut gateway);
    gateway.state.lock().unwrap().failures = 2;
    here.fetch_from(&[&gateway.serve().await], root).await.unwrap();
    assert!(here.has(&root));
}

#[tokio::test]
async fn a_gateway_that_lies_is_found_out_and_the_next_one_asked() {
    let (mut liar, mut honest, here) = (Gateway::default(), Gateway::default(), Here::new());
    let root = tree(&mut liar);
    tree(&mut honest);
    liar.state.lock().unwrap().lies = true;
    let (lies, truth) = (liar.serve().await, honest.serve().await);
    let error = here.fetch_from(&[&lies], root).await.unwrap_err();
    assert!(error.to_string().contains("other bytes"), "{error}");
    here.fetch_from(&[&lies, &truth], root).await.unwrap();
    assert!(here.has(&root));
    assert_eq!(liar.asked(), 2, "a liar is asked once");
}

#[tokio::test]
async fn origins_are_asked_where_private_ones_are_allowed_and_only_there() {
    let (mut gateway, here) = (Gateway::default(), Here::new());
    let root = tree(&mut gateway);
    let origins = [origin(&gateway.serve().await)];
    let named = format!("/dns4/localhost/tcp/{}/http", origins[0].rsplit('/').nth(1).unwrap());
    let error = here.fetch(FetchConfig::default(), root, &origins).await.unwrap_err();
    assert!(error.to_string().contains("public internet"), "{error}");
    let error = here.fetch(FetchConfig::default(), root, &[named]).await.unwrap_err();
    assert!(error.to_string().contains("public internet"), "{error}");
    assert_eq!(gateway.asked(), 0);
    let config = FetchConfig { private_origins: true, ..FetchConfig::default() };
    here.fetch(config, root, &origins).await.unwrap();
    assert!(here.has(&root));
}

#[tokio::test]
async fn without_a_source_that_speaks_http_the_reason_says_so() {
    let (mut gateway, here) = (Gateway::default(), Here::new());
    let root = tree(&mut gateway);
    let error = here.fetch(FetchConfig::default(), root, &[]).await.unwrap_err();
    assert!(matches!(error, FetchError::NoSource));
    let libp2p = "/ip4/203.0.113.9/tcp/4001/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA".to_owned();
    let error = here.fetch(FetchConfig::default(), root, &[libp2p]).await.unwrap_err();
    assert!(matches!(error, FetchError::NoHttpOrigin));
}

#[tokio::test]
async fn quota_blocks_and_depth_are_limits() {
    let (mut gateway, here) = (Gateway::default(), Here::new());
    let root = tree(&mut gateway);
    let gateways = Gateways::from(vec![gateway.serve().await]);
    let few = FetchConfig { gateways: gateways.clone(), max_blocks: 3, ..FetchConfig::default() };
    assert!(matches!(here.fetch(few, root, &[]).await.unwrap_err(), FetchError::TooManyBlocks(3)));
    let flat = FetchConfig { gateways: gateways.clone(), max_depth: 1, ..FetchConfig::default() };
    assert!(matches!(here.fetch(flat, root, &[]).await.unwrap_err(), FetchError::TooDeep(1)));
    let owner = here.store.keys.owner("somebody").unwrap();
    here.store.quotas.set(owner, Quota::Bytes(2_000_000)).unwrap();
    let config = FetchConfig { gateways, ..FetchConfig::default() };
    let error = here.fetch(config, root, &[]).await.unwrap_err();
    assert!(matches!(error, FetchError::Store(StoreError::OverQuota(_))), "{error}");
    // Nobody wants what was fetched so far.
    here.store.collect(|| false).unwrap();
    assert_eq!(here.store.blocks.count().unwrap(), 0);
}

#[tokio::test]
async fn a_redirect_of_a_gateway_is_followed_within_it() {
    let (mut gateway, here) = (Gateway::default(), Here::new());
    let root = tree(&mut gateway);
    gateway.state.lock().unwrap().redirects_to = Some("/deeper".into());
    here.fetch_from(&[&gateway.serve().await], root).await.unwrap();
    assert!(here.has(&root));
}

#[tokio::test]
async fn a_gateway_leads_to_no_private_address_unless_that_was_allowed() {
    let (mut near, here) = (Gateway::default(), Here::new());
    let root = tree(&mut near);
    let target = String::from(near.serve().await).trim_end_matches('/').to_owned();
    let front = Gateway::default();
    let gateways = Gateways::from(vec![front.serve().await]);
    let by_name = target.replace("127.0.0.1", "localhost");
    for target in [&target, &by_name, "http://169.254.169.254", "http://[::ffff:127.0.0.1]:1", "file:///etc"] {
        front.state.lock().unwrap().redirects_to = Some(target.into());
        let config = FetchConfig { gateways: gateways.clone(), ..FetchConfig::default() };
        let error = here.fetch(config, root, &[]).await.unwrap_err().to_string();
        assert!(error.contains("public internet") || error.contains("answered 307"), "{target}: {error}");
    }
    assert_eq!(near.asked(), 0);
    front.state.lock().unwrap().redirects_to = Some(target);
    let config = FetchConfig { gateways, private_origins: true, ..FetchConfig::default() };
    here.fetch(config, root, &[]).await.unwrap();
    assert!(here.has(&root));
}

#[tokio::test]
async fn a_gateway_may_say_where_the_cid_stands() {
    let (mut gateway, here) = (Gateway::default(), Here::new());
    let root = tree(&mut gateway);
    let deeper = gateway.serve().await.join("/deeper/ipfs/{cid}").unwrap();
    here.fetch_from(&[&deeper], root).await.unwrap();
    assert!(here.has(&root));
}

#[tokio::test]
async fn a_gateway_that_is_taken_back_is_asked_no_more_for_what_is_being_fetched() {
    let (mut gateway, here) = (Gateway::default(), Here::new());
    let root = tree(&mut gateway);
    // It would be asked again and again.
    gateway.state.lock().unwrap().failures = usize::MAX;
    let (sender, gateways) = tokio::sync::watch::channel(vec![gateway.serve().await]);
    let config = FetchConfig { gateways: gateways.into(), ..FetchConfig::default() };
    let taking_back = async {
        while gateway.asked() == 0 {
            tokio::task::yield_now().await;
        }
        sender.send(Vec::new()).unwrap();
    };
    let (fetched, ()) = tokio::join!(here.fetch(config, root, &[]), taking_back);
    let error = fetched.unwrap_err().to_string();
    assert!(error.contains("not to be asked any more"), "{error}");
    assert_eq!(gateway.asked(), 1);
}

#[tokio::test]
async fn an_origin_that_cannot_be_asked_is_said_beside_what_the_others_answered() {
    let (gateway, here) = (Gateway::default(), Here::new());
    let root = file(b"nobody has this", &mut holdfast_content::Discard).cid;
    let gateways = Gateways::from(vec![gateway.serve().await]);
    let config = FetchConfig { gateways, ..FetchConfig::default() };
    let error = here.fetch(config, root, &["/ip4/203.0.113.9/udp/4001/quic-v1".into()]).await.unwrap_err().to_string();
    assert!(error.contains("does not have it") && error.contains("1 address that was named was not asked"), "{error}");
}
