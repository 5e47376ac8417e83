//! What every adapter promises, checked against a service that is running: over a test double, over the project's own
//! service, and over software that somebody else wrote. What is checked follows from the capabilities that the adapter
//! declares; what the service is known to do otherwise is said beforehand.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::TryStreamExt;
use holdfast_content::car::CarWriter;
use holdfast_content::{Cid, FileImporter, Profile, cid_v1};
use holdfast_core::account::{Account, AccountId, ProviderKind};
use holdfast_core::content::{ArchiveBody, HashingPool, Limits, Progress, UploadBody, Urgency, plan};
use holdfast_core::host::{RealDisk, SystemClock, SystemEntropy};
use holdfast_core::pin::{Metadata, PinStatus, ProviderPin};
use holdfast_core::provider::{
    Capabilities, Connect, Filter, Gap, HttpConnect, ListPage, PinRequest, Provider, ProviderError,
};
use holdfast_core::vault::Credentials;

use crate::wait;

/// Longer than any answer on this computer takes.
pub const SILENCE: Duration = Duration::from_secs(30);

/// A service to check, and what is known about it.
#[expect(missing_debug_implementations, reason = "providers have none")]
pub struct Subject {
    /// The service, with credentials that it takes.
    pub provider: Arc<dyn Provider>,
    /// The same with others; `None` where everybody is let in.
    pub stranger: Option<Arc<dyn Provider>>,
    /// What it does otherwise than its kind.
    pub quirks: Quirks,
}

/// What a service is known to do otherwise than its kind.
#[derive(Clone, Copy, Debug)]
pub struct Quirks {
    /// Pins that are made for the list, so many that it has several pages.
    pub listed: u32,
    /// A pin by CID comes to be pinned by itself.
    pub pins_what_it_is_asked_for: bool,
    /// Names are kept.
    pub keeps_names: bool,
    /// What was unpinned is still known, as unpinned.
    pub keeps_history: bool,
    /// What was unpinned can be unpinned again.
    pub unpins_twice: bool,
    /// The CID that is pinned: the number is another one each time.
    pub content: fn(u32) -> Cid,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            listed: 25,
            pins_what_it_is_asked_for: true,
            keeps_names: true,
            keeps_history: false,
            unpins_twice: false,
            content: carried_in_its_cid,
        }
    }
}

/// Content that every node has: it stands in its CID.
///
/// # Panics
///
/// Never: the bytes are a CID.
pub fn carried_in_its_cid(number: u32) -> Cid {
    let mut bytes = vec![0x01, 0x55, 0x00, 9];
    // Writing to a vector cannot fail.
    write!(bytes, "{number:09}").ok();
    Cid::try_from(bytes.as_slice()).unwrap_or_default()
}

/// The adapter for a service of `kind` at `endpoint`, which may be silent for so long.
///
/// # Errors
///
/// When no client can be set up.
pub fn connect(
    kind: ProviderKind,
    endpoint: &str,
    credentials: Credentials,
    silence: Duration,
) -> Result<Arc<dyn Provider>> {
    let account = Account {
        id: AccountId("suite".into()),
        label: "suite".into(),
        kind,
        endpoint: endpoint.parse()?,
        gateway: None,
        credentials: credentials.kind(),
        this_computer: false,
        profile: None,
        card: None,
    };
    let http = HttpConnect::new(Arc::new(SystemEntropy), Arc::new(SystemClock::default()));
    Ok(http.with_silence(silence).connect(&account, credentials)?)
}

/// Checks everything; the account must be empty, and is so again afterwards.
///
/// # Errors
///
/// What the adapter or the service does otherwise, with the step that showed it.
pub async fn check(subject: &Subject) -> Result<()> {
    let capabilities = subject.provider.test().await.context("the test of the credentials")?;
    subject.refuses_strangers().await.context("a stranger")?;
    if capabilities.upload.is_some() {
        subject.uploads(capabilities).await.context("uploads")?;
    }
    if capabilities.usage {
        subject.provider.usage().await.context("the usage")?;
    }
    subject.pins_by_cid(capabilities).await.context("a pin by CID")?;
    subject.lists(capabilities).await.context("the list")
}

impl Subject {
    async fn refuses_strangers(&self) -> Result<()> {
        let Some(stranger) = &self.stranger else { return Ok(()) };
        let cid = (self.quirks.content)(0);
        let refused = |what: &str, error: Option<ProviderError>| match error {
            Some(ProviderError::Unauthorized { .. }) => Ok(()),
            Some(error) => bail!("{what}: {error}"),
            None => bail!("{what} was allowed"),
        };
        refused("the test", stranger.test().await.err())?;
        refused("a pin", stranger.pin(request(&cid, None, &Metadata::new())).await.err())?;
        refused("a list", stranger.list(&[]).try_collect::<Vec<_>>().await.err())
    }

