//! Services that exist in this process alone: they list as many pins as their account is called, as fast as they are taken, and
//! at each listing some other names. What they are sent they drop.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use holdfast_content::{Cid, Profile};
use holdfast_core::account::{Account, AccountDraft, PlainHttp, ProviderKind};
use holdfast_core::clock::UnixMillis;
use holdfast_core::content::UploadBody;
use holdfast_core::gateway::{Gateway, GatewayError};
use holdfast_core::pin::{LeftOut, Metadata, PinId, PinStatus, ProviderPin};
use holdfast_core::provider::{
    Capabilities, Connect, HttpConnect, ListPage, Pages, Paging, PinRequest, Provider, ProviderError, UploadForms,
};
use holdfast_core::vault::Credentials;
use holdfast_testkit::identified;

use super::times::Numbers;

const PAGE: u64 = 1_000;

/// An account at a service that has so many pins.
pub(super) fn draft(pins: u64) -> AccountDraft {
    AccountDraft {
        label: pins.to_string(),
        kind: ProviderKind::Kubo,
        endpoint: "http://127.0.0.1:9".into(),
        gateway: None,
        credentials: Credentials::None,
        plain_http: PlainHttp::Refused,
    }
}

/// The network with these services.
pub(super) struct Services(pub(super) HttpConnect);

impl Connect for Services {
    fn connect(&self, account: &Account, _: Credentials) -> Result<Arc<dyn Provider>, ProviderError> {
        let pins = account.label.parse().unwrap_or_default();
        Ok(Arc::new(ManyPins { pins, listings: AtomicU64::new(0), uploads: AtomicU64::new(0) }))
    }

    fn gateway(&self, base: &url::Url) -> Result<Arc<dyn Gateway>, GatewayError> {
        self.0.gateway(base)
    }
}

struct ManyPins {
    pins: u64,
    listings: AtomicU64,
    uploads: AtomicU64,
}

impl ManyPins {
    /// A pin of the list, of which every fifth has another name at each listing.
    fn pin(&self, number: u64, listing: u64) -> Option<ProviderPin> {
        let mut random = Numbers(self.pins << 32 | number);
        let mut root = vec![0x01, 0x55, 0x12, 0x20];
        root.extend((0..8).flat_map(|_| random.next().to_be_bytes()));
        let serial = random.next();
        let name = match number % 50 {
            0 => None,
            1 => Some("copy.jpg".to_owned()),
            2..5 => Some(format!("Report {serial:08x} of the year.pdf")),
            5..15 => Some(format!("IMG_{serial:08}-{listing}.jpg")),
            _ => Some(format!("IMG_{serial:08}.jpg")),
        };
        let (status, raw_status) = match number % 40 {
            0 => (PinStatus::Failed, "failed"),
            1 => (PinStatus::Queued, "queued"),
            _ => (PinStatus::Pinned, "pinned"),
        };
        Some(ProviderPin {
            id: PinId(format!("{}-{number}", self.pins)),
            cid: Cid::try_from(root.as_slice()).ok()?,
            name,
            bytes: (!number.is_multiple_of(17)).then(|| u64::from(random.next() % 10_000_000)),
            status,
            raw_status: raw_status.into(),
            message: None,
            is_directory: false,
            pinned_at: Some(UnixMillis(1_700_000_000_000 + i64::try_from(number).unwrap_or_default() * 1000)),
            metadata: Metadata::new(),
            left_out: LeftOut::NOTHING,
        })
    }
}

#[async_trait]
impl Provider for ManyPins {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        Ok(Capabilities {
            upload: Some(UploadForms {
                empty_files: true,
                directory_parts: true,
                exact_paths: true,
                car_archives: false,
            }),
            edit: false,
            metadata: false,
            filters: &[],
            sorts: &[],
            paging: Paging::Whole,
            usage: false,
            addresses: false,
            profile: Some(Profile::UNIXFS_V1_2025),
        })
    }

    async fn upload(&self, name: &str, _: &Metadata, body: UploadBody) -> Result<ProviderPin, ProviderError> {
        let (mut bytes, mut taken) =
            (Vec::new(), pin!(body.into_stream(|_, _| Default::default(), Default::default())));
        while let Some(piece) = taken.next().await {
            bytes.extend(piece.map_err(|error| ProviderError::Network { reason: error.to_string() })?);
        }
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        let pin = self.pin(2, 0).ok_or_else(|| ProviderError::Protocol { reason: "no CID".into() })?;
        Ok(ProviderPin {
            id: PinId(format!("sent-{number}")),
            cid: identified(&bytes, Profile::UNIXFS_V1_2025).cid,
            name: Some(name.into()),
            bytes: Some(bytes.len() as u64),
            ..pin
        })
    }

    async fn pin(&self, _: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        Err(ProviderError::Unsupported { what: "it takes no CIDs" })
    }

    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError> {
        let number = id.0.rsplit('-').next().and_then(|number| number.parse().ok());
        let pin = number.and_then(|number| self.pin(number, self.listings.load(Ordering::Relaxed)));
        pin.ok_or(ProviderError::NotFound { message: None })
    }

    fn list<'a>(&'a self, _: &'a [Cid]) -> Pages<'a> {
        let listing = self.listings.fetch_add(1, Ordering::Relaxed);
        let pages = stream::iter((0..self.pins).step_by(1_000)).map(move |first| {
            let pins = (first..self.pins.min(first + PAGE)).filter_map(|number| self.pin(number, listing)).collect();
            Ok(ListPage { pins, ..ListPage::default() })
        });
        Box::pin(pages)
    }

    async fn unpin(&self, _: &PinId) -> Result<(), ProviderError> {
        Ok(())
    }
}
