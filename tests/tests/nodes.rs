//! The adapters for nodes with the real ones: Kubo, and IPFS Cluster with Kubo behind it, on loopback and without a network.
//!
//! `make interop` builds both and runs these.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::TryStreamExt;
use holdfast_content::{Cid, Profile};
use holdfast_core::Code;
use holdfast_core::account::{Keep, ProviderKind};
use holdfast_core::content::{ArchiveBody, HashingPool, Identified, Limits, Progress, UploadBody, Urgency, plan};
use holdfast_core::host::RealDisk;
use holdfast_core::pin::{Metadata, PinId, PinStatus, ProviderPin};
use holdfast_core::provider::{Gap, ListPage, PinRequest, Provider, ProviderError};
use holdfast_core::transfer::TransferState;
use holdfast_core::vault::Credentials;
use holdfast_testkit::World;
use holdfast_tests::cluster::Cluster;
use holdfast_tests::kubo::{Daemon, Kubo, Network};
use holdfast_tests::provider_suite::{Quirks, SILENCE, Subject, check, connect};
use holdfast_tests::trees::{self, AT_SHARD_THRESHOLD, CHUNK_LIMITS, Growth, Random};
use holdfast_tests::{samples, wait};
use reqwest::Url;
use tempfile::TempDir;

const NOWHERE: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

/// More than what a server takes of a body before it answers.
const LARGE_BYTES: u64 = 40_000_000;

/// A node, and what speaks to it.
struct Node {
    provider: Arc<dyn Provider>,
    /// The profile of its CIDs, and the same in Kubo's words.
    profile: Profile,
    named: Option<&'static str>,
    options: &'static [&'static str],
    pool: HashingPool,
    place: TempDir,
}

impl Node {
    fn new(kind: ProviderKind, endpoint: &str, credentials: Credentials) -> Result<Self> {
        let (profile, named, options) = match kind {
            ProviderKind::Kubo => (Profile::UNIXFS_V1_2025, Some("unixfs-v1-2025"), &[][..]),
            _ => (Profile::KUBO_CIDV1_256K_174, None, &["--cid-version=1"][..]),
        };
        Ok(Self {
            provider: connect(kind, endpoint, credentials, SILENCE)?,
            profile,
            named,
            options,
            pool: HashingPool::start(Urgency::Foreground)?,
            place: tempfile::tempdir()?,
        })
    }

    async fn upload(&self, path: &Path, name: &str) -> Result<(ProviderPin, Vec<Identified>)> {
        let plan = Arc::new(plan(&RealDisk, &path.canonicalize()?, Limits::NONE)?);
        let profiles = Profile::ALL.to_vec();
        let (body, sent) = UploadBody::new(self.pool.clone(), plan, profiles, Progress::default());
        let pin = self.provider.upload(name, &Metadata::new(), body).await?;
        Ok((pin, sent.outcome().await?))
    }

    /// Uploads something and asserts that its CID is the one under `profile`.
    async fn assert_uploaded(&self, path: &Path, profile: Profile) -> Result<Cid> {
        let (pin, sent) = self.upload(path, "some name").await?;
        let ours = sent.iter().find(|one| one.profile == profile).context("not identified")?;
        assert_eq!(pin.cid, ours.link.cid, "{} under {profile}", path.display());
        let held = self.settled(&pin.id).await?;
        assert_eq!((held.status, held.name.as_deref()), (PinStatus::Pinned, Some("some name")), "{held:?}");
        Ok(pin.cid)
    }

    /// The pin once the node has it or has given it up.
    async fn settled(&self, id: &PinId) -> Result<ProviderPin> {
        wait::until_async("a settled pin", wait::PATIENCE, || async {
            let pin = self.provider.get(id).await?;
            Ok((!pin.status.is_under_way()).then_some(pin))
        })
        .await
    }

    async fn list(&self, cids: &[Cid]) -> Result<Vec<ProviderPin>, ProviderError> {
        let pages: Vec<_> = self.provider.list(cids).try_collect().await?;
        let is_whole = |page: &ListPage| page.not_understood == 0 && matches!(page.gap, None | Some(Gap::Unended));
        assert!(pages.iter().all(is_whole), "{pages:?}");
        Ok(pages.into_iter().flat_map(|page| page.pins).collect())
    }

