//! IPFS Cluster: one peer with a Kubo daemon behind it, on loopback alone.

use std::fs;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::kubo;
use crate::process::{self, Group};
use crate::wait::{self, PATIENCE};

/// Names the program; `make interop` builds it.
const PROGRAM: &str = "HOLDFAST_CLUSTER";

/// A cluster of one peer. Killed when dropped.
#[derive(Debug)]
pub struct Cluster {
    /// Dropped before its directory and its node.
    _process: Group,
    _directory: TempDir,
    /// The base of its REST API.
    pub api: String,
    /// The node that it pins on.
    pub node: kubo::Daemon,
}

impl Cluster {
    /// A cluster that pins on `node`, and asks for a login where one is named.
    ///
    /// # Errors
    ///
    /// When `HOLDFAST_CLUSTER` does not name IPFS Cluster, or when it ends instead of getting ready.
    pub fn start(node: kubo::Daemon, login: Option<(&str, &str)>) -> Result<Self> {
        let program = std::env::var_os(PROGRAM).with_context(|| format!("{PROGRAM} does not name IPFS Cluster"))?;
        let directory = tempfile::tempdir()?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(&program);
            command.args(arguments).env("IPFS_CLUSTER_PATH", directory.path());
            command
        };
        process::output(&mut command(&["init", "--consensus", "crdt", "--datastore", "leveldb"]))?;
        let port = free_port()?;
        let file = directory.path().join("service.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&file)?)?;
        config["cluster"]["listen_multiaddress"] = json!(["/ip4/127.0.0.1/tcp/0"]);
        config["cluster"]["mdns_interval"] = json!("0s");
        let mut rest = config["api"]["restapi"].take();
        rest["http_listen_multiaddress"] = json!(format!("/ip4/127.0.0.1/tcp/{port}"));
        rest["basic_auth_credentials"] = login.map_or(Value::Null, |(user, password)| json!({ user: password }));
        config["api"] = json!({ "restapi": rest });
        config["ipfs_connector"]["ipfshttp"]["node_multiaddress"] = json!(node.api_multiaddr()?);
        fs::write(&file, config.to_string())?;

        let log = directory.path().join("daemon.log");
        let (_, output) = process::log_file(&log)?;
        let (_, errors) = process::log_file(&log)?;
        let mut daemon = command(&["daemon"]);
        let mut process = Group::spawn(daemon.stdin(Stdio::null()).stdout(output).stderr(errors))?;
        wait::until("IPFS Cluster", PATIENCE, || {
            let said = fs::read_to_string(&log)?;
            process.check_running().with_context(|| said.clone())?;
            Ok(said.contains("IPFS Cluster is READY").then_some(()))
        })?;
        Ok(Self { _process: process, _directory: directory, api: format!("http://127.0.0.1:{port}"), node })
    }
}

/// A port that was free a moment ago: the cluster does not tell which one it was given.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
