//! The API's own gateway: visits and pins on demand.

use reqwest::{Method, StatusCode};

use crate::client::{self, Client, Form, json, start};

async fn visit(client: &Client, path: &str, with_key: bool) -> reqwest::Response {
    let request = if with_key {
        client.request(Method::GET, &format!("/gateway/{path}"))
    } else {
        client.http.get(format!("{}/api/gateway/{path}", client.gateway))
    };
    request.send().await.unwrap()
}

pub(crate) async fn visits(client: &Client, cid: &str) -> u64 {
    let request = client.request(Method::GET, &format!("/gateway/{cid}")).header("accept", "application/json");
    let (status, reply) = json(request.send().await.unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    reply["data"]["visits"].as_u64().unwrap()
}

#[tokio::test]
async fn a_visit_leads_to_the_content_and_is_counted() {
    let service = start().await;
    let cid = service.upload(Form::new().file("t/a", b"a")).await["cid"].as_str().unwrap().to_owned();
    for (path, location) in [("", ""), ("/a?download=true", "/a?download=true")] {
        let response = visit(&service, &format!("{cid}{path}"), false).await;
        assert_eq!(response.status(), StatusCode::FOUND);
        assert_eq!(response.headers()["location"], format!("/ipfs/{cid}{location}").as_str());
        assert_eq!(response.headers()["cache-control"], "no-store");
    }
    assert_eq!(visits(&service, &cid).await, 2);
    let service = service.restart().await;
    visit(&service, &cid, false).await;
    assert_eq!(visits(&service, &cid).await, 3, "visits outlast a restart");
}

#[tokio::test]
async fn a_visit_with_a_key_pins_and_one_without_does_not() {
    let service = start().await;
    let cid = service.upload(Form::new().file("a", b"a")).await["cid"].as_str().unwrap().to_owned();
    let other = service.client_of("other").await;
    assert_eq!(visit(&service, &cid, false).await.status(), StatusCode::FOUND);
    assert_eq!(other.list("").await["totals"]["files"], 0);
    for _ in 0..2 {
        assert_eq!(visit(&other, &cid, true).await.status(), StatusCode::FOUND);
    }
    let pins = other.list("pinned=true").await;
    assert_eq!(pins["totals"]["files"], 1);
    assert_eq!(pins["pins"][0]["cid"], cid.as_str());
}

#[tokio::test]
async fn what_is_not_held_is_looked_for_only_with_a_key_and_a_wrong_key_is_refused() {
    let service = start().await;
    let absent = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    assert_eq!(visit(&service, absent, false).await.status(), StatusCode::NOT_FOUND);
    for _ in 0..2 {
        assert_eq!(visit(&service, absent, true).await.status(), StatusCode::ACCEPTED);
    }
    assert_eq!(visit(&service, "hello", false).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(visits(&service, absent).await, 0);
    let wrong = service.http.get(format!("{}/api/gateway/{absent}", service.gateway)).header("pinning_api_key", "x");
    assert_eq!(wrong.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let foreign = service.http.get(format!("{}/api/gateway/{absent}", service.gateway));
    let foreign = foreign.header("origin", "https://evil.example");
    assert_eq!(foreign.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn visits_are_counted_only_of_what_somebody_has_pinned() {
    let service = start().await;
    let pin = service.upload(Form::new().file("t/a", b"a")).await;
    let (root, block, inlined) = (pin["cid"].as_str().unwrap(), client::file_cid(b"a"), "bafkqablimvwgy3y");
    for cid in [root, block.as_str(), inlined] {
        assert_eq!(visit(&service, cid, false).await.status(), StatusCode::FOUND);
    }
    for (cid, times) in [(root, 1), (block.as_str(), 0), (inlined, 0)] {
        assert_eq!(visits(&service, cid).await, times, "{cid}");
    }
}
