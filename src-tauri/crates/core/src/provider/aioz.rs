//! The AIOZ Pin API (W3IPFS): key and secret in two headers, offset paging, uploads as multipart forms.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use holdfast_content::{Cid, Profile, multihash_hex};
use reqwest::Method;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Value, value::RawValue};
use url::Url;

use super::{
    Capabilities, Pages, Paging, PinRequest, Provider, ProviderError, UploadForms, Usage,
    bounds::{MAX_SIZE_BYTES, capped},
    error::no_such_call,
    http::{Http, Sent, Timing},
    multipart::{self, Form},
    paging::{self, RawRows},
};
use crate::{
    clock::UnixMillis,
    content::{ArchiveBody, UploadBody},
    entropy::{Entropy, new_id},
    ids::PinId,
    pin::{LeftOut, Metadata, PinSort, PinStatus, ProviderPin},
    vault::Credentials,
};

const MAX_ID_CHARS: usize = 200;

/// Rows asked for at once. How many a service gives is documented nowhere.
const PAGE_ROWS: u32 = 1_000;

/// Rows asked for where that many are refused.
const FEWER_PAGE_ROWS: u32 = 100;

/// The adapter.
pub(crate) struct Aioz {
    http: Http,
    empty_files: bool,
    entropy: Arc<dyn Entropy>,
    refuses_long_pages: AtomicBool,
}

impl fmt::Debug for Aioz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aioz").field("http", &self.http).finish_non_exhaustive()
    }
}

impl Aioz {
    pub(crate) fn new(
        endpoint: Url,
        credentials: &Credentials,
        empty_files: bool,
        entropy: Arc<dyn Entropy>,
        timing: Timing,
    ) -> Result<Self, ProviderError> {
        let sent = Sent::InHeaders { key: "pinning_api_key", secret: "pinning_secret_key" };
        let http = Http::new(endpoint, credentials, sent, timing)?;
        Ok(Self { http, empty_files, entropy, refuses_long_pages: AtomicBool::new(false) })
    }

    async fn call<T: serde::de::DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, ProviderError> {
        self.http.json::<Answer<T>>(request).await?.into_data()
    }

    async fn send(&self, form: Form) -> Result<ProviderPin, ProviderError> {
        let (request, sending) = form.of(self.http.request(Method::POST, "/pinning/"));
        let answer = self.http.json_of_upload::<Answer<WirePin>>(request, &sending).await.map_err(no_such_call)?;
        answer.into_data()?.into_pin()
    }

    async fn page(&self, offset: u64) -> Result<RawRows, ProviderError> {
        if !self.refuses_long_pages.load(Ordering::Relaxed) {
            match self.page_of(offset, PAGE_ROWS).await {
                Err(ProviderError::Refused { status: 400 | 422, .. }) => {
                    self.refuses_long_pages.store(true, Ordering::Relaxed);
                }
                answer => return answer,
            }
        }
        self.page_of(offset, FEWER_PAGE_ROWS).await
    }

    async fn page_of(&self, offset: u64, rows: u32) -> Result<RawRows, ProviderError> {
        let request = self.http.request(Method::GET, "/pinning/pins/").query(&[
            ("offset", offset.to_string().as_str()),
            ("limit", rows.to_string().as_str()),
            ("pinned", "all"),
            ("sortBy", "created_at"),
            ("sortOrder", "DESC"),
        ]);
        let answer: Answer<WireList> = self.http.json_of_page(request).await.map_err(no_such_call)?;
        Ok(answer.into_data()?.pins.unwrap_or_default())
    }
}

impl<T> Answer<T> {
    fn into_data(self) -> Result<T, ProviderError> {
        let data = self.accepted()?;
        data.ok_or_else(|| ProviderError::Protocol { reason: "the answer has no data".into() })
    }

    /// The data, if there is any and the answer does not say that the service has refused: that may come with HTTP 200.
    fn accepted(self) -> Result<Option<T>, ProviderError> {
        match self.status.as_deref() {
            None | Some("success") => Ok(self.data),
            Some(status) => {
                let message = self.message.unwrap_or_else(|| format!("status {status:?}"));
                Err(ProviderError::from_status(400, None, Some(message)))
            }
        }
    }
}

