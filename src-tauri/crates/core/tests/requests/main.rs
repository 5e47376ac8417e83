//! Every request of the adapters, byte for byte, beside the samples of the services' documents. A file each: the request
//! line, the headers that mean something to the service, and the body, with KEY, SECRET and TOKEN for what nobody may see.
//! Lines end with a line feed in the files and with CR LF on the wire.
#![cfg(test)]

mod aioz;
mod plain;
mod proxies;
mod psa;

use std::sync::Arc;

use holdfast_core::{
    account::{Account, AccountId, ProviderKind},
    provider::{Connect, HttpConnect, Provider},
    vault::Credentials,
};
use holdfast_testkit::{ManualClock, Recorder, SeededEntropy};
use serde_json::Value;

/// What a service is told by: the rest says how the connection is used, and by whom.
const MEANT: [&str; 5] = ["pinning_api_key", "pinning_secret_key", "authorization", "content-type", "content-length"];

/// An adapter, and what becomes of its requests.
struct Recorded {
    provider: Arc<dyn Provider>,
    recorder: Recorder,
}

impl Recorded {
    async fn start(kind: ProviderKind, path: &str, credentials: Credentials, answer: Value) -> Self {
        let recorder = Recorder::start(answer).await;
        let account = account_at(kind, &format!("http://{}{path}", recorder.host()));
        let connect = HttpConnect::new(Arc::new(SeededEntropy::new(1)), Arc::new(ManualClock::default()));
        Self { provider: connect.connect(&account, credentials).unwrap(), recorder }
    }

    /// The last request is the one in that file.
    #[track_caller]
    fn sent(&self, expected: &str) {
        let requests = self.recorder.requests();
        let expected = expected.replace('\r', "").replace('\n', "\r\n");
        assert_eq!(meant(requests.last().unwrap()), expected);
    }
}

/// An account at that endpoint.
fn account_at(kind: ProviderKind, endpoint: &str) -> Account {
    Account {
        id: AccountId("recorded".into()),
        label: "recorded".into(),
        kind,
        endpoint: endpoint.parse().unwrap(),
        gateway: None,
        credentials: kind.credentials()[0],
        this_computer: false,
        profile: None,
        card: None,
    }
}

/// The request without the headers that mean nothing to the service.
fn meant(request: &[u8]) -> String {
    let text = String::from_utf8(request.to_vec()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let mut headers: Vec<&str> =
        headers.split("\r\n").filter(|header| MEANT.contains(&header.split(':').next().unwrap())).collect();
    headers.sort_by_key(|header| MEANT.iter().position(|name| header.starts_with(name)));
    // A file ends with a line feed, and a request with its body.
    format!("{line}\r\n{}\r\n\r\n{body}\r\n", headers.join("\r\n"))
}
