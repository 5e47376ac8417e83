//! Kubo's commands for remote pinning services, as they are, with `holdfast serve`; and Kubo's gateway as a source of
//! blocks.
//!
//! `make interop` builds Kubo and runs these.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use holdfast_tests::holdfast::Programs;
use holdfast_tests::kubo::{Daemon, Kubo, Network};
use holdfast_tests::serving::Serving;
use holdfast_tests::trees::{self, AT_SHARD_THRESHOLD, CHUNK_LIMITS, Growth, Random};
use holdfast_tests::wait::{self, PATIENCE};
use holdfast_tests::{process, samples};
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;

const SERVICE: &str = "--service=holdfast";
const ANY_STATUS: &str = "--status=queued,pinning,pinned,failed";

/// A service in a directory that goes with it.
struct Service {
    serving: Serving,
    directory: TempDir,
    http: Client,
}

impl Service {
    fn start(options: &[&str]) -> Result<Self> {
        // Another test of this process may have been first.
        rustls::crypto::ring::default_provider().install_default().ok();
        let directory = tempfile::tempdir()?;
        let serving = Serving::start(&directory.path().join("home"), options)?;
        let http = Client::builder().no_proxy().build()?;
        Ok(Self { serving, directory, http })
    }

    /// What Kubo is told of this service.
    fn introduction(&self) -> Result<[&str; 7]> {
        let (psa, token) = (self.serving.text("psa")?, self.serving.text("token")?);
        Ok(["pin", "remote", "service", "add", "holdfast", psa, token])
    }

    fn pins(&self) -> Result<String> {
        Ok(format!("{}/pins", self.serving.text("psa")?))
    }

    async fn pin_from(&self, cid: &str, origin: &str) -> Result<Value> {
        let request = self.http.post(self.pins()?).bearer_auth(self.serving.text("token")?);
        let pin = json!({"cid": cid, "name": origin, "origins": [origin]});
        let begun: Value = request.json(&pin).send().await?.error_for_status()?.json().await?;
        let id = begun["requestid"].as_str().context("no id")?;
        wait::until_async("the end of a pin", PATIENCE, || async {
            let request = self.http.get(format!("{}/{id}", self.pins()?)).bearer_auth(self.serving.text("token")?);
            let pin: Value = request.send().await?.error_for_status()?.json().await?;
            Ok((pin["status"] == "pinned" || pin["status"] == "failed").then_some(pin))
        })
        .await
    }

    /// Why the pin of that name failed.
    async fn failure(&self, name: &str) -> Result<String> {
        let request = self.http.get(self.pins()?).query(&[("name", name), ("status", "failed")]);
        let found: Value = request.bearer_auth(self.serving.text("token")?).send().await?.json().await?;
        let reason = found["results"][0]["info"]["status_details"].as_str();
        Ok(reason.with_context(|| found.to_string())?.to_owned())
    }

    /// Downloads an archive and has it verified to the last block.
    async fn assert_serves_all_of(&self, cid: &str) -> Result<()> {
        let request = self.http.get(format!("{}/ipfs/{cid}?format=car", self.serving.text("gateway")?));
        let archive = self.directory.path().join("archive.car");
        fs::write(&archive, request.send().await?.error_for_status()?.bytes().await?)?;
        let mut verify = Command::new(Programs::find()?.command);
        let verified: Value =
            serde_json::from_str(&process::output(verify.args(["car", "verify", "--json"]).arg(&archive))?)?;
        assert_eq!((&verified["root"], &verified["complete"]), (&cid.into(), &true.into()), "{verified}");
        Ok(())
    }
}

/// The lines of a list in an order of their own.
fn sorted(list: &str) -> Vec<&str> {
    let mut lines: Vec<_> = list.lines().collect();
    lines.sort_unstable();
    lines
}

