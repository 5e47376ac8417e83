//! The window killed in the middle of an upload: nothing lost, nothing pinned twice.

use anyhow::{Context, Result};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::drag::Drag;
use holdfast_tests::holdfast::{Cli, Programs, Server};
use holdfast_tests::proxy::Proxy;
use holdfast_tests::samples;
use holdfast_tests::wait::{self, PATIENCE};
use holdfast_tests::webdriver::{TITLE, Window};
use serde_json::{Value, json};

const FILE_BYTES: u64 = 24 * 1024 * 1024;
const BYTES_PER_SECOND: u64 = 8 * 1024 * 1024;
/// What has gone over the line since the last start when the program is killed.
const KILLED_AFTER: [u64; 2] = [2 * 1024 * 1024, 12 * 1024 * 1024];

#[tokio::test]
async fn an_upload_that_is_killed_is_finished_after_the_next_start_and_pinned_once() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let server_home = desktop.directory().join("server");
    let server = Cli { desktop: &desktop, program: &programs.command, home: &server_home }.serve()?;
    let line = Proxy::start(&server.endpoint, BYTES_PER_SECOND)?;
    let home = desktop.directory().join("holdfast");
    let file = desktop.directory().join("large.bin");
    samples::write_noise(&file, "kill", FILE_BYTES)?;

    let mut window = Window::open(&desktop, &programs.desktop, &home).await?;
    add_account(&window, &server, &line).await?;
    Drag::over(&desktop, TITLE, &[&file])?.drop_here()?;
    for bytes in KILLED_AFTER {
        let before = line.sent();
        wait::until("some of the upload", PATIENCE, || Ok((line.sent() > before + bytes).then_some(())))?;
        window.kill()?;
        window = Window::open(&desktop, &programs.desktop, &home).await?;
    }

    line.open_up();
    wait::until_async("the transfer to be done", PATIENCE, || async {
        let list = queue(&window).await?;
        Ok((list["counts"]["done"] == 1).then_some(()))
    })
    .await?;
    let list = queue(&window).await?;
    assert_eq!((&list["total"], &list["batches"][0]["only"]["verified"]), (&1.into(), &true.into()), "{list}");
    let rows = window.wait_for_rows("the row", |rows| rows.len() == 1 && rows[0].status == "pinned").await?;
    window.close()?;

    let pins = pins_of(&server).await?;
    assert_eq!(pins.len(), 1, "{pins:?}");
    assert_eq!(pins[0]["cid"], rows[0].cid.as_str());
    let served = reqwest::get(format!("{}/ipfs/{}", server.gateway, rows[0].cid)).await?.error_for_status()?;
    assert!(served.bytes().await? == std::fs::read(&file)?, "the server has other bytes");
    Ok(())
}

async fn queue(window: &Window) -> Result<Value> {
    window.invoke("queue", json!({ "offset": 0, "limit": 10, "open": null })).await
}

async fn add_account(window: &Window, server: &Server, line: &Proxy) -> Result<()> {
    let draft = json!({
        "label": "Slow", "kind": "aioz", "gateway": server.gateway, "endpoint": line.by_way_of(&server.endpoint),
        "credentials": { "form": "key_and_secret", "key": server.key, "secret": server.secret }, "plain_http": false,
    });
    let account = window.invoke("add_account", json!({ "draft": draft, "session_only": false })).await?;
    let settings = json!({ "theme": "system", "default_account": account["id"] });
    window.invoke("save_settings", settings).await?;
    // The web view hears of the new default like everybody else; its overlay would name the account.
    window.session()?.refresh().await?;
    window.wait_for("nav-pins").await?;
    Ok(())
}

/// Asks the server itself, pinned or not.
async fn pins_of(server: &Server) -> Result<Vec<Value>> {
    let answer = reqwest::Client::new()
        .get(format!("{}/pinning/pins/?offset=0&limit=100&pinned=all", server.endpoint))
        .header("pinning_api_key", &server.key)
        .header("pinning_secret_key", &server.secret)
        .send()
        .await?
        .error_for_status()?;
    let body: Value = answer.json().await?;
    Ok(body["data"]["pins"].as_array().context("no pins")?.clone())
}
