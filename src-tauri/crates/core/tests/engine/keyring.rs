//! The keyring: what is kept without one, when it answers late, and what it does not give up at once.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::StreamExt;
use holdfast_content::{Cid, Profile};
use holdfast_core::{
    Code, SecretRemoval,
    account::{Account, AccountDraft, AccountState, Keep, PlainHttp, ProviderKind, SecretKept},
    gateway::{Gateway, GatewayError},
    pin::{PinId, ProviderPin},
    provider::{Capabilities, Connect, ListPage, Pages, Paging, PinRequest, Provider, ProviderError},
    transfer::TransferState,
    vault::Credentials,
};
use holdfast_testkit::{Call, FakeProvider, VaultMode, World, WorldBuilder, eventually};
use secrecy::ExposeSecret;
use url::Url;

async fn provider() -> FakeProvider {
    FakeProvider::start(Profile::UNIXFS_V1_2025).await
}

#[tokio::test]
async fn without_a_keyring_a_secret_is_kept_for_the_session_or_not_at_all() {
    for mode in [VaultMode::Unavailable, VaultMode::Denied] {
        let (provider, world) = (provider().await, World::start().await);
        world.vault.set_mode(mode);
        assert_eq!(world.engine.check_keyring().await.unwrap_err().code(), Code::KeyringUnavailable);
        let error = world.engine.add_account(provider.draft("one"), Keep::Keyring).await.unwrap_err();
        assert_eq!(error.code(), Code::KeyringUnavailable);
        assert!(world.engine.accounts().await.unwrap().is_empty());

        let added = world.engine.add_account(provider.draft("one"), Keep::Session).await.unwrap();
        assert_eq!((added.secret_kept, added.state), (SecretKept::Session, AccountState::Ok));
        let id = added.account.id;
        assert_eq!(world.upload(&id, &world.write("a", b"abc")).await.state, TransferState::Done);

        world.vault.set_mode(VaultMode::Works);
        assert!(world.vault.accounts().is_empty(), "nothing went to the keyring behind the user's back");
        let world = world.restart().await;
        let failed = world.upload(&id, &world.write("b", b"abcd")).await;
        assert_eq!(failed.state.failure().unwrap().code, Code::NoSecret);
        let view = world.engine.accounts().await.unwrap().remove(0);
        assert_eq!(view.secret_kept, SecretKept::Missing);
        assert_eq!(world.pins().await.len(), 1, "what is pinned is still shown");
    }
}

#[tokio::test]
async fn a_locked_keyring_is_waited_for() {
    let (provider, world) = (provider().await, World::start().await);
    let account = world.account(&provider, "one").await;
    let world = world.restart().await;
    world.vault.set_mode(VaultMode::Locked);
    let id = world.begin_upload(&account, &world.write("a", b"abc")).await;
    eventually("it runs", || async { (world.transfer(&id).await.state == TransferState::Running).then_some(()) }).await;
    assert_eq!(provider.count(Call::Upload), 0);
    world.vault.set_mode(VaultMode::Works);
    assert_eq!(world.end_of(&id).await.state, TransferState::Done);
}

#[tokio::test]
async fn a_secret_that_the_keyring_did_not_give_up_goes_as_soon_as_it_does() {
    let (provider, other, world) = (provider().await, provider().await, World::start().await);
    let first = world.account(&provider, "one").await;
    let second = world.account(&other, "other").await;
    world.vault.set_mode(VaultMode::Denied);
    assert_eq!(world.engine.remove_account(&first).await.unwrap(), SecretRemoval::WhenKeyringAnswers);
    assert_eq!(world.engine.accounts().await.unwrap().len(), 1, "the account is gone all the same");
    assert!(world.vault.accounts().contains(&first));

    // The next start finds it locked still; the first answer that it gives to anybody is the sign.
    let world = world.restart().await;
    world.vault.set_mode(VaultMode::Works);
    assert!(world.vault.accounts().contains(&first));
    world.engine.check_keyring().await.unwrap();
    eventually("the secret is gone", || async { (world.vault.accounts() == [second.clone()]).then_some(()) }).await;
    assert_eq!(world.engine.remove_account(&second).await.unwrap(), SecretRemoval::Done);
    assert!(world.vault.accounts().is_empty());
}

#[tokio::test]
async fn a_secret_left_behind_goes_at_the_next_start() {
    let (provider, world) = (provider().await, World::start().await);
    let account = world.account(&provider, "one").await;
    world.vault.set_mode(VaultMode::Unavailable);
    world.engine.remove_account(&account).await.unwrap();
    world.vault.set_mode(VaultMode::Works);
    let world = world.restart().await;
    eventually("the secret is gone", || async { world.vault.accounts().is_empty().then_some(()) }).await;
}