#[async_trait]
impl Provider for Aioz {
    async fn test(&self) -> Result<Capabilities, ProviderError> {
        let request = self.http.request(Method::GET, "/apiKeys/testAuthentication/");
        let answer: Tested = self.http.json(request).await.map_err(no_such_call)?;
        if answer.status.as_deref().is_some_and(|status| status != "success") {
            return Err(ProviderError::Unauthorized { message: answer.message });
        }
        if answer.message.is_none() {
            return Err(ProviderError::NotAPinningApi {
                reason: "its answer to the credentials test is another one".into(),
            });
        }
        let has = |name: &str| answer.capabilities.iter().flatten().any(|one| one == name);
        Ok(Capabilities {
            upload: Some(UploadForms {
                empty_files: self.empty_files,
                directory_parts: has("directory-parts") && has("symlink-parts"),
                exact_paths: has("exact-paths"),
                car_archives: has("car"),
            }),
            edit: false,
            metadata: true,
            filters: &[],
            sorts: &[PinSort::PinnedAt, PinSort::Size, PinSort::Name],
            paging: Paging::Offset,
            usage: true,
            addresses: false,
            profile: Profile::ALL.into_iter().find(|profile| has(profile.name())),
        })
    }

    async fn upload(&self, name: &str, metadata: &Metadata, body: UploadBody) -> Result<ProviderPin, ProviderError> {
        let metadata = to_json(&WireMetadata::new(Some(name), metadata))?;
        self.send(multipart::form(&new_id(&*self.entropy), body, &[("metadata", metadata)])).await
    }

    async fn import_car(
        &self,
        name: Option<&str>,
        metadata: &Metadata,
        archive: ArchiveBody,
    ) -> Result<ProviderPin, ProviderError> {
        let metadata = to_json(&WireMetadata::new(name, metadata))?;
        self.send(multipart::archive_form(&new_id(&*self.entropy), archive, &[("metadata", metadata)])).await
    }

    async fn pin(&self, request: PinRequest<'_>) -> Result<ProviderPin, ProviderError> {
        let metadata = WireMetadata::new(request.name, request.metadata);
        let body = PinByHash { hash_to_pin: request.cid.to_string(), metadata };
        let request = self.http.request(Method::POST, "/pinning/pinByHash").json(&body);
        self.call::<WirePin>(request).await?.into_pin()
    }

    async fn get(&self, id: &PinId) -> Result<ProviderPin, ProviderError> {
        let request = self.http.request(Method::GET, &format!("/pinning/{}", segment(id)?));
        self.call::<WirePin>(request).await?.into_pin()
    }

    fn list<'a>(&'a self, _cids: &'a [Cid]) -> Pages<'a> {
        paging::by_offset(move |offset| self.page(offset), read_row)
    }

    async fn unpin(&self, id: &PinId) -> Result<(), ProviderError> {
        let request = self.http.request(Method::DELETE, &format!("/pinning/unpin/{}", segment(id)?));
        // The answer's pin is the one of before: only that there is an answer counts.
        self.http.json::<Answer<IgnoredAny>>(request).await?.accepted().map(drop)
    }

    async fn usage(&self) -> Result<Usage, ProviderError> {
        let request = self.http.request(Method::GET, "/billing/thisMonthUsage");
        let month: Value = self.call(request).await.map_err(|error| match error {
            // Not every host of this API has the call.
            ProviderError::NotFound { .. } => ProviderError::Unsupported { what: "it does not say how much is used" },
            error => error,
        })?;
        let used_bytes = ["total_storage", "storage_usage"].into_iter().find_map(|name| whole(&month[name]));
        let used_bytes =
            used_bytes.ok_or_else(|| ProviderError::Protocol { reason: "its usage has no storage".into() })?;
        Ok(Usage { used_bytes, quota_bytes: None })
    }
}

