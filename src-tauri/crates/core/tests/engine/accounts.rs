//! Adding and removing accounts: what is wrong is named, and then nothing is kept anywhere.

use std::sync::Arc;

use holdfast_content::Profile;
use holdfast_core::{
    Change, Code, Error,
    account::{Account, AccountDraft, AccountEdit, AccountId, AccountState, AccountView, Keep, PlainHttp, SecretKept},
    gateway::{Gateway, GatewayError},
    provider::{Connect, HttpConnect, Provider, ProviderError},
    transfer::TransferState,
    vault::Credentials,
};
use holdfast_testkit::{Call, FakeProvider, Fault, World, WorldBuilder, bytes_of, eventually};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use url::Url;

async fn provider() -> FakeProvider {
    FakeProvider::start(Profile::UNIXFS_V1_2025).await
}

async fn assert_nothing_was_kept(world: &World) {
    assert!(world.engine.accounts().await.unwrap().is_empty() && world.vault.accounts().is_empty());
}

#[tokio::test]
async fn a_draft_that_makes_no_sense_is_refused_before_anybody_is_asked() {
    let (provider, world) = (provider().await, World::start().await);
    for endpoint in ["", "not a url", "http://example.com/api", "ftp://127.0.0.1", "https://k:s@127.0.0.1/"] {
        let draft = AccountDraft { endpoint: endpoint.into(), ..provider.draft("one") };
        let error = world.engine.add_account(draft, Keep::Keyring).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidInput, "{endpoint:?}");
    }
    for label in ["", "  ", "a\nb", &"x".repeat(101)] {
        let error = world.engine.add_account(provider.draft(label), Keep::Keyring).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidInput, "{label:?}");
    }
    assert_nothing_was_kept(&world).await;
    assert!(provider.requests().is_empty());
}

#[tokio::test]
async fn a_label_is_there_once_whatever_its_letter_case() {
    let (one, other, world) = (provider().await, provider().await, World::start().await);
    let id = world.account(&one, "Photos").await;
    for label in [" photos", "this computer"] {
        let error = world.engine.add_account(other.draft(label), Keep::Keyring).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidInput);
        assert!(error.to_string().to_lowercase().contains(label.trim()), "{error}");
    }
    assert_eq!(world.vault.accounts(), [id]);
}

#[tokio::test]
async fn an_account_that_is_added_again_gets_the_new_keys_and_goes_on() {
    let (provider, world) = (provider().await, World::start().await);
    let draft = provider.draft("one");
    let id = world.engine.add_account(draft, Keep::Session).await.unwrap().account.id;
    let world = world.restart().await;
    let failed = world.upload(&id, &world.write("a", b"abc")).await;
    assert_eq!(failed.state.failure().unwrap().code, Code::NoSecret);
    let again = world.engine.add_account(provider.draft("one"), Keep::Keyring).await.unwrap();
    assert_eq!((again.account.id, again.secret_kept), (id.clone(), SecretKept::Keyring));
    assert_eq!((world.engine.accounts().await.unwrap().len(), world.vault.accounts()), (1, vec![id]));
    eventually("what had failed goes on", || async {
        (world.transfer(&failed.id).await.state == TransferState::Done).then_some(())
    })
    .await;
}

/// Gives the account "one" its keys again, and does something else while the service is asked about them.
async fn add_again_while<T>(
    world: &World,
    provider: &FakeProvider,
    meanwhile: impl Future<Output = T>,
) -> (Result<AccountView, Error>, T) {
    let held = CancellationToken::new();
    provider.fail(Call::Test, Fault::Held(held.clone()));
    let draft = AccountDraft { gateway: None, ..provider.draft("one") };
    let meanwhile = async {
        eventually("it is asked", || async { (provider.under_way(Call::Test) > 0).then_some(()) }).await;
        let done = meanwhile.await;
        held.cancel();
        done
    };
    tokio::join!(world.engine.add_account(draft, Keep::Keyring), meanwhile)
}

#[tokio::test]
async fn what_becomes_of_an_account_while_it_is_added_again_stays_so() {
    let (provider, world) = (provider().await, World::start().await);
    let id = world.account(&provider, "one").await;
    let edit = AccountEdit {
        label: Some("Photos".into()),
        gateway: Some("https://gateway.example.org".into()),
        plain_http: PlainHttp::Refused,
    };
    let meanwhile = async {
        world.upload(&id, &world.write("a", &bytes_of(1, 1_100_000))).await;
        world.engine.edit_account(&id, edit).await.unwrap().account
    };
    let (again, edited) = add_again_while(&world, &provider, meanwhile).await;
    assert!(edited.profile.is_some());
    assert_eq!((&again.unwrap().account, &world.engine.account(&id).await.unwrap()), (&edited, &edited));
}