#[tokio::test]
async fn an_entry_that_the_keyring_cannot_forget_keeps_no_other_from_being_forgotten() {
    let (provider, world) = (provider().await, World::start().await);
    let mut accounts = Vec::new();
    for label in ["one", "two", "three"] {
        accounts.push(world.account(&provider, label).await);
    }
    accounts.sort();
    world.vault.hold(&accounts[0]);
    let removed = async |account| world.engine.remove_account(account).await.unwrap();
    assert_eq!(removed(&accounts[0]).await, SecretRemoval::WhenKeyringAnswers);
    assert_eq!(removed(&accounts[1]).await, SecretRemoval::Done);
    world.vault.set_mode(VaultMode::Denied);
    assert_eq!(removed(&accounts[2]).await, SecretRemoval::WhenKeyringAnswers);
    world.vault.set_mode(VaultMode::Works);
    world.engine.check_keyring().await.unwrap();
    let held = &accounts[..1];
    eventually("the others are gone", || async { (world.vault.accounts() == held).then_some(()) }).await;
}

#[tokio::test]
async fn a_secret_that_never_was_in_the_keyring_is_not_said_to_be_left_there() {
    let (provider, world) = (provider().await, World::start().await);
    world.vault.set_mode(VaultMode::Unavailable);
    let added = world.engine.add_account(provider.draft("one"), Keep::Session).await.unwrap();
    assert_eq!(world.engine.remove_account(&added.account.id).await.unwrap(), SecretRemoval::Done);
}

#[tokio::test]
async fn a_secret_that_a_node_needs_no_more_goes_when_the_keyring_answers() {
    let used = Used::default();
    let world = WorldBuilder::default().through(move |_| Recorded(Arc::clone(&used))).start().await;
    let draft = |credentials| AccountDraft { kind: ProviderKind::Kubo, ..token_draft("node", credentials) };
    let token = Credentials::token(&"token".into()).unwrap();
    let id = world.engine.add_account(draft(token), Keep::Keyring).await.unwrap().account.id;
    world.vault.set_mode(VaultMode::Denied);
    let open = world.engine.add_account(draft(Credentials::None), Keep::Keyring).await.unwrap();
    assert_eq!((open.account.id, open.secret_kept), (id.clone(), SecretKept::NotNeeded));
    assert_eq!(world.vault.accounts(), [id]);
    world.vault.set_mode(VaultMode::Works);
    world.engine.check_keyring().await.unwrap();
    eventually("the secret is gone", || async { world.vault.accounts().is_empty().then_some(()) }).await;
}

#[tokio::test]
async fn a_late_answer_of_the_keyring_does_not_bring_old_keys_back() {
    let used = Used::default();
    let calls = Arc::clone(&used);
    let world = WorldBuilder::default().through(move |_| Recorded(Arc::clone(&calls))).start().await;
    let draft = |token: &str| token_draft("one", Credentials::token(&token.into()).unwrap());
    let id = world.engine.add_account(draft("old"), Keep::Keyring).await.unwrap().account.id;
    let world = world.restart().await;
    world.vault.set_mode(VaultMode::Locked);
    let replace = async {
        eventually("the keyring is asked", || async { (world.vault.waiting() > 0).then_some(()) }).await;
        world.engine.add_account(draft("new"), Keep::Session).await.unwrap();
        world.vault.set_mode(VaultMode::Works);
    };
    let (checked, ()) = tokio::join!(world.engine.check_account(&id), replace);
    assert_eq!(checked.unwrap().secret_kept, SecretKept::Session);
    used.lock().unwrap().clear();
    world.engine.check_account(&id).await.unwrap();
    world.engine.refresh(Some(&id)).await.unwrap();
    let used = used.lock().unwrap();
    assert!(!used.is_empty() && used.iter().all(|token| token == "new"), "{used:?}");
}

#[tokio::test]
async fn keys_that_were_replaced_for_the_session_leave_the_keyring() {
    let used = Used::default();
    let world = WorldBuilder::default().through(move |_| Recorded(Arc::clone(&used))).start().await;
    let draft = |token: &str| token_draft("one", Credentials::token(&token.into()).unwrap());
    world.engine.add_account(draft("old"), Keep::Keyring).await.unwrap();
    world.engine.add_account(draft("new"), Keep::Session).await.unwrap();
    eventually("the old keys are gone", || async { world.vault.accounts().is_empty().then_some(()) }).await;
}

