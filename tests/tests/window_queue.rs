//! The queue in the real window: an account that goes away in the middle and comes back, thousands of files, and where a drop
//! goes.

use std::fs;
use std::path::{Path, PathBuf};

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
    window.wait_for_text("batch-line", "Backup cannot be reached").await?;
    window.keep_in_both_themes("transfers-held").await?;
    window.click("batch-open").await?;
    window.wait_for_text("transfer-row", "waits for Backup: it cannot be reached").await?;
    window.keep_in_both_themes("transfers-held-batch").await?;
    window.click("batch-back").await?;
    window.wait_for("batch-row").await?;
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
    window.wait_for_text("batch-row", "Paused").await?;
    window.keep_in_both_themes("transfers-paused").await?;
    line.open_up();
    window.click("resume-everything").await?;
    until_done(&window, FILES).await?;
    window.wait_until_gone("held").await?;
    window.wait_for_text("batch-row", "Done").await?;
    window.wait_for_text("status-bar", "Nothing under way").await?;
    window.keep("transfers-done").await?;
    window.click("clear").await?;
    window.click("menu-clear-finished").await?;
    window.wait_for("empty-state").await?;
    drop(server);
    window.close()
}

#[tokio::test]
async fn thousands_in_one_drop_are_one_batch_that_is_steered_as_one_and_drawn_as_far_as_it_is_seen() -> Result<()> {
    const MANY: usize = 10_000;
    const MISSING: usize = 20;
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let home = desktop.directory().join("holdfast");
    let files = desktop.directory().join("files");
    fs::create_dir(&files)?;
    let paths: Vec<PathBuf> = (0..MANY).map(|file| files.join(format!("photo {file:04}.jpg"))).collect();
    let write = |paths: &[PathBuf]| -> Result<()> {
        for path in paths {
            fs::write(path, format!("{}", path.display()).repeat(200))?;
        }
        Ok(())
    };
    write(&paths)?;

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    window.wait_for("empty-state").await?;
    window.invoke("pause_transfers", json!(null)).await?;
    let dropped: Vec<_> = paths.iter().map(PathBuf::as_path).collect();
    Drag::over(&desktop, TITLE, &dropped)?.drop_here()?;
    window.wait_for_text("status-figures", "0 of 10,000").await?;
    window.wait_for_text("status-held", "Everything is paused, 10,000 wait").await?;
    window.click("nav-transfers").await?;
    window.wait_for_text("batch-row", "photo 0000.jpg and 9,999 more").await?;
    window.keep_in_both_themes("batches-paused").await?;
    window.requests().await?;
    window.click("batch-open").await?;
    window.wait_for_text("transfer-row", "photo 00").await?;
    let (sent, drawn) = (window.requests().await?, window.all("transfer-row").await?.len());
    assert!((1..10).contains(&sent) && drawn < 40, "{sent} requests, {drawn} rows drawn");
    window.keep_in_both_themes("batch-open").await?;
    window.resize(720, 480).await?;
    window.keep("batch-open-narrow").await?;
    window.click("batch-back").await?;
    window.wait_for("batch-row").await?;
    window.keep("batches-narrow").await?;
    window.resize(1100, 720).await?;

    // Some are not there when their turn comes: one message, however many, and they are tried again when they are back.
    for path in &paths[..MISSING] {
        fs::remove_file(path)?;
    }
    window.click("nav-folders").await?;
    window.click("status-resume").await?;
    wait::until_async("the failures", PATIENCE, || async {
        let counts = counts(&window).await?;
        let number = |name: &str| counts[name].as_u64().unwrap_or_default();
        Ok((number("failed") == MISSING as u64 && number("done") > 100).then_some(()))
    })
    .await?;
    window.wait_for_text("toast", "transfers failed").await?;
    let told = window.all("toast").await?.len();
    assert!(told <= 2, "{told} messages");
    window.keep("batches-sending").await?;
    window.click("status-pause").await?;
    window.wait_for("status-resume").await?;
    write(&paths[..MISSING])?;
    window.click("nav-transfers").await?;
    window.wait_for_text("batch-line", "20 failed: ").await?;
    window.keep_in_both_themes("batches-failed").await?;
    window.click("batch-open").await?;
    window.wait_for_text("batch-troubles", "20 failed at This computer").await?;
    window.keep("batch-failed").await?;
    window.click("batch-back").await?;
    window.click("retry-failed").await?;
    window.click("status-resume").await?;
    wait::until_async("what had failed", PATIENCE, || async {
        let queue = queue(&window).await?;
        let batch = &queue["batches"][0]["counts"];
        Ok((batch["failed"] == 0 && batch["done"].as_u64() > Some(200)).then_some(()))
    })
    .await?;

    window.click("cancel-all").await?;
    window.keep("cancel-all").await?;
    window.click("confirm-cancel-all").await?;
    wait::until_async("an end of everything", PATIENCE, || async {
        let counts = counts(&window).await?;
        let open = ["queued", "running", "waiting", "paused", "asked"].iter().all(|state| counts[*state] == 0);
        Ok(open.then_some(()))
    })
    .await?;
    window.close()?;
    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    window.click("nav-transfers").await?;
    window.wait_for_text("batch-row", "photo 0000.jpg and 9,999 more").await?;
    window.keep("batches-cancelled").await?;
    let counts = counts(&window).await?;
    assert_eq!(counts["done"].as_u64().zip(counts["cancelled"].as_u64()).map(|(a, b)| a + b), Some(10_000), "{counts}");
    window.close()
}