/// An id as a path segment. Ids are opaque, but one that needs escaping is none that this API gives.
fn segment(id: &PinId) -> Result<&str, ProviderError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if id.0.is_empty() || !id.0.chars().all(plain) || id.0.starts_with('.') {
        return Err(ProviderError::Protocol { reason: "the pin's id is none that this API can be asked about".into() });
    }
    Ok(&id.0)
}

fn to_json(value: &impl Serialize) -> Result<String, ProviderError> {
    serde_json::to_string(value).map_err(|error| ProviderError::Protocol { reason: error.to_string() })
}

#[derive(Deserialize)]
struct Answer<T> {
    data: Option<T>,
    status: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct Tested {
    status: Option<String>,
    message: Option<String>,
    capabilities: Option<Vec<String>>,
}

#[derive(Serialize)]
struct PinByHash<'a> {
    hash_to_pin: String,
    metadata: WireMetadata<'a>,
}

#[derive(Serialize)]
struct WireMetadata<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keyvalues: Option<&'a Metadata>,
}

impl<'a> WireMetadata<'a> {
    fn new(name: Option<&'a str>, metadata: &'a Metadata) -> Self {
        Self { name, keyvalues: (!metadata.is_empty()).then_some(metadata) }
    }
}

#[derive(Deserialize)]
struct WireList {
    pins: Option<RawRows>,
}

/// What is wrong with one row is not wrong with the list.
fn read_row(row: &RawValue) -> Result<ProviderPin, ProviderError> {
    let pin: WirePin = serde_json::from_str(row.get())
        .map_err(|error| ProviderError::Protocol { reason: format!("a pin is not what the API says ({error})") })?;
    pin.into_pin()
}

#[derive(Deserialize)]
struct WirePin {
    id: String,
    cid: Option<String>,
    root_hash: Option<String>,
    size: Option<u64>,
    date_pinned: Option<String>,
    date_unpinned: Option<String>,
    pinned: Option<bool>,
    sub_hash_status: Option<String>,
    is_dir: Option<bool>,
    metadata: Option<WirePinMetadata>,
    status: Option<String>,
    message: Option<String>,
}

#[derive(Default, Deserialize)]
struct WirePinMetadata {
    name: Option<String>,
    keyvalues: Option<serde_json::Map<String, Value>>,
}

impl WirePin {
    fn into_pin(self) -> Result<ProviderPin, ProviderError> {
        let protocol = |reason: String| ProviderError::Protocol { reason };
        let text = self.cid.unwrap_or_default();
        let cid = Cid::try_from(text.as_str());
        let cid = cid.map_err(|_| protocol(format!("{:?} is no CID", capped(text, MAX_ID_CHARS))))?;
        if let Some(hash) = self.root_hash.filter(|hash| !hash.is_empty())
            && !hash.eq_ignore_ascii_case(&multihash_hex(&cid))
        {
            return Err(protocol("root_hash is not the hash of the CID".into()));
        }
        let raw_status = self.status.filter(|word| !word.is_empty()).or(self.sub_hash_status).unwrap_or_default();
        let pinned = self.pinned.unwrap_or(false);
        let was_unpinned = self.date_unpinned.as_deref().and_then(UnixMillis::from_rfc3339).is_some();
        let metadata = self.metadata.unwrap_or_default();
        Ok(ProviderPin {
            id: PinId(id_of(self.id)?),
            cid,
            name: metadata.name.filter(|name| !name.is_empty()),
            bytes: self.size.filter(|bytes| *bytes <= MAX_SIZE_BYTES),
            status: status(&raw_status, pinned, was_unpinned),
            message: explain(&raw_status).or(self.message),
            raw_status,
            is_directory: self.is_dir.unwrap_or(false),
            pinned_at: self.date_pinned.as_deref().and_then(UnixMillis::from_rfc3339),
            metadata: metadata
                .keyvalues
                .unwrap_or_default()
                .into_iter()
                .map(|(key, value)| (key, plain(value)))
                .collect(),
            left_out: LeftOut::NOTHING,
        })
    }
}