/// A gateway in the words of the Pinning Service API.
fn multiaddr(gateway: &str) -> Result<String> {
    let port = gateway.rsplit(':').next().context("no port")?;
    Ok(format!("/ip4/127.0.0.1/tcp/{port}/http"))
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn kubo_pins_lists_and_removes_what_the_service_holds() -> Result<()> {
    let (service, kubo) = (Service::start(&[])?, Kubo::new(None)?);
    let file = service.serving.upload(&[("note.txt", b"a note")]).await?;
    let files: [(&str, &[u8]); 2] = [("tree/a", b"a"), ("tree/sub/deep/b", b"b")];
    let tree = service.serving.upload(&files).await?;
    let remote = |arguments: &[&str]| kubo.run(&[&["pin", "remote"], arguments].concat());

    kubo.run(&service.introduction()?)?;
    let psa = service.serving.text("psa")?;
    assert_eq!(remote(&["service", "ls"])?, format!("holdfast {psa}\n"));
    // Queued, being fetched, pinned and failed.
    assert_eq!(remote(&["service", "ls", "--stat"])?, format!("holdfast {psa} 0/0/2/0\n"));

    for (cid, name) in [(&file, "my file"), (&tree, "my tree")] {
        let added = remote(&["add", SERVICE, "--name", name, &format!("/ipfs/{cid}")])?;
        assert_eq!(added, format!("CID:    {cid}\nName:   {name}\nStatus: pinned\n"));
    }
    let added = remote(&["add", SERVICE, "--background", "--name=again", &tree])?;
    assert_eq!(added, format!("CID:    {tree}\nName:   again\nStatus: pinned\n"));

    let [uploaded, named, again] = ["tree", "my tree", "again"].map(|name| format!("{tree}\tpinned\t{name}"));
    let by_cid = format!("--cid={tree}");
    assert_eq!(sorted(&remote(&["ls", SERVICE, &by_cid])?), sorted(&[&*uploaded, &named, &again].join("\n")));
    assert_eq!(remote(&["ls", SERVICE])?.lines().count(), 5);
    assert_eq!(remote(&["ls", SERVICE, "--name=my tree"])?.trim_end(), named);
    assert_eq!(remote(&["ls", SERVICE, ANY_STATUS, "--name=my tree", &by_cid])?.trim_end(), named);
    assert_eq!(remote(&["ls", SERVICE, "--status=queued,pinning,failed"])?, "");
    assert_eq!(remote(&["ls", SERVICE, "--name=nobody's"])?, "");

    let refused = remote(&["rm", SERVICE, &by_cid]).unwrap_err().to_string();
    assert!(refused.contains("multiple remote pins"), "{refused}");
    remote(&["rm", SERVICE, "--name=again"])?;
    assert_eq!(sorted(&remote(&["ls", SERVICE, &by_cid])?), sorted(&[&*uploaded, &named].join("\n")));
    remote(&["rm", SERVICE, &by_cid, "--force"])?;
    assert_eq!(remote(&["ls", SERVICE, ANY_STATUS, &by_cid])?, "");
    assert_eq!(remote(&["service", "ls", "--stat"])?, format!("holdfast {psa} 0/0/2/0\n"));
    Ok(())
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn kubo_is_told_that_a_token_is_wrong() -> Result<()> {
    let (service, kubo) = (Service::start(&[])?, Kubo::new(None)?);
    let psa = service.serving.text("psa")?;
    kubo.run(&["pin", "remote", "service", "add", "holdfast", psa, "another"])?;
    assert_eq!(kubo.run(&["pin", "remote", "service", "ls", "--stat"])?, format!("holdfast {psa} invalid\n"));
    let refused = kubo.run(&["pin", "remote", "ls", SERVICE]).unwrap_err().to_string();
    assert!(refused.contains("UNAUTHORIZED") && refused.contains("Access token is missing or invalid"), "{refused}");
    Ok(())
}

/// A node that is online names its own libp2p addresses as origins, and tries to reach the service's delegates.
#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn what_only_kubo_has_fails_with_the_reason_and_keeps_nobody_waiting() -> Result<()> {
    let service = Service::start(&[])?;
    for (network, reason) in [
        (Network::None, "has no other source for it; upload it instead"),
        (Network::Loopback, "none of the addresses that were named leads to HTTP"),
    ] {
        let kubo = Kubo::new(None)?;
        kubo.run(&service.introduction()?)?;
        let file = service.directory.path().join(format!("{network:?}"));
        samples::write_noise(&file, &format!("what only Kubo has {network:?}"), 600_000)?;
        let cid = kubo.add(&file, &[])?;
        let kubo = kubo.serve(network)?;
        let remote = |arguments: &[&str]| kubo.run(&[&["pin", "remote"], arguments].concat());

        let name = format!("--name={network:?}");
        let added = remote(&["add", SERVICE, "--background", &name, &cid])?;
        assert!(added.contains(&format!("CID:    {cid}\nName:   {network:?}\nStatus: ")), "{added}");
        let failed = format!("{cid}\tfailed\t{network:?}\n");
        wait::until("a pin that failed", PATIENCE, || {
            Ok((remote(&["ls", SERVICE, "--status=failed", &name])? == failed).then_some(()))
        })?;
        let said = service.failure(&format!("{network:?}")).await?;
        assert!(said.ends_with(reason), "{said}");
        // Without --background it waits until it is pinned or has failed.
        let waited = remote(&["add", SERVICE, &cid]).unwrap_err().to_string();
        assert!(waited.contains("remote service failed to pin"), "{waited}");
        remote(&["rm", SERVICE, "--status=failed", &format!("--cid={cid}"), "--force"])?;
        assert_eq!(remote(&["ls", SERVICE, ANY_STATUS])?, "");
    }
    Ok(())
}

/// A daemon that has a tree with everything in it, under two layouts, a sharded directory included; and their CIDs.
fn kubo_with_trees(place: &Path) -> Result<(Daemon, [String; 2])> {
    let kubo = Kubo::new(None)?;
    let mut random = Random::new(trees::seed("kubo's gateway")?, "kubo's gateway");
    let tree = place.join("tree");
    trees::grow(&tree, &mut random, Growth { lengths: &CHUNK_LIMITS, bytes: 8 << 20, other_kinds: true })?;
    let (_, count, length) = AT_SHARD_THRESHOLD[0];
    trees::fill_with_names(&tree.join("sharded directory"), &[(count, length + 10)])?;
    let cids = [kubo.add(&tree, &[])?, kubo.add(&tree, &["--cid-version=1", "--trickle"])?];
    Ok((kubo.serve(Network::None)?, cids))
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn what_kubos_gateway_has_is_fetched_from_it_verified_and_pinned() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (kubo, cids) = kubo_with_trees(place.path())?;
    let service = Service::start(&["--fetch-from", &kubo.gateway])?;
    kubo.run(&service.introduction()?)?;
    for cid in &cids {
        let added = kubo.run(&["pin", "remote", "add", SERVICE, "--name=fetched", cid])?;
        assert!(added.ends_with(&format!("CID:    {cid}\nName:   fetched\nStatus: pinned\n")), "{added}");
    }
    let missing = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
    let failed = service.pin_from(missing, "/dns4/nowhere.invalid/tcp/443/https").await?;
    let reason = failed["info"]["status_details"].as_str().context("no reason")?;
    assert!(reason.contains(&format!("{} does not have it", kubo.gateway)), "{reason}");
    // From here on Kubo cannot help.
    drop(kubo);
    for cid in &cids {
        service.assert_serves_all_of(cid).await?;
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs Kubo: make interop"]
async fn kubos_gateway_is_an_origin_only_where_private_addresses_are_allowed() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (kubo, cids) = kubo_with_trees(place.path())?;
    let origin = multiaddr(&kubo.gateway)?;
    let careful = Service::start(&[])?;
    let failed = careful.pin_from(&cids[0], &origin).await?;
    assert_eq!(failed["status"], "failed", "{failed}");
    let reason = failed["info"]["status_details"].as_str().context("no reason")?;
    assert!(reason.ends_with("asks no addresses outside of the public internet for it"), "{reason}");
    let trusting = Service::start(&["--private-origins"])?;
    for cid in &cids {
        let pinned = trusting.pin_from(cid, &origin).await?;
        assert_eq!(pinned["status"], "pinned", "{pinned}");
    }
    drop(kubo);
    for cid in &cids {
        trusting.assert_serves_all_of(cid).await?;
    }
    Ok(())
}
