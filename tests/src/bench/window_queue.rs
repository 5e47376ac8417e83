//! What a person waits for in a window with ten thousand files in its queue, whose account goes away and comes back.

use std::fs;
use std::io::{Write, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::answers::Answers;
use super::limits::{self, Verdict};
use super::window;
use super::window_pins::unpin_and_undo;
use crate::desktop::{Desktop, Session};
use crate::drag::Drag;
use crate::holdfast::{Cli, Programs};
use crate::wait;
use crate::webdriver::{TITLE, Window};

const FILES: usize = 10_000;

/// Pins that go and stay.
const PINS: u64 = 4_000;

/// What fails, and is tried again.
const MISSING: usize = 1_000;

const ROUNDS: usize = 5;

/// What an unoptimized program needs for all that.
const LONGEST: Duration = Duration::from_secs(900);

/// Measures and prints.
///
/// # Errors
///
/// When something does not come.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure_all(verdict))
}

async fn measure_all(verdict: &mut Verdict) -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let (programs, home) = (Programs::find()?, desktop.directory().join("holdfast"));
    let there = desktop.directory().join("there");
    let cli = Cli { desktop: &desktop, program: &programs.command, home: &home };
    let service = Cli { desktop: &desktop, program: &programs.command, home: &there };
    let server = service.serve()?;
    let address = server.gateway.trim_start_matches("http://").to_owned();
    cli.add_account("Backup", &server)?;
    let paths = files(desktop.directory())?;

    let mut answers = Answers::default();
    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    window.wait_for("empty-state").await?;
    default_account(&window, "Backup").await?;
    window.invoke("pause_transfers", json!(null)).await?;
    let dropped: Vec<_> = paths.iter().map(PathBuf::as_path).collect();
    Drag::over(&desktop, TITLE, &dropped)?.drop_here()?;
    until(&window, "the queue", |counts| counts["queued"] == FILES).await?;
    window.click("nav-transfers").await?;
    window.wait_for("batch-row").await?;

    // Let go on and cut off.
    for _ in 0..ROUNDS {
        let resume = "click('resume-everything')";
        answers.measure(&window, "let everything go on", resume, "all('held-everything').length === 0").await?;
        let open = "click('batch-open')";
        answers.measure(&window, "open the batch", open, "all('transfer-row').length > 3").await?;
        let thumb = "const list = one('batch-transfers'); list.scrollTop = 0.7 * list.scrollHeight;
            const before = text('transfer-row')";
        answers.measure(&window, "thumb of the batch", thumb, "text('transfer-row') !== before").await?;
        let back = "click('batch-back')";
        answers.measure(&window, "back to the batches", back, "all('batch-row').length > 0").await?;
        let pause = "click('pause')";
        answers.measure(&window, "what can be paused", pause, "all('menu-pause-everything').length > 0").await?;
        let pause = "click('menu-pause-everything')";
        answers.measure(&window, "pause everything", pause, "all('held-everything').length > 0").await?;
    }
    until(&window, "some pins", |counts| counts["done"].as_u64() > Some(10)).await.ok();
    window.click("resume-everything").await?;
    drop(server);
    window.wait_for_text("held-account", "Backup cannot be reached").await?;
    window.keep("queue-cut-off").await?;
    let again = "click('try-now')";
    answers.measure(&window, "try now while it is away", again, "all('held-account').length > 0").await?;
    let server = service.serve_at(&address)?;
    window.click("try-now").await?;
    window.wait_until_gone("held-account").await?;
    until(&window, "enough pins", |counts| counts["done"].as_u64() >= Some(PINS)).await?;
    answers.measure(&window, "pause everything", "click('status-pause')", "all('status-resume').length > 0").await?;
    until(&window, "nothing to run", |counts| counts["running"] == 0).await?;

    unpin_some(&window, &mut answers).await?;

    // What fails together is tried again together.
    window.click("nav-transfers").await?;
    for path in &paths[FILES - MISSING..] {
        fs::remove_file(path)?;
    }
    window.wait_for("resume-everything").await?;
    window.click("resume-everything").await?;
    until(&window, "all else", |counts| ["queued", "running", "waiting"].iter().all(|state| counts[*state] == 0))
        .await?;
    window.keep("queue-failed").await?;
    window.invoke("pause_transfers", json!(null)).await?;
    window.wait_for("retry-failed").await?;
    let retry = "click('retry-failed')";
    answers.measure(&window, "retry all", retry, "all('retry-failed').length === 0").await?;
    window.close()?;

    let start = window::start(&desktop, &programs.desktop, &home)?;
    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    window.click("nav-transfers").await?;
    window.wait_for("cancel-all").await?;
    let all = "click('cancel-all')";
    answers.measure(&window, "cancel all: the question", all, "all('confirm-cancel-all').length > 0").await?;
    let all = "click('confirm-cancel-all')";
    let cancelled = "all('cancel-all').length === 0 || one('confirm-cancel-all')?.ariaDisabled === 'true'";
    answers.measure(&window, "cancel all: done, or that it is under way", all, cancelled).await?;
    until(&window, "an end of everything", |counts| counts["queued"] == 0 && counts["paused"] == 0).await?;
    window.keep("queue-cancelled").await?;
    writeln!(stdout(), "{FILES} files in the window's queue, from input to drawn; milliseconds")?;
    answers.judge(limits::ANSWER_WAIT, verdict)?;
    verdict.wait(limits::WINDOW_START, start)?;
    window.close()?;
    drop(server);
    Ok(())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let files = directory.join("files");
    fs::create_dir(&files)?;
    let paths: Vec<_> = (0..FILES).map(|file| files.join(format!("photo {file:05}.jpg"))).collect();
    for path in &paths {
        fs::write(path, format!("{}", path.display()).repeat(10))?;
    }
    Ok(paths)
}

async fn unpin_some(window: &Window, answers: &mut Answers) -> Result<()> {
    answers.measure(window, "the table", "click('nav-pins')", "all('pin-table').length > 0 && complete()").await?;
    for _ in 0..ROUNDS {
        unpin_and_undo(window, answers).await?;
    }
    Ok(())
}

async fn default_account(window: &Window, label: &str) -> Result<()> {
    let accounts = window.invoke("accounts", json!(null)).await?;
    let found = accounts.as_array().and_then(|all| all.iter().find(|account| account["label"] == label));
    let id = &found.with_context(|| format!("no {label} in {accounts}"))?["id"];
    window.invoke("save_settings", json!({ "theme": "system", "default_account": id })).await?;
    Ok(())
}

async fn until(window: &Window, what: &str, is_so: impl Fn(&Value) -> bool + Send + Sync) -> Result<()> {
    wait::until_async(what, LONGEST, || async {
        let queue = window.invoke("queue", json!({ "offset": 0, "limit": 1, "open": null })).await?;
        Ok(is_so(&queue["counts"]).then_some(()))
    })
    .await
}
