//! Files for a service that only pins by CID: through the user's own node, once, for as long as it takes.

mod patience;
mod versions;

use std::{fs, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{
    Change, Code,
    account::{AccountId, AccountState, Keep, ProviderKind, UploadRoute},
    clock::Clock,
    pin::{ContentProof, Metadata, PinStatus},
    transfer::{Transfer, TransferId, TransferState},
    vault::Credentials,
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually, identified};

use super::pin_only::{ADDRESS, PinOnly, draft, service_draft, world_of};

const PROFILE: Profile = Profile::UNIXFS_V1_2025;

struct Scene {
    world: World,
    node: FakeProvider,
    service: PinOnly,
    account: AccountId,
}

impl Scene {
    async fn without_node() -> Self {
        let (node, service) = (FakeProvider::start(PROFILE).await, PinOnly::default());
        Self::at(world_of(&node, &service), node, service).await
    }

    async fn at(world: WorldBuilder, node: FakeProvider, service: PinOnly) -> Self {
        let world = world.start().await;
        let account = world.engine.add_account(service_draft(), Keep::Keyring).await.unwrap().account.id;
        Self { world, node, service, account }
    }

    async fn start() -> Self {
        let scene = Self::without_node().await;
        scene.add_node().await;
        scene
    }

    async fn add_node(&self) -> AccountId {
        let draft = draft(ProviderKind::Kubo, "my node", &self.node.endpoint(), Credentials::None);
        self.world.engine.add_account(draft, Keep::Keyring).await.unwrap().account.id
    }

    /// The transfer once it is in a state, while time passes.
    async fn until(&self, id: &TransferId, is_there: impl Fn(&TransferState) -> bool + Send + Sync) -> Transfer {
        eventually("the transfer is there", || async {
            self.world.clock.advance(Duration::from_millis(500));
            let transfer = self.world.transfer(id).await;
            is_there(&transfer.state).then_some(transfer)
        })
        .await
    }

    /// The transfer once the service was asked for it and works on it.
    async fn waiting(&self, id: &TransferId) -> Transfer {
        self.until(id, |state| *state == TransferState::Asked).await
    }
}

#[tokio::test]
async fn a_file_gets_to_a_service_that_only_pins_through_the_node_and_is_verified_there() {
    let scene = Scene::start().await;
    let views = scene.world.engine.accounts().await.unwrap();
    let route = views.iter().find(|view| view.account.id == scene.account).unwrap().upload.clone();
    assert_eq!(route, UploadRoute::Through { label: "my node".into() });
    let path = scene.world.write("photo.jpg", b"a photo");
    let selection = scene.world.engine.select(vec![path.clone()], &scene.account).await.unwrap();
    assert_eq!((selection.items.len(), selection.refused.len()), (1, 0));
    let id = scene.world.begin_upload(&scene.account, &path).await;
    scene.waiting(&id).await;
    let cid = identified(b"a photo", PROFILE).cid;
    assert_eq!(scene.service.state().origins, [ADDRESS]);
    let statuses: Vec<_> = scene.world.pins().await.iter().map(|pin| (pin.held.cid, pin.held.status)).collect();
    assert!(statuses.contains(&(cid, PinStatus::Pinned)) && statuses.contains(&(cid, PinStatus::Queued)));
    let said: Vec<_> = scene.world.pins().await.into_iter().filter_map(|pin| pin.held.message).collect();
    assert!(said[0].contains("Queue position: 7 of 9"), "{said:?}");

    scene.service.becomes(PinStatus::Pinned, "");
    let done = scene.until(&id, TransferState::is_final).await;
    assert_eq!((done.state, done.verified, done.cid), (TransferState::Done, Some(true), Some(cid)));
    let pins = scene.world.pins().await;
    assert_eq!(pins.len(), 2);
    assert!(pins.iter().all(|pin| pin.content == ContentProof::Verified && pin.name() == "photo.jpg"), "{pins:?}");
    for pin in &pins {
        let details = scene.world.engine.pin_details(&pin.key()).await.unwrap();
        assert_eq!(details.receipts.len(), 1);
        assert_eq!((details.receipts[0].source.as_deref(), details.receipts[0].bytes), (Some(path.as_path()), 7));
    }
    assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (1, 1));
}

