//! What a service fetches by way of a proxy that its environment names: nothing that the proxy could read, and nothing near.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use holdfast_testkit::Recorder;
use holdfast_tests::serving::Serving;
use reqwest::Client;
use serde_json::{Value, json};

const VARIABLES: [&str; 6] = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

const FAR: &str = "https://gateway.example";

/// Nobody is there. 203.0.113.0/24 is for documents.
const NOT_FOR_PROXIES: [&str; 8] = [
    "http://203.0.113.7:8080",
    "http://gateway.example",
    "http://192.168.77.77:8080",
    "https://192.168.77.77",
    "https://[fd77::77]",
    "http://127.0.0.1:9",
    "https://127.0.0.1:9",
    "https://localhost:9",
];

/// Not for proxies either: anybody names such in a request.
const ORIGIN: &str = "/dns4/origin.example/tcp/443/https/p2p/12D3KooWGPFPvuWGeqDCg6MHKPsVYFEM8wPTHAzwDN5ehT8fLiUR";

const NOT_HELD: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

/// Long enough for what goes to a proxy on this computer to get there.
const A_WHILE: Duration = Duration::from_secs(3);

/// Has a service look for content at that gateway, until it has given up or a while has passed.
async fn fetch_from(gateway: Option<&str>, origins: &[&str], proxy: &str) -> Result<()> {
    let place = tempfile::tempdir()?;
    let options: Vec<_> = ["--listen", "127.0.0.1:0"]
        .into_iter()
        .chain(gateway.into_iter().flat_map(|gateway| ["--fetch-from", gateway]))
        .collect();
    let environment = VARIABLES.map(|name| (name, proxy));
    let served = Serving::start_in(&place.path().join("home"), &options, &environment)?;
    let (pins, token) = (format!("{}/pins", served.text("psa")?), served.text("token")?);
    let client = Client::builder().no_proxy().build()?;
    let wanted = json!({ "cid": NOT_HELD, "origins": origins }).to_string();
    let request = client.post(&pins).bearer_auth(token).header("content-type", "application/json").body(wanted);
    let pin: Value = request.send().await?.error_for_status()?.json().await?;
    let id = pin["requestid"].as_str().context("no id")?;
    let settled = async {
        loop {
            let pin: Value = client.get(format!("{pins}/{id}")).bearer_auth(token).send().await?.json().await?;
            if pin["status"] == "failed" {
                return Ok::<_, anyhow::Error>(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Nobody answers, soon or ever; what counts is who was asked.
    tokio::time::timeout(A_WHILE, settled).await.unwrap_or(Ok(()))
}

async fn seen_by_proxy(gateway: Option<&str>, origins: &[&str]) -> Result<Vec<String>> {
    let proxy = Recorder::start(json!({})).await;
    fetch_from(gateway, origins, &format!("http://{}", proxy.host())).await?;
    let first_line = |request: &Vec<u8>| String::from_utf8_lossy(request).lines().next().unwrap_or_default().to_owned();
    Ok(proxy.requests().iter().map(first_line).collect())
}

#[tokio::test]
async fn nothing_that_is_not_encrypted_and_nothing_near_is_fetched_by_way_of_a_proxy() -> Result<()> {
    // A second test of this process finds it installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let far = seen_by_proxy(Some(FAR), &[]).await?;
    ensure!(!far.is_empty() && far.iter().all(|line| line == "CONNECT gateway.example:443 HTTP/1.1"), "{far:?}");
    let near = try_join_all(NOT_FOR_PROXIES.map(|gateway| seen_by_proxy(Some(gateway), &[]))).await?;
    for (gateway, seen) in NOT_FOR_PROXIES.iter().zip(near) {
        ensure!(seen.is_empty(), "{gateway}: {seen:?}");
    }
    let named = seen_by_proxy(None, &[ORIGIN]).await?;
    ensure!(named.is_empty(), "{named:?}");
    Ok(())
}
