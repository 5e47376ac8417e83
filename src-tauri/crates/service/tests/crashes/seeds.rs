//! What the fuzz targets begin with: what clients send, and inputs made to be nasty.

use super::{
    request_head::{KEY, SECRET},
    targets::Seeds,
    upload_form::BOUNDARY,
};

fn seeds(seeds: &[(&str, &str)]) -> Seeds {
    seeds.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect()
}

pub(crate) fn redirects() -> Seeds {
    let mut all = seeds(&[
        ("nothing", ""),
        ("exactly", "/a\n\n/a /b"),
        ("query", "/q\nb=3&c=%20&b=4\n/q /t?a=1&b=2#part"),
        ("placeholders", "/posts/2022/06/hi\n\n/posts/:year/:month/:title /:title/:year-:month.html 301"),
        ("splat", "/s/a/b\n\n/s/* /t/:splat 302"),
        ("splat of the root", "/a//b\n\n/* /:splat"),
        ("another site", "/o/x\n\n/o/* https://example.net/:splat 303"),
        ("rewrite", "/x\n\n/* /index.html 200"),
        ("not found", "/x\na\n/* /404.html?b#c 404"),
        ("gone", "/x\n\n/x /gone 410\n/x /law 451"),
        ("comments", "/a\n\n# one\n\n  \t/a\t/b  301  \r\n"),
        ("mark", "/a\n\n\u{feff}/a /b"),
        ("escapes", "/%c3%a9\n\n/%C3%A9 /é"),
        ("two slashes", "//evil.example/x\n\n/* /:splat 301"),
        ("backslash", "/\\evil.example\n\n/* /:splat 301"),
        ("escaped slashes", "/%2f%2fevil.example\n\n/* /:splat 301"),
        ("slash of a placeholder", "/a/x\n\n/:a/x /:b/:a"),
        ("colons", "/a\n\n/:a ::a:::a:aa:"),
        ("no status", "/a\n\n/a /b 999999999999999999999"),
        ("forced", "/a\n\n/a /b 301!"),
        ("many fields", "/a\n\n/a /b 301 c d"),
        ("control characters", "/a\n\n/a /b\u{7}\u{b}"),
    ]);
    let long = format!("/{}\n\n/:a /{} 200", "a".repeat(2_000), ":a".repeat(4_000));
    all.insert("more than it is worth".into(), long.into());
    all.insert("many rules".into(), format!("/z\n\n{}", "/:a/:b /c\n".repeat(1_000)).into());
    all
}

