//! Where a secret goes: into the keyring, into the request, and nowhere else.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::drag::Drag;
use holdfast_tests::holdfast::{Cli, Programs, Server};
use holdfast_tests::samples;
use holdfast_tests::wait::{self, PATIENCE};
use holdfast_tests::webdriver::{TITLE, Window};
use serde_json::{Value, json};

/// Keeps a copy of everything that Rust answers to the web view.
const RECORD: &str = "
    window.recorded = [];
    const fetch = window.fetch;
    window.fetch = async (...what) => {
        const response = await fetch(...what);
        response.clone().text().then((text) => window.recorded.push(text));
        return response;
    };
";

#[tokio::test]
async fn an_account_outlives_a_restart_and_its_secret_is_in_the_keyring_alone() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let server = serve(&desktop, &programs)?;
    let home = desktop.directory().join("holdfast");

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    window.session()?.execute(RECORD, Vec::new()).await?;
    open_dialog(&window).await?;
    fill(&window, &server, "not the secret of this key").await?;
    window.click("test-account").await?;
    let said = window.text("account-error").await?;
    assert!(said.to_lowercase().contains("key"), "a wrong secret is named: {said}");

    fill(&window, &server, &server.secret).await?;
    window.click("save-account").await?;
    window.wait_until_gone("account-dialog").await?;
    let account = account_named(&window, "Served").await?;
    assert_eq!(account["secret_kept"], "keyring");
    let settings = json!({ "theme": "system", "default_account": account["id"] });
    window.invoke("save_settings", settings).await?;

    let page = window.session()?.source().await?;
    assert!(!page.contains(&server.secret), "the secret is still on the page");
    let recorded = window.session()?.execute("return window.recorded.join()", Vec::new()).await?;
    let recorded = recorded.json().as_str().context("nothing recorded")?.to_owned();
    assert!(recorded.contains("Served"), "the record misses answers: {recorded}");
    assert!(!recorded.contains(&server.secret), "the secret came back to the web view");
    window.close()?;

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    let file = desktop.directory().join("kept.bin");
    samples::write_noise(&file, "keyring", 300_000)?;
    Drag::over(&desktop, TITLE, &[&file])?.drop_here()?;
    let rows =
        window.wait_for_rows("a pin at the account", |rows| rows.iter().any(|row| row.status == "pinned")).await?;
    let served = reqwest::get(format!("{}/ipfs/{}", server.gateway, rows[0].cid)).await?.error_for_status()?;
    assert!(served.bytes().await? == fs::read(&file)?, "the server has other bytes");
    window.close()?;

    assert_nowhere(&server.secret, &home)?;
    let log = fs::read_to_string(desktop.log("window"))?;
    assert!(log.contains("INFO"), "nothing was logged: {log}");
    assert!(!log.contains(&server.secret), "the secret is in the log");
    Ok(())
}

#[tokio::test]
async fn without_a_keyring_the_dialog_says_so_and_offers_this_session_only() -> Result<()> {
    let desktop = Desktop::start(Session::WithoutBus)?;
    let programs = Programs::find()?;
    let server = serve(&desktop, &programs)?;
    let home = desktop.directory().join("holdfast");

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    open_dialog(&window).await?;
    fill(&window, &server, &server.secret).await?;
    window.click("save-account").await?;
    let said = window.text("account-error").await?;
    assert!(said.contains("keyring"), "the dialog names the keyring: {said}");
    window.click("keep-for-session").await?;
    window.wait_until_gone("account-dialog").await?;
    assert_eq!(account_named(&window, "Served").await?["secret_kept"], "session");

    let file = desktop.directory().join("kept.bin");
    samples::write_noise(&file, "no keyring", 300_000)?;
    Drag::over(&desktop, TITLE, &[&file])?.drop_here()?;
    window.click("nav-pins").await?;
    window.wait_for_rows("a pin on this computer", |rows| rows.iter().any(|row| row.status == "pinned")).await?;
    window.close()?;
    assert_nowhere(&server.secret, &home)?;

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    wait::until_async("the account to say that its secret is gone", PATIENCE, || async {
        Ok((account_named(&window, "Served").await?["state"] == "no_secret").then_some(()))
    })
    .await?;
    window.wait_for_rows("the earlier pin", |rows| rows.len() == 1).await?;
    window.close()
}

fn serve(desktop: &Desktop, programs: &Programs) -> Result<Server> {
    let home = desktop.directory().join("server");
    Cli { desktop, program: &programs.command, home: &home }.serve()
}

async fn open_dialog(window: &Window) -> Result<()> {
    window.click("nav-accounts").await?;
    window.click("add-account").await
}

async fn fill(window: &Window, server: &Server, secret: &str) -> Result<()> {
    window.choose("account-dialog", "preset", "other").await?;
    for (name, text) in [
        ("label", "Served"),
        ("endpoint", &server.endpoint),
        ("gateway", &server.gateway),
        ("key", &server.key),
        ("secret", secret),
    ] {
        window.fill("account-dialog", name, text).await?;
    }
    Ok(())
}

async fn account_named(window: &Window, label: &str) -> Result<Value> {
    let accounts = window.invoke("accounts", Value::Null).await?;
    let found = accounts.as_array().into_iter().flatten().find(|account| account["label"] == label);
    Ok(found.with_context(|| format!("no account {label} in {accounts}"))?.clone())
}

fn assert_nowhere(secret: &str, directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            assert_nowhere(secret, &entry.path())?;
        } else if kind.is_file() {
            let bytes = fs::read(entry.path())?;
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "the secret is in {}", entry.path().display());
        }
    }
    Ok(())
}
