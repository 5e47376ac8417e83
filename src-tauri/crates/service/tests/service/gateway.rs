//! What a browser gets.

use std::{fs, str::FromStr};

use holdfast_content::Cid;
use reqwest::{Method, StatusCode, header};

use crate::client::{Form, TestService, noise, start};

async fn with_file(name: &str, bytes: &[u8]) -> (TestService, String) {
    let service = start().await;
    let cid = service.upload(Form::new().file(name, bytes)).await["cid"].as_str().unwrap().to_owned();
    (service, cid)
}

#[tokio::test]
async fn a_file_comes_with_what_caches_and_browsers_need() {
    let bytes = noise(1, 3_000_000);
    let (service, cid) = with_file("a", &bytes).await;
    for method in [Method::GET, Method::HEAD] {
        let response = service.ipfs(method.clone(), &format!("{cid}?filename=a.png")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers().clone();
        let has = |name: header::HeaderName, value: &str| assert_eq!(headers[name], value);
        has(header::CONTENT_TYPE, "image/png");
        has(header::CONTENT_LENGTH, "3000000");
        has(header::ACCEPT_RANGES, "bytes");
        has(header::ETAG, &format!("\"{cid}\""));
        has(header::CACHE_CONTROL, "public, max-age=29030400, immutable");
        has(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        has(header::CONTENT_SECURITY_POLICY, "sandbox allow-same-origin; script-src 'none'");
        let body = response.bytes().await.unwrap();
        assert!(if method == Method::HEAD { body.is_empty() } else { body == bytes });
    }
    for etag in [format!("\"{cid}\""), format!("W/\"x\", W/\"{cid}\""), "*".into()] {
        let request = service.ipfs(Method::GET, &cid).header("if-none-match", etag);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    }
}

#[tokio::test]
async fn parts_of_a_file_are_those_bytes() {
    let bytes = noise(2, 5 * 1024 * 1024 + 3);
    let (service, cid) = with_file("a", &bytes).await;
    let length = bytes.len();
    for (range, first, end) in [
        ("bytes=0-0".to_owned(), 0, 1),
        ("bytes=1048575-1048576".into(), 1_048_575, 1_048_577),
        ("bytes=1000000-4999999".into(), 1_000_000, 5_000_000),
        ("bytes=5000000-".into(), 5_000_000, length),
        ("bytes=-10".into(), length - 10, length),
        (format!("bytes=10-{}", u64::MAX), 10, length),
    ] {
        let response = service.ipfs(Method::GET, &cid).header("range", &range).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(response.headers()["content-range"], format!("bytes {first}-{}/{length}", end - 1).as_str());
        assert_eq!(response.headers()["content-length"], (end - first).to_string().as_str());
        assert!(response.bytes().await.unwrap() == bytes[first..end], "{range}");
    }
    let beyond = service.ipfs(Method::GET, &cid).header("range", format!("bytes={length}-")).send().await.unwrap();
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.headers()["content-range"], format!("bytes */{length}").as_str());
    let several = service.ipfs(Method::GET, &cid).header("range", "bytes=0-1,5-6").send().await.unwrap();
    assert_eq!(several.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_is_not_there_is_said_in_words() {
    let (service, cid) = with_file("a", b"a").await;
    let tree = service.upload(Form::new().file("t/a", b"a")).await["cid"].as_str().unwrap().to_owned();
    let absent = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
    for (path, status) in [
        (absent.to_owned(), StatusCode::NOT_FOUND),
        (format!("{tree}/b"), StatusCode::NOT_FOUND),
        (format!("{cid}/b"), StatusCode::NOT_FOUND),
        (format!("{tree}/%ff"), StatusCode::NOT_FOUND),
        (format!("{tree}/a//b"), StatusCode::NOT_FOUND),
        ("hello".into(), StatusCode::BAD_REQUEST),
        ("..%2fx".into(), StatusCode::BAD_REQUEST),
        (format!("{cid}?format=tar"), StatusCode::BAD_REQUEST),
    ] {
        let response = service.ipfs(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }
    let root = service.http.get(format!("{}/ipfs/", service.gateway)).send().await.unwrap();
    assert_eq!(root.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_directory_is_listed_and_its_names_cannot_write_html() {
    let service = start().await;
    let form = Form::new()
        .file("t/<script>alert(1)<\\script>", b"x")
        .file("t/sub/a b#c?.txt", b"deep")
        .file("t/\"onmouseover=x", b"y");
    let cid = service.upload(form).await["cid"].as_str().unwrap().to_owned();
    let without_slash = service.ipfs(Method::GET, &cid).send().await.unwrap();
    assert_eq!(without_slash.status(), StatusCode::MOVED_PERMANENTLY);
    assert_eq!(without_slash.headers()["location"], format!("/ipfs/{cid}/").as_str());
    for path in [format!("{cid}/")] {
        let response = service.ipfs(Method::GET, &path).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        let page = response.text().await.unwrap();
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;"), "{page}");
        assert!(!page.contains("\"onmouseover"), "{page}");
        assert!(page.contains(&format!("href=\"/ipfs/{cid}/sub\"")), "{page}");
    }
    let page = String::from_utf8(service.content(&format!("{cid}/sub/")).await).unwrap();
    let link = format!("/ipfs/{cid}/sub/a%20b%23c%3F.txt");
    assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
    assert_eq!(service.content(link.strip_prefix("/ipfs/").unwrap()).await, b"deep");
}

#[tokio::test]
async fn a_directory_with_a_page_shows_it_behind_a_slash() {
    let service = start().await;
    let form = Form::new().file("t/index.html", b"<h1>hi</h1>").file("t/s/index.html", b"sub").file("t/a.css", b"a");
    let cid = service.upload(form).await["cid"].as_str().unwrap().to_owned();
    let response = service.ipfs(Method::GET, &format!("{cid}/s?x=1")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::MOVED_PERMANENTLY);
    assert_eq!(response.headers()["location"], format!("/ipfs/{cid}/s/?x=1").as_str());
    let response = service.ipfs(Method::GET, &format!("{cid}/")).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(response.headers()["content-security-policy"], "sandbox allow-same-origin; script-src 'none'");
    assert_eq!(response.text().await.unwrap(), "<h1>hi</h1>");
}

#[tokio::test]
async fn a_raw_block_is_given_as_it_is() {
    let bytes = noise(3, 1_500_000);
    let (service, cid) = with_file("a", &bytes).await;
    let root = service.content(&format!("{cid}?format=raw")).await;
    assert_eq!(holdfast_content::is_block_of(&Cid::from_str(&cid).unwrap(), &root), Some(true));
    let response = service.ipfs(Method::GET, &cid).header("accept", "application/vnd.ipld.raw").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/vnd.ipld.raw");
    assert_eq!(response.headers()["content-disposition"], format!("attachment; filename=\"{cid}.bin\"").as_str());
    assert_eq!(response.bytes().await.unwrap(), root);
    // The trustless gateway's probe: the identity CID of nothing.
    assert_eq!(service.content("bafkqaaa?format=raw").await, b"");
}

#[tokio::test]
async fn damaged_blocks_are_not_served() {
    let bytes = noise(4, 3_000_000);
    let (service, cid) = with_file("a", &bytes).await;
    let leaf =
        holdfast_content::multihash_hex(&Cid::from_str(&crate::client::file_cid(&bytes[1 << 20..2 << 20])).unwrap());
    let path = service.dir.path().join("blocks").join(&leaf[leaf.len() - 2..]).join(&leaf);
    let mut block = fs::read(&path).unwrap();
    block[100] ^= 1;
    fs::write(&path, block).unwrap();
    let sent = async { service.ipfs(Method::GET, &cid).send().await?.bytes().await };
    assert!(sent.await.is_err(), "a damaged file came as if it were whole");
}
