//! Content and the API share a port: what keeps them apart, and sites on hosts of their own.

use std::path::Path;

use reqwest::{Method, RequestBuilder, Response, StatusCode};
use secrecy::ExposeSecret;

use crate::{
    client::{Form, TestService, start, start_with},
    planted::Planter,
};

/// The specification's fixture, as in the IPFS gateway conformance suite (MIT or Apache-2.0).
const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/redirects.car");
const EXAMPLES: &str = "QmYBhLYDwVFvxos9h8CGU2ibaY66QNgv8hpfewxaQrPiZj";
const FORCED: &str = "QmU7ysGXwAtiV7aBarZASJsxKoKyKmd9Xrz2FFamSCbg8S";
const TOO_LARGE: &str = "QmQTfvjGmvTfxFpUcZNLdTLuKV227KJkGiN6xooHVeVZAS";
const NEW_LINES: &str = "QmYzMrtPyBv7LKiEAGLLRPtvqm3SjQYLWxwWQ2vnpxQwRd";
const GOOD_CODES: &str = "QmWHn2TunA1g7gQ7q9rwAoWuot2hMpojZ6cZ9ERsNKm5gE";
const BAD_CODES: &str = "QmcBcFnKKqgpCVMxxGsriw9ByTVF6uDdKDMuEBq3m6f1bm";

const LISTING: &str = "sandbox allow-top-navigation-by-user-activation";

/// Longer than a label of a host name.
const SHA2_512: &str =
    "bafkrgqhhyivzstcz3hhswshfjgy6ertgmnqeleynhwt4dlfsthi4hn7zgh4uvlsb5xncykzapi3ocd4lzogukir6ksdy6wzrnz6ohnv4aglcs";

fn at(service: &TestService, host: &str, path: &str) -> RequestBuilder {
    service.http.get(format!("{}{path}", service.gateway)).header("host", host)
}

async fn get(service: &TestService, host: &str, path: &str) -> Response {
    at(service, host, path).send().await.unwrap()
}

async fn site(service: &TestService) -> String {
    let form = Form::new()
        .file("site/index.html", b"<script>alert(1)</script>")
        .file("site/a.svg", b"<svg/>")
        .file("site/d/x y", b"x")
        .file("site/p.pdf", b"%PDF-");
    service.upload(form).await["cid"].as_str().unwrap().to_owned()
}

fn v1(cid: &str) -> String {
    holdfast_content::cid_v1(&cid.parse().unwrap())
}

