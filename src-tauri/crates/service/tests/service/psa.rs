//! The IPFS Pinning Service API.

use std::{collections::HashSet, time::Duration};

use holdfast_service::Quota;
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::client::{self, Client, Form, file_cid, start, start_with, until};

const STANDARD: &str = "/api/psa/pins";
const FIXED_CID: &str = "/api/pinning/pins";
const NOT_HELD: &str = "Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs";
const PEER: &str = "/ip4/203.0.113.142/tcp/4001/p2p/12D3KooWGPFPvuWGeqDCg6MHKPsVYFEM8wPTHAzwDN5ehT8fLiUR";

impl Client {
    fn psa(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.gateway)).bearer_auth(self.secret.expose_secret())
    }

    async fn psa_get(&self, path: &str) -> (StatusCode, Value) {
        client::json(self.psa(Method::GET, path).send().await.unwrap()).await
    }

    async fn psa_post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = self.psa(Method::POST, path).header("content-type", "application/json; charset=utf-8");
        client::json(request.body(body.to_string()).send().await.unwrap()).await
    }

    async fn psa_delete(&self, path: &str) -> StatusCode {
        self.psa(Method::DELETE, path).send().await.unwrap().status()
    }

    async fn psa_add(&self, body: Value) -> Value {
        let (status, reply) = self.psa_post(STANDARD, &body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{reply}");
        reply
    }

    /// The names of the pins that a query finds, in order, and how many there are in all.
    async fn found(&self, query: &str) -> (String, u64) {
        let (status, reply) = self.psa_get(&format!("{STANDARD}?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}: {reply}");
        let name = |pin: &Value| pin["pin"]["name"].as_str().unwrap_or("-").to_owned();
        (reply["results"].as_array().unwrap().iter().map(name).collect(), reply["count"].as_u64().unwrap())
    }
}

fn id_of(pin: &Value) -> &str {
    pin["requestid"].as_str().unwrap()
}

async fn held(client: &Client, bytes: &[u8]) -> String {
    client.upload(Form::new().file("f", bytes)).await["cid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn content_that_is_held_is_pinned_at_once() {
    let service = start().await;
    let cid = held(&service, b"hello").await;
    let asked = json!({"cid": cid, "name": "n", "origins": [PEER], "meta": {"app": "t"}});
    let added = service.psa_add(asked.clone()).await;
    assert_eq!((&added["status"], &added["pin"]), (&json!("pinned"), &asked));
    assert_eq!(added["info"], json!({"raw_size": "5"}));
    let delegates = added["delegates"].as_array().unwrap();
    assert_eq!(delegates.len(), 1);
    let port = service.address().port();
    assert!(delegates[0].as_str().unwrap().starts_with(&format!("/ip4/127.0.0.1/tcp/{port}/http/p2p/Qm")), "{added}");
    let created = added["created"].as_str().unwrap();
    assert!(created.len() == "2020-07-27T17:32:28.276451Z".len() && created.ends_with('Z'), "{created}");
    assert_eq!(service.psa_get(&format!("{STANDARD}/{}", id_of(&added))).await, (StatusCode::OK, added));
}

#[tokio::test]
async fn content_that_cannot_be_had_fails_and_says_why() {
    let service = start().await;
    let added = service.psa_add(json!({"cid": NOT_HELD})).await;
    assert!(["queued", "pinning"].contains(&added["status"].as_str().unwrap()), "{added}");
    assert_eq!(added["pin"], json!({"cid": NOT_HELD}));
    let path = format!("{STANDARD}/{}", id_of(&added));
    let failed = until(async || service.psa_get(&path).await.1, |pin| pin["status"] == "failed").await;
    assert!(failed["info"]["status_details"].as_str().unwrap().contains("no other source"), "{failed}");
    assert_eq!(failed["created"], added["created"]);
    assert_eq!(service.found("status=failed").await.1, 1);
    assert_eq!(service.found("status=pinned").await.1, 0);
    // It was uploaded meanwhile, so asking again finds it.
    assert_eq!(service.psa_add(json!({"cid": held(&service, b"later").await})).await["status"], "pinned");
}

#[tokio::test]
async fn the_same_cid_can_be_pinned_twice_and_each_pin_ends_alone() {
    let service = start().await;
    let cid = held(&service, b"x").await;
    let (first, second) = (service.psa_add(json!({"cid": cid})).await, service.psa_add(json!({"cid": cid})).await);
    assert_ne!(first["requestid"], second["requestid"]);
    assert!(first["created"].as_str() < second["created"].as_str());
    let path = format!("{STANDARD}/{}", id_of(&first));
    assert_eq!(service.psa_delete(&path).await, StatusCode::ACCEPTED);
    assert_eq!(service.psa_delete(&path).await, StatusCode::NOT_FOUND);
    let (status, reply) = service.psa_get(&path).await;
    assert_eq!((status, &reply["error"]["reason"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")));
    assert_eq!(service.psa_get(&format!("{STANDARD}/{}", id_of(&second))).await.0, StatusCode::OK);
    // The upload is a pin too.
    assert_eq!(service.found(&format!("cid={cid}")).await.1, 2);
}

#[tokio::test]
async fn a_replaced_pin_is_another_one() {
    let service = start().await;
    let (a, b) = (held(&service, b"a").await, held(&service, b"b").await);
    let old = service.psa_add(json!({"cid": a, "name": "old"})).await;
    let path = format!("{STANDARD}/{}", id_of(&old));
    let (status, new) = service.psa_post(&path, &json!({"cid": b, "name": "new"})).await;
    assert_eq!((status, &new["pin"]["cid"], &new["status"]), (StatusCode::ACCEPTED, &json!(b), &json!("pinned")));
    assert_ne!(new["requestid"], old["requestid"]);
    assert_eq!(service.psa_get(&path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(service.psa_post(&path, &json!({"cid": b})).await.0, StatusCode::NOT_FOUND);
    let bad = service.psa_post(&format!("{STANDARD}/{}", id_of(&new)), &json!({"cid": "b"})).await;
    assert_eq!(bad.0, StatusCode::BAD_REQUEST);
    assert_eq!(service.found("name=new").await, ("new".into(), 1));
}

#[tokio::test]
async fn where_a_cid_is_fixed_a_pin_is_described_anew_and_stays() {
    let service = start().await;
    let (a, b) = (held(&service, b"a").await, held(&service, b"b").await);
    let (status, pin) = service.psa_post(FIXED_CID, &json!({"cid": a, "name": "old", "meta": {"app": "x"}})).await;
    assert_eq!((status, &pin["status"]), (StatusCode::CREATED, &json!("pinned")));
    let path = format!("{FIXED_CID}/{}", id_of(&pin));
    let (status, described) = service.psa_post(&path, &json!({"cid": a, "name": "new", "meta": {"tag": "y"}})).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{described}");
    assert_eq!((&described["requestid"], &described["created"]), (&pin["requestid"], &pin["created"]));
    assert_eq!(described["pin"], json!({"cid": a, "name": "new", "meta": {"tag": "y"}}));
    let (status, reply) = service.psa_post(&path, &json!({"cid": b})).await;
    assert_eq!((status, &reply["error"]["reason"]), (StatusCode::BAD_REQUEST, &json!("BAD_REQUEST")));
    for listed in [FIXED_CID, STANDARD] {
        assert_eq!(service.psa_get(&format!("{listed}?name=new")).await.1["results"], json!([described]));
    }
    // The same path lists in the words of the other API for who comes with its headers.
    assert_eq!(service.list("").await["totals"]["files"], 3);
    assert_eq!(service.psa_delete(&path).await, StatusCode::ACCEPTED);
}

async fn six_pins(service: &Client) -> Vec<Value> {
    let mut pins = Vec::new();
    for (name, cid, meta) in [
        ("a", b"1", json!({"app": "x"})),
        ("A", b"2", json!({"app": "x", "n": "1"})),
        ("ab", b"1", json!({"app": "y"})),
        ("É", b"2", json!({})),
        ("é", b"1", json!({"a\"b": "c'd"})),
        ("%", b"2", json!({})),
    ] {
        pins.push(service.psa_add(json!({"cid": file_cid(cid), "name": name, "meta": meta})).await);
    }
    pins
}

#[tokio::test]
async fn lists_are_filtered_newest_first() {
    let service = start().await;
    let other = service.client_of("other").await;
    let (one, two) = (held(&other, b"1").await, held(&other, b"2").await);
    let pins = six_pins(&service).await;
    let date = |number: usize| pins[number]["created"].as_str().unwrap();
    let v0 = "QmPZ9gcCEpqKTo6aq61g2nXGUhM4iCL3ewB6LDXZCtioEB";
    for (query, expected, count) in [
        (String::new(), "%éÉabAa", 6),
        ("limit=2".into(), "%é", 6),
        (format!("before={}", date(2)), "Aa", 2),
        (format!("before={}&limit=1", date(2)), "A", 2),
        (format!("after={}", date(2)), "%éÉ", 3),
        (format!("after={}&before={}", date(1), date(4)), "Éab", 2),
        (format!("after={}&before={}", date(4), date(1)), "", 0),
        (format!("cid={one}"), "éaba", 3),
        (format!("cid={one},{two}&limit=3"), "%éÉ", 6),
        (format!("cid={v0}"), "", 0),
        ("name=a".into(), "a", 1),
        ("name=a&match=exact".into(), "a", 1),
        ("name=a&match=iexact".into(), "Aa", 2),
        ("name=%C3%89&match=iexact".into(), "éÉ", 2),
        ("name=b&match=partial".into(), "ab", 1),
        ("name=B&match=partial".into(), "", 0),
        ("name=B&match=ipartial".into(), "ab", 1),
        ("name=%25&match=partial".into(), "%", 1),
        ("name=_&match=ipartial".into(), "", 0),
        ("match=partial".into(), "%éÉabAa", 6),
        ("status=pinned".into(), "%éÉabAa", 6),
        ("status=queued,pinning,failed".into(), "", 0),
        ("meta=%7B%22app%22%3A%22x%22%7D".into(), "Aa", 2),
        ("meta[app]=x&meta[n]=1".into(), "A", 1),
        ("meta=%7B%22a%5C%22b%22%3A%22c'd%22%7D".into(), "é", 1),
        ("meta=%7B%7D".into(), "%éÉabAa", 6),
    ] {
        assert_eq!(service.found(&query).await, (expected.into(), count), "{query}");
    }
    // By whatever CID the same DAG was pinned.
    let tree = other.upload(Form::new().file("d/f", b"1")).await["cid"].as_str().unwrap().to_owned();
    let v0 = holdfast_content::cid_v0(&tree.parse().unwrap()).unwrap();
    service.psa_add(json!({"cid": v0, "name": "v0"})).await;
    assert_eq!(service.found(&format!("cid={tree}")).await, ("v0".into(), 1));
}

#[tokio::test]
async fn pages_by_date_reach_every_pin_once() {
    let service = start().await;
    let cid = held(&service, b"x").await;
    for number in 0..25 {
        service.psa_add(json!({"cid": cid, "name": number.to_string()})).await;
    }
    let (mut seen, mut before, mut left) = (HashSet::new(), String::new(), 26);
    loop {
        let (_, page) = service.psa_get(&format!("{STANDARD}?limit=4{before}")).await;
        assert_eq!(page["count"], left);
        let results = page["results"].as_array().unwrap();
        let Some(last) = results.last() else { break };
        assert!(results.iter().all(|pin| seen.insert(id_of(pin).to_owned())));
        left -= results.len();
        before = format!("&before={}", last["created"].as_str().unwrap().replace(':', "%3A"));
    }
    assert_eq!(seen.len(), 26);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_reason() {
    let service = start().await;
    let many = vec![PEER; 21];
    for body in [
        json!({}),
        json!([]),
        json!("x"),
        json!({"cid": ""}),
        json!({"cid": 1}),
        json!({"cid": "hello"}),
        json!({"cid": NOT_HELD, "name": "n".repeat(256)}),
        json!({"cid": NOT_HELD, "name": 1}),
        json!({"cid": NOT_HELD, "origins": many}),
        json!({"cid": NOT_HELD, "origins": ["/ip4/1.2.3.4/tcp/4001"]}),
        json!({"cid": NOT_HELD, "origins": "x"}),
        json!({"cid": NOT_HELD, "meta": {"a": 1}}),
        json!({"cid": NOT_HELD, "meta": []}),
    ] {
        for path in [STANDARD, FIXED_CID] {
            let (status, reply) = service.psa_post(path, &body).await;
            assert_eq!((status, &reply["error"]["reason"]), (StatusCode::BAD_REQUEST, &json!("BAD_REQUEST")), "{body}");
            assert!(!reply["error"]["details"].as_str().unwrap().is_empty(), "{body}");
        }
    }
    for query in ["cid=x", "status=done", "match=fuzzy", "limit=0", "limit=1001", "before=x", "after=x", "meta=1"] {
        let (status, reply) = service.psa_get(&format!("{STANDARD}?{query}")).await;
        assert_eq!((status, &reply["error"]["reason"]), (StatusCode::BAD_REQUEST, &json!("BAD_REQUEST")), "{query}");
    }
    assert_eq!(service.found("").await.1, 0);
    let nulls = json!({"cid": NOT_HELD, "name": null, "origins": null, "meta": null});
    assert_eq!(service.psa_add(nulls).await["pin"], json!({"cid": NOT_HELD}));
}

#[tokio::test]
async fn tokens_are_asked_for_first_and_the_pins_of_others_are_not_there() {
    let service = start().await;
    let pin = service.psa_add(json!({"cid": NOT_HELD})).await;
    let other = service.client_of("other").await;
    let one = format!("{STANDARD}/{}", id_of(&pin));
    for token in [None, Some(""), Some("nonsense"), Some(service.key.as_str())] {
        for (method, path) in [
            (Method::GET, STANDARD),
            (Method::POST, STANDARD),
            (Method::GET, &one),
            (Method::POST, &one),
            (Method::DELETE, &one),
            (Method::POST, FIXED_CID),
            (Method::GET, FIXED_CID),
        ] {
            if token.is_none() && method == Method::GET && path == FIXED_CID {
                // Nothing says which API is meant.
                continue;
            }
            let request = service.http.request(method.clone(), format!("{}{path}", service.gateway));
            let request = match token {
                Some(token) => request.header("authorization", format!("Bearer {token}")),
                None => request,
            };
            let (status, reply) = client::json(request.send().await.unwrap()).await;
            let expected =
                json!({"error": {"reason": "UNAUTHORIZED", "details": "Access token is missing or invalid"}});
            assert_eq!((status, reply), (StatusCode::UNAUTHORIZED, expected), "{token:?} {method} {path}");
        }
    }
    assert_eq!(other.found("").await.1, 0);
    assert_eq!(other.psa_get(&one).await.0, StatusCode::NOT_FOUND);
    assert_eq!(other.psa_delete(&one).await, StatusCode::NOT_FOUND);
    assert_eq!(other.psa_post(&one, &json!({"cid": NOT_HELD})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(service.psa_get(&one).await.0, StatusCode::OK);
    for path in ["/api/psa", "/api/psa/nothing", "/api/psa/pins/a/b"] {
        assert_eq!(service.psa_get(path).await.1["error"]["reason"], "NOT_FOUND", "{path}");
    }
    let (status, reply) = client::json(service.psa(Method::PUT, STANDARD).send().await.unwrap()).await;
    assert_eq!((status, &reply["error"]["reason"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("METHOD_NOT_ALLOWED")));
}

#[tokio::test]
async fn one_list_shows_the_pins_of_both_apis() {
    let service = start().await;
    let metadata = r#"{"name":"up","keyvalues":{"n":1,"ok":true,"s":"t"}}"#;
    let uploaded = service.upload(Form::new().file("f", b"x").metadata(metadata)).await;
    let (_, page) = service.psa_get(STANDARD).await;
    let pin = &page["results"][0];
    assert_eq!(pin["requestid"], uploaded["id"]);
    assert_eq!(pin["pin"], json!({"cid": uploaded["cid"], "name": "up", "meta": {"n": "1", "ok": "true", "s": "t"}}));
    assert_eq!(service.found("meta[n]=1&meta[ok]=true").await, ("up".into(), 1));
    let asked = service.psa_add(json!({"cid": uploaded["cid"], "name": "again"})).await;
    let list = service.list("").await;
    assert_eq!((&list["pins"][0]["id"], &list["pins"][0]["is_pin_by_hash"]), (&asked["requestid"], &json!(true)));
    assert_eq!(
        service.psa_delete(&format!("{STANDARD}/{}", uploaded["id"].as_str().unwrap())).await,
        StatusCode::ACCEPTED
    );
    assert_eq!(service.pin(&uploaded["id"]).await["status"], "unpinNormally");
    assert_eq!(service.found("").await, ("again".into(), 1));
}

#[tokio::test]
async fn what_waits_goes_on_after_a_restart() {
    let service = start_with(|config| config.max_concurrent_retrievals = 0).await;
    let added = service.psa_add(json!({"cid": NOT_HELD})).await;
    assert_eq!(
        (&added["status"], &added["info"]),
        (&json!("queued"), &json!({"status_details": "waiting to be fetched"}))
    );
    let service = service.restart().await;
    let path = format!("{STANDARD}/{}", id_of(&added));
    until(async || service.psa_get(&path).await.1, |pin| pin["status"] == "failed").await;
}

#[tokio::test]
async fn every_slash_form_is_answered_without_redirect() {
    let service = start().await;
    for path in ["/api/psa/pins", "/api/psa/pins/", "/api/pinning/pins", "/api/pinning/pins/?limit=1"] {
        assert_eq!(service.psa_get(path).await.0, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_deadline_ends_what_waits_too_long() {
    let service = start_with(|config| config.retrieval_deadline = Duration::ZERO).await;
    let added = service.psa_add(json!({"cid": NOT_HELD})).await;
    let path = format!("{STANDARD}/{}", id_of(&added));
    until(async || service.psa_get(&path).await.1, |pin| pin["status"] == "failed").await;
}

#[tokio::test]
async fn what_an_owner_has_pinned_is_not_charged_again() {
    let service = start_with(|config| config.quota = Quota::Bytes(4_000_000)).await;
    let pin = service.upload(Form::new().file("a", &client::noise(1, 3_000_000))).await;
    let added = service.psa_add(json!({"cid": pin["cid"], "name": "again"})).await;
    assert_eq!(added["status"], "pinned");
    let path = format!("{STANDARD}/{}", id_of(&added));
    let (status, reply) = service.psa_post(&path, &json!({"cid": pin["cid"], "name": "renamed"})).await;
    assert_eq!((status, &reply["status"]), (StatusCode::ACCEPTED, &json!("pinned")), "{reply}");
}
