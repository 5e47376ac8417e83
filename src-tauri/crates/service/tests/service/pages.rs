//! Web pages of other origins: they get one answer, whatever is held here.

use reqwest::{Method, Response, StatusCode};

use crate::{
    client::{Form, TestService, start, start_with},
    gateway_on_demand::visits,
};

const ABSENT: &str = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";

/// Asks as a browser does for a page.
async fn ask(service: &TestService, host: &str, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = service.http.get(format!("{}{path}", service.gateway)).header("host", host);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

/// All that a page could tell two answers apart by.
async fn seen(response: Response) -> (StatusCode, Vec<(String, String)>, String) {
    let headers = response.headers().iter().filter(|(name, _)| *name != "date");
    let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    (response.status(), headers, response.text().await.unwrap())
}

const FOREIGN: [&[(&str, &str)]; 9] = [
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
    &[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")],
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "object")],
    &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "document")],
    &[
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
        ("sec-purpose", "prefetch"),
    ],
    &[("origin", "https://evil.example")],
    &[("origin", "null")],
];

#[tokio::test]
async fn pages_of_other_origins_get_one_answer_whatever_is_held() {
    let service = start().await;
    let cid = service.upload(Form::new().file("t/index.html", b"hello")).await["cid"].as_str().unwrap().to_owned();
    let port = service.address().port();
    let (number, name) = (format!("127.0.0.1:{port}"), format!("localhost:{port}"));
    for headers in FOREIGN {
        let mut answers = Vec::new();
        for root in [cid.as_str(), ABSENT] {
            for (host, path) in [
                (&number, format!("/ipfs/{root}/")),
                (&number, format!("/ipfs/{root}/?format=raw")),
                (&number, format!("/api/gateway/{root}")),
                (&name, format!("/ipfs/{root}/index.html")),
                (&format!("{root}.ipfs.localhost:{port}"), "/index.html".into()),
                (&number, "/health".into()),
                (&number, "/metrics".into()),
                (&number, "/nothing".into()),
            ] {
                answers.push(seen(ask(&service, host, &path, headers).await).await);
            }
        }
        assert_eq!(answers[0].0, StatusCode::FORBIDDEN, "{headers:?}");
        assert!(answers[0].1.contains(&("cache-control".into(), "no-store".into())));
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{headers:?}: {answers:#?}");
    }
    assert_eq!(visits(&service, &cid).await, 0, "who is refused is no visitor");
}

#[tokio::test]
async fn every_answer_is_kept_from_pages_of_other_origins() {
    let service = start_with(|config| config.allowed_hosts = vec!["pins.example".into()]).await;
    let cid = service.upload(Form::new().file("a", b"hello")).await["cid"].as_str().unwrap().to_owned();
    for (host, path) in [
        ("127.0.0.1", format!("/ipfs/{cid}")),
        ("127.0.0.1", format!("/ipfs/{ABSENT}")),
        ("127.0.0.1", "/api/pinning/pins".into()),
        ("127.0.0.1", "/health".into()),
        ("[::1]", "/nothing".into()),
        ("localhost", format!("/ipfs/{cid}")),
        (&format!("{cid}.ipfs.localhost"), "/".into()),
        ("evil.example", "/".into()),
    ] {
        let answer = ask(&service, host, &path, &[]).await;
        assert_eq!(answer.headers()["cross-origin-resource-policy"], "same-origin", "{host}{path}");
        assert_eq!(answer.headers()["x-frame-options"], "SAMEORIGIN", "{host}{path}");
    }
    // A public name is there for pages of others.
    let public = ask(&service, "pins.example", &format!("/ipfs/{cid}"), FOREIGN[0]).await;
    assert_eq!(public.status(), StatusCode::OK);
    assert!(!public.headers().contains_key("cross-origin-resource-policy"));
}

#[tokio::test]
async fn whoever_opens_an_address_sees_what_is_there() {
    let service = start().await;
    let form = Form::new().file("t/index.html", b"<img src=a.png>").file("t/a.png", b"\x89PNG\r\n\x1a\n");
    let cid = service.upload(form).await["cid"].as_str().unwrap().to_owned();
    let port = service.address().port();
    let (own, site) = (format!("127.0.0.1:{port}"), format!("{cid}.ipfs.localhost:{port}"));
    let page = format!("http://{own}/ipfs/{cid}/index.html");
    let open = |site| [("sec-fetch-site", site), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    let part = [("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
    let (picture, ok) = (format!("/ipfs/{cid}/a.png"), StatusCode::OK);
    for (host, path, headers, status) in [
        // Programs, browsers that say nothing, typed addresses, links from anywhere.
        (&own, &picture, vec![], ok),
        (&own, &picture, vec![("sec-fetch-mode", "cors")], ok),
        (&own, &picture, open("none").into(), ok),
        (&own, &picture, open("cross-site").into(), ok),
        (&own, &picture, open("same-site").into(), ok),
        // Parts of a page of the same root, and of a site of its own.
        (&own, &picture, [&part[..], &[("referer", page.as_str())]].concat(), ok),
        (&site, &"/a.png".into(), part.into(), ok),
        (&site, &"/a.png".into(), vec![("origin", &*format!("http://{site}"))], ok),
        // What the browser itself fetches further, as a viewer of PDFs does.
        (&own, &picture, vec![("sec-fetch-site", "same-origin"), ("sec-fetch-dest", "empty")], ok),
        // A page below one root that asks what else is held.
        (&own, &format!("/ipfs/{ABSENT}"), [&part[..], &[("referer", page.as_str())]].concat(), StatusCode::FORBIDDEN),
        (&own, &"/health".into(), [&part[..], &[("referer", page.as_str())]].concat(), StatusCode::FORBIDDEN),
        (&own, &picture, part.into(), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(ask(&service, host, path, &headers).await.status(), status, "{host}{path} {headers:?}");
    }
    let visit = format!("/api/gateway/{cid}");
    assert_eq!(ask(&service, &own, &visit, &open("cross-site")).await.status(), StatusCode::FOUND);
    assert_eq!(visits(&service, &cid).await, 1);
    // A form that another page sends is no visit.
    let post = service.http.request(Method::POST, format!("{}{visit}", service.gateway));
    let post = open("cross-site").iter().fold(post, |post, (name, value)| post.header(*name, *value));
    assert_eq!(post.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}
