//! Files for a service that only pins by CID: they are added at the user's own node, and the service gets them from there.

use crate::{
    account::{Account, ProviderKind, UploadRoute},
    engine::Shared,
    error::Error,
};

/// How files get to an account, as far as is known without asking anybody.
pub(crate) async fn route(shared: &Shared, account: &Account) -> Result<UploadRoute, Error> {
    if shared.access.takes_files(account) {
        return Ok(UploadRoute::Direct);
    }
    Ok(match node(shared).await? {
        Some(node) => UploadRoute::Through { label: node.label },
        None => UploadRoute::NeedsNode,
    })
}

/// The account of the user's own node that content is added at: the first that was added.
pub(crate) async fn node(shared: &Shared) -> Result<Option<Account>, Error> {
    let mut accounts = shared.store.accounts().await?.into_iter();
    Ok(accounts.find(|account| {
        matches!(account.kind, ProviderKind::Kubo | ProviderKind::Cluster) && shared.access.takes_files(account)
    }))
}
