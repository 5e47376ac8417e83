//! Key and secret stand in the vault and in requests to their own service, and nowhere else.

use std::{fs, path::Path};

use holdfast_content::Profile;
use holdfast_core::{
    account::{Keep, ProviderKind},
    pin::Metadata,
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, eventually, identified};

use crate::logs;

/// Every file below a directory, with its bytes.
pub(crate) fn files_below(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    files
}

pub(crate) fn assert_clean(what: &str, bytes: &[u8], canaries: &[String]) {
    for canary in canaries {
        let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
        assert!(!found, "{what} has a secret: {}", String::from_utf8_lossy(bytes));
    }
}

#[tokio::test]
async fn no_error_no_debug_output_no_log_and_no_file_of_the_home_has_a_secret() {
    logs::collect();
    for kind in ProviderKind::ALL {
        nothing_has_a_secret_of(kind).await;
    }
}

async fn nothing_has_a_secret_of(kind: ProviderKind) {
    let provider = FakeProvider::start_as(kind, Profile::UNIXFS_V1_2025).await;
    let foreign = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    let canaries = provider.canaries();
    let world = WorldBuilder::default().start().await;
    let account = world.account(&provider, "one").await;
    let mut said = vec![format!("{:?} {:?}", world.engine, world.vault), format!("{:?}", provider.draft("x"))];
    let faults = [
        Fault::EchoesHeaders(400),
        Fault::EchoesHeaders(401),
        Fault::EchoesHeaders(500),
        Fault::EchoesHeaders(200),
        Fault::WebPage(200),
        Fault::RedirectTo(302, foreign.endpoint()),
        Fault::TruncatedAnswer,
        Fault::ReplyLost,
        Fault::WrongRootHash,
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        provider.fail(Call::Test, fault.clone());
        let error = world.engine.add_account(provider.draft(&format!("{number}")), Keep::Keyring).await;
        said.push(format!("{error:?}"));
        if let Err(error) = error {
            said.push(format!("{error} {error:?} {:?}", error.details()));
        }
        provider.fail(Call::List, fault.clone());
        if let Err(error) = world.engine.refresh(Some(&account)).await {
            said.push(format!("{error} {error:?} {:?}", error.details()));
        }
        for call in [Call::Upload, Call::Pin] {
            provider.fail(call, fault.clone());
        }
        let cid = identified(&[number.to_le_bytes()[0]], Profile::UNIXFS_V1_2025).cid;
        let begun = [
            world.begin_upload(&account, &world.write(&format!("{number}"), &[7; 100][..=number])).await,
            world.engine.pin(&account, cid, None, Metadata::new()).await.unwrap(),
        ];
        for id in begun {
            let tried = eventually("a try ends", || async {
                let tried = world.transfer(&id).await;
                (tried.state.is_final() || tried.state.failure().is_some()).then_some(tried)
            })
            .await;
            said.push(format!("{tried:?}"));
        }
        provider.heal();
    }
    said.push(format!("{:?}", world.engine.accounts().await.unwrap()));
    assert!(said.iter().any(|text| text.contains("You sent")), "{kind:?}: the service did repeat what it was sent");
    said.push(logs::collected());
    for text in &said {
        assert_clean("a message", text.as_bytes(), &canaries);
    }
    assert!(foreign.requests().is_empty(), "a redirect was followed");

    world.engine.shut_down().await;
    let files = files_below(world.home());
    assert!(files.iter().any(|(name, bytes)| name.ends_with("holdfast.db") && !bytes.is_empty()));
    for (name, bytes) in files {
        assert_clean(&name, &bytes, &canaries);
    }
}

#[tokio::test]
async fn a_service_gets_its_own_keys_with_every_call_and_no_others() {
    let (one, other) =
        (FakeProvider::start(Profile::UNIXFS_V1_2025).await, FakeProvider::start(Profile::UNIXFS_V1_2025).await);
    let world = World::start().await;
    let (first, second) = (world.account(&one, "one").await, world.account(&other, "other").await);
    let path = world.write("a", b"abc");
    for account in [&first, &second] {
        world.upload(account, &path).await;
        world.engine.refresh(Some(account)).await.unwrap();
    }
    for (provider, stranger) in [(&one, &other), (&other, &one)] {
        let [key, secret, _] = provider.canaries();
        for request in provider.requests() {
            let value =
                |name: &str| request.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.clone());
            assert_eq!(value("pinning_api_key"), Some(key.clone()), "{}", request.line);
            assert_eq!(value("pinning_secret_key"), Some(secret.clone()), "{}", request.line);
            assert_clean("a request", format!("{request:?}").as_bytes(), &stranger.canaries());
            assert!(!request.line.contains("canary"), "a URL has a secret");
        }
    }
}
