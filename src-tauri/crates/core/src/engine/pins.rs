//! Pins: asking the mirror, following the providers.

use futures_util::future::join_all;
use holdfast_content::Cid;

use super::{Engine, OtherCopy, Remains, Shared, usage};
use crate::{
    account::Account,
    error::Error,
    ids::{AccountId, PinId, PinKey},
    pin::{Pin, PinPage, PinQuery, PinSet, Receipt, mirror},
    proof::Check,
};

/// Pins whose contents are given at a time.
pub const MOST_LISTED: u64 = 100_000;

/// Everything known about one pin.
#[derive(Clone, Debug)]
pub struct PinDetails {
    /// The pin.
    pub pin: Pin,
    /// Its account.
    pub account: Account,
    /// Other pins of the same content, at any account.
    pub others: Vec<OtherCopy>,
    /// What was asked about it, newest first.
    pub checks: Vec<Check>,
    /// What was taken here for it, newest first.
    pub receipts: Vec<Receipt>,
}

impl PinDetails {
    /// Whether the content stays somewhere when this pin goes.
    #[must_use]
    pub fn remains(&self) -> Remains {
        self.others.iter().map(|other| other.remains(&self.pin)).max().unwrap_or(Remains::No)
    }
}

impl Engine {
    /// A page of the mirror.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn pins(&self, query: PinQuery) -> Result<PinPage, Error> {
        let outdated = self.shared.access.all_outdated();
        let mut page = self.shared.store.pins(query, outdated).await?;
        let now = self.shared.ports.clock.now();
        page.rows = page.rows.into_iter().map(|pin| pin.shown_at(now)).collect();
        Ok(page)
    }

    /// Where these stand in the order of a question, whatever page it asks for; `None` of what does not match.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn places(&self, query: PinQuery, pins: Vec<PinKey>) -> Result<Vec<Option<u64>>, Error> {
        Ok(self.shared.store.places(query, self.shared.access.all_outdated(), pins).await?)
    }

    /// Which content these pins have and at which accounts: as they are named, or in the order of their question.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and [`Error::InvalidInput`] for more than [`MOST_LISTED`].
    pub async fn contents(&self, pins: PinSet) -> Result<Vec<(AccountId, Cid)>, Error> {
        let contents = match pins {
            PinSet::Named(keys) => {
                let mut contents = Vec::with_capacity(keys.len());
                for key in keys {
                    let pin = self.shared.store.pin(&key).await?;
                    let pin = pin.ok_or_else(|| Error::NoSuch { what: "pin", id: key.id.0 })?;
                    contents.push((key.account, pin.held.cid));
                }
                contents
            }
            PinSet::Matching(matching) => {
                self.shared.store.contents(self.chosen(matching).await?, MOST_LISTED + 1).await?
            }
        };
        if contents.len() as u64 > MOST_LISTED {
            return Err(Error::InvalidInput(format!(
                "More than {MOST_LISTED} pins are too many at a time; `holdfast ls` writes a list of all."
            )));
        }
        Ok(contents)
    }

    /// One pin with all that is known about it.
    ///
    /// # Errors
    /// [`Error::NoSuch`].
    pub async fn pin_details(&self, key: &PinKey) -> Result<PinDetails, Error> {
        let pin = self.shared.store.pin(key).await?;
        let pin = pin.ok_or_else(|| Error::NoSuch { what: "pin", id: key.id.0.clone() })?;
        let account = self.account(&key.account).await?;
        let others = self.other_copies(&pin).await?;
        let checks = self.shared.store.checks(&key.account, pin.held.cid).await?;
        let receipts = self.shared.store.receipts(key).await?;
        Ok(PinDetails { pin: pin.shown_at(self.shared.ports.clock.now()), account, others, checks, receipts })
    }

    /// The pin of that id at that account, or at the only account that has such a pin.
    ///
    /// # Errors
    /// [`Error::NoSuch`], and [`Error::InvalidInput`] when several accounts have one.
    pub async fn pin_named(&self, id: &str, account: Option<&AccountId>) -> Result<Pin, Error> {
        let mut found = self.shared.store.pins_with_id(&PinId(id.into())).await?;
        found.retain(|pin| account.is_none_or(|account| pin.account == *account));
        match (found.pop(), found.is_empty()) {
            (Some(pin), true) => Ok(pin),
            (Some(_), false) => Err(Error::InvalidInput(format!("Several accounts have a pin {id:?}; say which."))),
            (None, _) => Err(Error::NoSuch { what: "pin", id: id.into() }),
        }
    }

    /// Lists every account, or one, and brings the mirror up to date.
    ///
    /// # Errors
    /// The first account's that could not be listed; the others are up to date all the same.
    pub async fn refresh(&self, account: Option<&AccountId>) -> Result<(), Error> {
        match account {
            Some(id) => mirror::refresh(&self.shared, &self.account(id).await?).await,
            None => {
                let accounts = self.shared.store.accounts().await?;
                let all = join_all(accounts.iter().map(|account| mirror::refresh(&self.shared, account))).await;
                all.into_iter().collect()
            }
        }
    }
}

/// Lists one account and asks how much it uses; that it cannot be listed is noted with the account.
pub(super) async fn refresh_one(shared: &Shared, account: &Account) {
    is_listed(shared, account, mirror::refresh(shared, account).await).await;
}

/// The same, or only what is new in its list where that is long.
pub(super) async fn look_at(shared: &Shared, account: &Account) {
    is_listed(shared, account, mirror::look(shared, account).await).await;
}

async fn is_listed(shared: &Shared, account: &Account, listed: Result<(), Error>) {
    match listed {
        Ok(()) => usage::measure(shared, account).await,
        Err(error) => tracing::info!(account = %account.id, %error, "an account cannot be listed"),
    }
}