#[tokio::test]
async fn keys_that_were_replaced_for_the_session_are_not_used_again_even_if_the_keyring_keeps_them() {
    let used = Used::default();
    let calls = Arc::clone(&used);
    let world = WorldBuilder::default().through(move |_| Recorded(Arc::clone(&calls))).start().await;
    let draft = |token: &str| token_draft("one", Credentials::token(&token.into()).unwrap());
    let id = world.engine.add_account(draft("old"), Keep::Keyring).await.unwrap().account.id;
    world.vault.hold(&id);
    world.engine.add_account(draft("new"), Keep::Session).await.unwrap();
    let world = world.restart().await;
    used.lock().unwrap().clear();
    assert_eq!(world.engine.accounts().await.unwrap()[0].secret_kept, SecretKept::Missing);
    assert_eq!(world.engine.check_account(&id).await.unwrap().secret_kept, SecretKept::Missing);
    assert!(used.lock().unwrap().is_empty() && world.vault.accounts() == [id.clone()]);

    world.engine.add_account(draft("newest"), Keep::Keyring).await.unwrap();
    let world = world.restart().await;
    used.lock().unwrap().clear();
    assert_eq!(world.engine.check_account(&id).await.unwrap().secret_kept, SecretKept::Keyring);
    let used = used.lock().unwrap();
    assert!(!used.is_empty() && used.iter().all(|token| token == "newest"), "{used:?}");
}

#[tokio::test]
async fn a_late_answer_of_the_keyring_does_not_bring_a_removed_account_back() {
    let used = Used::default();
    let calls = Arc::clone(&used);
    let world = WorldBuilder::default().through(move |_| Recorded(Arc::clone(&calls))).start().await;
    let draft = token_draft("one", Credentials::token(&"token".into()).unwrap());
    let id = world.engine.add_account(draft, Keep::Keyring).await.unwrap().account.id;
    let world = world.restart().await;
    used.lock().unwrap().clear();
    world.vault.hold(&id);
    world.vault.set_mode(VaultMode::Locked);
    let asked = |times| {
        let vault = &world.vault;
        eventually("the keyring is asked", move || async move { (vault.waiting() == times).then_some(()) })
    };
    let remove = async {
        asked(1).await;
        world.engine.remove_account(&id).await.unwrap()
    };
    let unlock = async {
        asked(2).await;
        world.vault.set_mode(VaultMode::Works);
    };
    let (_, removed, ()) = tokio::join!(world.engine.check_account(&id), remove, unlock);
    assert_eq!((removed, world.vault.accounts()), (SecretRemoval::WhenKeyringAnswers, vec![id]));
    assert!(used.lock().unwrap().is_empty(), "nobody was asked in its name");
}

fn token_draft(label: &str, credentials: Credentials) -> AccountDraft {
    AccountDraft {
        label: label.into(),
        kind: ProviderKind::Psa,
        endpoint: "https://pins.example.org".into(),
        gateway: None,
        credentials,
        plain_http: PlainHttp::Refused,
    }
}

type Used = Arc<Mutex<Vec<String>>>;

/// Writes down the token of every call.
struct Recorded(Used);

struct Keyed(String, Used);

impl Connect for Recorded {
    fn connect(&self, _account: &Account, credentials: Credentials) -> Result<Arc<dyn Provider>, ProviderError> {
        let token = match credentials {
            Credentials::Token(token) => token.expose_secret().to_owned(),
            _ => String::new(),
        };
        Ok(Arc::new(Keyed(token, Arc::clone(&self.0))))
    }

    fn gateway(&self, _base: &Url) -> Result<Arc<dyn Gateway>, GatewayError> {
        Err(GatewayError::Network { reason: "it is a test's".into() })
    }
}

#[async_trait]
impl Provider for Keyed {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        self.1.lock().unwrap().push(self.0.clone());
        Ok(Capabilities {
            upload: None,
            edit: false,
            metadata: true,
            filters: &[],
            sorts: &[],
            paging: Paging::Whole,
            usage: false,
            addresses: false,
            profile: None,
        })
    }

    async fn pin(&self, _request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        Err(ProviderError::Unsupported { what: "it is a test's" })
    }

    async fn get(&self, _id: &PinId) -> Result<ProviderPin, ProviderError> {
        Err(ProviderError::NotFound { message: None })
    }

    fn list<'a>(&'a self, _cids: &'a [Cid]) -> Pages<'a> {
        self.1.lock().unwrap().push(self.0.clone());
        futures_util::stream::iter([Ok(ListPage::default())]).boxed()
    }

    async fn unpin(&self, _id: &PinId) -> Result<(), ProviderError> {
        Ok(())
    }
}