    async fn uploads(&self, capabilities: Capabilities) -> Result<()> {
        let Some(forms) = capabilities.upload else { return Ok(()) };
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("a \"quoted\" näme.bin");
        std::fs::write(&file, vec![7; 3_000_000])?;
        self.uploads_one(&file, capabilities).await.context("a file")?;
        let tree = dir.path().join("site");
        std::fs::create_dir_all(tree.join("css/deep"))?;
        for (name, bytes) in [("index.html", "<p>hello</p>"), ("css/a.css", "p {}"), ("css/deep/.hidden", "x")] {
            std::fs::write(tree.join(name), bytes)?;
        }
        self.uploads_one(&tree, capabilities).await.context("a directory")?;
        if forms.empty_files {
            let empty = dir.path().join("empty");
            std::fs::write(&empty, b"")?;
            self.uploads_one(&empty, capabilities).await.context("a file without content")?;
        }
        if forms.car_archives {
            self.imports_an_archive(dir.path()).await.context("a CAR archive")?;
        }
        Ok(())
    }

    async fn uploads_one(&self, path: &Path, capabilities: Capabilities) -> Result<()> {
        let metadata = one_pair(capabilities, "kind", "upload");
        let (pin, ours) = upload(&*self.provider, path, &metadata).await?;
        let ours: Vec<String> = ours.iter().map(cid_v1).collect();
        ensure!(ours.contains(&cid_v1(&pin.cid)), "its CID is {}, which is none of {ours:?}", pin.cid);
        let pin = self.comes_to_be_pinned(&pin).await?;
        let name = path.file_name().and_then(|name| name.to_str());
        self.is_described(&pin, name, &metadata)?;
        self.unpins(&pin).await
    }

    async fn imports_an_archive(&self, dir: &Path) -> Result<()> {
        let profile = Profile::UNIXFS_V1_2025;
        let mut archive = CarWriter::new(Cursor::new(Vec::new()), profile)?;
        let mut importer = FileImporter::new(profile);
        importer.push(&vec![9; 2_500_000], &mut archive)?;
        let root = importer.finish(&mut archive)?.cid;
        let file = dir.join("archive.car");
        std::fs::write(&file, archive.finish(&root)?.into_inner())?;
        let body = ArchiveBody::new(std::fs::File::open(&file)?, root)?;
        let pin = self.provider.import_car(Some("archive"), &Metadata::new(), body).await?;
        ensure!(same(&pin.cid, &root), "its CID is {}, not {root}", pin.cid);
        let pin = self.comes_to_be_pinned(&pin).await?;
        self.unpins(&pin).await
    }

    async fn pins_by_cid(&self, capabilities: Capabilities) -> Result<()> {
        let cid = (self.quirks.content)(1);
        let metadata = one_pair(capabilities, "app", "a \"b\", c & d=é");
        let name = "first näme.pdf";
        let pin = self.provider.pin(request(&cid, Some(name), &metadata)).await?;
        ensure!(same(&pin.cid, &cid), "its CID is {}, not {cid}", pin.cid);
        let mut pin = self.comes_to_be_pinned(&pin).await?;
        self.is_described(&pin, Some(name), &metadata).context("as it was pinned")?;
        let found = self.found(&cid, capabilities).await?;
        ensure!(found.contains(&pin.id.0), "it is not found by its CID, only {found:?}");
        if capabilities.edit {
            let metadata = one_pair(capabilities, "app", "edited");
            let edited = self.provider.edit(&pin, Some("second name"), &metadata).await.context("editing it")?;
            ensure!(same(&edited.cid, &cid), "edited, its CID is {}", edited.cid);
            let now = self.comes_to_be_pinned(&edited).await.context("after it was edited")?;
            self.is_described(&now, Some("second name"), &metadata).context("edited")?;
            if now.id != pin.id {
                self.is_gone(&pin).await.context("the pin before the edit")?;
            }
            pin = now;
        }
        self.unpins(&pin).await?;
        let found = self.found(&cid, capabilities).await?;
        ensure!(found.is_empty(), "unpinned, it is still found: {found:?}");
        Ok(())
    }

    async fn lists(&self, capabilities: Capabilities) -> Result<()> {
        let mut made = BTreeMap::new();
        for number in 0..self.quirks.listed {
            let cid = (self.quirks.content)(100 + number);
            let pin = self.provider.pin(request(&cid, Some(&format!("pin {number}")), &Metadata::new())).await?;
            made.insert(pin.id.clone(), pin);
        }
        let pages = self.pages(&[]).await?;
        // A list of lines has no mark of its end.
        let is_whole = |page: &ListPage| page.not_understood == 0 && matches!(page.gap, None | Some(Gap::Unended));
        ensure!(pages.iter().all(is_whole), "there are gaps");
        let live = pages.iter().flat_map(|page| &page.pins).filter(|pin| pin.status != PinStatus::Unpinned);
        let ids: Vec<&str> = live.map(|pin| pin.id.0.as_str()).collect();
        let listed: BTreeSet<&str> = ids.iter().copied().collect();
        let expected: BTreeSet<&str> = made.keys().map(|id| id.0.as_str()).collect();
        ensure!(listed == expected, "{} are listed of {}", listed.intersection(&expected).count(), expected.len());
        ensure!(
            capabilities.paging != holdfast_core::provider::Paging::Before || ids.len() == listed.len(),
            "rows repeat"
        );
        // More than the Pinning Service API takes in one request.
        let some: Vec<&ProviderPin> = made.values().take(12).collect();
        let cids: Vec<Cid> = some.iter().map(|pin| pin.cid).collect();
        let found: BTreeSet<_> =
            self.pages(&cids).await?.into_iter().flat_map(|page| page.pins).map(|pin| pin.id).collect();
        ensure!(some.iter().all(|pin| found.contains(&pin.id)), "not all of twelve are found by their CIDs");
        for pin in made.values() {
            self.provider.unpin(&pin.id).await.with_context(|| format!("unpinning {}", pin.id))?;
        }
        let left = self.pages(&[]).await?.into_iter().flat_map(|page| page.pins);
        let left = left.filter(|pin| pin.status != PinStatus::Unpinned).count();
        ensure!(left == 0, "{left} are left");
        Ok(())
    }