#[tokio::test]
async fn an_account_that_is_removed_while_it_is_added_again_stays_removed() {
    let (provider, world) = (provider().await, World::start().await);
    let id = world.account(&provider, "one").await;
    let (again, removed) = add_again_while(&world, &provider, world.engine.remove_account(&id)).await;
    removed.unwrap();
    assert_eq!(again.unwrap_err().code(), Code::NotFound);
    assert_nothing_was_kept(&world).await;
}

#[tokio::test]
async fn an_account_that_is_added_again_takes_the_gateway_that_is_named() {
    let (provider, world) = (provider().await, World::start().await);
    let added_with = async |gateway: Option<&str>| {
        let draft = AccountDraft { gateway: gateway.map(str::to_owned), ..provider.draft("one") };
        world.engine.add_account(draft, Keep::Keyring).await.unwrap().account.gateway_text().unwrap()
    };
    let usual = added_with(None).await;
    assert_ne!(usual, "https://gateway.example.org/ipfs/{cid}");
    for gateway in [Some("https://gateway.example.org/ipfs/{cid}"), None] {
        assert_eq!(added_with(gateway).await, "https://gateway.example.org/ipfs/{cid}", "{gateway:?}");
    }
}

#[tokio::test]
async fn an_address_that_does_not_answer_as_it_should_is_not_added() {
    let foreign = provider().await;
    let status = |status| Fault::Status { status, retry_after: None, message: "no" };
    for (fault, expected) in [
        (status(401), Code::Unauthorized),
        (status(403), Code::Forbidden),
        (status(500), Code::Unavailable),
        (status(429), Code::RateLimited),
        (Fault::WebPage(200), Code::NotAPinningApi),
        (Fault::WebPage(404), Code::NotAPinningApi),
        (Fault::RedirectTo(302, foreign.endpoint()), Code::NotAPinningApi),
        (Fault::TruncatedAnswer, Code::Network),
        (Fault::ReplyLost, Code::Network),
    ] {
        let (provider, world) = (provider().await, World::start().await);
        provider.fail_always(Call::Test, fault.clone());
        let error = world.engine.test_account(provider.draft("one")).await.unwrap_err();
        assert_eq!(error.code(), expected, "{fault:?}");
        for keep in [Keep::Keyring, Keep::Session] {
            let error = world.engine.add_account(provider.draft("one"), keep).await.unwrap_err();
            assert_eq!(error.code(), expected, "{fault:?}");
        }
        assert_nothing_was_kept(&world).await;
    }
    assert!(foreign.requests().is_empty(), "nobody else was asked");
}

#[tokio::test]
async fn wrong_keys_are_not_added() {
    let (provider, world) = (provider().await, World::start().await);
    let wrong = Credentials::key_and_secret("wrong", &"wrong".into()).unwrap();
    let draft = AccountDraft { credentials: wrong, ..provider.draft("one") };
    let error = world.engine.add_account(draft, Keep::Keyring).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthorized);
    assert_nothing_was_kept(&world).await;
}

#[tokio::test]
async fn an_address_where_nobody_answers_is_not_added() {
    let (provider, world) = (provider().await, World::start().await);
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let draft = AccountDraft { endpoint: format!("http://{nobody}/api"), ..provider.draft("one") };
    let error = world.engine.add_account(draft, Keep::Keyring).await.unwrap_err();
    assert_eq!(error.code(), Code::Network);
    assert_nothing_was_kept(&world).await;
}

#[tokio::test]
async fn an_address_that_does_not_speak_tls_is_not_added_and_the_reason_is_named() {
    let (provider, world) = (provider().await, World::start().await);
    let draft = provider.draft("one");
    let draft = AccountDraft { endpoint: draft.endpoint.replace("http:", "https:"), ..draft };
    let error = world.engine.add_account(draft, Keep::Keyring).await.unwrap_err();
    assert_eq!(error.code(), Code::Network);
    let said = error.to_string();
    assert!(said.contains("speaks no TLS") && said.ends_with("its address begins with http://"), "{said}");
    assert_nothing_was_kept(&world).await;
}