    async fn pin(&self, cid: &Cid, origins: &[String]) -> Result<ProviderPin, ProviderError> {
        self.provider.pin(PinRequest { cid, name: Some("by CID"), metadata: &Metadata::new(), origins }).await
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<std::path::PathBuf> {
        let path = self.place.path().join(name);
        fs::create_dir_all(path.parent().context("no parent")?)?;
        fs::write(&path, bytes)?;
        Ok(path)
    }

    async fn holds_what_it_is_sent(&self) -> Result<()> {
        let other = Kubo::new(self.named)?;
        let large = self.place.path().join("large file");
        samples::write_noise(&large, "a large file", LARGE_BYTES)?;
        let note = self.write("a note, 100% \"quoted\"; caf\u{e9}.txt", b"a note")?;
        let empty = self.write("empty", b"")?;
        let hollow = self.place.path().join("hollow");
        fs::create_dir(&hollow)?;
        for path in [&large, &note, &empty, &hollow] {
            let cid = self.assert_uploaded(path, self.profile).await?;
            assert_eq!(cid.to_string(), other.add(path, self.options)?, "{}", path.display());
        }
        let odd = self.place.path().join("odd \u{7}");
        for name in ["\u{1}", "\u{7}", "\u{b}", "\u{1b}[31m", "\u{7f}", "a\r\nb", "=?utf-8?B?w7w=?=", "%07", "a+b c"] {
            self.write(&format!("odd \u{7}/{name}"), name.as_bytes())?;
        }
        let cid = self.assert_uploaded(&odd, self.profile).await?;
        assert_eq!(cid.to_string(), other.add(&odd, self.options)?);
        let mut random = Random::new(trees::seed("nodes")?, "nodes");
        for number in 0..4 {
            let tree = self.place.path().join(format!("tree {number}"));
            trees::grow(&tree, &mut random, Growth { lengths: &CHUNK_LIMITS, bytes: 8 << 20, other_kinds: true })?;
            let cid = self.assert_uploaded(&tree, self.profile).await?;
            assert_eq!(cid.to_string(), other.add(&tree, self.options)?, "{}", tree.display());
        }
        Ok(())
    }

    async fn takes_archives(&self) -> Result<()> {
        let other = Kubo::new(None)?;
        let path = self.place.path().join("what becomes an archive");
        samples::write_noise(&path, "what becomes an archive", 3_000_000)?;
        let root = other.add(&path, &["--cid-version=1", "--trickle"])?;
        let archive = self.place.path().join("archive.car");
        other.export(&root, &archive)?;
        let cid = Cid::try_from(root.as_str())?;
        let body = ArchiveBody::new(File::open(&archive)?, cid)?;
        let pin = self.provider.import_car(Some("an archive"), &Metadata::new(), body).await?;
        let held = self.settled(&pin.id).await?;
        assert_eq!((held.cid, held.status, held.name.as_deref()), (cid, PinStatus::Pinned, Some("an archive")));

        let cut = fs::read(&archive)?;
        fs::write(&archive, &cut[..cut.len() / 2])?;
        let body = ArchiveBody::new(File::open(&archive)?, cid)?;
        let refused = self.provider.import_car(None, &Metadata::new(), body).await.err().context("it was taken")?;
        assert_eq!(refused.code(), Code::Refused, "{refused}");
        Ok(())
    }

    async fn lists_renames_and_unpins(&self) -> Result<()> {
        let before = self.list(&[]).await?.len();
        let mut cids = Vec::new();
        for number in 0..3 {
            let path = self.write(&format!("listed {number}"), format!("what is listed {number}").as_bytes())?;
            let (pin, _) = self.upload(&path, &format!("listed {number}")).await?;
            self.settled(&pin.id).await?;
            cids.push(pin.cid);
        }
        assert_eq!(self.list(&[]).await?.len(), before + 3);
        let asked = [cids[1], Cid::try_from(NOWHERE)?];
        let found = self.list(&asked).await?;
        assert_eq!(found.iter().map(|pin| pin.cid).collect::<Vec<_>>(), [cids[1]], "{found:?}");

        let renamed = self.provider.edit(&found[0], Some("renamed"), &Metadata::new()).await?;
        assert_eq!(renamed.name.as_deref(), Some("renamed"));
        let held = self.settled(&renamed.id).await?;
        assert_eq!((held.name.as_deref(), held.status), (Some("renamed"), PinStatus::Pinned));

        self.provider.unpin(&held.id).await?;
        wait::until_async("the pin is gone", wait::PATIENCE, || async {
            Ok(matches!(self.provider.get(&held.id).await, Err(ProviderError::NotFound { .. })).then_some(()))
        })
        .await?;
        assert!(matches!(self.provider.unpin(&held.id).await, Err(ProviderError::NotFound { .. })));
        assert!(matches!(self.provider.edit(&held, None, &Metadata::new()).await, Err(ProviderError::NotFound { .. })));
        assert!(matches!(self.provider.get(&PinId(NOWHERE.into())).await, Err(ProviderError::NotFound { .. })));
        assert!(matches!(self.provider.get(&PinId("no CID".into())).await, Err(ProviderError::NotFound { .. })));
        assert_eq!(self.list(&[]).await?.len(), before + 2);
        Ok(())
    }

    /// Others say where they have it.
    async fn fetches_from_origins(&self) -> Result<()> {
        let other = Kubo::new(None)?;
        let path = self.place.path().join("elsewhere");
        samples::write_noise(&path, "what another node has", 3_000_000)?;
        let cid = Cid::try_from(other.add(&path, &[])?.as_str())?;
        let other = other.serve(Network::Loopback)?;
        let node = Self::new(ProviderKind::Kubo, &other.api()?, Credentials::None)?;
        let origins = node.provider.addresses().await?;
        assert!(origins.iter().all(|origin| origin.contains("/p2p/")) && !origins.is_empty(), "{origins:?}");
        let pin = self.pin(&cid, &origins).await?;
        let held = self.settled(&pin.id).await?;
        assert_eq!((held.cid, held.status, held.name.as_deref()), (cid, PinStatus::Pinned, Some("by CID")), "{held:?}");
        Ok(())
    }
}

fn kubo() -> Result<(Daemon, Node)> {
    let daemon = Kubo::new(None)?.serve(Network::Loopback)?;
    let node = Node::new(ProviderKind::Kubo, &daemon.api()?, Credentials::None)?;
    Ok((daemon, node))
}

fn cluster() -> Result<(Cluster, Node)> {
    let cluster = Cluster::start(Kubo::new(None)?.serve(Network::Loopback)?, None)?;
    let node = Node::new(ProviderKind::Cluster, &cluster.api, Credentials::None)?;
    Ok((cluster, node))
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn kubo_does_what_every_provider_does() -> Result<()> {
    let kubo = Kubo::new(None)?;
    let users = r#"{"one": {"AuthSecret": "bearer:token", "AllowedPaths": ["/api/v0"]}}"#;
    kubo.run(&["config", "--json", "API.Authorizations", users])?;
    let endpoint = kubo.serve(Network::Loopback)?;
    let token = |text: &str| Credentials::token(&text.into()).map_err(anyhow::Error::msg);
    let subject = Subject {
        provider: connect(ProviderKind::Kubo, &endpoint.api()?, token("token")?, SILENCE)?,
        stranger: Some(connect(ProviderKind::Kubo, &endpoint.api()?, token("another")?, SILENCE)?),
        quirks: Quirks { listed: 1_020, ..Quirks::default() },
    };
    // A new node has pinned an empty directory.
    let pins: Vec<_> = subject.provider.list(&[]).try_collect().await?;
    for pin in pins.iter().flat_map(|page| &page.pins) {
        subject.provider.unpin(&pin.id).await?;
    }
    check(&subject).await
}

#[tokio::test]
#[ignore = "needs IPFS Cluster: make interop"]
async fn a_cluster_does_what_every_provider_does() -> Result<()> {
    let cluster = Cluster::start(Kubo::new(None)?.serve(Network::Loopback)?, Some(("user", "pass word")))?;
    let login = |user: &str| Credentials::login(user, &"pass word".into()).map_err(anyhow::Error::msg);
    let subject = Subject {
        provider: connect(ProviderKind::Cluster, &cluster.api, login("user")?, SILENCE)?,
        stranger: Some(connect(ProviderKind::Cluster, &cluster.api, login("another")?, SILENCE)?),
        quirks: Quirks::default(),
    };
    check(&subject).await
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn what_kubo_is_sent_has_the_cid_that_kubo_gives_it() -> Result<()> {
    let (_daemon, node) = kubo()?;
    node.provider.test().await?;
    node.holds_what_it_is_sent().await
}

#[tokio::test]
#[ignore = "needs IPFS Cluster: make interop"]
async fn what_a_cluster_is_sent_has_the_cid_that_kubo_gives_it() -> Result<()> {
    let (_cluster, node) = cluster()?;
    node.provider.test().await?;
    node.holds_what_it_is_sent().await
}

/// What a directory is measured by before it is cut into parts is a matter of the node's configuration alone.
#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn directories_near_the_limit_have_a_known_cid_however_the_node_measures_them() -> Result<()> {
    for (named, expected) in [(None, Profile::KUBO_CIDV1_256K_174), (Some("unixfs-v1-2025"), Profile::UNIXFS_V1_2025)] {
        let daemon = Kubo::new(named)?.serve(Network::Loopback)?;
        let node = Node::new(ProviderKind::Kubo, &daemon.api()?, Credentials::None)?;
        for (profile, count, length) in AT_SHARD_THRESHOLD {
            let [at, over] = ["at", "over"].map(|which| node.place.path().join(format!("{which} {profile}")));
            trees::fill_with_names(&at, &[(count, length)])?;
            trees::fill_with_names(&over, &[(count, length), (1, length - 1)])?;
            for path in [at, over] {
                let (pin, sent) = node.upload(&path, "a directory").await?;
                let ours: Vec<_> = sent.iter().filter(|one| one.link.cid == pin.cid).map(|one| one.profile).collect();
                assert!(ours.contains(&expected), "{} at {named:?}: {ours:?}", path.display());
            }
        }
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn kubo_takes_archives() -> Result<()> {
    let (_daemon, node) = kubo()?;
    node.takes_archives().await
}

#[tokio::test]
#[ignore = "needs IPFS Cluster: make interop"]
async fn a_cluster_takes_archives() -> Result<()> {
    let (_cluster, node) = cluster()?;
    node.takes_archives().await
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn pins_at_kubo_are_listed_renamed_and_removed() -> Result<()> {
    let (daemon, node) = kubo()?;
    node.lists_renames_and_unpins().await?;
    let listed = daemon.run(&["pin", "ls", "--type=recursive", "--names"])?;
    assert!(listed.contains("recursive listed 0\n") && !listed.contains("renamed"), "{listed}");
    let usage = node.provider.usage().await?;
    assert!(usage.used_bytes > 0 && usage.quota_bytes.is_some_and(|quota| quota > usage.used_bytes), "{usage:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "needs IPFS Cluster: make interop"]
async fn pins_at_a_cluster_are_listed_renamed_and_removed() -> Result<()> {
    let (cluster, node) = cluster()?;
    assert!(node.list(&[]).await?.is_empty());
    node.lists_renames_and_unpins().await?;
    let addresses = node.provider.addresses().await?;
    let id: serde_json::Value = serde_json::from_str(&cluster.node.run(&["id"])?)?;
    let peer = id["ID"].as_str().context("no id")?;
    assert!(!addresses.is_empty() && addresses.iter().all(|address| address.ends_with(&format!("/p2p/{peer}"))));

    let path = node.write("described", b"what is described")?;
    let (pin, _) = node.upload(&path, "described").await?;
    let metadata = Metadata::from([("a key".into(), "a value & more".into()), ("b".into(), String::new())]);
    let edited = node.provider.edit(&pin, None, &metadata).await?;
    assert_eq!((edited.name, edited.metadata), (None, metadata));
    Ok(())
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn kubo_fetches_what_another_node_has() -> Result<()> {
    let (_daemon, node) = kubo()?;
    node.fetches_from_origins().await
}

#[tokio::test]
#[ignore = "needs IPFS Cluster: make interop"]
async fn a_cluster_fetches_what_another_node_has() -> Result<()> {
    let (_cluster, node) = cluster()?;
    node.fetches_from_origins().await
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn what_nobody_has_fails_after_a_while_and_says_so() -> Result<()> {
    let cid = Cid::try_from(NOWHERE)?;
    let request = PinRequest { cid: &cid, name: None, metadata: &Metadata::new(), origins: &[] };
    for (network, words) in [(Network::Loopback, "nobody has sent it more"), (Network::None, "not found locally")] {
        let daemon = Kubo::new(None)?.serve(network)?;
        let silence = Duration::from_secs(1);
        let provider = connect(ProviderKind::Kubo, &daemon.api()?, Credentials::None, silence)?;
        let error = provider.pin(request).await.unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.code() == Code::PinFailed && !error.is_retryable(), "{error}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn kubo_lets_in_who_has_the_credentials_of_its_configuration() -> Result<()> {
    let kubo = Kubo::new(None)?;
    let users = r#"{"a": {"AuthSecret": "basic:user:pass word", "AllowedPaths": ["/api/v0"]},
        "b": {"AuthSecret": "bearer:token", "AllowedPaths": ["/api/v0"]}}"#;
    kubo.run(&["config", "--json", "API.Authorizations", users])?;
    let daemon = kubo.serve(Network::Loopback)?;
    let test = async |credentials| {
        connect(ProviderKind::Kubo, &daemon.api()?, credentials, SILENCE)?.test().await?;
        anyhow::Ok(())
    };
    let good = [Credentials::login("user", &"pass word".into()), Credentials::token(&"token".into())];
    for credentials in good {
        test(credentials.map_err(anyhow::Error::msg)?).await?;
    }
    for credentials in [Ok(Credentials::None), Credentials::token(&"another".into())] {
        let error = test(credentials.map_err(anyhow::Error::msg)?).await.unwrap_err();
        let error = error.downcast::<ProviderError>()?;
        assert_eq!(error.code(), Code::Unauthorized, "{error}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs IPFS Cluster: make interop"]
async fn a_cluster_lets_in_who_has_its_login() -> Result<()> {
    let cluster = Cluster::start(Kubo::new(None)?.serve(Network::None)?, Some(("user", "pass word")))?;
    let test = async |credentials| {
        connect(ProviderKind::Cluster, &cluster.api, credentials, SILENCE)?.test().await?;
        anyhow::Ok(())
    };
    test(Credentials::login("user", &"pass word".into()).map_err(anyhow::Error::msg)?).await?;
    let error = test(Credentials::None).await.unwrap_err().downcast::<ProviderError>()?;
    assert_eq!(error.code(), Code::Unauthorized, "{error}");
    Ok(())
}

/// The daemon has its port from the system, and its user from the configuration.
#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn what_a_repository_says_is_taken_over_and_works() -> Result<()> {
    let kubo = Kubo::new(None)?;
    kubo.run(&["pin", "remote", "service", "add", "far", "https://pins.example.org", "a-token"])?;
    let users = r#"{"me": {"AuthSecret": "basic:user:pass word", "AllowedPaths": ["/api/v0"]}}"#;
    kubo.run(&["config", "--json", "API.Authorizations", users])?;
    let daemon = kubo.serve(Network::Loopback)?;
    let (world, repository) = (World::start().await, daemon.repository().to_owned());
    let found = world.engine.kubo_services(Some(repository.clone())).await?;
    let rows: Vec<_> = found.iter().map(|one| (one.name.as_str(), one.kind, one.problem.is_some())).collect();
    assert_eq!(rows, [("Kubo", ProviderKind::Kubo, false), ("far", ProviderKind::Psa, false)]);
    let mut imported =
        world.engine.import_kubo_services(Some(repository), &["Kubo".into()], Keep::Session).await?.into_iter();
    let account = imported.next().context("nothing was imported")?.account?.account;
    assert_eq!(account.gateway.as_ref().map(Url::as_str), Some(format!("{}/", daemon.gateway).as_str()));
    let done = world.upload(&account.id, &world.write("note", b"a note")).await;
    assert_eq!((done.state, done.verified), (TransferState::Done, Some(true)));
    Ok(())
}

#[tokio::test]
#[ignore = "needs Kubo and IPFS Cluster: make interop"]
async fn one_is_not_taken_for_the_other() -> Result<()> {
    let cluster = Cluster::start(Kubo::new(None)?.serve(Network::None)?, None)?;
    for (kind, endpoint) in [
        (ProviderKind::Kubo, cluster.api.clone()),
        (ProviderKind::Cluster, cluster.node.api()?),
        (ProviderKind::Kubo, cluster.node.gateway.clone()),
    ] {
        let provider = connect(kind, &endpoint, Credentials::None, SILENCE)?;
        let error = provider.test().await.unwrap_err();
        assert_eq!(error.code(), Code::NotAPinningApi, "{kind:?}: {error}");
    }
    Ok(())
}
