//! Web pages of others in a real browser, beside a service on loopback.
#![cfg(target_os = "linux")]

use anyhow::{Context, Result};
use holdfast_content::{Discard, FileImporter, Profile};
use holdfast_tests::browser::{Browser, serve_page};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::say;
use holdfast_tests::serving::Serving;
use holdfast_tests::wait::{self, PATIENCE};
use serde_json::{Value, json};
use thirtyfour::By;

/// Asks for each of two addresses in every way that a page has, and says what it can see of the answers. Time is not among
/// that.
const PROBE: &str = r#"
    const [addresses, done] = arguments;
    const ask = (make) => new Promise((resolve) => {
        const element = make();
        const end = (event) => {
            const seen = [event, element.naturalWidth, element.duration, element.sheet !== undefined && element.sheet !== null];
            try { seen.push(element.contentWindow?.length) } catch (error) { seen.push(error.name) }
            try { seen.push(String(element.contentWindow?.location.href)) } catch (error) { seen.push(error.name) }
            try { seen.push(element.contentDocument?.body?.innerText) } catch (error) { seen.push(error.name) }
            element.remove();
            resolve(seen.map(String));
        };
        for (const event of ['load', 'error', 'loadedmetadata']) element.addEventListener(event, () => end(event));
        setTimeout(() => end('nothing'), 5000);
        document.body.append(element);
    });
    const element = (tag, properties) => () => Object.assign(document.createElement(tag), properties);
    const words = async (answer) => {
        try { const got = await answer; return [String(got.type), String(got.status)] }
        // The address stands in the text of some errors.
        catch (error) { return [error.name, error.message.replaceAll(/https?:[^ ]*/g, 'URL')] }
    };
    const probe = async (address) => ({
        img: await ask(element('img', { src: address })),
        script: await ask(element('script', { src: address })),
        module: await ask(element('script', { src: address, type: 'module' })),
        link: await ask(element('link', { href: address, rel: 'stylesheet' })),
        icon: await ask(element('link', { href: address, rel: 'preload', as: 'image' })),
        video: await ask(element('video', { src: address, preload: 'auto' })),
        audio: await ask(element('audio', { src: address, preload: 'auto' })),
        object: await ask(element('object', { data: address })),
        embed: await ask(element('embed', { src: address })),
        iframe: await ask(element('iframe', { src: address })),
        cors: await words(fetch(address)),
        nocors: await words(fetch(address, { mode: 'no-cors' })),
        import: await words(import(address)),
    });
    Promise.all(addresses.map(probe)).then(done, (error) => done(String(error)));
"#;

