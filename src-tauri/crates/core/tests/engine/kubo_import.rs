//! What a Kubo repository knows is found, and nothing of its keys is shown on the way.

use std::{fs, path::PathBuf, time::Duration};

use holdfast_content::Profile;
use holdfast_core::{
    Code,
    account::{AccountEdit, Keep, ProviderKind, SecretKept},
};
use holdfast_testkit::{FakeProvider, VaultMode, World};

const CONFIG: &str = include_str!("fixtures/kubo-0.43-config.json");

fn repository(world: &World, config: &str) -> PathBuf {
    world.write("repository/config", config.as_bytes()).parent().unwrap().into()
}

#[tokio::test]
async fn the_node_and_its_remote_services_are_found() {
    let world = World::start().await;
    let repository = repository(&world, CONFIG);
    let found = world.engine.kubo_services(Some(repository.clone())).await.unwrap();
    let rows: Vec<_> =
        found.iter().map(|one| (one.name.as_str(), one.kind, one.endpoint.as_str(), one.problem.as_deref())).collect();
    let unencrypted = "The endpoint must start with https://, or the secret would travel unencrypted.";
    assert_eq!(
        rows,
        [
            ("Kubo", ProviderKind::Kubo, "http://127.0.0.1:5001", None),
            ("by hand", ProviderKind::Psa, "https://pins.example.org/v1/ipfs", Some("The token is missing.")),
            ("pinata", ProviderKind::Psa, "https://api.pinata.cloud/psa", None),
            ("unencrypted", ProviderKind::Psa, "http://pins.example.org", Some(unencrypted)),
        ]
    );
    assert!(found.iter().all(|one| !one.already_added));
    assert!(!format!("{found:?}").contains("TOKEN"), "{found:?}");
    let by_file = world.engine.kubo_services(Some(repository.join("config"))).await.unwrap();
    assert_eq!(by_file, found);
}

#[tokio::test]
async fn a_daemon_that_was_given_its_port_by_the_system_is_found_where_it_says() {
    let world = World::start().await;
    let repository = repository(&world, &CONFIG.replace("/tcp/5001", "/tcp/0"));
    let first = async || world.engine.kubo_services(Some(repository.clone())).await.unwrap().remove(0);
    assert_eq!(first().await.kind, ProviderKind::Psa);
    fs::write(repository.join("api"), "/ip4/127.0.0.1/tcp/45678\n").unwrap();
    assert_eq!(first().await.endpoint, "http://127.0.0.1:45678");
}

