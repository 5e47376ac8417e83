//! Nodes of one's own: what a Kubo node and an IPFS Cluster do otherwise than hosted services, and what becomes of answers
//! that break off after they had begun well.

use std::{
    fs::File,
    io::Cursor,
    path::{Path, PathBuf},
    time::Duration,
};

use holdfast_content::{Cid, FileImporter, Profile, car::CarWriter};
use holdfast_core::{
    Code,
    account::{AccountDraft, AccountState, Keep, ProviderKind},
    content::ArchiveBody,
    pin::{Metadata, PinKey, PinStatus},
    transfer::TransferState,
    vault::Credentials,
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, bytes_of, eventually, identified};

use super::faults::list_settled;

const NODES: [ProviderKind; 2] = [ProviderKind::Kubo, ProviderKind::Cluster];

async fn node(kind: ProviderKind) -> FakeProvider {
    FakeProvider::start_as(kind, Profile::UNIXFS_V1_2025).await
}

#[tokio::test]
async fn a_node_takes_everything_that_a_directory_can_have() {
    for kind in NODES {
        let (provider, world) = (node(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        world.write("d/100% \"quoted\"; + n\u{e4}me", b"a");
        world.write("d/line\nbreak/.hidden", b"b");
        world.write("d/no content", b"");
        std::fs::create_dir(world.files.path().join("d/empty")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("no content", world.files.path().join("d/link")).unwrap();
        let done = world.upload(&account, &world.files.path().join("d")).await;
        assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)), "{kind:?}");
        let pin = world.pins().await.remove(0);
        assert_eq!((pin.held.id.0, pin.held.name.as_deref()), (pin.held.cid.to_string(), Some("d")));
        assert!(pin.held.is_directory);
    }
}

#[tokio::test]
async fn kubo_is_told_the_layout_and_the_name() {
    let (provider, world) = (node(ProviderKind::Kubo).await, World::start().await);
    let account = world.account(&provider, "one").await;
    world.upload(&account, &world.write("a name & more", b"a")).await;
    let lines: Vec<_> = provider.requests().into_iter().filter(|one| one.call == Some(Call::Upload)).collect();
    assert_eq!(
        lines[0].line,
        "POST /api/v0/add?cid-version=1&hash=sha2-256&raw-leaves=true&trickle=false&inline=false&chunker=size-1048576\
         &max-file-links=1024&pin=true&pin-name=a+name+%26+more&progress=false"
    );
}

#[tokio::test]
async fn metadata_for_a_node_that_keeps_none_is_refused_before_anything_is_sent() {
    let (provider, world) = (node(ProviderKind::Kubo).await, World::start().await);
    let account = world.account(&provider, "My Kubo").await;
    let pin = world.upload(&account, &world.write("a", b"a")).await.pin.unwrap();
    let (asked, metadata) = (provider.requests().len(), Metadata::from([("key".into(), "value".into())]));
    let (path, root) = archive(&world);
    let key = PinKey { account: account.clone(), id: pin };
    for error in [
        world.engine.upload(&account, vec![path.clone()], None, metadata.clone()).await.err(),
        world.engine.pin(&account, root, None, metadata.clone()).await.err(),
        world.engine.import_car(&account, None, &metadata, body_of(&path, root)).await.err(),
        world.engine.edit_pin(&key, Some("b".into()), metadata.clone()).await.err(),
    ] {
        let error = error.expect("it was taken");
        assert!(
            error.code() == Code::InvalidInput && error.to_string().contains("\"My Kubo\" keeps no metadata"),
            "{error}"
        );
    }
    assert_eq!(provider.requests().len(), asked);
    assert!(!world.engine.accounts().await.unwrap().remove(0).keeps_metadata);
    assert_eq!(world.engine.edit_pin(&key, Some("b".into()), Metadata::new()).await.unwrap().name(), "b");
}

#[tokio::test]
async fn an_upload_whose_answer_breaks_off_is_looked_up_and_not_sent_again() {
    for kind in NODES {
        for fault in [Fault::BrokenOff("context canceled"), Fault::ReplyLost, Fault::TruncatedAnswer] {
            let (provider, world) = (node(kind).await, World::start().await);
            let account = world.account(&provider, "one").await;
            provider.fail(Call::Upload, fault.clone());
            let id = world.begin_upload(&account, &world.write("a", &bytes_of(1, 300_000))).await;
            let done = world.end_in_time(&id).await;
            assert_eq!((&done.state, done.verified), (&TransferState::Done, Some(true)), "{kind:?} {fault:?}");
            assert_eq!(provider.count(Call::Upload), 1, "{kind:?} {fault:?}");
        }
    }
}