    async fn pages(&self, cids: &[Cid]) -> Result<Vec<ListPage>> {
        Ok(self.provider.list(cids).try_collect().await?)
    }

    /// The ids of the pins of a CID. Where the service can narrow its list down, it is also complete in few pages.
    async fn found(&self, cid: &Cid, capabilities: Capabilities) -> Result<Vec<String>> {
        let pages = self.pages(&[*cid]).await?;
        if capabilities.filters.contains(&Filter::Cid) {
            ensure!(pages.len() < 5, "one CID took {} pages", pages.len());
        }
        let pins = pages.into_iter().flat_map(|page| page.pins);
        let of_cid = pins.filter(|pin| same(&pin.cid, cid) && pin.status != PinStatus::Unpinned);
        Ok(of_cid.map(|pin| pin.id.0).collect())
    }

    /// Waits for the pin to settle, and gives it as it is then.
    async fn comes_to_be_pinned(&self, pin: &ProviderPin) -> Result<ProviderPin> {
        if !self.quirks.pins_what_it_is_asked_for {
            return Ok(self.provider.get(&pin.id).await?);
        }
        let settled = async || match self.provider.get(&pin.id).await {
            Ok(now) if now.status == PinStatus::Failed => bail!("it failed: {:?}", now.message),
            Ok(now) => Ok((now.status == PinStatus::Pinned).then_some(now)),
            Err(error) => Err(error.into()),
        };
        wait::until_async("the pin", wait::PATIENCE, settled).await
    }

    fn is_described(&self, pin: &ProviderPin, name: Option<&str>, metadata: &Metadata) -> Result<()> {
        if self.quirks.keeps_names {
            ensure!(pin.name.as_deref() == name, "its name is {:?}, not {name:?}", pin.name);
        }
        ensure!(pin.metadata == *metadata, "its metadata is {:?}, not {metadata:?}", pin.metadata);
        Ok(())
    }

    async fn unpins(&self, pin: &ProviderPin) -> Result<()> {
        self.provider.unpin(&pin.id).await.context("unpinning it")?;
        match self.provider.unpin(&pin.id).await {
            Err(ProviderError::NotFound { .. }) => {}
            Err(error) => bail!("unpinned again: {error}"),
            Ok(()) if self.quirks.unpins_twice => {}
            Ok(()) => bail!("it could be unpinned twice"),
        }
        self.is_gone(pin).await
    }

    async fn is_gone(&self, pin: &ProviderPin) -> Result<()> {
        match self.provider.get(&pin.id).await {
            Err(ProviderError::NotFound { .. }) => Ok(()),
            Ok(now) if self.quirks.keeps_history && now.status == PinStatus::Unpinned => Ok(()),
            Ok(now) => bail!("it is still there: {now:?}"),
            Err(error) => bail!("asked for again: {error}"),
        }
    }
}

/// Sends a file or directory. Gives the pin, and the CIDs of what was sent under every profile.
///
/// # Errors
///
/// When it cannot be read or is not taken.
pub async fn upload(provider: &dyn Provider, path: &Path, metadata: &Metadata) -> Result<(ProviderPin, Vec<Cid>)> {
    let plan = Arc::new(plan(&RealDisk, path, Limits::LEAST)?);
    let pool = HashingPool::start(Urgency::Foreground)?;
    let profiles = Profile::ALL.to_vec();
    let (body, sent) = UploadBody::new(pool, Arc::clone(&plan), profiles, Progress::default());
    let pin = provider.upload(&plan.name, metadata, body).await?;
    Ok((pin, sent.outcome().await?.iter().map(|one| one.link.cid).collect()))
}

/// One pair, where pins have metadata.
fn one_pair(capabilities: Capabilities, key: &str, value: &str) -> Metadata {
    capabilities.metadata.then(|| (key.to_owned(), value.to_owned())).into_iter().collect()
}

fn request<'a>(cid: &'a Cid, name: Option<&'a str>, metadata: &'a Metadata) -> PinRequest<'a> {
    PinRequest { cid, name, metadata, origins: &[] }
}

fn same(a: &Cid, b: &Cid) -> bool {
    cid_v1(a) == cid_v1(b)
}
