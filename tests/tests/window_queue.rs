//! The queue in the real window: an account that goes away in the middle, comes back, is paused and goes on.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::drag::Drag;
use holdfast_tests::holdfast::{Cli, Programs};
use holdfast_tests::proxy::Proxy;
use holdfast_tests::wait::{self, PATIENCE};
use holdfast_tests::webdriver::{TITLE, Window};
use serde_json::{Value, json};

const FILES: u64 = 200;
const FILE_BYTES: usize = 60_000;

/// Slow enough that what is done next falls in the middle of the queue.
const BYTES_PER_SECOND: u64 = 100_000;

#[tokio::test]
async fn an_account_that_goes_away_in_the_middle_is_said_at_the_top_and_goes_on_by_itself() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let (home, there) = (desktop.directory().join("holdfast"), desktop.directory().join("there"));
    let here = Cli { desktop: &desktop, program: &programs.command, home: &home };
    let service = Cli { desktop: &desktop, program: &programs.command, home: &there };
    let mut server = service.serve()?;
    let line = Proxy::start(&server.endpoint, BYTES_PER_SECOND)?;
    let address = server.gateway.trim_start_matches("http://").to_owned();
    server.endpoint = line.by_way_of(&server.endpoint);
    here.add_account("Backup", &server)?;
    let files = desktop.directory().join("files");
    fs::create_dir(&files)?;
    let paths: Vec<PathBuf> = (0..FILES).map(|file| files.join(format!("file {file:03}.bin"))).collect();
    for (seed, path) in (0..).zip(&paths) {
        fs::write(path, vec![seed; FILE_BYTES + usize::from(seed)])?;
    }

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    window.wait_for("empty-state").await?;
    let backup = account_called(&window, "Backup").await?;
    window.invoke("save_settings", json!({ "theme": "system", "default_account": backup })).await?;
    let dropped: Vec<_> = paths.iter().map(PathBuf::as_path).collect();
    Drag::over(&desktop, TITLE, &dropped)?.drop_here()?;
    until_done(&window, 3).await?;

    drop(server);
    window.click("nav-transfers").await?;
    let said = window.wait_for_text("held-account", "Backup cannot be reached").await?;
    assert!(said.contains("Try now"), "{said}");
    // What was under way when it went away has come back to wait with the others.
    let counts = wait::until_async("nothing to be sent", PATIENCE, || async {
        let counts = counts(&window).await?;
        Ok((counts["running"] == 0).then_some(counts))
    });
    let counts = counts.await?;
    assert_eq!(counts["failed"], 0, "{counts}");
    let number = |name: &str| counts[name].as_u64().unwrap_or_default();
    let wait_for_it = number("queued") + number("waiting");
    assert_eq!(number("done") + wait_for_it, FILES, "{counts}");
    window.wait_for_text("held-account", &format!("{wait_for_it} transfers wait")).await?;
    window.wait_for_text("status-held", &format!("Backup cannot be reached, {wait_for_it} wait")).await?;
    window.wait_for_text("transfer-row", "waits for Backup: it cannot be reached").await?;
    window.keep_in_both_themes("transfers-held").await?;
    window.resize(720, 480).await?;
    window.keep("transfers-held-narrow").await?;
    window.resize(1100, 720).await?;

    let server = service.serve_at(&address)?;
    let before = number("done");
    window.click("try-now").await?;
    until_done(&window, before + 3).await?;
    window.wait_until_gone("held").await?;

    window.click("pause").await?;
    window.keep("transfers-pause-menu").await?;
    window.click("menu-pause-everything").await?;
    window.wait_for_text("held-everything", "Everything is paused").await?;
    wait::until_async("nothing runs", PATIENCE, || async {
        Ok((self::counts(&window).await?["running"] == 0).then_some(()))
    })
    .await?;
    window.wait_for_text("transfer-row", "Paused").await?;
    window.keep_in_both_themes("transfers-paused").await?;
    line.open_up();
    window.click("resume-everything").await?;
    until_done(&window, FILES).await?;
    window.wait_until_gone("held").await?;
    window.wait_for_text("status-bar", "200 done").await?;
    window.keep("transfers-done").await?;
    window.click("clear-finished").await?;
    window.wait_for("empty-state").await?;
    drop(server);
    window.close()
}

async fn counts(window: &Window) -> Result<Value> {
    Ok(window.invoke("transfers", json!(null)).await?["counts"].clone())
}

async fn until_done(window: &Window, number: u64) -> Result<()> {
    wait::until_async("transfers that are done", PATIENCE, || async {
        Ok(counts(window).await?["done"].as_u64().filter(|done| *done >= number).map(|_| ()))
    })
    .await
}

async fn account_called(window: &Window, label: &str) -> Result<Value> {
    let accounts = window.invoke("accounts", json!(null)).await?;
    let found = accounts.as_array().and_then(|all| all.iter().find(|account| account["label"] == label));
    Ok(found.with_context(|| format!("no {label} in {accounts}"))?["id"].clone())
}