#[tokio::test]
async fn localhost_leads_to_a_host_for_each_root_and_addresses_do_not() {
    let service = start().await;
    let cid = site(&service).await;
    let port = service.address().port();
    let host = format!("localhost:{port}");
    for (path, location) in [
        (format!("/ipfs/{cid}"), format!("http://{cid}.ipfs.{host}/")),
        (format!("/ipfs/{cid}/d/x%20y?a=b&c"), format!("http://{cid}.ipfs.{host}/d/x%20y?a=b&c")),
        (format!("/ipfs/{EXAMPLES}/"), format!("http://{}.ipfs.{host}/", v1(EXAMPLES))),
    ] {
        let response = get(&service, &host, &path).await;
        assert_eq!(response.status(), StatusCode::MOVED_PERMANENTLY, "{path}");
        assert_eq!(response.headers()["location"], location.as_str());
    }
    // Programs need not know hosts below localhost.
    for query in ["?format=raw", "?format=car"] {
        assert_eq!(get(&service, &host, &format!("/ipfs/{cid}{query}")).await.status(), StatusCode::OK);
    }
    assert_eq!(get(&service, &format!("127.0.0.1:{port}"), &format!("/ipfs/{cid}/")).await.status(), StatusCode::OK);
    let too_long = get(&service, &host, &format!("/ipfs/{SHA2_512}")).await;
    assert_eq!(too_long.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn beside_the_api_nothing_runs() {
    let service = start().await;
    let cid = site(&service).await;
    for path in ["", "/index.html", "/a.svg", "/d/", "/d/x%20y"] {
        let response = service.ipfs(Method::GET, &format!("{cid}{path}/").replace("//", "/")).send().await.unwrap();
        let response = match response.status() {
            StatusCode::OK => response,
            _ => service.ipfs(Method::GET, &format!("{cid}{path}")).send().await.unwrap(),
        };
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        // Parts of the page are those of its own address; scripts, forms and windows it has none.
        assert!(matches!(policy, "sandbox allow-same-origin; script-src 'none'" | LISTING), "{policy}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(!response.headers().contains_key("access-control-allow-origin"), "{path}");
    }
    let worker = service.ipfs(Method::GET, &format!("{cid}/a.svg")).header("service-worker", "script");
    assert_eq!(worker.send().await.unwrap().status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_site_has_its_host_to_itself() {
    let service = start().await;
    let cid = site(&service).await;
    let host = format!("{cid}.ipfs.localhost:{}", service.address().port());
    let page = get(&service, &host, "/").await;
    assert_eq!(page.status(), StatusCode::OK);
    assert!(!page.headers().contains_key("content-security-policy"));
    assert_eq!(page.headers()["x-ipfs-path"], format!("/ipfs/{cid}/").as_str());
    assert_eq!(page.text().await.unwrap(), "<script>alert(1)</script>");
    assert_eq!(get(&service, &host, "/d/x%20y").await.text().await.unwrap(), "x");
    let directory = get(&service, &host, "/d").await;
    assert_eq!(directory.headers()["location"], "/d/");
    let list = get(&service, &host, "/d/").await.text().await.unwrap();
    assert!(list.contains("href=\"/d/x%20y\"") && list.contains("<a href=\"/\">..</a>"), "{list}");
    // The API does not exist here, whatever key comes.
    for path in ["/api/pinning/pins", "/api/apiKeys/testAuthentication", "/health", "/metrics", "/ipfs/x"] {
        let with_key = at(&service, &host, path).header("pinning_api_key", &service.key);
        let response = with_key.header("pinning_secret_key", service.secret.expose_secret()).send().await;
        assert_eq!(response.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
    let url = format!("{}/api/pinning/", service.gateway);
    let post = service.http.post(url).header("host", &host).header("origin", format!("http://{host}"));
    assert_eq!(post.send().await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    // And its pages do not reach the API on its own host.
    let reach = service.request(Method::GET, "/pinning/pins").header("origin", format!("http://{host}"));
    assert_eq!(reach.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn hosts_that_name_no_content_are_refused() {
    let service = start_with(|config| config.allowed_hosts = vec!["pins.example".into()]).await;
    let cid = site(&service).await;
    for (host, status) in [
        (format!("{cid}.ipfs.localhost"), StatusCode::OK),
        (format!("{}.IPFS.LocalHost", cid.to_uppercase()), StatusCode::OK),
        (format!("{cid}.ipfs.pins.example"), StatusCode::OK),
        ("x.ipfs.localhost".into(), StatusCode::BAD_REQUEST),
        (format!("{}.ipfs.localhost", "b".repeat(70)), StatusCode::BAD_REQUEST),
        (format!("{cid}.ipfs.evil.example"), StatusCode::FORBIDDEN),
        (format!("{cid}.ipns.localhost"), StatusCode::FORBIDDEN),
        (format!("a.{cid}.ipfs.localhost"), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(get(&service, &host, "/a.svg").await.status(), status, "{host}");
    }
}

#[tokio::test]
async fn only_what_is_verified_may_be_read_by_other_origins() {
    let service = start_with(|config| config.allowed_hosts = vec!["pins.example".into()]).await;
    let cid = site(&service).await;
    let host = format!("{cid}.ipfs.pins.example");
    // Where all may ask, no content has an origin.
    let page = get(&service, "pins.example", &format!("/ipfs/{cid}/index.html")).await;
    assert_eq!(page.headers()["content-security-policy"], "sandbox");
    for (path, is_open) in [("/?format=raw", true), ("/?format=car", true), ("/", false), ("/nothing", false)] {
        let response = get(&service, &host, path).await;
        let allowed = response.headers().get("access-control-allow-origin");
        assert_eq!(allowed.is_some_and(|origin| origin == "*"), is_open, "{path}");
    }
    let preflight = |host: &str| {
        let request = service.ipfs(Method::OPTIONS, &cid).header("host", host);
        request.header("origin", "https://a.example").send()
    };
    let (near, preflight) = (preflight("localhost").await.unwrap(), preflight("pins.example").await.unwrap());
    assert!(!near.headers().contains_key("access-control-allow-methods"));
    assert_eq!(preflight.status(), StatusCode::NO_CONTENT);
    assert_eq!(preflight.headers()["access-control-allow-methods"], "GET, HEAD, OPTIONS");
    assert!(!preflight.headers().contains_key("access-control-allow-credentials"));
    // What this computer holds is nobody's business.
    for path in ["/?format=raw", "/?format=car"] {
        let response = get(&service, &format!("{cid}.ipfs.localhost"), path).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert!(!response.headers().contains_key("access-control-allow-origin"), "{path}");
    }
}

#[tokio::test]
async fn a_site_says_where_paths_lead_that_it_does_not_have() {
    let service = start().await;
    Planter::new(&service).archive(Path::new(FIXTURE));
    let host = format!("{}.ipfs.localhost", v1(EXAMPLES));
    for (path, status, what) in [
        ("/redirect-one", 301, "/one.html"),
        ("/301-redirect-one", 301, "/one.html"),
        ("/302-redirect-two?a=b", 302, "/two.html?a=b"),
        ("/posts/2022/01/01/hello-world", 301, "/articles/2022/01/01/hello-world"),
        ("/splat/one.html", 301, "/redirected-splat/one.html"),
        ("/200-index", 200, "my index"),
        ("/any/thing?a=b", 200, "my index"),
        ("/not-found/x", 404, "my 404"),
        ("/gone/x", 410, "my 410"),
        ("/unavail/x", 451, "my 451"),
        ("/one.html", 200, "my one"),
    ] {
        let response = get(&service, &host, path).await;
        assert_eq!(response.status().as_u16(), status, "{path}");
        if (300..400).contains(&status) {
            assert_eq!(response.headers()["location"], what, "{path}");
        } else {
            assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
            assert_eq!(response.headers()["cache-control"], "public, max-age=29030400, immutable");
            assert!(response.text().await.unwrap().contains(what), "{path}");
        }
    }
    // Where roots share an origin the rules would lead out of the root.
    let path = format!("{EXAMPLES}/redirect-one");
    assert_eq!(service.ipfs(Method::GET, &path).send().await.unwrap().status(), StatusCode::NOT_FOUND);
    // Who verifies wants what is there and not what is instead of it.
    assert_eq!(get(&service, &host, "/any/thing?format=car").await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn rules_that_cannot_be_read_are_the_site_s_error() {
    let service = start().await;
    Planter::new(&service).archive(Path::new(FIXTURE));
    for (root, message) in [(FORCED, "line 1"), (TOO_LARGE, "redirects file size cannot exceed"), (BAD_CODES, "line 1")]
    {
        let host = format!("{}.ipfs.localhost", v1(root));
        let response = get(&service, &host, "/not-found").await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let text = response.text().await.unwrap();
        assert!(text.starts_with("could not parse _redirects: ") && text.contains(message), "{text}");
    }
    for (root, path, location) in [(NEW_LINES, "/redirect-one", "/one.html"), (GOOD_CODES, "/a301", "/b301")] {
        let response = get(&service, &format!("{}.ipfs.localhost", v1(root)), path).await;
        assert_eq!(response.headers()["location"], location, "{path}");
    }
}

#[tokio::test]
async fn an_address_of_the_scheme_is_led_to_its_path() {
    let service = start().await;
    for (query, status, location) in [
        ("ipfs%3A%2F%2Fbafkqaaa%2Fa%3Fb%3Dc", StatusCode::MOVED_PERMANENTLY, Some("/ipfs/bafkqaaa/a?b=c")),
        ("ipfs%3A%2F%2Fbafkqaaa%2Fa%20b%2F%C3%BC", StatusCode::MOVED_PERMANENTLY, Some("/ipfs/bafkqaaa/a%20b/%C3%BC")),
        ("ipfs%3A%2F%2Fbafkqaaa%2Fa%2520b", StatusCode::MOVED_PERMANENTLY, Some("/ipfs/bafkqaaa/a%20b")),
        ("ipfs%3A%2F%2F..%2Fapi", StatusCode::BAD_REQUEST, None),
        ("https%3A%2F%2Fevil.example", StatusCode::BAD_REQUEST, None),
    ] {
        let response = get(&service, "127.0.0.1", &format!("/ipfs/?uri={query}")).await;
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().get("location").map(|to| to.to_str().unwrap()), location);
    }
}

#[tokio::test]
async fn a_file_is_named_and_saved_as_the_address_says() {
    let service = start().await;
    let cid = service.upload(Form::new().file("a", b"a")).await["cid"].as_str().unwrap().to_owned();
    for (query, disposition, content_type) in [
        ("?filename=a.png", "inline; filename=\"a.png\"", "image/png"),
        (
            "?filename=%C3%BC%22.txt&download=true",
            "attachment; filename=\"__.txt\"; filename*=UTF-8''%C3%BC%22%2Etxt",
            "text/plain; charset=utf-8",
        ),
        ("?download=true", "attachment", "text/plain; charset=utf-8"),
        (
            "?download=1&filename=a%0D%0AX-Evil%3A1",
            "inline; filename=\"a__X-Evil:1\"; filename*=UTF-8''a%0D%0AX%2DEvil%3A1",
            "text/plain; charset=utf-8",
        ),
        ("?format=raw&filename=b", "attachment; filename=\"b\"", "application/vnd.ipld.raw"),
        (
            "?format=car&filename=c.car",
            "attachment; filename=\"c.car\"",
            "application/vnd.ipld.car; version=1; order=dfs; dups=n",
        ),
    ] {
        let response = service.ipfs(Method::GET, &format!("{cid}{query}")).send().await.unwrap();
        assert_eq!(response.headers()["content-disposition"], disposition, "{query}");
        assert_eq!(response.headers()["content-type"], content_type, "{query}");
    }
}

#[tokio::test]
async fn a_part_is_of_the_file_that_was_seen_before() {
    let service = start().await;
    let cid = service.upload(Form::new().file("a", b"0123456789")).await["cid"].as_str().unwrap().to_owned();
    for (of, status) in [(format!("\"{cid}\""), StatusCode::PARTIAL_CONTENT), ("\"other\"".into(), StatusCode::OK)] {
        let request = service.ipfs(Method::GET, &cid).header("range", "bytes=2-3").header("if-range", of);
        assert_eq!(request.send().await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn an_address_that_says_its_namespace_twice_is_led_to_what_it_means() {
    let service = start().await;
    for (path, location) in [
        ("/ipfs/ipfs/bafkqaaa", Some("/ipfs/bafkqaaa")),
        ("/ipfs/./bafkqaaa/a/b?x=y", Some("/ipfs/bafkqaaa/a/b?x=y")),
        ("/ipfs//bafkqaaa", Some("/ipfs/bafkqaaa")),
        ("/ipfs/ipfs/./ipfs/bafkqaaa/", Some("/ipfs/bafkqaaa/")),
        ("/ipfs/ipfs/hello", None),
        ("/ipfs/../api/openapi.json", None),
    ] {
        // Other clients would tidy it up themselves.
        let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
        let answer = service.raw(request.as_bytes()).await;
        let found = answer.lines().find_map(|line| line.strip_prefix("location: "));
        assert_eq!(found, location, "{path}: {answer}");
        assert!(
            answer.starts_with(if location.is_some() { "HTTP/1.1 301" } else { "HTTP/1.1 400" }),
            "{path}: {answer}"
        );
    }
}

#[tokio::test]
async fn headers_are_ascii_whatever_the_address_and_name_what_was_asked_for() {
    let service = start().await;
    let form = Form::new().file("t/łódź/a.txt", b"a").file("t/_redirects", "/alt /łódź/a.txt\n".as_bytes());
    let cid = service.upload(form).await["cid"].as_str().unwrap().to_owned();
    let site = format!("{cid}.ipfs.localhost");
    for (host, path, found) in [
        ("127.0.0.1", format!("/ipfs/{cid}/łódź/a.txt"), format!("x-ipfs-path: /ipfs/{cid}/%C5%82%C3%B3d%C5%BA/a.txt")),
        ("127.0.0.1", format!("/ipfs/{cid}/łódź/a.txt"), format!("ipfs-uri: ipfs://{cid}/%C5%82%C3%B3d%C5%BA/a.txt")),
        ("127.0.0.1", format!("/ipfs/{cid}/łódź"), format!("location: /ipfs/{cid}/%C5%82%C3%B3d%C5%BA/")),
        ("127.0.0.1", format!("/ipfs/{cid}/no+thing%3F"), format!("ipfs-uri: ipfs://{cid}/no%2Bthing%3F")),
        ("localhost", format!("/ipfs/{cid}/ł?ó"), format!("location: http://{site}/%C5%82?%C3%B3")),
        (&site, "/alt?ź".into(), "location: /%C5%82%C3%B3d%C5%BA/a.txt?%C5%BA".into()),
        ("127.0.0.1", format!("/api/gateway/{cid}/ł"), format!("location: /ipfs/{cid}/%C5%82")),
        ("127.0.0.1", "/ipfs/qmyblhydwvfvxos9h8cgu2ibay66qngv8hpfewxaqrpizj".into(), "lost its capital letters".into()),
        ("127.0.0.1", format!("/ipfs/{}", &cid[..cid.len() - 2]), "it was cut off".into()),
        (
            "qmyblhydwvfvxos9h8cgu2ibay66qngv8hpfewxaqrpizj.ipfs.localhost",
            "/".into(),
            "lost its capital letters".into(),
        ),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = service.raw(request.as_bytes()).await;
        assert!(answer.contains(&found), "{path}: {found} in {answer}");
        let head = answer.split("\r\n\r\n").next().unwrap();
        assert!(head.is_ascii(), "{path}: {head}");
    }
}

#[tokio::test]
async fn a_part_of_a_large_directory_has_no_links_that_lead_nowhere() {
    let service = start().await;
    // Above 256 KiB of names a directory is spread over blocks.
    let form = (0..1200).fold(Form::new(), |form, number| form.file(&format!("t/{number:0>250}"), b"x"));
    let cid = service.upload(form).await["cid"].as_str().unwrap().to_owned();
    let root = service.content(&format!("{cid}?format=raw")).await;
    let part = holdfast_content::child_cids(&cid.parse().unwrap(), &root).unwrap();
    let part = part.into_iter().find(|child| child.codec() == holdfast_content::CODEC_DAG_PB).unwrap().to_string();
    let page = String::from_utf8(service.content(&format!("{cid}/")).await).unwrap();
    let links: Vec<_> = page.split("<tr><td><a href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    for link in links.iter().take(5) {
        assert_eq!(service.content(link.strip_prefix("/ipfs/").unwrap()).await, b"x", "{link}");
    }
    assert!(!links.is_empty(), "{page:.400}");
    // Its names are not where they would be found, so it is no directory of its own.
    for (host, path) in [("127.0.0.1", format!("/ipfs/{part}/")), (&format!("{part}.ipfs.localhost"), "/".into())] {
        assert_eq!(get(&service, host, &path).await.status(), StatusCode::UNPROCESSABLE_ENTITY, "{host}");
    }
}