fn id_of(id: String) -> Result<String, ProviderError> {
    match id.chars().count() {
        1..=MAX_ID_CHARS => Ok(id),
        _ => Err(ProviderError::Protocol { reason: "a pin has no usable id".into() }),
    }
}

/// A value as text: providers keep numbers and booleans too.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A number of bytes, which services also write with a fraction or as text.
fn whole(value: &Value) -> Option<u64> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is in range")]
    value.as_u64().or_else(|| (0.0..=MAX_SIZE_BYTES as f64).contains(&number).then_some(number as u64))
}

/// The API's status words of all its generations, compared without case, `_` and `-`.
fn status(word: &str, pinned: bool, was_unpinned: bool) -> PinStatus {
    let word: String = word.to_lowercase().chars().filter(|c| !matches!(c, '_' | '-')).collect();
    match word.as_str() {
        "done" | "pinned" | "" if pinned => PinStatus::Pinned,
        "done" | "pinned" if was_unpinned => PinStatus::Unpinned,
        // An upload's answer says `pinned: false` until the service has settled.
        "done" | "pinned" => PinStatus::Fetching,
        "queued" => PinStatus::Queued,
        "pinning" | "retrieval" | "processingretrieval" | "doneretrieval" => PinStatus::Fetching,
        "failed" | "retrievefailed" => PinStatus::Failed,
        "unpinnormally" | "unpinoutofmoney" | "gcdone" => PinStatus::Unpinned,
        _ => PinStatus::Unknown,
    }
}

fn explain(raw_status: &str) -> Option<String> {
    raw_status
        .eq_ignore_ascii_case("unpinOutOfMoney")
        .then(|| "The service removed this pin because the account's balance was used up.".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_documented_status_word_has_its_meaning() {
        for (word, pinned, expected) in [
            ("DONE", true, PinStatus::Pinned),
            ("pinned", true, PinStatus::Pinned),
            ("RETRIEVAL", false, PinStatus::Fetching),
            ("processingRetrieval", false, PinStatus::Fetching),
            ("doneRetrieval", false, PinStatus::Fetching),
            ("retrieveFailed", false, PinStatus::Failed),
            ("queued", false, PinStatus::Queued),
            ("pinning", false, PinStatus::Fetching),
            ("failed", false, PinStatus::Failed),
            ("unpinNormally", false, PinStatus::Unpinned),
            ("unpinOutOfMoney", false, PinStatus::Unpinned),
            ("gcDone", false, PinStatus::Unpinned),
            ("brand new", true, PinStatus::Unknown),
        ] {
            assert_eq!(status(word, pinned, false), expected, "{word}");
        }
    }

    #[test]
    fn the_sample_of_the_documents_is_read() {
        let sample = r#"{"id":"e5c4456d-5e5c-465d-a02a-3a536fc6e718","file_record_id":"00000000-0000-0000-0000-000000000000",
            "root_hash":"1220cafafc20fc9de1c913769d254ded6be39a12c21bb0028654cd838775aed6325c",
            "cid":"Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs","user_id":"c2452942-5dc5-4a0d-9c38-77a66edcf43a",
            "date_pinned":"2023-06-07T04:16:17.336658824Z","date_unpinned":"0001-01-01T00:00:00Z","pinned":false,
            "is_pin_by_hash":true,"is_dir":false,"metadata":{"name":"name-ipfs-hash"},"status":"RETRIEVAL"}"#;
        let pin = serde_json::from_str::<WirePin>(sample).unwrap().into_pin().unwrap();
        assert_eq!(pin.status, PinStatus::Fetching);
        assert_eq!(pin.bytes, None);
        assert_eq!(pin.pinned_at, Some(UnixMillis(1_686_111_377_336)));
    }

    #[test]
    fn a_root_hash_that_is_not_the_cids_is_an_alarm() {
        let sample = r#"{"id":"x","cid":"Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs","root_hash":"1220aa"}"#;
        assert!(serde_json::from_str::<WirePin>(sample).unwrap().into_pin().is_err());
    }
}
