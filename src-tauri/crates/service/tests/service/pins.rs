//! Pins by CID, lists, unpins, keys.

use std::str::FromStr;

use holdfast_content::{Cid, cid_v0};
use holdfast_service::{ApiKey, Service, ServiceConfig, ServiceError};
use reqwest::{Method, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::client::{self, Client, Form, noise, start, tree_cid, until};

const NOT_HELD: &str = "Qmc1135ziMvmFG534i75E8HpJoLqzLzgKBxfjBV9cBsMAs";

#[tokio::test]
async fn the_test_of_keys_greets() {
    let service = start().await;
    for path in ["/apiKeys/testAuthentication", "/apiKeys/testAuthentication/"] {
        let (status, reply) = service.get(path).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(reply["message"], "Congratulations! You are communicating with the Web3 IPFS API!");
        assert_eq!(
            reply["capabilities"],
            json!(["directory-parts", "symlink-parts", "exact-paths", "car", "unixfs-v1-2025"])
        );
    }
}

#[tokio::test]
async fn every_route_asks_for_keys() {
    let service = start().await;
    let id = "3c3fec2a-ca65-4b8e-bcf3-c8e2ceaa23d2";
    let routes = [
        (Method::POST, "/pinning".to_owned()),
        (Method::POST, "/pinning/pinByHash".into()),
        (Method::GET, format!("/pinning/{id}")),
        (Method::GET, "/pinning/pins".into()),
        (Method::DELETE, format!("/pinning/unpin/{id}")),
        (Method::GET, "/apiKeys/testAuthentication".into()),
    ];
    let wrong = ApiKey::random().unwrap();
    let other = service.client_of("other").await;
    for (method, path) in routes {
        for path in [path.clone(), format!("{path}/")] {
            let bare = || service.http.request(method.clone(), format!("{}/api{path}", service.gateway));
            let (status, reply) = client::json(bare().send().await.unwrap()).await;
            assert_eq!(
                (status, &reply["message"]),
                (StatusCode::UNAUTHORIZED, &json!("You are not logged in")),
                "{path}"
            );
            for (key, secret) in
                [(&wrong.key, &wrong.secret), (&service.key, &wrong.secret), (&service.key, &other.secret)]
            {
                let keyed = bare().header("pinning_api_key", key).header("pinning_secret_key", secret.expose_secret());
                let (status, reply) = client::json(keyed.send().await.unwrap()).await;
                assert_eq!((status, &reply["status"]), (StatusCode::UNAUTHORIZED, &json!("error")), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn content_that_is_not_held_is_never_reported_as_pinned() {
    let service = start().await;
    let asked = json!({"hash_to_pin": NOT_HELD, "metadata": {"name": "n", "keyvalues": {"key1": "value1"}}});
    let (status, reply) = service.try_pin_by_hash(asked.clone()).await;
    assert_eq!((status, &reply["status"]), (StatusCode::OK, &json!("success")), "{reply}");
    let pin = &reply["data"];
    assert_eq!((&pin["pinned"], &pin["status"]), (&json!(false), &json!("RETRIEVAL")));
    assert_eq!((&pin["cid"], &pin["is_pin_by_hash"]), (&json!(NOT_HELD), &json!(true)));
    assert_eq!(pin["root_hash"], "1220cafafc20fc9de1c913769d254ded6be39a12c21bb0028654cd838775aed6325c");
    assert_eq!(pin["file_record_id"], "00000000-0000-0000-0000-000000000000");
    assert_eq!(pin["metadata"], json!({"name": "n", "keyvalues": {"key1": "value1"}}));
    for absent in ["size", "sub_hash_status", "message"] {
        assert!(pin.get(absent).is_none(), "{absent}");
    }
    let failed = until(async || service.pin(&pin["id"]).await, |pin| pin["status"] == "retrieveFailed").await;
    assert_eq!(failed["pinned"], false);
    assert!(failed["message"].as_str().unwrap().contains("no other source"));
    // Asking again is the same attempt.
    let (_, again) = service.try_pin_by_hash(asked).await;
    assert_eq!((&again["data"]["id"], &again["data"]["status"]), (&pin["id"], &json!("RETRIEVAL")));
    assert_eq!(service.list("pinned=true").await["totals"]["files"], 0);
    assert_eq!(service.list("pinned=false").await["totals"]["files"], 1);
}

#[tokio::test]
async fn content_that_is_held_is_pinned_by_its_cid_at_once() {
    let service = start().await;
    let files: [(&str, &[u8]); 3] = [("a", b"aa"), ("d/b", b"bbb"), ("d/e/c", b"")];
    let form = files.iter().fold(Form::new(), |form, (path, bytes)| form.file(&format!("t/{path}"), bytes));
    let uploaded = service.upload(form).await;
    let cid = Cid::from_str(uploaded["cid"].as_str().unwrap()).unwrap();
    let other = service.client_of("other").await;
    // The same DAG by its other CID; the reply says it as it was asked.
    let v0 = cid_v0(&cid).unwrap();
    let (status, reply) = other.try_pin_by_hash(json!({"hash_to_pin": v0})).await;
    assert_eq!(status, StatusCode::OK, "{reply}");
    let pin = &reply["data"];
    assert_eq!((&pin["pinned"], &pin["status"], &pin["cid"]), (&json!(true), &json!("pinned"), &json!(v0)));
    assert_eq!((&pin["is_dir"], &pin["root_hash"]), (&json!(true), &uploaded["root_hash"]));
    assert!(pin.get("size").is_none() && pin.get("sub_hash_status").is_none() && pin.get("message").is_none());
    assert_eq!(other.pin(&pin["id"]).await["size"], 5);
    for again in [v0, cid.to_string()] {
        let (status, reply) = other.try_pin_by_hash(json!({"hash_to_pin": again})).await;
        assert_eq!((status, &reply["message"]), (StatusCode::CONFLICT, &json!("Pin with that hash already exists")));
    }
}

#[tokio::test]
async fn a_pin_by_hash_that_makes_no_sense_is_refused() {
    let service = start().await;
    for (body, message) in [
        (json!({"hash_to_pin": ""}), "invalid cid: cid too short"),
        (json!({"hash_to_pin": "hello"}), "invalid cid"),
        (json!({"hash_to_pin": format!("/ipfs/{NOT_HELD}")}), "invalid cid"),
        (json!({"hash_to_pin": format!("{NOT_HELD}x")}), "invalid cid"),
        (json!({}), "hash_to_pin"),
        (json!([]), "the body is not what this route takes"),
        (json!({"hash_to_pin": NOT_HELD, "metadata": {"keyvalues": {"a": []}}}), "must be a string"),
        (json!({"hash_to_pin": NOT_HELD, "metadata": {"name": "n".repeat(256)}}), "255 characters"),
    ] {
        let (status, reply) = service.try_pin_by_hash(body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(reply["message"].as_str().unwrap().contains(message), "{body}: {reply}");
    }
    let (status, reply) = service.try_pin_by_hash(json!({"hash_to_pin": "x".repeat(2_000_000)})).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{reply}");
}

async fn three_pins(service: &Client) -> Vec<Value> {
    let mut pins = Vec::new();
    for (name, size, keyvalues) in [
        ("b", 30, json!({"kind": "x", "n": 1})),
        ("c", 10, json!({"kind": "x", "n": "1"})),
        ("a", 20, json!({"ok": true})),
    ] {
        let metadata = json!({"keyvalues": keyvalues}).to_string();
        pins.push(service.upload(Form::new().file(name, &noise(size, size as usize)).metadata(&metadata)).await);
    }
    pins
}

fn names(list: &Value) -> String {
    list["pins"].as_array().unwrap().iter().map(|pin| pin["metadata"]["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn lists_are_sorted_paged_and_filtered() {
    let service = start().await;
    assert_eq!(service.list("").await, json!({"totals": {"files": 0, "size": 0}, "pins": []}));
    let pins = three_pins(&service).await;
    service.unpin(&pins[1]["id"]).await;
    for (query, expected, files, size) in [
        ("", "acb", 3, 60),
        ("sortOrder=ASC", "bca", 3, 60),
        ("sortBy=size&sortOrder=ASC", "cab", 3, 60),
        ("sortBy=size&sortOrder=DESC&pinned=all", "bac", 3, 60),
        ("sortBy=name&sortOrder=asc", "abc", 3, 60),
        ("sortBy=name&limit=1&offset=1", "b", 3, 60),
        ("offset=3", "", 3, 60),
        ("pinned=true", "ab", 2, 50),
        ("pinned=false&sortBy=created_at", "c", 1, 10),
        ("limit=1000&offset=0&pinned=true&sortBy=size", "ba", 2, 50),
        ("metadata=%7B%22kind%22%3A%22x%22%7D", "cb", 2, 40),
        ("metadata=%7B%22kind%22%3A%22x%22%2C%22n%22%3A1%7D", "b", 1, 30),
        ("metadata=%7B%22n%22%3A%221%22%7D", "c", 1, 10),
        ("metadata=%7B%22ok%22%3Atrue%7D&pinned=true", "a", 1, 20),
        ("metadata=%7B%22ok%22%3Afalse%7D", "", 0, 0),
        ("metadata=%7B%22a%5C%22b%22%3A%22x%22%7D", "", 0, 0),
    ] {
        let list = service.list(query).await;
        assert_eq!(names(&list), expected, "{query}");
        assert_eq!(list["totals"], json!({"files": files, "size": size}), "{query}");
    }
}

#[tokio::test]
async fn a_list_gives_ten_unless_asked() {
    let service = start().await;
    for number in 0..12_u8 {
        service.upload(Form::new().file("f", &[number])).await;
    }
    let list = service.list("").await;
    assert_eq!((list["pins"].as_array().unwrap().len(), &list["totals"]["files"]), (10, &json!(12)));
    let dates: Vec<_> = list["pins"].as_array().unwrap().iter().map(|pin| pin["date_pinned"].clone()).collect();
    assert!(dates.windows(2).all(|pair| pair[0].as_str() > pair[1].as_str()), "{dates:?}");
}

#[tokio::test]
async fn a_list_query_that_makes_no_sense_is_refused() {
    let service = start().await;
    for (query, message) in [
        ("limit=0", "limit must be"),
        ("limit=1001", "limit must be"),
        ("limit=ten", "limit must be"),
        ("limit=-1", "limit must be"),
        ("offset=-1", "offset must be"),
        ("offset=99999999999999999999", "offset must be"),
        ("pinned=yes", "pinned must be"),
        ("sortBy=cid", "sortBy must be"),
        ("sortOrder=up", "sortOrder must be"),
        ("metadata=%7B", "metadata must be"),
        ("metadata=%7B%22a%22%3Anull%7D", "must be a string"),
    ] {
        let (status, reply) = service.get(&format!("/pinning/pins?{query}")).await;
        assert_eq!((status, &reply["status"]), (StatusCode::BAD_REQUEST, &json!("error")), "{query}");
        assert!(reply["message"].as_str().unwrap().contains(message), "{query}: {reply}");
    }
}

#[tokio::test]
async fn an_unpin_ends_the_pin_and_keeps_its_record() {
    let service = start().await;
    let pin = service.upload(Form::new().file("a", b"a")).await;
    let (status, reply) = service.unpin(&pin["id"]).await;
    assert_eq!(status, StatusCode::OK, "{reply}");
    let unpinned = &reply["data"];
    assert_eq!((&unpinned["pinned"], &unpinned["status"]), (&json!(false), &json!("unpinNormally")));
    assert_ne!(unpinned["date_unpinned"], "0001-01-01T00:00:00Z");
    assert!(unpinned.get("sub_hash_status").is_none());
    let (status, again) = service.unpin(&pin["id"]).await;
    assert_eq!((status, &again), (StatusCode::OK, &reply));
    assert_eq!(service.pin(&pin["id"]).await["status"], "unpinNormally");
}

#[tokio::test]
async fn unknown_ids_and_the_pins_of_others_are_not_there() {
    let service = start().await;
    let pin = service.upload(Form::new().file("a", b"a")).await;
    let other = service.client_of("other").await;
    for (client, id) in [
        (&service.client, json!("3c3fec2a-ca65-4b8e-bcf3-c8e2ceaa23d2")),
        (&service.client, json!("no-uuid")),
        (&other, pin["id"].clone()),
    ] {
        let (status, reply) = client.get(&format!("/pinning/{}", id.as_str().unwrap())).await;
        assert_eq!((status, &reply["message"]), (StatusCode::NOT_FOUND, &json!("record not found")));
        assert_eq!(client.unpin(&id).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(other.list("").await["totals"]["files"], 0);
    assert_eq!(service.pin(&pin["id"]).await["pinned"], true);
}

#[tokio::test]
async fn other_routes_and_methods_are_answered_as_errors() {
    let service = start().await;
    let (status, reply) = service.get("/nft/").await;
    assert_eq!((status, &reply["status"]), (StatusCode::NOT_FOUND, &json!("error")));
    let (status, reply) = client::json(service.request(Method::PUT, "/pinning/pins").send().await.unwrap()).await;
    assert_eq!((status, &reply["status"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("error")));
}

#[tokio::test]
async fn an_installed_key_can_change_and_the_pins_stay() {
    let service = start().await;
    let (first, second) = (ApiKey::random().unwrap(), ApiKey::random().unwrap());
    service.service.install_key("desk", &first.key, first.secret.clone()).await.unwrap();
    let desk = Client::new(&service.gateway, first);
    let pin = desk.upload(Form::new().file("a", b"a")).await;
    let service = service.restart().await;
    service.service.install_key("desk", &second.key, second.secret.clone()).await.unwrap();
    let desk = Client { gateway: service.gateway.clone(), ..desk };
    assert_eq!(desk.get("/pinning/pins").await.0, StatusCode::UNAUTHORIZED);
    let desk = Client::new(&service.gateway, second);
    assert_eq!(desk.pin(&pin["id"]).await["cid"], pin["cid"]);
    let refused = service.service.install_key("desk", "short", SecretString::from("short")).await;
    assert!(matches!(refused, Err(ServiceError::InvalidKey(_))));
}

#[tokio::test]
async fn a_restart_keeps_pins_keys_and_content() {
    let service = start().await;
    let pin = service.upload(Form::new().file("t/a", b"a").file("t/b", &noise(3, 3_000_000))).await;
    let before = service.pin(&pin["id"]).await;
    let service = service.restart().await;
    assert_eq!(service.pin(&pin["id"]).await, before);
    assert_eq!(pin["cid"], tree_cid(&[("a", b"a"), ("b", &noise(3, 3_000_000))]));
    assert!(service.content(&format!("{}/b", pin["cid"].as_str().unwrap())).await == noise(3, 3_000_000));
}

#[tokio::test]
async fn one_directory_has_one_service() {
    let service = start().await;
    let second = Service::start(ServiceConfig::new(service.dir.path())).await;
    assert!(matches!(second, Err(ServiceError::DirectoryInUse(_))), "{second:?}");
}
