//! A Kubo node, by its RPC API (docs.ipfs.tech, "Kubo RPC API v0"): every call is a POST, arguments and options are in the
//! query, and errors have status 500 whatever they are.
//!
//! A node has one pin for a CID, with a name and nothing else; the CID is the pin's id.

mod layout;
mod wire;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::future::join_all;
use holdfast_content::Cid;
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{sync::OnceCell, time::Instant};
use url::Url;

use self::{
    layout::{Layout, measure_matters},
    wire::{WireId, WireImported, WireKeys, WirePin, WirePinning, WireRepo, WireRoot, WireStat},
};
use super::{
    Capabilities, Filter, Pages, Paging, PinRequest, Provider, ProviderError, UploadForms, Usage,
    http::{Http, Sent, Timing},
    multipart,
    ndjson::{self, Lines},
    node::{self, cid_of, ended_early, ids_of, of_archive, of_message, reachable_first},
    paging::{self, Rows},
};
use crate::{
    content::{ArchiveBody, UploadBody},
    entropy::{Entropy, new_id},
    ids::PinId,
    pin::{LeftOut, Metadata, PinStatus, ProviderPin},
    vault::Credentials,
};

/// Where the calls are, below what a user enters.
const RPC_PATH: &str = "/api/v0";

/// How many silences a node may look for content without getting any more of it.
const FETCHING_TAKES: u32 = 10;

/// How long a node may take to reach those who are said to have the content.
const CONNECTING_TAKES: Duration = Duration::from_secs(10);

/// The adapter.
pub(crate) struct Kubo {
    http: Http,
    entropy: Arc<dyn Entropy>,
    version: OnceCell<String>,
}

impl fmt::Debug for Kubo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kubo").field("http", &self.http).finish_non_exhaustive()
    }
}

impl Kubo {
    pub(crate) fn new(
        mut endpoint: Url,
        credentials: &Credentials,
        entropy: Arc<dyn Entropy>,
        timing: Timing,
    ) -> Result<Self, ProviderError> {
        let path = endpoint.path().trim_end_matches('/');
        let path = path.strip_suffix(RPC_PATH).unwrap_or(path).to_owned();
        endpoint.set_path(&path);
        let http = Http::new(endpoint, credentials, Sent::AsAuthorization, timing)?;
        Ok(Self { http, entropy, version: OnceCell::new() })
    }

    fn rpc(&self, call: &str) -> RequestBuilder {
        self.http.request(Method::POST, &format!("{RPC_PATH}/{call}"))
    }

    async fn json<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ProviderError> {
        self.http.json(request).await.map_err(understood)
    }

    async fn ask_version(&self) -> Result<String, ProviderError> {
        let answer: Value = self.json(self.rpc("version")).await?;
        answer["Version"].as_str().map(str::to_owned).ok_or_else(|| ProviderError::NotAPinningApi {
            reason: "its answer to the question for its version is another one".into(),
        })
    }

    async fn version(&self) -> Result<&str, ProviderError> {
        self.version.get_or_try_init(|| self.ask_version()).await.map(String::as_str)
    }

    /// The layout under which the CID of these parts can be found out here.
    async fn layout(&self, body: &UploadBody) -> Result<Layout, ProviderError> {
        let usual = Layout::usual(self.version().await?);
        if usual == Layout::Kubo256K || !measure_matters(body.parts()) {
            return Ok(usual);
        }
        let request = self.rpc("config").query(&[("arg", "Import.UnixFSHAMTDirectorySizeEstimation")]);
        // Who may not read the configuration hears nothing of it; most nodes have the default.
        let answer: Value = self.json(request).await.unwrap_or_default();
        Ok(if answer["Value"] == "block" { Layout::V1Of2025 } else { Layout::Kubo256K })
    }

    /// Pins what the node has or gets, and waits for the end of that.
    async fn pin_named(&self, cid: &Cid, name: &str) -> Result<ProviderPin, ProviderError> {
        let id = cid.to_string();
        let query = [("arg", id.as_str()), ("recursive", "true"), ("progress", "true"), ("name", name)];
        let mut lines = Lines::ask(&self.http, self.rpc("pin/add").query(&query), None).await.map_err(understood)?;
        let patience = self.http.silence(None) * FETCHING_TAKES;
        let (mut so_far, mut since) = (None, Instant::now());
        while let Some(line) = lines.next::<WirePinning>().await.map_err(understood)? {
            let WirePinning { pins, progress, bytes } = line?;
            if let Some(pinned_id) = pins.unwrap_or_default().first() {
                return pinned(pinned_id, Some(name.into()), "recursive");
            }
            if so_far != Some((progress, bytes)) {
                (so_far, since) = (Some((progress, bytes)), Instant::now());
            }
            if since.elapsed() > patience {
                let minutes = patience.as_secs().div_ceil(60);
                let message = format!("for {minutes} minutes nobody has sent it more of the content");
                return Err(ProviderError::ContentNotFound { message });
            }
        }
        Err(ended_early())
    }

