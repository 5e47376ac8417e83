//! Checking what an account's service can do, and keeping the card.

use super::{Change, Engine};
use crate::{
    account::{AccountCard, AccountId, AccountView, Deletion, Duplicates},
    error::Error,
};

impl Engine {
    /// Finds out what an account's service can do, with a small pin of its own that is removed again, and keeps what was found
    /// with the account.
    ///
    /// # Errors
    /// [`Error::NoSuch`], or why the service could not be asked.
    pub async fn probe_account(&self, id: &AccountId) -> Result<AccountView, Error> {
        let account = self.account(id).await?;
        let capabilities = self.shared.access.test(&account).await?;
        let card = AccountCard {
            checked_at: self.shared.ports.clock.now(),
            upload: capabilities.upload,
            edit: capabilities.edit,
            filters: capabilities.filters.to_vec(),
            sorts: capabilities.sorts.to_vec(),
            paging: capabilities.paging,
            page_rows: None,
            profile: None,
            duplicates: Duplicates::Unknown,
            deletion: Deletion::Unknown,
            usage: None,
            notes: Vec::new(),
        };
        self.shared.store.save_card(id, &card).await?;
        self.shared.announce(Change::Accounts);
        self.view(self.account(id).await?).await
    }
}
