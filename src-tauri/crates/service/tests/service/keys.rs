//! Keys: what each may do, who makes and revokes them, and who tries them.

use holdfast_service::{KeyRing, Scope, Scopes};
use reqwest::{Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::client::{self, Client, Form, start, start_with};

async fn post_key(client: &Client, body: Value) -> (StatusCode, Value) {
    let request = client.request(Method::POST, "/apiKeys").header("content-type", "application/json");
    client::json(request.body(body.to_string()).send().await.unwrap()).await
}

async fn delete_key(client: &Client, id: &Value) -> StatusCode {
    client.request(Method::DELETE, &format!("/apiKeys/{}", id.as_str().unwrap())).send().await.unwrap().status()
}

fn client_with(service: &Client, key: &Value) -> Client {
    let text = |field: &str| key[field].as_str().unwrap().to_owned();
    Client { key: text("api_key"), secret: SecretString::from(text("secret_key")), ..service.clone() }
}

#[tokio::test]
async fn a_key_made_over_the_api_works_until_it_is_revoked() {
    let service = start().await;
    let scopes = json!({
        "admin": false,
        "data": {"pin_list": true, "nft_list": true},
        "pinning": {"unpin": true, "pin_by_hash": true, "pin_file_to_ipfs": true},
        "pin_nft": {"unpin_nft": true, "pin_nft_to_ipfs": true}
    });
    let (status, reply) = post_key(&service, json!({"name": "n", "scopes": scopes})).await;
    assert_eq!(
        (status, &reply["status"], &reply["data"]["name"]),
        (StatusCode::CREATED, &json!("success"), &json!("n"))
    );
    let made = client_with(&service, &reply["data"]);
    let pin = made.upload(Form::new().file("f", b"x")).await;
    assert_eq!(service.pin(&pin["id"]).await["cid"], pin["cid"]);
    let (_, list) = service.get("/apiKeys/list").await;
    assert_eq!(list["data"]["total"], 2);
    let listed = &list["data"]["api_keys"][1];
    assert_eq!((&listed["api_key"], &listed["secret_key"]), (&json!(made.key), &json!("")));
    assert_eq!(listed["scopes"]["pinning"], scopes["pinning"]);
    assert_eq!(listed["scopes"]["admin"], false);
    assert_eq!(made.get("/apiKeys/list").await.0, StatusCode::FORBIDDEN);
    let other = service.client_of("other").await;
    assert_eq!(delete_key(&other, &listed["id"]).await, StatusCode::NOT_FOUND);
    assert_eq!(delete_key(&service, &listed["id"]).await, StatusCode::OK);
    assert_eq!(delete_key(&service, &listed["id"]).await, StatusCode::NOT_FOUND);
    assert_eq!(made.get("/apiKeys/testAuthentication").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_may_do_what_its_scopes_say_and_nothing_else() {
    let service = start().await;
    let pin = service.upload(Form::new().file("f", b"x")).await;
    let id = pin["id"].as_str().unwrap();
    let routes = [
        (Scope::Pin, Method::POST, "/pinning/".to_owned()),
        (Scope::PinByHash, Method::POST, "/pinning/pinByHash".into()),
        (Scope::List, Method::GET, format!("/pinning/{id}")),
        (Scope::List, Method::GET, "/pinning/pins/".into()),
        (Scope::Unpin, Method::DELETE, "/pinning/unpin/3c3fec2a-ca65-4b8e-bcf3-c8e2ceaa23d2".into()),
        (Scope::List, Method::GET, "/billing/thisMonthUsage".into()),
        (Scope::Admin, Method::POST, "/apiKeys".into()),
        (Scope::Admin, Method::GET, "/apiKeys/list".into()),
        (Scope::Admin, Method::DELETE, format!("/apiKeys/{id}")),
        (Scope::List, Method::GET, "/psa/pins".into()),
        (Scope::PinByHash, Method::POST, "/psa/pins".into()),
        (Scope::List, Method::GET, format!("/psa/pins/{id}")),
        (Scope::PinByHash, Method::POST, format!("/pinning/pins/{id}")),
        (Scope::Unpin, Method::DELETE, "/psa/pins/x".into()),
    ];
    let ring = KeyRing::open(service.dir.path()).unwrap();
    for scope in Scope::ALL {
        let (_, key) = ring.create("home", "one", &Scopes::from_iter([scope])).unwrap();
        let client = Client::new(&service.gateway, key);
        assert_eq!(client.get("/apiKeys/testAuthentication").await.0, StatusCode::OK);
        for (needed, method, path) in &routes {
            let status = client.request(method.clone(), path).send().await.unwrap().status();
            assert_eq!(status == StatusCode::FORBIDDEN, scope != *needed, "{scope:?} {method} {path}: {status}");
        }
    }
    // To replace is to pin and to unpin.
    let (_, key) = ring.create("home", "one", &Scopes::from_iter([Scope::PinByHash])).unwrap();
    let client = Client::new(&service.gateway, key);
    let replace = client.request(Method::POST, &format!("/psa/pins/{id}")).body(json!({"cid": pin["cid"]}).to_string());
    assert_eq!(replace.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn keys_are_made_and_revoked_beside_a_running_service() {
    let service = start().await;
    let ring = KeyRing::open(service.dir.path()).unwrap();
    let (info, key) = ring.create("home", "beside", &Scopes::all()).unwrap();
    let client = Client::new(&service.gateway, key);
    assert_eq!(client.get("/apiKeys/testAuthentication").await.0, StatusCode::OK);
    let names: Vec<_> = ring.list().unwrap().into_iter().map(|key| key.name).collect();
    assert_eq!(names, ["test", "beside"]);
    assert!(ring.revoke(info.id).unwrap());
    assert_eq!(client.get("/apiKeys/testAuthentication").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn keys_that_make_no_sense_are_refused() {
    let service = start().await;
    for (body, message) in [
        (json!({}), "name"),
        (json!({"name": ""}), "1 to 255"),
        (json!({"name": "n".repeat(256)}), "1 to 255"),
        (json!({"name": "Default"}), "Cannot create an API key with the name 'Default'"),
        (json!({"name": "n", "scopes": {"admin": 1}}), "not what this route takes"),
    ] {
        let (status, reply) = post_key(&service, body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(reply["message"].as_str().unwrap().contains(message), "{reply}");
    }
    for _ in 1..100 {
        assert_eq!(post_key(&service, json!({"name": "n"})).await.0, StatusCode::CREATED);
    }
    let (status, reply) = post_key(&service, json!({"name": "n"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(reply["message"].as_str().unwrap().starts_with("Maximum number of API keys exceeded."), "{reply}");
}

#[tokio::test]
async fn who_tries_keys_is_slowed_down_and_right_keys_still_work() {
    let service = start_with(|config| config.max_wrong_keys_per_minute = 3).await;
    let wrong = Client { secret: SecretString::from("wrong"), ..service.client.clone() };
    for _ in 0..3 {
        assert_eq!(wrong.get("/pinning/pins").await.0, StatusCode::UNAUTHORIZED);
    }
    for path in ["/pinning/pins", "/psa/pins"] {
        let response = wrong.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    // Without any key nothing is tried.
    let bare = service.http.get(format!("{}/api/pinning/pins", service.gateway)).send().await.unwrap();
    assert_eq!(bare.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(service.get("/pinning/pins").await.0, StatusCode::OK);
}

#[tokio::test]
async fn usage_counts_what_is_pinned() {
    let service = start().await;
    let pin = service.upload(Form::new().file("f", b"12345")).await;
    service.upload(Form::new().file("g", b"123")).await;
    service.unpin(&pin["id"]).await;
    let (status, reply) = service.get("/billing/thisMonthUsage").await;
    let expected = json!({
        "total_storage": 3, "storage_usage": 3, "bandwidth_usage": 0, "storage_cost": 0, "bandwidth_cost": 0
    });
    assert_eq!((status, reply), (StatusCode::OK, json!({"data": expected, "status": "success"})));
}