#[tokio::test]
async fn a_folder_takes_the_same_way() {
    let scene = Scene::start().await;
    scene.world.write("site/index.html", b"<p>");
    scene.world.write("site/a/b.css", b"p{}");
    let id = scene.world.begin_upload(&scene.account, &scene.world.files.path().join("site")).await;
    scene.waiting(&id).await;
    scene.service.becomes(PinStatus::Pinned, "");
    let done = scene.until(&id, TransferState::is_final).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)));
}

#[tokio::test]
async fn without_a_node_nothing_is_sent_and_the_words_say_what_is_missing() {
    let scene = Scene::without_node().await;
    let path = scene.world.write("a", b"abc");
    let selection = scene.world.engine.select(vec![path.clone()], &scene.account).await.unwrap();
    assert!(selection.items.is_empty());
    assert!(selection.refused[0].reason.contains("add your Kubo node"), "{:?}", selection.refused);
    let failed = scene.world.upload(&scene.account, &path).await;
    let failure = failed.state.failure().unwrap();
    assert_eq!(failure.code, Code::Unsupported);
    assert!(failure.message.contains("add your Kubo node"), "{}", failure.message);
    assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (0, 0));

    // With a node it goes on by itself.
    scene.add_node().await;
    scene.waiting(&failed.id).await;
    scene.service.becomes(PinStatus::Pinned, "");
    assert_eq!(scene.until(&failed.id, TransferState::is_final).await.state, TransferState::Done);
}

#[tokio::test]
async fn it_waits_over_restarts_and_is_neither_added_nor_pinned_twice() {
    let mut scene = Scene::start().await;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    for _ in 0..3 {
        scene.waiting(&id).await;
        scene.world = scene.world.restart().await;
    }
    scene.service.becomes(PinStatus::Pinned, "");
    assert_eq!(scene.until(&id, TransferState::is_final).await.state, TransferState::Done);
    assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (1, 1));
}

#[tokio::test]
async fn an_answer_that_got_lost_is_looked_up_and_not_asked_for_again() {
    let scene = Scene::start().await;
    scene.service.state().loses_answer = true;
    scene.node.fail(Call::Upload, Fault::ReplyLost);
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    scene.waiting(&id).await;
    scene.service.becomes(PinStatus::Pinned, "");
    assert_eq!(scene.until(&id, TransferState::is_final).await.verified, Some(true));
    assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (1, 1));
}

#[tokio::test]
async fn a_pin_that_fails_says_why_and_is_asked_for_anew_by_a_retry() {
    let scene = Scene::start().await;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    scene.waiting(&id).await;
    scene.service.becomes(PinStatus::Failed, "no peer has it");
    let failed = scene.until(&id, TransferState::is_final).await;
    let failure = failed.state.failure().unwrap();
    assert_eq!(failure.code, Code::PinFailed);
    assert!(failure.message.contains("no peer has it"), "{}", failure.message);
    scene.world.engine.retry(&id).await.unwrap();
    scene.waiting(&id).await;
    scene.service.becomes(PinStatus::Pinned, "");
    assert_eq!(scene.until(&id, TransferState::is_final).await.state, TransferState::Done);
    let state = scene.service.state();
    assert_eq!((state.asked, state.pins.len()), (2, 1), "the failed one is gone");
}

#[tokio::test]
async fn what_is_gone_here_while_it_waits_is_pinned_all_the_same() {
    let scene = Scene::start().await;
    let path = scene.world.write("site/index.html", b"<p>");
    let id = scene.world.begin_upload(&scene.account, path.parent().unwrap()).await;
    scene.waiting(&id).await;
    fs::remove_dir_all(path.parent().unwrap()).unwrap();
    scene.service.becomes(PinStatus::Pinned, "");
    assert_eq!(scene.until(&id, TransferState::is_final).await.state, TransferState::Done);
    assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (1, 1));
}

#[tokio::test]
async fn what_the_node_has_lost_meanwhile_is_added_again() {
    let scene = Scene::start().await;
    scene.service.state().refuses = true;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    scene.until(&id, TransferState::is_final).await;
    scene.node.pins(|pins| pins.remove(|_| true));
    scene.service.state().refuses = false;
    scene.world.engine.retry(&id).await.unwrap();
    scene.waiting(&id).await;
    assert_eq!((scene.node.count(Call::Upload), scene.service.state().asked), (2, 1));
}

