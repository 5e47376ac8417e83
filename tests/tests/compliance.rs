//! The service's Pinning Service API, judged by other people's software: the official compliance suite, and two clients.

use anyhow::{Result, ensure};
use holdfast_service::{ApiKey, RunningService, Service, ServiceConfig};
use holdfast_tests::node::Scripts;
use reqwest::StatusCode;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How many pins a full store has before the suite begins.
const MANY: usize = 3_000;

const HELLO: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
/// Of nothing at all.
const EMPTY: &str = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";

struct Served {
    service: RunningService,
    key: ApiKey,
    dir: TempDir,
}

impl Served {
    async fn start() -> Result<Self> {
        // Another test of this process may have been first.
        rustls::crypto::ring::default_provider().install_default().ok();
        let dir = tempfile::tempdir()?;
        let service = Service::start(ServiceConfig::new(dir.path().join("service"))).await?;
        let key = service.create_key("home", "test").await?;
        Ok(Self { service, key, dir })
    }

    fn endpoint(&self) -> String {
        format!("{}/psa", self.service.endpoint())
    }

    async fn add(&self, http: &reqwest::Client, pin: &Value) -> Result<StatusCode> {
        let request = http.post(format!("{}/pins", self.endpoint())).bearer_auth(self.key.secret.expose_secret());
        Ok(request.json(pin).send().await?.status())
    }

    /// Uploads what the clients pin.
    async fn hold_files(&self) -> Result<()> {
        for content in ["hello world", ""] {
            let body = format!(
                "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n{content}\r\n--x--\r\n"
            );
            let request = reqwest::Client::new()
                .post(format!("{}/pinning/", self.service.endpoint()))
                .header("pinning_api_key", &self.key.key)
                .header("pinning_secret_key", self.key.secret.expose_secret())
                .header("content-type", "multipart/form-data; boundary=x");
            let response = request.body(body).send().await?;
            ensure!(response.status() == StatusCode::CREATED, "{}", response.text().await?);
            let pin: Value = response.json().await?;
            let id = pin["data"]["id"].as_str().unwrap_or_default().to_owned();
            // The blocks stay until the service is started again.
            let request = reqwest::Client::new()
                .delete(format!("{}/pins/{id}", self.endpoint()))
                .bearer_auth(self.key.secret.expose_secret());
            ensure!(request.send().await?.status() == StatusCode::ACCEPTED);
        }
        Ok(())
    }

    /// What a script says of this service.
    async fn ask(&self, scripts: Scripts, script: &'static str) -> Result<Value> {
        let question = json!({
            "endpoint": self.endpoint(),
            "token": self.key.secret.expose_secret(),
            "reports": self.dir.path().join("reports"),
            "cids": [HELLO, EMPTY],
        });
        tokio::task::spawn_blocking(move || scripts.ask(script, &question)).await?
    }

    async fn passes_the_suite(&self, scripts: Scripts) -> Result<()> {
        let result = self.ask(scripts, "run.mjs").await?;
        ensure!(result == json!({"total": 9, "passed": 9, "failed": 0, "success": true}), "{result}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_service_passes_the_compliance_suite() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("compliance")? else { return Ok(()) };
    Served::start().await?.passes_the_suite(scripts).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_service_passes_the_compliance_suite() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("compliance")? else { return Ok(()) };
    let served = Served::start().await?;
    let http = reqwest::Client::new();
    for number in 0..MANY {
        // Held already, and missing, in turn: identity CIDs carry their content.
        let cid = if number % 5 == 0 { HELLO } else { "bafkqaaa" };
        let status = served.add(&http, &json!({"cid": cid, "name": format!("pin {number}")})).await?;
        ensure!(status == StatusCode::ACCEPTED, "{status}");
    }
    served.passes_the_suite(scripts).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pinning_service_client_adds_lists_replaces_and_removes() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("clients")? else { return Ok(()) };
    let served = Served::start().await?;
    served.hold_files().await?;
    let seen = served.ask(scripts, "client.mjs").await?;
    let pin = json!({"cid": HELLO, "name": "Report.pdf", "meta": {"app": "t", "k k": "v,v"}});
    assert_eq!(seen["added"], json!({"status": "pinned", "pin": pin, "delegates": 1}));
    assert_eq!(seen["got"], json!({"status": "pinned", "same": true, "pin": pin}));
    assert_eq!(
        seen["lists"],
        json!({
            "all": [2, "other", "Report.pdf"],
            "byCids": [2, "other", "Report.pdf"],
            "byCid": [1, "other"],
            "byName": [1, "Report.pdf"],
            "byPart": [1, "Report.pdf"],
            "byStatuses": [2, "other", "Report.pdf"],
            "byMeta": [1, "Report.pdf"],
            "byOtherMeta": [0],
            "before": [1, "Report.pdf"],
            "after": [1, "other"],
            "one": [2, "other"],
        })
    );
    assert_eq!(seen["replaced"], json!({"isNew": true, "cid": EMPTY, "status": "pinned"}));
    assert_eq!((&seen["old"], &seen["bad"]), (&json!([404, "NOT_FOUND"]), &json!([400, "BAD_REQUEST"])));
    assert_eq!(seen["left"], json!([0]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn helia_s_remote_pinning_adds_lists_describes_and_removes() -> Result<()> {
    let Some(scripts) = Scripts::in_folder("clients")? else { return Ok(()) };
    let served = Served::start().await?;
    served.hold_files().await?;
    let seen = served.ask(scripts, "helia.mjs").await?;
    assert_eq!(
        seen,
        json!({
            "added": [HELLO],
            "dialled": 2,
            "listed": ["first", "second"],
            "ofOne": ["first"],
            "got": {"status": "pinned", "metadata": {"app": "t"}},
            "changed": {"app": "u"},
            "isPinned": true,
            "isPinnedAfterwards": false,
            "left": ["second"],
        })
    );
    Ok(())
}
