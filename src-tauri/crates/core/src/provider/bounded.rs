//! What stands before every adapter: no service fills this computer's memory or disk with what it says of its pins.

use std::future::ready;

use async_trait::async_trait;
use futures_util::StreamExt;
use holdfast_content::Cid;

use super::{Capabilities, ListPage, Pages, PinRequest, Provider, ProviderError, Usage, bounds::kept};
use crate::{
    content::{ArchiveBody, UploadBody},
    ids::PinId,
    pin::{Metadata, ProviderPin},
};

/// What one list may say: two kilobytes of each of a million pins.
pub(super) const MAX_LIST_BYTES: u64 = 2 << 30;

/// What a row takes at least, whatever it says.
const ROW_BYTES: u64 = 256;

/// Addresses of a node that are kept, and how long one is at most.
const MAX_ADDRESSES: usize = 100;
const MAX_ADDRESS_BYTES: usize = 1_000;

/// An adapter of whose answers so much is kept.
pub(super) struct Bounded<P> {
    pub(super) adapter: P,
    pub(super) list_bytes: u64,
}

impl<P> Bounded<P> {
    /// The page, where the list has not said too much with it.
    fn page(&self, page: ListPage, said: &mut u64) -> Result<ListPage, ProviderError> {
        let texts: u64 = page.pins.iter().map(|pin| pin.text_bytes() as u64 + ROW_BYTES).sum();
        *said = said.saturating_add(texts).saturating_add(page.not_understood.saturating_mul(ROW_BYTES));
        if *said > self.list_bytes {
            let most = self.list_bytes >> 20;
            return Err(ProviderError::Protocol {
                reason: format!("its list of pins says more than {most} MiB, and what comes after that is not read"),
            });
        }
        Ok(ListPage { pins: page.pins.into_iter().map(kept).collect(), ..page })
    }
}

#[async_trait]
impl<P: Provider> Provider for Bounded<P> {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        self.adapter.test().await
    }

    async fn upload(&self, name: &str, metadata: &Metadata, body: UploadBody) -> Result<ProviderPin, ProviderError> {
        self.adapter.upload(name, metadata, body).await.map(kept)
    }

    async fn import_car(
        &self,
        name: Option<&str>,
        metadata: &Metadata,
        archive: ArchiveBody,
    ) -> Result<ProviderPin, ProviderError> {
        self.adapter.import_car(name, metadata, archive).await.map(kept)
    }

    async fn pin(&self, request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        self.adapter.pin(request).await.map(kept)
    }

    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError> {
        self.adapter.get(id).await.map(kept)
    }

    fn list<'a>(&'a self, cids: &'a [Cid]) -> Pages<'a> {
        let pages = self.adapter.list(cids).scan((0, false), move |(said, is_over), page| {
            let page = (!*is_over).then(|| page.and_then(|page| self.page(page, said)));
            *is_over = matches!(page, Some(Err(_)));
            ready(page)
        });
        pages.boxed()
    }

    async fn edit(
        &self,
        pin: &ProviderPin,
        name: Option<&str>,
        metadata: &Metadata,
    ) -> Result<ProviderPin, ProviderError> {
        self.adapter.edit(pin, name, metadata).await.map(kept)
    }

    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError> {
        self.adapter.unpin(id).await
    }

    async fn usage(&self) -> Result<Usage, ProviderError> {
        self.adapter.usage().await
    }

    async fn addresses(&self) -> Result<Vec<String>, ProviderError> {
        let mut addresses = self.adapter.addresses().await?;
        addresses.retain(|address| address.len() <= MAX_ADDRESS_BYTES);
        addresses.truncate(MAX_ADDRESSES);
        Ok(addresses)
    }
}