    /// Leads the node to those who have the content. That one of them cannot be reached leaves the others.
    async fn connect(&self, origins: &[String]) {
        let ask = |origin| self.json::<Value>(self.rpc("swarm/connect").query(&[("arg", origin)]));
        let all = join_all(origins.iter().map(ask));
        match tokio::time::timeout(CONNECTING_TAKES, all).await {
            Ok(answers) => {
                let failed = answers.iter().filter(|answer| answer.is_err()).count();
                tracing::debug!(failed, of = origins.len(), "the node was led to where the content is");
            }
            Err(_) => tracing::debug!("the node takes long to reach where the content is"),
        }
    }

    async fn look_up(&self, id: &str) -> Result<ProviderPin, ProviderError> {
        let query = [("arg", id), ("type", "recursive"), ("names", "true")];
        let WireKeys { keys } = self.json(self.rpc("pin/ls").query(&query)).await?;
        let key = keys.into_values().next().ok_or(ProviderError::NotFound { message: None })?;
        pinned(id, key.name, &key.kind)
    }

    async fn look_up_all(&self, cids: &[Cid]) -> Result<Rows, ProviderError> {
        let mut rows = Vec::new();
        for id in ids_of(cids) {
            match self.look_up(&id).await {
                Err(ProviderError::NotFound { .. }) => {}
                found => rows.push(Some(Ok(found?))),
            }
        }
        Ok(Rows::of(rows))
    }

    /// What the root of pinned content is, which the node has.
    async fn stat(&self, id: &str) -> Result<WireStat, ProviderError> {
        let path = format!("/ipfs/{id}");
        self.json(self.rpc("files/stat").query(&[("arg", path.as_str()), ("offline", "true")])).await
    }
}

#[async_trait]
impl Provider for Kubo {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        let version = self.ask_version().await?;
        Ok(Capabilities {
            upload: Some(UploadForms {
                empty_files: true,
                directory_parts: true,
                exact_paths: true,
                car_archives: true,
            }),
            edit: true,
            metadata: false,
            filters: &[Filter::Cid],
            sorts: &[],
            paging: Paging::Whole,
            usage: true,
            addresses: true,
            profile: Some(Layout::usual(&version).profile()),
        })
    }

    async fn upload(&self, name: &str, _metadata: &Metadata, body: UploadBody) -> Result<ProviderPin, ProviderError> {
        let layout = self.layout(&body).await?;
        let request = self.rpc("add").query(&layout.options()).query(&[
            ("pin", "true"),
            ("pin-name", name),
            ("progress", "false"),
        ]);
        let cid = node::add(&self.http, request, &new_id(&*self.entropy), body).await.map_err(understood)?;
        pinned(&cid, Some(name.into()), "recursive")
    }

    async fn import_car(
        &self,
        name: Option<&str>,
        _metadata: &Metadata,
        archive: ArchiveBody,
    ) -> Result<ProviderPin, ProviderError> {
        let root = *archive.root();
        let form = multipart::archive_form(&new_id(&*self.entropy), archive, &[]);
        let cid_in = |line: WireImported| match line.root {
            Some(WireRoot { error: Some(error), .. }) if !error.is_empty() => Err(of_message(error)),
            root => Ok(root.map(|root| root.cid.cid)),
        };
        let request = self.rpc("dag/import").query(&[("pin-roots", "true")]);
        let cid = node::send(&self.http, request, form, cid_in).await;
        let cid = cid.map_err(|error| of_archive(understood(error)))?;
        match name.filter(|name| !name.is_empty()) {
            // An archive is imported without a name.
            Some(name) if cid == root.to_string() => self.pin_named(&root, name).await,
            _ => pinned(&cid, None, "recursive"),
        }
    }

    async fn pin(&self, request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        let has_no_name = request.name.is_none_or(str::is_empty);
        // To pin once more without a name would take away the one that it has.
        if has_no_name && let Ok(pin) = self.look_up(&request.cid.to_string()).await {
            return Ok(pin);
        }
        if !request.origins.is_empty() {
            self.connect(request.origins).await;
        }
        self.pin_named(request.cid, request.name.unwrap_or_default()).await
    }

    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError> {
        cid_of(id)?;
        let mut pin = self.look_up(&id.0).await?;
        // Other content than files and directories has no such size, and a pin without its root's block none to tell.
        if let Ok(stat) = self.stat(&id.0).await {
            pin.is_directory = stat.kind == "directory";
            pin.bytes = Some(stat.size).filter(|_| !pin.is_directory);
        }
        Ok(pin)
    }

    fn list<'a>(&'a self, cids: &'a [Cid]) -> Pages<'a> {
        if !cids.is_empty() {
            return paging::whole(self.look_up_all(cids));
        }
        let query = [("type", "recursive"), ("stream", "true"), ("names", "true")];
        let pages = ndjson::pages(&self.http, self.rpc("pin/ls").query(&query), |row: WirePin| {
            Some(pinned(&row.cid, row.name, &row.kind))
        });
        Box::pin(futures_util::TryStreamExt::map_err(pages, understood))
    }

    async fn edit(
        &self,
        pin: &ProviderPin,
        name: Option<&str>,
        metadata: &Metadata,
    ) -> Result<ProviderPin, ProviderError> {
        if !metadata.is_empty() {
            return Err(ProviderError::Unsupported { what: "its pins have a name and nothing else" });
        }
        // To pin once more what is pinned gives it the new name; what is not must not be pinned by that.
        self.look_up(&pin.id.0).await?;
        self.pin_named(&pin.cid, name.unwrap_or_default()).await
    }

    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError> {
        cid_of(id)?;
        self.http.done(self.rpc("pin/rm").query(&[("arg", id.0.as_str())])).await.map_err(understood)
    }

    async fn usage(&self) -> Result<Usage, ProviderError> {
        let WireRepo { size, max } = self.json(self.rpc("repo/stat").query(&[("size-only", "true")])).await?;
        Ok(Usage { used_bytes: size, quota_bytes: max.filter(|max| *max > 0) })
    }

    async fn addresses(&self) -> Result<Vec<String>, ProviderError> {
        let WireId { addresses } = self.json(self.rpc("id")).await?;
        Ok(reachable_first(addresses.unwrap_or_default()))
    }
}

