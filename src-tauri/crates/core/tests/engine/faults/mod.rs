//! What the user sees of each fault of a service and of the network, what is tried again when, and that nobody else has to
//! wait for it (rows 22 to 25 of the fault matrix).
//!
//! `transfers` and `lists` are tables of single requests, the same for every kind of service; the others are about what
//! takes longer than a request.

mod endless;
mod endless_words;
mod lists;
mod lockout;
mod outages;
mod play;
mod redirects;
mod rotation;
mod stuck;
mod transfers;

use std::time::Duration;

use holdfast_content::Profile;
use holdfast_core::account::{AccountId, AccountState, ProviderKind};
use holdfast_testkit::{Call, FakeProvider, Fault, World, eventually};

/// The layout of the services' CIDs.
const LAYOUT: Profile = Profile::UNIXFS_V1_2025;

/// After which a connection without a sign of life is given up, where a row is about that.
const SILENCE: Duration = Duration::from_millis(500);

/// What the user reads.
const SILENT: &str = "the service cannot be reached: no answer in time";
const BROKEN: &str = "the service cannot be reached: the connection broke";
const CUT_SHORT: &str = "the service cannot be reached: the answer is cut short";
const REFUSED_KEY: &str = "the service does not accept these credentials";
const NOT_ALLOWED: &str = "these credentials do not allow this";
const USED_UP: &str = "the account's storage or balance is used up";
const SLOWER: &str = "the service asks to slow down";
const NO_API: &str = "this address does not answer like a pinning service: ";
const NOT_UNDERSTOOD: &str = "the service's answer cannot be understood: ";
const TOO_LONG: &str = "the answer is too long";

/// What the services say themselves.
const WORDS: &str = "the service's words";

/// What Kubo says with 403, whose classes differ only in that.
const DENIED_BY_KUBO: &str = "RPC Access Denied";
const TAKEN_FOR_A_WEB_PAGE: &str = "takes requests from web pages of its own list only";

const fn status(status: u16, retry_after: Option<u64>) -> Fault {
    Fault::Status { status, retry_after, message: WORDS }
}

const fn with(status: u16, headers: &'static [(&'static str, &'static str)]) -> Fault {
    Fault::StatusWith { status, headers, message: WORDS }
}

/// Seventeen seconds, by the service's own clock.
const UNTIL: &[(&str, &str)] =
    &[("date", "Fri, 01 May 2026 10:00:00 GMT"), ("retry-after", "Fri, 01 May 2026 10:00:17 GMT")];

/// Far slower than what a whole answer may take.
const fn trickle() -> Fault {
    Fault::Trickle { bytes: 2, pause: Duration::from_millis(100) }
}

async fn service(kind: ProviderKind) -> FakeProvider {
    FakeProvider::start_as(kind, LAYOUT).await
}

/// Lists an account, and gives the number of its requests for lists when none is under way any more: adding an account lists
/// it as well.
pub(crate) async fn list_settled(world: &World, provider: &FakeProvider, account: &AccountId) -> usize {
    world.engine.refresh(Some(account)).await.unwrap();
    eventually("no list is under way", || async {
        let before = provider.count(Call::List);
        tokio::time::sleep(Duration::from_millis(100)).await;
        (provider.under_way(Call::List) == 0 && provider.count(Call::List) == before).then_some(before)
    })
    .await
}

async fn account_state(world: &World, id: &AccountId) -> AccountState {
    let accounts = world.engine.accounts().await.unwrap();
    accounts.into_iter().find(|view| view.account.id == *id).unwrap().state
}