#[tokio::test]
async fn a_service_that_is_still_fetching_or_gave_up_has_answered() {
    let scene = Scene::start().await;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    scene.waiting(&id).await;
    for ends in [false, true] {
        scene.world.clock.advance(Duration::from_secs(3600));
        let now = scene.world.clock.now();
        if ends {
            scene.service.becomes(PinStatus::Failed, "no peer has it");
        }
        eventually("it was asked again", || async {
            scene.world.clock.advance(Duration::from_millis(500));
            let views = scene.world.engine.accounts().await.unwrap();
            let view = views.into_iter().find(|view| view.account.id == scene.account).unwrap();
            (view.state == AccountState::Ok && view.last_contact >= Some(now)).then_some(())
        })
        .await;
    }
    assert_eq!(scene.until(&id, TransferState::is_final).await.state.failure().unwrap().code, Code::PinFailed);
}

#[tokio::test]
async fn what_a_node_did_wrong_says_nothing_of_the_service() {
    let scene = Scene::start().await;
    // Long enough to show the profile of the node's CIDs: from then on, another CID is an alarm.
    let first = scene.world.begin_upload(&scene.account, &scene.world.write("a", &bytes_of(1, 1_100_000))).await;
    scene.waiting(&first).await;
    scene.world.engine.cancel(&first).await.unwrap();
    let asked = scene.service.state().asked;
    scene.node.fail(Call::Upload, Fault::WrongCid);
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("b", &bytes_of(2, 1_100_000))).await;
    let failed = scene.until(&id, TransferState::is_final).await;
    let failure = failed.state.failure().unwrap();
    assert_eq!(failure.code, Code::CidMismatch);
    assert!(failure.message.starts_with("my node, through which"), "{}", failure.message);
    let views = scene.world.engine.accounts().await.unwrap();
    let view = views.iter().find(|view| view.account.id == scene.account).unwrap();
    assert_eq!((&view.state, scene.service.state().asked), (&AccountState::Ok, asked), "it was not asked");
}

