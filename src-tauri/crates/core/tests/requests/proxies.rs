//! What goes by way of a proxy, when the environment names one in every way that it can.

use std::{process::Stdio, sync::Arc, time::Duration};

use futures_util::future::join_all;
use holdfast_core::{
    account::ProviderKind,
    provider::{Connect, HttpConnect},
    vault::Credentials,
};
use holdfast_testkit::{ManualClock, Recorder, SeededEntropy};
use serde_json::json;
use tokio::{process::Command, time::timeout};

use super::account_at;

/// The variables that client libraries read.
const VARIABLES: [&str; 6] = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];

/// Addresses that no proxy may see a request for; nobody is there. 203.0.113.0/24 and 2001:db8::/32 are for documents.
const NOT_FOR_PROXIES: [&str; 12] = [
    "http://203.0.113.7:5001",
    "http://pins.example",
    "http://192.168.77.77:5001",
    "https://192.168.77.77:5001",
    "https://10.77.77.77",
    "https://169.254.77.77",
    "https://[fd77::77]",
    "https://[fe80::77]",
    "http://127.0.0.1:9",
    "https://127.0.0.1:9",
    "https://localhost:9",
    "https://nas.local",
];

/// Long enough for what goes to a proxy on this computer to get there.
const A_WHILE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn no_secret_that_is_not_encrypted_and_nothing_near_goes_by_way_of_a_proxy() {
    let sets = VARIABLES.iter().map(std::slice::from_ref).chain([&VARIABLES[..]]);
    let runs = sets.map(|variables| async move {
        let proxy = Recorder::start(json!({})).await;
        let url = format!("http://{}", proxy.host());
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "proxies::requests_of_a_process_with_proxies", "--ignored"])
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .envs(variables.iter().map(|name| (name, &url)))
            .stdout(Stdio::null())
            .status();
        assert!(status.await.unwrap().success(), "{variables:?}");
        let lines = proxy.requests().iter().map(|request| first_line(request)).collect::<Vec<_>>();
        let is_for_https = variables.iter().any(|name| !name.eq_ignore_ascii_case("http_proxy"));
        // The adapter and the gateway, each in a tunnel.
        let expected = if is_for_https { vec!["CONNECT pins.example:443 HTTP/1.1"; 2] } else { vec![] };
        assert_eq!(lines, expected, "{variables:?}");
    });
    join_all(runs).await;
}

fn first_line(request: &[u8]) -> String {
    String::from_utf8_lossy(request).lines().next().unwrap_or_default().into()
}

/// One process has one environment: started by the test above.
#[tokio::test]
#[ignore = "is run by another test, with proxies in its environment"]
async fn requests_of_a_process_with_proxies() {
    let connect = HttpConnect::new(Arc::new(SeededEntropy::new(1)), Arc::new(ManualClock::default()));
    let asked = NOT_FOR_PROXIES.iter().chain(["https://pins.example"].iter()).map(|base| {
        let secret = || Credentials::Login { user: "ann".into(), password: "a password".into() };
        let provider = connect.connect(&account_at(ProviderKind::Kubo, base), secret()).unwrap();
        let gateway = connect.gateway(&base.parse().unwrap()).unwrap();
        async move {
            let cid = "bafkqaaa".parse().unwrap();
            // Nobody answers, soon or ever; what counts is who was asked.
            let _ = tokio::join!(timeout(A_WHILE, provider.test()), timeout(A_WHILE, gateway.block(&cid, &cid)));
        }
    });
    join_all(asked).await;
}
