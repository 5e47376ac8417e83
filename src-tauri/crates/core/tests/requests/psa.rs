//! The IPFS Pinning Service API. The samples are those of the bearer-token service's page "API Documentation", whose CIDs are
//! no CIDs ("QmXxx..."), and those of the specification.

use futures_util::StreamExt;
use holdfast_content::Cid;
use holdfast_core::{
    account::ProviderKind,
    pin::{Metadata, PinId},
    provider::PinRequest,
    vault::Credentials,
};
use serde_json::json;

use super::Recorded;

const CID: &str = "Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs";

async fn recorded() -> Recorded {
    let credentials = Credentials::token(&"TOKEN".into()).unwrap();
    let row = |id: &str, created: &str| json!({ "requestid": id, "status": "pinned", "created": created, "pin": { "cid": CID, "name": "old" } });
    let rows = [row("clxyz456", "2020-07-27T17:32:28.276451Z"), row("clxyz123", "2020-07-27T17:32:27+00:00")];
    let mut answer = row("clxyz123", "2025-10-13T12:05:00Z");
    answer["count"] = 12.into();
    answer["results"] = json!(rows);
    Recorded::start(ProviderKind::Psa, "/api/pinning", credentials, answer).await
}

fn metadata(pairs: &[(&str, &str)]) -> Metadata {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// The sample asks for pinned ones; every status is asked for here, always, as services differ in what they show without it.
/// And it asks for ten; a thousand is what the API allows.
#[tokio::test]
async fn a_list() {
    let recorded = recorded().await;
    recorded.provider.list(&[]).next().await.unwrap().unwrap();
    recorded.sent(include_str!("psa/list.http"));
}

/// The bound is what the service wrote, percent-encoded as in the specification. It is the last row's time but one: rows that
/// share the last one's time come along.
#[tokio::test]
async fn a_list_s_next_page() {
    let recorded = recorded().await;
    recorded.provider.list(&[]).take(2).collect::<Vec<_>>().await;
    recorded.sent(include_str!("psa/list_next.http"));
}

/// In both forms, as services differ in whether they find a pin by the other one.
#[tokio::test]
async fn a_search_for_a_cid() {
    let recorded = recorded().await;
    recorded.provider.list(&[Cid::try_from(CID).unwrap()]).next().await.unwrap().unwrap();
    recorded.sent(include_str!("psa/list_cid.http"));
}

#[tokio::test]
async fn a_new_pin() {
    let recorded = recorded().await;
    let (cid, metadata) = (Cid::try_from(CID).unwrap(), metadata(&[("app", "my-app")]));
    let origins = ["/ip4/203.0.113.1/tcp/4001/p2p/QmSourcePeerId".to_owned()];
    let request = PinRequest { cid: &cid, name: Some("my-document.pdf"), metadata: &metadata, origins: &origins };
    recorded.provider.pin(request).await.unwrap();
    recorded.sent(include_str!("psa/pin.http"));
}

#[tokio::test]
async fn a_question_for_one_pin() {
    let recorded = recorded().await;
    recorded.provider.get(&PinId("clxyz123".into())).await.unwrap();
    recorded.sent(include_str!("psa/get.http"));
}

#[tokio::test]
async fn a_change_of_a_pin() {
    let recorded = recorded().await;
    let pin = recorded.provider.get(&PinId("clxyz123".into())).await.unwrap();
    let metadata = metadata(&[("app", "my-app"), ("tag", "updated")]);
    recorded.provider.edit(&pin, Some("updated-name.jpg"), &metadata).await.unwrap();
    recorded.sent(include_str!("psa/edit.http"));
}

#[tokio::test]
async fn an_unpinning() {
    let recorded = recorded().await;
    recorded.provider.unpin(&PinId("clxyz123".into())).await.unwrap();
    recorded.sent(include_str!("psa/unpin.http"));
}

/// The smallest list there is: the API has no call for it.
#[tokio::test]
async fn a_test_of_the_token() {
    let recorded = recorded().await;
    recorded.provider.test().await.unwrap();
    recorded.sent(include_str!("psa/test.http"));
}