/// What a service never gets is looked at and takes no place from what is new.
#[tokio::test]
async fn many_that_a_service_goes_on_fetching_for_ever_delay_nothing_new() {
    let scene = Scene::start().await;
    let mut stuck = Vec::new();
    for number in 0..60 {
        let path = scene.world.write(&format!("stuck {number}"), &bytes_of(number, 500 + number as usize));
        stuck.push(scene.world.begin_upload(&scene.account, &path).await);
    }
    for id in &stuck {
        scene.waiting(id).await;
    }
    let (_, counts) = scene.world.engine.transfers(1).await.unwrap();
    assert_eq!((counts.asked, counts.running), (60, 0));
    let new = scene.world.begin_upload(&scene.account, &scene.world.write("new", b"new")).await;
    scene.waiting(&new).await;
    assert_eq!(scene.service.state().asked, 61);
    scene.service.becomes(PinStatus::Pinned, "");
    for id in stuck.iter().chain([&new]) {
        assert_eq!(scene.until(id, TransferState::is_final).await.state, TransferState::Done);
    }
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_named_and_not_the_service_blamed() {
    let scene = Scene::start().await;
    let fault = Fault::Status { status: 503, retry_after: None, message: "starting" };
    scene.node.fail_always(Call::Upload, fault);
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    let waiting = scene.until(&id, |state| state.failure().is_some()).await;
    assert!(waiting.state.failure().unwrap().message.starts_with("my node, through which"), "{waiting:?}");
    assert_eq!(scene.service.state().asked, 0);
}

#[tokio::test]
async fn a_watched_folder_takes_the_same_way() {
    let scene = Scene::start().await;
    let (service, account) = (scene.service.clone(), scene.account.clone());
    let world = scene.world;
    world.write("watched/a", b"abc");
    let path = world.files.path().join("watched");
    world.engine.add_folder(path, &account, None).await.unwrap();
    let view = eventually("the file is pinned", || async {
        world.clock.advance(Duration::from_secs(1));
        service.becomes(PinStatus::Pinned, "");
        let view = world.engine.folders().await.unwrap().remove(0);
        (view.pinned == 1).then_some(view)
    })
    .await;
    assert_eq!((view.on_disk, view.failed), (1, 0));
    assert_eq!((scene.node.count(Call::Upload), service.state().asked), (1, 1));
}

#[tokio::test]
async fn a_pin_that_is_edited_keeps_its_proof_under_its_new_id() {
    let scene = Scene::start().await;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    scene.waiting(&id).await;
    scene.service.becomes(PinStatus::Pinned, "");
    scene.until(&id, TransferState::is_final).await;
    let mut pins = scene.world.pins().await;
    pins.retain(|pin| pin.account == scene.account);
    let before = pins.remove(0);
    let metadata = Metadata::from([("k".into(), "v".into())]);

    let edit = scene.world.engine.edit_pin(&before.key(), Some("b".into()), metadata.clone()).await;
    assert_eq!(edit.unwrap_err().code(), Code::Unsupported);
    scene.service.state().edits = true;
    scene.world.engine.check_account(&scene.account).await.unwrap();
    let mut changes = scene.world.engine.changes();
    let after = scene.world.engine.edit_pin(&before.key(), Some(" b ".into()), metadata.clone()).await.unwrap();
    assert_eq!((after.name().as_str(), &after.held.metadata, after.content), ("b", &metadata, ContentProof::Verified));
    assert_ne!(after.held.id, before.held.id);
    assert!(std::iter::from_fn(|| changes.try_recv().ok()).any(|change| matches!(change, Change::Pins(_))));
    assert_eq!(scene.world.engine.pin_details(&before.key()).await.unwrap_err().code(), Code::NotFound);
    let details = scene.world.engine.pin_details(&after.key()).await.unwrap();
    assert_eq!((details.receipts.len(), details.pin), (1, after.clone()));

    let bare = scene.world.engine.edit_pin(&after.key(), None, Metadata::new()).await.unwrap();
    assert_eq!((bare.held.name.as_deref(), bare.held.metadata.len()), (None, 0));
    assert_eq!(bare.name(), bare.held.cid.to_string());
    let nothing = scene.world.engine.edit_pin(&before.key(), None, Metadata::new()).await;
    assert_eq!(nothing.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn what_is_not_edited_stays_byte_for_byte() {
    let scene = Scene::start().await;
    let id = scene.world.begin_upload(&scene.account, &scene.world.write("a", b"abc")).await;
    scene.waiting(&id).await;
    let odd = Metadata::from([(" spaced ".into(), " v ".into()), (String::new(), "no key".into())]);
    {
        let mut state = scene.service.state();
        state.edits = true;
        (state.pins[0].name, state.pins[0].metadata) = (Some(" a name ".into()), odd.clone());
    }
    scene.world.engine.check_account(&scene.account).await.unwrap();
    scene.world.engine.refresh(Some(&scene.account)).await.unwrap();
    let pin = scene.world.pins().await.into_iter().find(|pin| pin.account == scene.account).unwrap();
    let renamed = scene.world.engine.edit_pin(&pin.key(), Some(" b ".into()), odd.clone()).await.unwrap();
    assert_eq!((renamed.held.name.as_deref(), &renamed.held.metadata), (Some("b"), &odd));
    scene.service.state().pins[0].name = Some(" a name ".into());
    scene.world.engine.refresh(Some(&scene.account)).await.unwrap();
    let plain = Metadata::from([("k".into(), "v".into())]);
    let edit = scene.world.engine.edit_pin(&renamed.key(), Some(" a name ".into()), plain.clone()).await.unwrap();
    assert_eq!((edit.held.name.as_deref(), edit.held.metadata), (Some(" a name "), plain));
}

#[tokio::test]
async fn a_file_gets_through_kubo_or_a_cluster_to_a_pinning_service_in_their_own_words() {
    for kind in [ProviderKind::Kubo, ProviderKind::Cluster] {
        let node = FakeProvider::start_as(kind, PROFILE).await;
        let service = FakeProvider::start_as(ProviderKind::Psa, PROFILE).await;
        let world = World::start().await;
        world.account(&node, "my node").await;
        let account = world.account(&service, "service").await;
        let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
        let done = eventually("it is done", || async {
            world.clock.advance(Duration::from_millis(500));
            service.pins(|pins| {
                for id in pins.ids() {
                    if let Some(pin) = pins.get(&id) {
                        (pin.pinned, pin.status) = (true, "pinned".into());
                    }
                }
            });
            let transfer = world.transfer(&id).await;
            transfer.state.is_final().then_some(transfer)
        })
        .await;
        assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)), "{kind:?}");
        assert_eq!(service.pins(|pins| pins.all().len()), 1);
    }
}
