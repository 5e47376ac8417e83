//! The account *This computer*: its address and keys are good for one run, its links for longer.

use std::time::Duration;

use holdfast_content::Profile;
use holdfast_core::{
    Code, ThisComputer,
    account::{AccountState, AccountView, SecretKept},
    transfer::TransferState,
};
use holdfast_testkit::{FakeProvider, World};
use url::Url;

async fn provider() -> FakeProvider {
    FakeProvider::start(Profile::UNIXFS_V1_2025).await
}

fn service(provider: &FakeProvider) -> ThisComputer {
    ThisComputer {
        endpoint: provider.endpoint().parse().unwrap(),
        gateway: "http://127.0.0.1:1".parse().unwrap(),
        credentials: provider.credentials(),
    }
}

async fn view(world: &World) -> AccountView {
    world.engine.accounts().await.unwrap().remove(0)
}

#[tokio::test]
async fn it_is_there_and_cannot_be_removed() {
    let (provider, world) = (provider().await, World::start().await);
    let view = world.engine.set_this_computer(service(&provider)).await.unwrap();
    let again = world.engine.set_this_computer(service(&provider)).await.unwrap();
    assert_eq!(view.account.id, again.account.id);
    let error = world.engine.remove_account(&view.account.id).await.unwrap_err();
    assert_eq!(error.code(), Code::InvalidInput);
    assert_eq!(world.engine.accounts().await.unwrap().len(), 1);
    assert_eq!(world.engine.default_account().await.unwrap().id, view.account.id);
    assert_eq!(world.upload(&view.account.id, &world.write("a", b"abc")).await.verified, Some(true));
}

/// Another program may have the port by then, and would be shown the keys.
#[tokio::test]
async fn nothing_is_sent_to_where_it_was_in_an_earlier_run() {
    let (provider, world) = (provider().await, World::start().await);
    let account = world.engine.set_this_computer(service(&provider)).await.unwrap().account.id;
    assert_eq!(world.upload(&account, &world.write("a", b"abc")).await.state, TransferState::Done);
    assert!(world.vault.accounts().is_empty(), "its keys are in no keyring");
    assert_eq!(view(&world).await.secret_kept, SecretKept::NotNeeded);

    let world = world.restart().await;
    let before = provider.requests().len();
    world.engine.this_computer_cannot_run("its database is damaged".into());
    let id = world.begin_upload(&account, &world.write("b", b"abcd")).await;
    let waits = holdfast_testkit::eventually("the upload waits", || async {
        let transfer = world.transfer(&id).await;
        matches!(transfer.state, TransferState::Waiting { .. }).then_some(transfer)
    });
    let said = waits.await.state.failure().unwrap().message.clone();
    assert!(said.contains("not running") && said.contains("its database is damaged"), "{said}");
    let checked = world.engine.check_account(&account).await.unwrap();
    let AccountState::Failed { code: Code::Unavailable, message } = checked.state else { panic!("{checked:?}") };
    assert!(message.contains("its database is damaged"), "{message}");
    assert_eq!(provider.requests().len(), before, "something was sent to the old address");

    world.engine.set_this_computer(service(&provider)).await.unwrap();
    world.clock.advance(Duration::from_secs(3600));
    assert_eq!(world.end_in_time(&id).await.state, TransferState::Done);
}

#[tokio::test]
async fn it_asks_for_the_port_that_its_links_have_until_it_gets_it_back() {
    let world = World::start().await;
    let at = |port: u16| ThisComputer {
        endpoint: Url::parse(&format!("http://127.0.0.1:{port}/api")).unwrap(),
        gateway: Url::parse(&format!("http://127.0.0.1:{port}")).unwrap(),
        credentials: holdfast_core::vault::Credentials::None,
    };
    assert_eq!(world.engine.port_of_this_computer().await.unwrap(), None);
    assert_eq!(world.engine.set_this_computer(at(4001)).await.unwrap().lost_port, None);

    let world = world.restart().await;
    assert_eq!(world.engine.set_this_computer(at(4002)).await.unwrap().lost_port, Some(4001));
    assert_eq!(world.engine.port_of_this_computer().await.unwrap(), Some(4001));

    let world = world.restart().await;
    assert_eq!(world.engine.set_this_computer(at(4001)).await.unwrap().lost_port, None);
}