#[tokio::test]
async fn what_is_dropped_on_a_berth_goes_to_its_account_and_on_all_to_all() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let (home, there) = (desktop.directory().join("holdfast"), desktop.directory().join("there"));
    let here = Cli { desktop: &desktop, program: &programs.command, home: &home };
    let server = Cli { desktop: &desktop, program: &programs.command, home: &there }.serve()?;
    here.add_account("Backup", &server)?;
    let (one, both) = (desktop.directory().join("one.txt"), desktop.directory().join("both.txt"));
    fs::write(&one, "for one")?;
    fs::write(&both, "for both")?;

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    window.wait_for("empty-state").await?;
    drop_on_berth(&desktop, &window, &one, "Backup").await?;
    let rows = window.wait_for_rows("the pin", |rows| rows.len() == 1 && rows[0].status == "pinned").await?;
    assert_eq!(rows[0].name, "one.txt");
    drop_on_berth(&desktop, &window, &both, "All of these").await?;
    window.wait_for_rows("three pins", |rows| rows.iter().filter(|row| row.status == "pinned").count() == 3).await?;
    let page = json!({
        "offset": 0, "limit": 100, "sort": "name", "descending": false, "search": "", "account": null, "status": null,
    });
    let pins = window.invoke("pins", page).await?;
    let backup = account_called(&window, "Backup").await?;
    let at_backup = pins["rows"].as_array().into_iter().flatten().filter(|pin| pin["account"] == backup);
    assert_eq!(at_backup.count(), 2, "{pins}");
    window.close()
}

async fn drop_on_berth(desktop: &Desktop, window: &Window, file: &Path, berth: &str) -> Result<()> {
    let drag = Drag::over(desktop, TITLE, &[file])?;
    window.wait_for("drop-overlay").await?;
    // The driver takes what no pointer reaches for hidden: the page itself is asked where it is.
    let middle = "const berth = [...document.querySelectorAll('[data-testid=berth]')]
            .find((one) => one.textContent.includes(arguments[0]));
        const { x, y, width, height } = berth.getBoundingClientRect();
        return [Math.round(x + width / 2), Math.round(y + height / 2)];";
    let (x, y): (i32, i32) = window.session()?.execute(middle, vec![json!(berth)]).await?.convert()?;
    drag.move_to(TITLE, x, y)?;
    window.keep(&format!("berth-{}", berth.to_lowercase().replace(' ', "-"))).await?;
    drag.drop_here()?;
    window.wait_until_gone("drop-overlay").await
}

async fn queue(window: &Window) -> Result<Value> {
    window.invoke("queue", json!({ "offset": 0, "limit": 50, "open": null })).await
}

async fn counts(window: &Window) -> Result<Value> {
    Ok(queue(window).await?["counts"].clone())
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