pub(crate) fn upload_form() -> Seeds {
    let part = |head: &str, body: &str| format!("--{BOUNDARY}\r\n{head}\r\n\r\n{body}\r\n");
    let file = |disposition: &str, body: &str| {
        let head = format!("Content-Disposition: form-data; {disposition}\r\nContent-Type: application/octet-stream");
        part(&head, body)
    };
    let end = format!("--{BOUNDARY}--\r\n");
    let mut all = Seeds::new();
    let mut form = |name: &str, parts: &[String]| {
        all.insert(name.to_owned(), [parts.concat(), end.clone()].concat().into_bytes());
    };
    let named = |filename: &str| file(&format!("name=\"file\"; filename=\"{filename}\""), "bytes");
    form("nothing", &[]);
    form("a file", &[named("a.txt")]);
    form("a tree", &[named("d/a"), named("d/b/c"), named("d/b/d")]);
    form("two roots", &[named("d/a"), named("e/a")]);
    form("twice", &[named("d/a"), named("d/a")]);
    form("file and directory", &[named("d/a"), named("d/a/b")]);
    form("paths that lead out", &[named("d/../../a")]);
    form("escapes", &[named(r#"a\"b\\c\d%22"#)]);
    form("no name", &[named("")]);
    form("extended", &[file("name=file; filename*=UTF-8''d%2F%C3%BC", "x")]);
    form("extended and plain", &[file("name=file; filename=x; filename*=iso-8859-1'de'%FC", "x")]);
    form("extended and cut", &[file("name=file; filename=x; filename*=UTF-8''%C3%", "x")]);
    form("encoded word in base64", &[named("=?utf-8?B?TcO8bGxlci50eHQ=?=")]);
    form("encoded words", &[named("=?utf-8?Q?=C3=BC_?= =?koi8-r?B?8g==?=")]);
    form("encoded word without end", &[named("=?utf-8?Q?=4")]);
    form("encoded way out", &[named("=?utf-8?Q?..=2F..?=")]);
    let exact = "Content-Disposition: form-data; name=file; filename=x\r\nHoldfast-Path: d%2F%07%0A%FF";
    form("exact path", &[part(exact, "x"), part(&exact.replace("%FF", ""), "x")]);
    let directory = "Content-Disposition: form-data; name=file; filename=d/e\r\nContent-Type: application/x-directory";
    form("directories", &[part(directory, ""), part(&directory.replace("d/e", "d"), ""), part(directory, "x")]);
    let link = "Content-Disposition: form-data; name=file; filename=d/l\r\nContent-Type: application/symlink; a=b";
    form("a link", &[part(link, "../target"), part(&link.replace("/l", "/m"), "\0")]);
    form("metadata", &[file("name=\"metadata\"", r#"{"name":"n","keyvalues":{"a":1,"b":true}}"#), named("a")]);
    form("metadata that is none", &[file("name=\"metadata\"", "[[[[[[[[[{{{"), named("a")]);
    form("an archive", &[file("name=\"car\"; filename=\"a.car\"", "\u{0}"), named("a")]);
    form("unknown fields", &[file("name=\"pinataOptions\"", "{}"), named("a")]);
    form("no disposition", &[part("Content-Type: text/plain", "x")]);
    form("parameters twice", &[file("name=file; name=file; filename=a", "x")]);
    form("deep", &[named(&"d/".repeat(2_000))]);
    form("long", &[named(&"n".repeat(10_000))]);
    all.insert("no end".into(), named("a").into_bytes());
    all.insert("only a boundary".into(), format!("--{BOUNDARY}").into_bytes());
    all.insert("before the first".into(), format!("preamble\r\n{}{end}epilogue", named("a")).into_bytes());
    all
}

pub(crate) fn request_head() -> Seeds {
    let get = |target: &str, headers: &[&str]| {
        let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n").into_bytes()
    };
    let known = [format!("pinning_api_key: {KEY}"), format!("pinning_secret_key: {SECRET}")];
    let known = [known[0].as_str(), known[1].as_str()];
    let mut all = Seeds::new();
    let mut head = |name: &str, bytes: Vec<u8>| all.insert(name.to_owned(), bytes);
    head("nothing", Vec::new());
    head("empty lines", b"\r\n\r\n".to_vec());
    head("health", get("/health", &[]));
    head("content", get("/ipfs/bafkqablimvwgy3y", &[]));
    head("content by name", get("/ipfs/bafkqablimvwgy3y?filename=a%0D%0Ab%22.txt&download=true", &[]));
    head("a range", get("/ipfs/bafkqablimvwgy3y", &["Range: bytes=1-3,-2,4-", "If-Range: \"a\""]));
    head(
        "raw",
        get("/ipfs/bafkqablimvwgy3y?format=raw", &["Accept: application/vnd.ipld.raw", "If-None-Match: W/\"a\", *"]),
    );
    let car = "/ipfs/bafkqablimvwgy3y?format=car&car-version=1&car-order=dfs&dag-scope=entity&entity-bytes=0:*";
    head("a CAR", get(car, &["Accept: application/vnd.ipld.car; order=dfs; dups=y; version=1"]));
    head("a path", get("/ipfs/QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn/a%2Fb/../%F0%9F/?x", &[]));
    head("a URI", get("/ipfs/?uri=ipfs%3A%2F%2Fbafkqablimvwgy3y%2Fa", &[]));
    head("a site", b"GET /a/b?c HTTP/1.1\r\nHost: bafkqablimvwgy3y.ipfs.localhost:80\r\n\r\n".to_vec());
    head("pins", get("/api/psa/pins?cid=a,b&status=pinned%2Cfailed&meta=%7B%22a%22:%22b%22%7D&limit=5", &known));
    head("pins before", get("/api/psa/pins?before=2026-01-01T00:00:00.5%2B02:00&match=ipartial&name=%C3%BC", &known));
    head("pins by brackets", get("/api/psa/pins?meta[a]=b&meta[a]=c&after=x", &known));
    head(
        "a list with quotes",
        get("/api/pinning/pins?metadata={\"a\":\"<b>`\"}&offset=1&sortBy=x&sortOrder=ASC", &known),
    );
    head("a pin", get("/api/pinning/pins/e5c4456d-5e5c-465d-a02a-3a536fc6e718", &known));
    head("usage", get("/api/billing/thisMonthUsage/", &known));
    head("a token", get("/api/psa/pins", &["Authorization: Bearer AAAA:BBBB"]));
    head("from a page", get("/api/psa/pins", &["Origin: null", "Sec-Fetch-Site: cross-site", "Cookie: a=b; c"]));
    head("asked before", b"OPTIONS /ipfs/bafkqaaa HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a\r\nAccess-Control-Request-Method: GET\r\n\r\n".to_vec());
    head("of another host", b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n".to_vec());
    head("of no host", b"GET /health HTTP/1.0\r\n\r\n".to_vec());
    head("of two hosts", b"GET http://a/health HTTP/1.1\r\nHost: localhost\r\nHost: b\r\n\r\n".to_vec());
    head("two requests", [get("/health", &[]), get("/metrics", &known)].concat());
    head(
        "a body",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabcGET /x HTTP/1.1\r\n\r\n".to_vec(),
    );
    head(
        "chunks",
        b"PUT /health HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\n\r\n"
            .to_vec(),
    );
    head(
        "both lengths",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            .to_vec(),
    );
    head(
        "waits",
        b"PUT /api/pinning HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n".to_vec(),
    );
    head("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec());
    head("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec());
    head("raw bytes", "GET /ipfs/bafkqaaa/ü\u{7f} HTTP/1.1\r\nHost: localhost\r\nX: ü\r\n\r\n".into());
    head("folded", b"GET /health HTTP/1.1\nHost: localhost\nX: a\n b\n\n".to_vec());
    head("many headers", get("/health", &["A: b"; 120]));
    head("cut", get("/health", &[])[..20].to_vec());
    all
}