#[tokio::test]
async fn what_is_no_configuration_is_refused_without_repeating_it() {
    let world = World::start().await;
    let canary =
        r#"{"Pinning": {"RemoteServices": {"one": {"API": {"Endpoint": "https://x", "Key": {"canary": 1}}}}}}"#;
    for (config, words) in [
        (canary, "is no Kubo configuration (line 1, column"),
        (r#"{"API": "canary"}"#, "is no Kubo configuration (line 1, column"),
        ("canary", "is no Kubo configuration (line 1, column"),
        (&format!(r#"{{"Addresses": "{}"}}"#, "canary".repeat(1 << 18)), "is too long for a Kubo configuration"),
    ] {
        let repository = repository(&world, config);
        let error = world.engine.kubo_services(Some(repository)).await.unwrap_err();
        assert!(error.code() == Code::InvalidInput && error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let nowhere = world.engine.kubo_services(Some(world.files.path().join("nowhere"))).await.unwrap_err();
    assert_eq!(nowhere.code(), Code::NotFound, "that there is none is not that it is broken");
    assert!(nowhere.to_string().starts_with("there is no Kubo repository "), "{nowhere}");
}

#[tokio::test]
async fn a_configuration_with_nothing_in_it_names_nothing() {
    let world = World::start().await;
    for config in ["{}", r#"{"API": null, "Addresses": null, "Pinning": {"RemoteServices": null}}"#] {
        let repository = repository(&world, config);
        assert_eq!(world.engine.kubo_services(Some(repository)).await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_node_is_taken_over_with_its_credentials_and_is_there_once() {
    let world = World::start().await;
    let node = FakeProvider::start_as(ProviderKind::Kubo, Profile::UNIXFS_V1_2025).await;
    let [_, secret, _] = node.canaries();
    let port = node.endpoint().rsplit(':').next().unwrap().to_owned();
    let users = format!(
        r#""API": {{"Authorizations": {{"me": {{"AuthSecret": "bearer:{secret}", "AllowedPaths": ["/api/v0"]}}}},"#
    );
    let config = CONFIG.replace("/tcp/5001", &format!("/tcp/{port}")).replacen(r#""API": {"#, &users, 1);
    let repository = repository(&world, &config);
    let names = ["Kubo".to_owned(), "by hand".to_owned()];
    for _ in 0..2 {
        let imported =
            world.engine.import_kubo_services(Some(repository.clone()), &names, Keep::Keyring).await.unwrap();
        let [kubo, by_hand] = &imported[..] else { panic!("{imported:?}") };
        let account = &kubo.account.as_ref().unwrap().account;
        assert_eq!((account.kind, account.label.as_str()), (ProviderKind::Kubo, "Kubo"));
        assert_eq!(account.endpoint.as_str(), format!("{}/", node.endpoint()));
        assert_eq!(account.gateway.as_ref().unwrap().as_str(), "http://127.0.0.1:8080/");
        assert_eq!(by_hand.account.as_ref().unwrap_err().to_string(), "The token is missing.");
        assert_eq!(world.engine.accounts().await.unwrap().len(), 1);
    }
    let found = world.engine.kubo_services(Some(repository)).await.unwrap();
    assert!(found[0].already_added && !found[1].already_added, "{found:?}");
}

/// A configuration that names remote services, with the key of each.
fn remotes(services: &[(&str, &str, &str)]) -> String {
    let remote = |(name, endpoint, key): &(&str, &str, &str)| {
        (name.to_string(), serde_json::json!({ "API": { "Endpoint": endpoint, "Key": key } }))
    };
    let services: serde_json::Map<_, _> = services.iter().map(remote).collect();
    serde_json::json!({ "Pinning": { "RemoteServices": services } }).to_string()
}

#[tokio::test]
async fn two_keys_at_one_service_are_two_accounts() {
    let service = FakeProvider::start_as(ProviderKind::Psa, Profile::UNIXFS_V1_2025).await;
    let (world, endpoint) = (World::start().await, service.endpoint());
    let [_, token, _] = service.canaries();
    let repository = repository(&world, &remotes(&[("mine", &endpoint, &token), ("theirs", &endpoint, "other")]));
    let import = async |name: &str, keep| {
        let names = [name.to_owned()];
        world.engine.import_kubo_services(Some(repository.clone()), &names, keep).await.unwrap().remove(0).account
    };
    import("mine", Keep::Keyring).await.unwrap();
    let states = async || {
        let found = world.engine.kubo_services(Some(repository.clone())).await.unwrap();
        found.into_iter().map(|one| (one.name, one.label, one.already_added)).collect::<Vec<_>>()
    };
    let expected = |mine| [("mine".into(), "mine".into(), mine), ("theirs".into(), "theirs".into(), false)];
    assert_eq!(states().await, expected(true));
    assert_eq!(import("theirs", Keep::Keyring).await.unwrap_err().code(), Code::Unauthorized, "its own key was tried");
    // Whether the key is the same cannot be told while the keyring is locked: the name has to do.
    world.vault.set_mode(VaultMode::Denied);
    assert_eq!(states().await, expected(true));
    world.vault.set_mode(VaultMode::Works);
    // A keyring that did not answer is given some rest.
    world.clock.advance(Duration::from_secs(6));
    let id = world.engine.account_named("mine").await.unwrap().id;
    world
        .engine
        .edit_account(&id, AccountEdit { label: Some("Photos".into()), ..AccountEdit::default() })
        .await
        .unwrap();
    assert_eq!(states().await[0], ("mine".into(), "Photos".into(), true), "it is known by its key");
    world.engine.add_account(service.draft("Photos"), Keep::Keyring).await.unwrap();
    assert_eq!(world.engine.accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_account_whose_key_is_another_keeps_it_and_one_whose_key_is_lost_gets_it_again() {
    let service = FakeProvider::start_as(ProviderKind::Psa, Profile::UNIXFS_V1_2025).await;
    let (world, endpoint) = (World::start().await, service.endpoint());
    let [_, token, _] = service.canaries();
    let other = repository(&world, &remotes(&[("one", &endpoint, "another-key")]));
    world.engine.add_account(service.draft("one"), Keep::Session).await.unwrap();
    let found = world.engine.kubo_services(Some(other)).await.unwrap().remove(0);
    assert_eq!((found.label.as_str(), found.already_added), ("one (2)", false));

    let world = world.restart().await;
    let same = repository(&world, &remotes(&[("one", &endpoint, &token)]));
    let found = world.engine.kubo_services(Some(same.clone())).await.unwrap().remove(0);
    assert_eq!((found.label.as_str(), found.already_added), ("one", false));
    world.engine.import_kubo_services(Some(same.clone()), &["one".to_owned()], Keep::Keyring).await.unwrap();
    let views = world.engine.accounts().await.unwrap();
    assert_eq!((views.len(), views[0].secret_kept), (1, SecretKept::Keyring));
    assert!(world.engine.kubo_services(Some(same)).await.unwrap()[0].already_added);
}

#[tokio::test]
async fn no_two_services_get_the_same_label() {
    let world = World::start().await;
    let remotes = remotes(&[
        ("Kubo", "https://a.example.org", "k"),
        ("PINATA", "https://b.example.org", "k"),
        ("pinata", "https://c.example.org", "k"),
        ("this computer", "https://d.example.org", "k"),
    ]);
    let with_node = remotes.replacen('{', r#"{"Addresses": {"API": "/ip4/127.0.0.1/tcp/5001"},"#, 1);
    let found = world.engine.kubo_services(Some(repository(&world, &with_node))).await.unwrap();
    let shown: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.label.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("Kubo", "Kubo"),
            ("Kubo (2)", "Kubo (2)"),
            ("PINATA", "PINATA"),
            ("pinata (2)", "pinata (2)"),
            ("this computer", "this computer (2)"),
        ]
    );
    assert_eq!((found[0].kind, found[1].kind), (ProviderKind::Kubo, ProviderKind::Psa));
}

#[tokio::test]
async fn a_name_that_nothing_has_adds_nothing() {
    let world = World::start().await;
    let repository = repository(&world, CONFIG);
    let names = ["pinata".to_owned(), "nobody".to_owned()];
    let error = world.engine.import_kubo_services(Some(repository), &names, Keep::Keyring).await.unwrap_err();
    assert_eq!(error.to_string(), r#"there is no service in the Kubo configuration "nobody""#);
    assert!(world.engine.accounts().await.unwrap().is_empty() && world.vault.accounts().is_empty());
}