/// What is dropped, and what its first bytes are.
const HELD: [(&str, &[u8]); 6] = [
    ("note.txt", b"a note that is held"),
    ("look.css", b"body { color: red }"),
    ("run.js", b"export default 'it runs'"),
    ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'><rect width='7' height='7'/></svg>"),
    ("page.html", b"<!doctype html><title>held</title><p>a page that is held</p><iframe></iframe>"),
    ("sheet.pdf", b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>"),
];

async fn held(served: &Serving, name: &str, bytes: &[u8]) -> Result<String> {
    served.upload(&[(name, bytes)]).await
}

/// The CID of something like it that is not there.
fn absent(name: &str, bytes: &[u8]) -> Result<String> {
    let mut importer = FileImporter::new(Profile::UNIXFS_V1_2025);
    importer.push(&[bytes, name.as_bytes()].concat(), &mut Discard)?;
    Ok(importer.finish(&mut Discard)?.cid.to_string())
}

fn port(served: &Serving) -> Result<String> {
    Ok(served.text("gateway")?.rsplit(':').next().context("a port")?.to_owned())
}

#[tokio::test]
async fn a_page_on_another_port_finds_no_difference_between_what_is_held_and_what_is_not() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let served = Serving::start(&directory.path().join("home"), &[])?;
    let port = port(&served)?;
    let desktop = Desktop::start(Session::WithoutBus)?;
    let browser = Browser::open(&desktop).await?;
    let page = format!("http://localhost:{}/", serve_page("<!doctype html><title>somebody else's</title><body>")?);
    for (name, bytes) in HELD {
        let (held, absent) = (held(&served, name, bytes).await?, absent(name, bytes)?);
        for form in [
            format!("http://127.0.0.1:{port}/ipfs/CID?filename={name}"),
            format!("http://localhost:{port}/ipfs/CID?filename={name}"),
            format!("http://CID.ipfs.localhost:{port}/?filename={name}"),
            format!("http://127.0.0.1:{port}/api/gateway/CID"),
            format!("http://127.0.0.1:{port}/ipfs/CID?format=raw"),
        ] {
            // What the browser has seen itself before, it may keep; a page is told no more for that.
            browser.session()?.goto(form.replace("CID", &held)).await?;
            browser.session()?.goto(&page).await?;
            let addresses = json!([form.replace("CID", &held), form.replace("CID", &absent)]);
            let seen = browser.run(PROBE, vec![addresses]).await?;
            let (Some(of_held), Some(of_absent)) = (seen[0].as_object(), seen[1].as_object()) else {
                anyhow::bail!("{form}: {seen}")
            };
            assert_eq!(of_held.len(), 13, "{form}: {seen}");
            assert_eq!(of_held, of_absent, "{form}");
        }
        say(&format!("nothing to be seen of {name}"));
    }
    Ok(())
}

async fn text_of(browser: &Browser) -> Result<String> {
    Ok(browser.session()?.find(By::Css("body")).await?.text().await?)
}

#[tokio::test]
async fn whoever_follows_a_link_from_there_sees_the_content_with_its_pictures() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let served = Serving::start(&directory.path().join("home"), &[])?;
    let port = port(&served)?;
    let picture = "<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'><rect width='7' height='7'/></svg>";
    let site = served
        .upload(&[
            ("site/index.html", b"<link rel=stylesheet href=a.css><p>a site of mine</p><img id=a src=a.svg>"),
            ("site/a.css", b"body { color: rgb(1, 2, 3) }"),
            ("site/a.svg", picture.as_bytes()),
        ])
        .await?;
    let note = held(&served, "note.txt", b"a note that is held").await?;
    let drawing = held(&served, "drawing", format!("{picture}<!-- one -->").as_bytes()).await?;
    let desktop = Desktop::start(Session::WithoutBus)?;
    let browser = Browser::open(&desktop).await?;
    let page = format!("http://localhost:{}/", serve_page("<!doctype html><title>somebody else's</title><body>")?);
    for host in [format!("127.0.0.1:{port}"), format!("localhost:{port}")] {
        let follow = async |cid: &str| -> Result<()> {
            browser.session()?.goto(&page).await?;
            let script = "location = arguments[0]";
            browser.session()?.execute(script, vec![json!(format!("http://{host}/ipfs/{cid}"))]).await?;
            let arrived = || async {
                let address = browser.session()?.current_url().await?;
                Ok((address.port().map(|at| at.to_string()).as_ref() == Some(&port)).then_some(()))
            };
            wait::until_async("the address", PATIENCE, arrived).await
        };
        follow(&note).await?;
        assert_eq!(text_of(&browser).await?, "a note that is held", "{host}");
        follow(&site).await?;
        assert_eq!(text_of(&browser).await?, "a site of mine", "{host}");
        let shown = "const image = document.getElementById('a');
            return [image.complete, image.naturalWidth, getComputedStyle(document.body).color]";
        let shown: Value = browser.session()?.execute(shown, Vec::new()).await?.json().clone();
        assert_eq!(shown, json!([true, 7, "rgb(1, 2, 3)"]), "{host}");
        // The link that Holdfast hands out has no name in it, and shows what it is all the same.
        follow(&drawing).await?;
        let root = browser.session()?.execute("return document.documentElement.localName", Vec::new()).await?;
        assert_eq!(root.json(), "svg", "{host}");
    }
    Ok(())
}
