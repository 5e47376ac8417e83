//! An IPFS Cluster, by its REST API (ipfscluster.io, "REST API"): peers that each have a node share one set of pins.
//!
//! A cluster has one pin for a CID, and the CID is the pin's id. What becomes of it is told by each peer; how that is one
//! status is decided in [`status`].

mod status;

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use holdfast_content::{Cid, Profile};
use reqwest::{Method, RequestBuilder};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;

use self::status::WirePeer;
use super::{
    Capabilities, Filter, Pages, Paging, PinRequest, Provider, ProviderError, UploadForms,
    error::no_such_call,
    http::{Http, Sent, Timing},
    multipart,
    ndjson::{self, Lines},
    node::{self, WireAdded, cid_of, ids_of, of_archive, of_message, reachable_first},
};
use crate::{
    clock::UnixMillis,
    content::{ArchiveBody, UploadBody},
    entropy::{Entropy, new_id},
    ids::PinId,
    pin::{LeftOut, Metadata, PinStatus, ProviderPin},
    vault::Credentials,
};

/// The layout whose CIDs are known here: Cluster's own importer has 174 links and no other.
const LAYOUT: [(&str, &str); 5] = [
    ("cid-version", "1"),
    ("hash", "sha2-256"),
    ("raw-leaves", "true"),
    ("chunker", "size-262144"),
    ("layout", "balanced"),
];

/// The adapter.
pub(crate) struct Cluster {
    http: Http,
    entropy: Arc<dyn Entropy>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("http", &self.http).finish_non_exhaustive()
    }
}

impl Cluster {
    pub(crate) fn new(
        endpoint: Url,
        credentials: &Credentials,
        entropy: Arc<dyn Entropy>,
        timing: Timing,
    ) -> Result<Self, ProviderError> {
        Ok(Self { http: Http::new(endpoint, credentials, Sent::AsAuthorization, timing)?, entropy })
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ProviderError> {
        self.http.json(request).await.map_err(understood)
    }

    /// Where content is sent to.
    fn adding(&self, query: &[(&str, &str)], name: Option<&str>, metadata: &Metadata) -> RequestBuilder {
        self.http.request(Method::POST, "/add").query(query).query(&described(name, metadata))
    }

    /// What is asked of a pin that is there.
    async fn options(&self, cid: &Cid) -> Result<WireOptions, ProviderError> {
        self.json(self.http.request(Method::GET, &format!("/allocations/{cid}"))).await
    }

    /// Sets a pin's options, whether it is there or not.
    async fn post(&self, id: &str, query: &[(String, String)]) -> Result<WireOptions, ProviderError> {
        let request = self.http.request(Method::POST, &format!("/pins/{id}")).query(query);
        self.json(request).await.map_err(no_such_call)
    }
}

#[async_trait]
impl Provider for Cluster {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        let answer: Value = self.json(self.http.request(Method::GET, "/id")).await.map_err(no_such_call)?;
        if !(answer["id"].is_string() && answer["cluster_peers"].is_array()) {
            return Err(ProviderError::NotAPinningApi {
                reason: "its answer to the question for its id is another one".into(),
            });
        }
        Ok(Capabilities {
            upload: Some(UploadForms {
                empty_files: true,
                directory_parts: true,
                exact_paths: true,
                car_archives: true,
            }),
            edit: true,
            metadata: true,
            filters: &[Filter::Cid],
            sorts: &[],
            paging: Paging::Whole,
            usage: false,
            addresses: true,
            profile: Some(Profile::KUBO_CIDV1_256K_174),
        })
    }

    async fn upload(&self, name: &str, metadata: &Metadata, body: UploadBody) -> Result<ProviderPin, ProviderError> {
        let query = [&LAYOUT[..], &[("format", "unixfs"), ("recursive", "true"), ("hidden", "true")]].concat();
        let request = self.adding(&query, Some(name), metadata);
        let cid = node::add(&self.http, request, &new_id(&*self.entropy), body).await;
        new_pin(cid.map_err(|error| no_such_call(understood(error)))?, Some(name), metadata)
    }

    async fn import_car(
        &self,
        name: Option<&str>,
        metadata: &Metadata,
        archive: ArchiveBody,
    ) -> Result<ProviderPin, ProviderError> {
        let form = multipart::archive_form(&new_id(&*self.entropy), archive, &[]);
        let request = self.adding(&[("format", "car")], name, metadata);
        let cid = node::send(&self.http, request, form, |line: WireAdded| Ok(line.cid)).await;
        new_pin(cid.map_err(|error| of_archive(no_such_call(understood(error))))?, name, metadata)
    }

