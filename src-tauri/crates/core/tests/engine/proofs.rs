//! What is proven without knowing the profile: block by block, through the account's gateway, right after an upload or on
//! request.

use std::time::Duration;

use holdfast_content::{DifferenceKind, Profile};
use holdfast_core::{
    Code, Error,
    account::{AccountEdit, AccountId},
    pin::{ContentProof, PinKey, Receipt, Standing},
    proof::{FileState, Finding, Method, Outcome},
    transfer::TransferState,
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually, identified};

/// Many chunks of every layout.
const BYTES: usize = 600_000;

async fn with_odd_layout() -> (FakeProvider, World, AccountId) {
    let (provider, world) = (
        FakeProvider::start(Profile::UNIXFS_V1_2025.custom(10_000, 7)).await,
        WorldBuilder::default().real_time().start().await,
    );
    provider.open_gateway();
    let account = world.account(&provider, "one").await;
    (provider, world, account)
}

async fn only_receipt(world: &World) -> (PinKey, Receipt) {
    let key = world.pins().await[0].key();
    let mut receipts = world.engine.pin_details(&key).await.unwrap().receipts;
    assert_eq!(receipts.len(), 1);
    (key, receipts.remove(0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layout_that_nobody_knows_is_proven_by_its_blocks() {
    let (provider, world, account) = with_odd_layout().await;
    let done = world.upload(&account, &world.write("large", &bytes_of(1, BYTES))).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)));
    assert_eq!(world.pins().await[0].content, ContentProof::Verified);
    let (_, receipt) = only_receipt(&world).await;
    assert_eq!((receipt.proof, receipt.profile, receipt.reason), (ContentProof::Verified, None, None));
    assert_eq!(world.engine.account(&account).await.unwrap().profile, None, "nothing is learnt from it");
    let requests = provider.requests();
    let blocks: Vec<_> = requests.iter().filter(|one| one.call == Some(Call::Block)).collect();
    assert!((2..15).contains(&blocks.len()), "only inner nodes: {}", blocks.len());
    for request in blocks {
        assert!(request.line.contains("format=raw"), "{}", request.line);
        let sent = format!("{request:?}");
        assert!(provider.canaries().iter().all(|canary| !sent.contains(canary)), "a gateway gets no credentials");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_proven_by_its_blocks() {
    let (_provider, world, account) = with_odd_layout().await;
    world.write("site/index.html", b"<p>");
    world.write("site/a b/deep/\"quoted\" é.bin", &bytes_of(2, BYTES));
    world.write("site/a b/.hidden", &bytes_of(3, 30_000));
    let done = world.upload(&account, &world.files.path().join("site")).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_holds_other_bytes_is_an_error_that_says_where() {
    let (provider, world, account) = with_odd_layout().await;
    provider.fail(Call::Upload, Fault::WrongDag);
    provider.fail(Call::Get, Fault::WrongDag);
    let failed = world.upload(&account, &world.write("large", &bytes_of(4, BYTES))).await;
    let TransferState::Failed(failure) = failed.state else { panic!("{:?}", failed.state) };
    assert_eq!((failure.code, failed.verified), (Code::CidMismatch, None));
    assert!(failure.message.contains("differs from byte 0"), "{}", failure.message);
    assert!(world.pins().await.is_empty());
}

/// A raw CID is the hash of the bytes themselves.
#[tokio::test(flavor = "multi_thread")]
async fn a_cid_that_says_by_itself_that_the_bytes_are_others_is_an_error_without_any_gateway() {
    let (provider, world, account) = with_odd_layout().await;
    let none = AccountEdit { gateway: Some(String::new()), ..AccountEdit::default() };
    world.engine.edit_account(&account, none).await.unwrap();
    provider.fail(Call::Upload, Fault::WrongCid);
    provider.fail(Call::Get, Fault::WrongCid);
    let failed = world.upload(&account, &world.write("large", &bytes_of(4, BYTES))).await;
    let TransferState::Failed(failure) = failed.state else { panic!("{:?}", failed.state) };
    assert_eq!((failure.code, failed.verified), (Code::CidMismatch, None));
    let cids = failure.message.matches("bafk").count() + failure.message.matches("bafy").count();
    assert!(cids == 2 && failure.message.contains("other bytes"), "{}", failure.message);
    assert_eq!(provider.count(Call::Block), 0);
    assert!(world.pins().await.is_empty(), "it is no copy");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_blocks_an_upload_is_stored_but_not_verified_until_it_is_asked_for_again() {
    let not_there = Fault::Status { status: 404, retry_after: None, message: "not found" };
    for (fault, reason) in [
        (not_there, "not to be had"),
        (Fault::WrongBytes, "not what its CID says"),
        (Fault::WebPage(200), "a web page came back"),
        (Fault::Status { status: 403, retry_after: None, message: "no" }, "refuses"),
        (Fault::Status { status: 503, retry_after: Some(0), message: "later" }, "HTTP 503"),
        (Fault::RedirectTo(302, "http://192.0.2.1/".into()), "redirects"),
    ] {
        let (provider, world, account) = with_odd_layout().await;
        provider.fail_always(Call::Block, fault.clone());
        let done = world.upload(&account, &world.write("large", &bytes_of(5, BYTES))).await;
        assert_eq!((done.state, done.verified), (TransferState::Done, Some(false)), "{fault:?}");
        let (key, receipt) = only_receipt(&world).await;
        let why = receipt.reason.unwrap_or_default();
        assert!(why.contains(reason), "{fault:?}: {why}");
        assert_eq!(receipt.proof, ContentProof::NotReproduced, "{fault:?}");
        let again = world.engine.prove(&key, None, None).await.unwrap();
        assert!(matches!(again.outcome, Outcome::Unknown(_)), "{again:?}");
        assert_eq!(world.pins().await[0].content, ContentProof::NotReproduced, "{fault:?}");

        provider.heal();
        let proven = world.engine.prove(&key, None, None).await.unwrap();
        assert_eq!(proven.outcome, Outcome::Verified(Method::Blocks));
        let world = world.restart().await;
        assert_eq!(world.pins().await[0].content, ContentProof::Verified);
        let (_, receipt) = only_receipt(&world).await;
        assert_eq!((receipt.proof, receipt.reason), (ContentProof::Verified, None));
        assert!(receipt.compared_at.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_stalls_does_not_hold_an_upload_for_long() {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025.custom(10_000, 7)).await;
    let world = World::start().await;
    provider.open_gateway();
    provider.fail_always(Call::Block, Fault::StallAfter(0));
    let account = world.account(&provider, "one").await;
    let id = world.begin_upload(&account, &world.write("large", &bytes_of(6, BYTES))).await;
    eventually("the gateway is asked", || async { (provider.under_way(Call::Block) > 0).then_some(()) }).await;
    world.clock.advance(Duration::from_secs(31));
    let done = world.end_of(&id).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(false)));
    assert!(only_receipt(&world).await.1.reason.unwrap().contains("too long"));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_during_the_proof_keeps_what_the_provider_has_accepted() {
    let (provider, world, account) = with_odd_layout().await;
    provider.fail_always(Call::Block, Fault::StallAfter(0));
    let id = world.begin_upload(&account, &world.write("large", &bytes_of(7, BYTES))).await;
    eventually("the gateway is asked", || async { (provider.under_way(Call::Block) > 0).then_some(()) }).await;
    world.engine.cancel(&id).await.unwrap();
    let done = world.end_of(&id).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(false)));

    let key = world.pins().await[0].key();
    let proving = world.engine.prove(&key, None, None);
    let stopping = async {
        eventually("it is being compared", || async { (provider.under_way(Call::Block) > 0).then_some(()) }).await;
        assert!(matches!(world.engine.prove(&key, None, None).await, Err(Error::InvalidInput(_))), "once at a time");
        let (done, total) = world.engine.proof_progress(&key).unwrap();
        assert!(done > 0 && done <= total && total == 2 * BYTES as u64, "{done} of {total}");
        world.engine.stop_proof(&key);
    };
    let (proven, ()) = tokio::join!(proving, stopping);
    assert!(matches!(proven, Err(Error::Cancelled)), "{proven:?}");
    assert_eq!(world.engine.proof_progress(&key), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_pin_can_be_compared_with_any_file_and_a_wrong_file_is_no_fact_about_the_pin() {
    let (provider, world, account) = with_odd_layout().await;
    let bytes = bytes_of(8, BYTES);
    let path = world.write("large", &bytes);
    world.upload(&account, &path).await;
    let key = world.pins().await[0].key();
    let mut other = bytes.clone();
    other[123_456] ^= 1;
    let other = world.write("other", &other);
    let compared = world.engine.prove(&key, Some(other), None).await.unwrap();
    let Outcome::Differs(Some(difference)) = compared.outcome else { panic!("{compared:?}") };
    assert_eq!((difference.path.as_str(), difference.kind), ("", DifferenceKind::FromByte(123_456)));
    assert_eq!(world.pins().await[0].content, ContentProof::Verified);

    // A pin that was made elsewhere, of what lies here.
    let cid = identified(b"hello world", Profile::UNIXFS_V0_2015).cid;
    provider.pins(|pins| pins.add(&cid, "elsewhere").id.clone());
    world.engine.refresh(None).await.unwrap();
    let pin = world.pins().await.into_iter().find(|pin| pin.held.cid == cid).unwrap();
    assert!(matches!(world.engine.prove(&pin.key(), None, None).await, Err(Error::InvalidInput(_))));
    let here = world.write("here", b"hello world");
    let asked_before = provider.count(Call::Block);
    let compared = world.engine.prove(&pin.key(), Some(here.clone()), None).await.unwrap();
    assert_eq!(compared.outcome, Outcome::Verified(Method::Profile(Profile::UNIXFS_V0_2015)));
    assert_eq!(provider.count(Call::Block), asked_before, "a known profile needs no gateway");
    let details = world.engine.pin_details(&pin.key()).await.unwrap();
    assert_eq!((details.pin.content, details.receipts.len()), (ContentProof::Verified, 1));
    assert_eq!(details.receipts[0].source.as_deref(), Some(here.as_path()));
    let other = world.write("not here", b"hello w0rld");
    let compared = world.engine.prove(&pin.key(), Some(other), None).await.unwrap();
    assert!(!matches!(compared.outcome, Outcome::Verified(_)), "{compared:?}");
    assert_eq!(world.engine.pin_details(&pin.key()).await.unwrap().pin.content, ContentProof::Verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_since_is_said_so_and_changes_nothing_that_is_known_of_the_pin() {
    let (provider, world, account) = with_odd_layout().await;
    provider.fail_always(Call::Block, Fault::Status { status: 404, retry_after: None, message: "not found" });
    let mut bytes = bytes_of(9, BYTES);
    let path = world.write("large", &bytes);
    world.upload(&account, &path).await;
    provider.heal();
    bytes.truncate(BYTES - 1);
    world.write("large", &bytes);
    let (key, receipt) = only_receipt(&world).await;
    let compared = world.engine.prove(&key, None, None).await.unwrap();
    assert!(matches!(compared.outcome, Outcome::Differs(_)), "{compared:?}");
    assert_eq!(compared.known_since, Some(receipt.at));
    let details = world.engine.pin_details(&key).await.unwrap();
    assert_eq!(
        (details.pin.content, details.receipts[0].proof),
        (ContentProof::NotReproduced, ContentProof::NotReproduced)
    );
    let [check] = details.checks.as_slice() else { panic!("{:?}", details.checks) };
    assert_eq!(check.finding, Finding::File { path, state: FileState::Other });
    assert!(check.reason.as_ref().unwrap().contains(&format!("byte {}", BYTES - 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_since_is_another_one_also_where_no_block_can_be_had() {
    let (provider, world) = (FakeProvider::start(Profile::UNIXFS_V1_2025).await, World::start().await);
    let account = world.account(&provider, "one").await;
    // Long enough that no two profiles give it the same CID, which teaches the account its own.
    let mut bytes = bytes_of(10, 3 << 20);
    let path = world.write("large", &bytes);
    world.upload(&account, &path).await;
    let (key, _) = only_receipt(&world).await;
    assert_eq!(
        world.engine.prove(&key, None, None).await.unwrap().outcome,
        Outcome::Verified(Method::Profile(Profile::UNIXFS_V1_2025))
    );
    bytes[7] ^= 1;
    world.write("large", &bytes);
    let compared = world.engine.prove(&key, None, None).await.unwrap();
    assert_eq!(compared.outcome, Outcome::Differs(None));
    let details = world.engine.pin_details(&key).await.unwrap();
    assert_eq!(details.pin.standing(), Standing::Verified, "the account holds the version of before");
    let states: Vec<_> = details.checks.iter().map(|check| check.finding.clone()).collect();
    let file = |state| Finding::File { path: path.clone(), state };
    assert_eq!(states, [file(FileState::Other), file(FileState::Same)], "newest first");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_before_a_crash_during_the_proof_is_not_sent_again() {
    let (provider, world, account) = with_odd_layout().await;
    provider.fail_always(Call::Block, Fault::StallAfter(0));
    let id = world.begin_upload(&account, &world.write("large", &bytes_of(11, BYTES))).await;
    eventually("the gateway is asked", || async { (provider.under_way(Call::Block) > 0).then_some(()) }).await;
    let world = world.reopen().await;
    provider.heal();
    let done = world.end_of(&id).await;
    assert_eq!((done.state, done.verified, provider.count(Call::Upload)), (TransferState::Done, Some(true), 1));
    assert_eq!(only_receipt(&world).await.1.proof, ContentProof::Verified);
}