fn pinned(id: &str, name: Option<String>, kind: &str) -> Result<ProviderPin, ProviderError> {
    let cid = Cid::try_from(id);
    let cid = cid.map_err(|_| ProviderError::Protocol { reason: "a pin has no CID that can be read".into() })?;
    Ok(ProviderPin {
        id: PinId(id.into()),
        cid,
        name: name.filter(|name| !name.is_empty()),
        bytes: None,
        status: PinStatus::Pinned,
        raw_status: kind.into(),
        message: None,
        is_directory: false,
        pinned_at: None,
        metadata: Metadata::new(),
        left_out: LeftOut::NOTHING,
    })
}

/// What Kubo means by a status.
fn understood(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Unavailable { status: 500, message: Some(message), .. } => of_message(message),
        ProviderError::NotFound { .. } => ProviderError::unknown_call(404),
        ProviderError::Refused { status: status @ 405, .. } => ProviderError::unknown_call(status),
        ProviderError::Forbidden { message } => match message {
            Some(message) if message.contains("RPC Access Denied") => {
                ProviderError::Unauthorized { message: Some(message) }
            }
            _ => ProviderError::Forbidden {
                message: Some(
                    "The node takes requests from web pages of its own list only (API.HTTPHeaders in its configuration), \
                     and something on the way makes this one look like such a request."
                        .into(),
                ),
            },
        },
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;

    #[test]
    fn kubos_words_have_their_classes() {
        for (message, code) in [
            ("path 'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e' is not pinned", Code::NotFound),
            ("not pinned or pinned indirectly", Code::NotFound),
            (r#"invalid path "nonsense": path does not have enough components"#, Code::Refused),
            ("pin name is 300 bytes (max 255 bytes)", Code::Refused),
            ("block was not found locally (offline): ipld: could not find bafk", Code::PinFailed),
            ("write /repository/blocks/put-1: no space left on device", Code::OverQuota),
            ("context canceled", Code::Unavailable),
        ] {
            let error = understood(ProviderError::from_status(500, None, Some(message.into())));
            assert_eq!(error.code(), code, "{message}");
        }
    }

    #[test]
    fn a_node_that_asks_for_credentials_is_not_one_that_takes_us_for_a_web_page() {
        let denied = "Kubo RPC Access Denied: Please provide a valid authorization token as defined in the API.Authorizations configuration.";
        let code = |message: &str| understood(ProviderError::from_status(403, None, Some(message.into()))).code();
        assert_eq!(code(denied), Code::Unauthorized);
        assert_eq!(code("403 - Forbidden"), Code::Forbidden);
    }
}