/// A node has the same words for an archive that is cut short and for a connection of its own that broke.
#[tokio::test]
async fn an_end_that_a_node_did_not_expect_is_an_archives_own_fault_and_no_other_uploads() {
    let faults = [
        Fault::BrokenOff("unexpected EOF"),
        Fault::Status { status: 500, retry_after: None, message: "unexpected EOF" },
    ];
    for (kind, fault) in NODES.into_iter().flat_map(|kind| faults.clone().map(|fault| (kind, fault))) {
        let (provider, world) = (node(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        let (path, root) = archive(&world);
        provider.fail(Call::Upload, fault.clone());
        let sent = world.engine.import_car(&account, None, &Metadata::new(), body_of(&path, root)).await;
        let refused = sent.unwrap_err();
        assert_eq!(refused.code(), Code::Refused, "{kind:?} {fault:?}: {refused}");

        provider.fail(Call::Upload, fault.clone());
        let id = world.begin_upload(&account, &world.write("a", b"no archive")).await;
        let waiting =
            eventually("the first try ends", || async { world.transfer(&id).await.state.failure().cloned() }).await;
        assert_eq!(waiting.code, Code::Unavailable, "{kind:?} {fault:?}");
        let done = world.end_in_time(&id).await;
        assert_eq!(done.state, TransferState::Done, "{kind:?} {fault:?}");
    }
}

#[tokio::test]
async fn an_archive_that_was_taken_is_taken_although_the_list_cannot_be_read_afterwards() {
    for kind in NODES {
        let (provider, world) = (node(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        let (path, root) = archive(&world);
        provider.fail_always(Call::List, Fault::Status { status: 503, retry_after: None, message: "no list" });
        let sent = world.engine.import_car(&account, None, &Metadata::new(), body_of(&path, root)).await;
        assert_eq!(sent.unwrap().cid, root, "{kind:?}");
    }
}

/// A whole archive, and its root.
fn archive(world: &World) -> (PathBuf, Cid) {
    let profile = Profile::UNIXFS_V1_2025;
    let mut writer = CarWriter::new(Cursor::new(Vec::new()), profile).unwrap();
    let mut importer = FileImporter::new(profile);
    importer.push(b"in an archive", &mut writer).unwrap();
    let root = importer.finish(&mut writer).unwrap().cid;
    (world.write("archive.car", &writer.finish(&root).unwrap().into_inner()), root)
}

fn body_of(archive: &Path, root: Cid) -> ArchiveBody {
    ArchiveBody::new(File::open(archive).unwrap(), root).unwrap()
}

#[tokio::test]
async fn a_list_that_somebody_cut_cleanly_removes_only_what_is_gone() {
    for kind in NODES {
        let (provider, world) = (node(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        for name in ["a", "b", "c", "d"] {
            world.upload(&account, &world.write(name, name.as_bytes())).await;
        }
        world.clock.advance(Duration::from_secs(1));
        provider.pins(|pins| pins.remove(|pin| pin.name.as_deref() == Some("d")));
        provider.fail(Call::List, Fault::HalfTheLines);
        world.engine.refresh(Some(&account)).await.unwrap();
        let mut names: Vec<_> = world.pins().await.into_iter().filter_map(|pin| pin.held.name).collect();
        names.sort();
        assert_eq!(names, ["a", "b", "c"], "{kind:?}");
    }
}

#[tokio::test]
async fn all_that_somebody_else_removed_at_a_node_vanishes_at_once() {
    for kind in NODES {
        let (provider, world) = (node(kind).await, World::start().await);
        provider.pins(|pins| {
            for number in 0..300_u64 {
                pins.add(&identified(&number.to_le_bytes(), Profile::UNIXFS_V1_2025).cid, "a pin");
            }
        });
        let account = world.account(&provider, "one").await;
        world.engine.refresh(Some(&account)).await.unwrap();
        assert_eq!(world.pins().await.len(), 300, "{kind:?}");
        world.clock.advance(Duration::from_secs(1));
        provider.pins(|pins| pins.remove(|_| true));
        world.engine.refresh(Some(&account)).await.unwrap();
        assert_eq!(world.pins().await.len(), 0, "{kind:?}");
    }
}

#[tokio::test]
async fn a_list_that_breaks_off_removes_nothing() {
    for kind in NODES {
        let (provider, world) = (node(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        // Half of their lines end in the middle of one.
        for name in ["a", "b", "c", "the last one"] {
            world.upload(&account, &world.write(name, name.as_bytes())).await;
        }
        for (fault, code) in [
            (Fault::BrokenOff("context canceled"), Code::Unavailable),
            (Fault::TruncatedAnswer, Code::Network),
            (Fault::ReplyLost, Code::Network),
        ] {
            provider.fail_always(Call::List, fault.clone());
            let failed = world.engine.refresh(Some(&account)).await.err().map(|error| error.code());
            assert_eq!((failed, world.pins().await.len()), (Some(code), 4), "{kind:?} {fault:?}");
        }
        provider.heal();
        provider.pins(|pins| pins.remove(|pin| pin.name.as_deref() == Some("b")));
        world.clock.advance(Duration::from_secs(1));
        world.engine.refresh(Some(&account)).await.unwrap();
        let names: Vec<_> = world.pins().await.into_iter().map(|pin| pin.name()).collect();
        assert_eq!(names, ["a", "c", "the last one"], "{kind:?}");
    }
}

#[tokio::test]
async fn a_list_of_many_lines_comes_in_pages() {
    for kind in NODES {
        let (provider, world) = (node(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        let cids: Vec<_> =
            (0..2_500_u32).map(|number| identified(&number.to_le_bytes(), Profile::UNIXFS_V1_2025).cid).collect();
        provider.pins(|pins| cids.iter().for_each(|cid| pins.add(cid, "many").id = cid.to_string()));
        world.engine.refresh(Some(&account)).await.unwrap();
        let view = world.engine.accounts().await.unwrap().remove(0);
        assert_eq!(view.pins, 2_500, "{kind:?}");
    }
}

#[tokio::test]
async fn a_directory_stays_one_after_a_list_that_does_not_tell() {
    for kind in NODES {
        let (provider, world) = (node(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        world.write("d/a", b"a");
        world.upload(&account, &world.files.path().join("d")).await;
        world.engine.refresh(Some(&account)).await.unwrap();
        let pin = world.pins().await.remove(0);
        assert!(pin.held.is_directory && pin.held.bytes == Some(1), "{kind:?} {pin:?}");
    }
}

#[tokio::test]
async fn what_a_peer_of_a_cluster_failed_at_is_shown_with_its_reason() {
    let (provider, world) = (node(ProviderKind::Cluster).await, World::start().await);
    let account = world.account(&provider, "one").await;
    provider.behave(|manners| manners.status = "pin_error");
    let cid = identified(b"elsewhere", Profile::UNIXFS_V1_2025).cid;
    let id = world.engine.pin(&account, cid, Some("far".into()), Metadata::new()).await.unwrap();
    world.end_of(&id).await;
    world.engine.refresh(Some(&account)).await.unwrap();
    let pin = world.pins().await.remove(0).held;
    assert_eq!((pin.status, pin.raw_status.as_str()), (PinStatus::Failed, "pin_error"));
    assert_eq!(pin.message.as_deref(), Some("one: context deadline exceeded."));
}

#[tokio::test]
async fn what_a_node_repeats_of_a_request_is_not_shown() {
    for kind in NODES {
        let (provider, world) = (node(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        for call in [Call::List, Call::Pin] {
            for status in [200, 400, 403, 500] {
                provider.fail(call, Fault::EchoesHeaders(status));
                let error = match call {
                    Call::List => format!("{:?}", world.engine.refresh(Some(&account)).await),
                    _ => {
                        let cid = identified(&[1, u8::try_from(status % 256).unwrap()], Profile::UNIXFS_V1_2025).cid;
                        let id = world.engine.pin(&account, cid, None, Metadata::new()).await.unwrap();
                        let failed = eventually("it has failed", || async {
                            let transfer = world.transfer(&id).await;
                            transfer.state.failure().is_some().then_some(transfer)
                        });
                        format!("{:?}", failed.await)
                    }
                };
                for canary in provider.canaries() {
                    assert!(!error.contains(&canary), "{kind:?} {call:?} {status}: {error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_check_asks_the_node_every_time() {
    for kind in NODES {
        let (provider, world) = (node(kind).await, World::start().await);
        let account = world.account(&provider, "one").await;
        list_settled(&world, &provider, &account).await;
        provider.fail_always(Call::Test, Fault::ReplyLost);
        let view = world.engine.check_account(&account).await.unwrap();
        assert!(matches!(view.state, AccountState::Failed { code: Code::Network, .. }), "{kind:?} {:?}", view.state);
    }
}

#[tokio::test]
async fn a_node_that_asks_for_credentials_is_not_added_without() {
    for kind in NODES {
        let (provider, world) = (node(kind).await, World::start().await);
        let draft = AccountDraft { credentials: Credentials::None, ..provider.draft("one") };
        let error = world.engine.add_account(draft, Keep::Keyring).await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthorized, "{kind:?}: {error}");
    }
}
