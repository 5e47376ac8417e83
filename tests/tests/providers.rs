//! The conformance suite of the providers, over test doubles, the project's own service, and other people's servers.

use std::sync::Arc;

use anyhow::{Context, Result};
use holdfast_content::Profile;
use holdfast_core::account::{PlainHttp, ProviderKind, parse_base_url};
use holdfast_core::host::{SystemClock, SystemEntropy};
use holdfast_core::pin::Metadata;
use holdfast_core::provider::{Connect, HttpConnect};
use holdfast_core::vault::Credentials;
use holdfast_service::{ApiKey, RunningService, Service, ServiceConfig};
use holdfast_testkit::{EditedId, FakeProvider, TimesTo, Totals};
use holdfast_tests::node::Scripts;
use holdfast_tests::provider_suite::{Quirks, SILENCE, Subject, check, connect, upload};
use tempfile::TempDir;

/// What the servers on node are told to take.
const TOKEN: &str = "a-token-for-tests";

/// A double whose new pins are settled.
async fn double(kind: ProviderKind) -> Result<(FakeProvider, Subject)> {
    let service = FakeProvider::start_as(kind, Profile::UNIXFS_V1_2025).await;
    let subject = Subject {
        provider: connect(kind, &service.endpoint(), service.credentials(), SILENCE)?,
        stranger: Some(connect(kind, &service.endpoint(), wrong(kind)?, SILENCE)?),
        quirks: Quirks { pins_what_it_is_asked_for: false, ..Quirks::default() },
    };
    Ok((service, subject))
}

fn wrong(kind: ProviderKind) -> Result<Credentials> {
    let secret = "d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmctd3I=".into();
    let credentials = match kind {
        ProviderKind::Aioz => Credentials::key_and_secret("d3Jvbmctd3Jvbmctd3Jvbg==", &secret),
        ProviderKind::Cluster => Credentials::login("somebody", &secret),
        _ => Credentials::token(&secret),
    };
    credentials.map_err(anyhow::Error::msg)
}

#[tokio::test(flavor = "multi_thread")]
async fn aioz_over_its_test_double() -> Result<()> {
    let (_service, mut subject) = double(ProviderKind::Aioz).await?;
    subject.quirks = Quirks { listed: 250, keeps_history: true, ..subject.quirks };
    check(&subject).await
}

#[tokio::test(flavor = "multi_thread")]
async fn kubo_over_its_test_double() -> Result<()> {
    let (_service, mut subject) = double(ProviderKind::Kubo).await?;
    subject.quirks = Quirks { listed: 1_020, ..Quirks::default() };
    check(&subject).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_over_its_test_double() -> Result<()> {
    let (_service, mut subject) = double(ProviderKind::Cluster).await?;
    subject.quirks = Quirks { listed: 1_020, ..Quirks::default() };
    check(&subject).await
}

#[tokio::test(flavor = "multi_thread")]
async fn psa_over_its_test_double() -> Result<()> {
    let (service, mut subject) = double(ProviderKind::Psa).await?;
    service.behave(|manners| manners.longest_page = 10);
    subject.quirks.listed = 55;
    check(&subject).await
}

#[tokio::test(flavor = "multi_thread")]
async fn psa_over_the_bearer_token_service_s_manners() -> Result<()> {
    let (service, mut subject) = double(ProviderKind::Psa).await?;
    service.behave(|manners| {
        manners.pinned_code = 201;
        manners.edited_id = EditedId::Same;
        manners.times_to = TimesTo::Second;
        manners.totals = Totals::OfThePage;
        manners.largest_limit = 100;
        manners.longest_page = 20;
        manners.filters_cids = false;
    });
    subject.quirks.listed = 55;
    check(&subject).await
}

/// Checks the suite over a server on node.
async fn over(script: &str, quirks: Quirks) -> Result<()> {
    let Some(scripts) = Scripts::in_folder("pinning-servers")? else { return Ok(()) };
    let (_server, ready) = scripts.start(script, &[TOKEN])?;
    let endpoint = ready["endpoint"].as_str().context("no endpoint")?;
    let token = Credentials::token(&TOKEN.into()).map_err(anyhow::Error::msg)?;
    let subject = Subject {
        provider: connect(ProviderKind::Psa, endpoint, token, SILENCE)?,
        stranger: Some(connect(ProviderKind::Psa, endpoint, wrong(ProviderKind::Psa)?, SILENCE)?),
        quirks,
    };
    check(&subject).await
}

#[tokio::test(flavor = "multi_thread")]
async fn psa_over_helia_s_server() -> Result<()> {
    over("helia.mjs", Quirks { listed: 120, ..Quirks::default() }).await
}

/// It lists the oldest first, and counts the page; a pin's status follows from its name.
#[tokio::test(flavor = "multi_thread")]
async fn psa_over_the_mock_service() -> Result<()> {
    over("mock.mjs", Quirks { listed: 120, pins_what_it_is_asked_for: false, ..Quirks::default() }).await
}

struct Own {
    service: RunningService,
    key: ApiKey,
    _dir: TempDir,
}

impl Own {
    async fn start() -> Result<Self> {
        // Another test of this process may have been first.
        rustls::crypto::ring::default_provider().install_default().ok();
        let dir = tempfile::tempdir()?;
        let service = Service::start(ServiceConfig::new(dir.path().join("service"))).await?;
        let key = service.create_key("home", "test").await?;
        Ok(Self { service, key, _dir: dir })
    }

    fn subject(&self, kind: ProviderKind, path: &str, quirks: Quirks) -> Result<Subject> {
        let endpoint = format!("{}{path}", self.service.endpoint());
        let credentials = match kind {
            ProviderKind::Aioz => Credentials::key_and_secret(&self.key.key, &self.key.secret),
            _ => Credentials::token(&self.key.secret),
        };
        Ok(Subject {
            provider: connect(kind, &endpoint, credentials.map_err(anyhow::Error::msg)?, SILENCE)?,
            stranger: Some(connect(kind, &endpoint, wrong(kind)?, SILENCE)?),
            quirks,
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aioz_over_the_own_service() -> Result<()> {
    let own = Own::start().await?;
    let quirks = Quirks { listed: 250, keeps_history: true, unpins_twice: true, ..Quirks::default() };
    check(&own.subject(ProviderKind::Aioz, "", quirks)?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn psa_over_the_own_service() -> Result<()> {
    let own = Own::start().await?;
    let quirks = Quirks { listed: 1_005, ..Quirks::default() };
    check(&own.subject(ProviderKind::Psa, "/psa", quirks)?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn psa_over_the_own_service_as_it_shares_its_root_with_the_other_api() -> Result<()> {
    let own = Own::start().await?;
    check(&own.subject(ProviderKind::Psa, "/pinning/pins/", Quirks::default())?).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_says_where_the_cid_stands_and_leads_elsewhere_gives_blocks() -> Result<()> {
    let own = Own::start().await?;
    let subject = own.subject(ProviderKind::Aioz, "", Quirks::default())?;
    let dir = tempfile::tempdir()?;
    std::fs::write(dir.path().join("hello"), "hello world")?;
    let pin = upload(&*subject.provider, &dir.path().join("hello"), &Metadata::new()).await?.0;
    let typed = format!("{}/gateway/{{cid}}", own.service.endpoint());
    let base = parse_base_url("gateway", &typed, PlainHttp::Refused)?;
    let gateway = HttpConnect::new(Arc::new(SystemEntropy), Arc::new(SystemClock::default())).gateway(&base)?;
    assert_eq!(gateway.block(&pin.cid, &pin.cid).await?.as_deref(), Some(&b"hello world"[..]));
    Ok(())
}