#[tokio::test]
async fn an_unencrypted_address_on_another_machine_works_for_as_long_as_the_user_has_it() {
    let provider = provider().await;
    let here = provider.endpoint().parse().unwrap();
    let world = WorldBuilder::default().through(move |http| Elsewhere(http, Url::clone(&here))).start().await;
    let draft = || AccountDraft { endpoint: "http://192.168.1.5:8080/api".into(), ..provider.draft("one") };
    let refused = world.engine.add_account(draft(), Keep::Keyring).await.unwrap_err();
    assert!(refused.to_string().contains("https://"), "{refused}");
    let accepted = AccountDraft { plain_http: PlainHttp::Accepted, ..draft() };
    let id = world.engine.add_account(accepted, Keep::Keyring).await.unwrap().account.id;
    let world = world.restart().await;
    assert_eq!(world.engine.account(&id).await.unwrap().endpoint.as_str(), "http://192.168.1.5:8080/api");
    assert_eq!(world.upload(&id, &world.write("a", b"abc")).await.state, TransferState::Done);
}

/// Reaches every endpoint at one address of this machine.
struct Elsewhere(HttpConnect, Url);

impl Connect for Elsewhere {
    fn connect(&self, account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, ProviderError> {
        self.0.connect(&Account { endpoint: self.1.clone(), ..account.clone() }, credentials)
    }

    fn gateway(&self, base: &Url) -> Result<Arc<dyn Gateway>, GatewayError> {
        self.0.gateway(base)
    }
}

#[tokio::test]
async fn an_account_that_fails_right_after_it_was_added_is_there_and_says_so() {
    let (provider, world) = (provider().await, World::start().await);
    let down = Fault::Status { status: 503, retry_after: None, message: "no" };
    provider.fail(Call::Test, Fault::Nothing);
    provider.fail_always(Call::Test, down.clone());
    provider.fail_always(Call::List, down);
    world.engine.add_account(provider.draft("one"), Keep::Keyring).await.unwrap();
    eventually("it is shown", || async {
        let view = world.engine.accounts().await.unwrap().remove(0);
        matches!(view.state, AccountState::Failed { code: Code::Unavailable, .. }).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_account_survives_a_restart_and_goes_with_its_secret() {
    let (provider, world) = (provider().await, World::start().await);
    let account = world.account(&provider, "one").await;
    world.upload(&account, &world.write("a", b"abc")).await;
    let world = world.restart().await;
    let view = world.engine.accounts().await.unwrap().remove(0);
    assert_eq!((view.secret_kept, view.pins, view.bytes), (SecretKept::Keyring, 1, 3));
    world.engine.remove_account(&account).await.unwrap();
    assert_nothing_was_kept(&world).await;
    assert!(world.pins().await.is_empty());
    assert_eq!(provider.pins(|pins| pins.all().iter().filter(|pin| pin.pinned).count()), 1, "it stays pinned there");
    assert_eq!(world.engine.remove_account(&account).await.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_label_and_a_gateway_can_be_changed() {
    let (provider, other, world) = (provider().await, provider().await, World::start().await);
    let id = world.account(&provider, "one").await;
    world.account(&other, "other").await;
    world.upload(&id, &world.write("a", &bytes_of(1, 1_100_000))).await;
    let edit = |label: Option<&str>, gateway: Option<&str>| AccountEdit {
        label: label.map(str::to_owned),
        gateway: gateway.map(str::to_owned),
        plain_http: PlainHttp::Refused,
    };
    let edited = |label, gateway| world.engine.edit_account(&id, edit(label, gateway));
    let mut changes = world.engine.changes();
    let view = edited(Some(" Photos "), Some("https://gateway.example.org/ipfs/{cid}")).await.unwrap();
    assert_eq!(view.account.label, "Photos");
    assert_eq!(view.account.gateway_text().as_deref(), Some("https://gateway.example.org/ipfs/{cid}"));
    assert_eq!((view.pins, &view.account.profile), (1, &world.engine.account(&id).await.unwrap().profile));
    assert!(view.account.profile.is_some(), "what was learnt of it stays");
    assert!(std::iter::from_fn(|| changes.try_recv().ok()).any(|change| matches!(change, Change::Accounts(_))));
    assert_eq!(edited(None, None).await.unwrap().account, view.account);
    assert_eq!(
        edited(Some("photos"), None).await.unwrap().account.label,
        "photos",
        "another letter case is no other label"
    );
    assert_eq!(edited(None, Some(" ")).await.unwrap().account.gateway, None);
    let refused =
        [(Some("Other"), None), (Some("this computer"), None), (Some(""), None), (None, Some("http://192.168.1.5"))];
    for (label, gateway) in refused {
        let error = edited(label, gateway).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidInput, "{label:?} {gateway:?}");
    }
    assert_eq!(world.engine.account(&id).await.unwrap().label, "photos");
    let nobody = AccountId("nobody".into());
    assert_eq!(world.engine.edit_account(&nobody, edit(None, None)).await.unwrap_err().code(), Code::NotFound);
}