    async fn pin(&self, request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        let mut query = described(request.name, request.metadata);
        // What is pinned already keeps what was asked of it; what is not said again goes back to the cluster's defaults.
        match self.options(request.cid).await {
            Ok(options) => query.extend(options.into_query()),
            Err(ProviderError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        if !request.origins.is_empty() {
            query.push(("origins".into(), request.origins.join(",")));
        }
        let pin = self.post(&request.cid.to_string(), &query).await?;
        new_pin(pin.cid, request.name, request.metadata)
    }

    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError> {
        cid_of(id)?;
        let pin: WirePin = self.json(self.http.request(Method::GET, &format!("/pins/{id}"))).await?;
        // A cluster tells the status of any CID; that of one that it does not have is none of a pin.
        pin.into_pin().unwrap_or(Err(ProviderError::NotFound { message: None }))
    }

    fn list<'a>(&'a self, cids: &'a [Cid]) -> Pages<'a> {
        let request = self.http.request(Method::GET, "/pins");
        let request = if cids.is_empty() { request } else { request.query(&[("cids", ids_of(cids).join(","))]) };
        let pages = ndjson::pages(&self.http, request, WirePin::into_pin);
        Box::pin(pages.map_err(|error| no_such_call(understood(error))))
    }

    async fn edit(
        &self,
        pin: &ProviderPin,
        name: Option<&str>,
        metadata: &Metadata,
    ) -> Result<ProviderPin, ProviderError> {
        // What is not said again goes back to the cluster's defaults.
        let options = self.options(&cid_of(&pin.id)?).await?;
        let query = [described(name, metadata), options.into_query()].concat();
        self.post(&pin.id.0, &query).await?;
        self.get(&pin.id).await
    }

    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError> {
        cid_of(id)?;
        self.http.done(self.http.request(Method::DELETE, &format!("/pins/{id}"))).await.map_err(understood)
    }

    async fn addresses(&self) -> Result<Vec<String>, ProviderError> {
        let request = self.http.request(Method::GET, "/peers");
        let mut lines = Lines::ask(&self.http, request, None).await.map_err(|error| no_such_call(understood(error)))?;
        let mut addresses = Vec::new();
        while let Some(line) = lines.next::<WireId>().await.map_err(understood)? {
            addresses.extend(line?.ipfs.and_then(|node| node.addresses).unwrap_or_default());
        }
        Ok(reachable_first(addresses))
    }
}

/// A name and metadata as a query has them.
fn described(name: Option<&str>, metadata: &Metadata) -> Vec<(String, String)> {
    let metadata = metadata.iter().map(|(key, value)| (format!("meta-{key}"), value.clone()));
    name.map(|name| ("name".to_owned(), name.to_owned())).into_iter().chain(metadata).collect()
}

/// A pin that was accepted a moment ago.
fn new_pin(id: String, name: Option<&str>, metadata: &Metadata) -> Result<ProviderPin, ProviderError> {
    Ok(ProviderPin {
        cid: readable(&id)?,
        id: PinId(id),
        name: name.filter(|name| !name.is_empty()).map(str::to_owned),
        bytes: None,
        status: PinStatus::Queued,
        raw_status: "pin_queued".into(),
        message: None,
        is_directory: false,
        pinned_at: None,
        metadata: metadata.clone(),
        left_out: LeftOut::NOTHING,
    })
}

fn readable(id: &str) -> Result<Cid, ProviderError> {
    Cid::try_from(id).map_err(|_| ProviderError::Protocol { reason: "a pin has no CID that can be read".into() })
}

fn understood(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Unavailable { status: 500, message: Some(message), .. } => of_message(message),
        other => other,
    }
}

/// A pin with what each peer says of it ("GlobalPinInfo").
#[derive(Deserialize)]
struct WirePin {
    cid: String,
    name: Option<String>,
    allocations: Option<Vec<String>>,
    created: Option<String>,
    metadata: Option<Metadata>,
    #[serde(default)]
    peer_map: BTreeMap<String, WirePeer>,
}

impl WirePin {
    /// The pin, or nothing where no peer has one.
    fn into_pin(self) -> Option<Result<ProviderPin, ProviderError>> {
        let found = status::of(self.allocations.as_deref().unwrap_or_default(), &self.peer_map);
        if found.status == PinStatus::Unpinned {
            return None;
        }
        let pin = readable(&self.cid).map(|cid| ProviderPin {
            id: PinId(self.cid),
            cid,
            name: self.name.filter(|name| !name.is_empty()),
            bytes: None,
            status: found.status,
            raw_status: found.raw,
            message: found.message,
            is_directory: false,
            pinned_at: self.created.as_deref().and_then(UnixMillis::from_rfc3339),
            metadata: self.metadata.unwrap_or_default(),
            left_out: LeftOut::NOTHING,
        });
        Some(pin)
    }
}

/// A pin as the peers share it ("Pin").
#[derive(Deserialize)]
struct WireOptions {
    cid: String,
    replication_factor_min: Option<i64>,
    replication_factor_max: Option<i64>,
    mode: Option<String>,
    shard_size: Option<u64>,
    user_allocations: Option<Vec<String>>,
    expire_at: Option<String>,
    origins: Option<Vec<String>>,
}

impl WireOptions {
    fn into_query(self) -> Vec<(String, String)> {
        let joined = |list: Option<Vec<String>>| list.filter(|list| !list.is_empty()).map(|list| list.join(","));
        let options = [
            ("replication-min", self.replication_factor_min.map(|number| number.to_string())),
            ("replication-max", self.replication_factor_max.map(|number| number.to_string())),
            ("mode", self.mode),
            ("shard-size", self.shard_size.map(|bytes| bytes.to_string())),
            ("user-allocations", joined(self.user_allocations)),
            // Go's zero time is "never".
            ("expire-at", self.expire_at.filter(|time| UnixMillis::from_rfc3339(time).is_some())),
            ("origins", joined(self.origins)),
        ];
        options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

#[derive(Deserialize)]
struct WireId {
    ipfs: Option<WireNode>,
}

#[derive(Deserialize)]
struct WireNode {
    addresses: Option<Vec<String>>,
}
