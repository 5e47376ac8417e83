//! What a person waits for in a window with a million pins of three accounts.

use std::io::{Write, stdout};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use holdfast_service::{RunningService, Service, ServiceConfig};
use secrecy::ExposeSecret;
use serde_json::json;

use super::answers::Answers;
use super::limits::{self, Verdict};
use super::list::fill;
use super::window;
use crate::desktop::{Desktop, Session};
use crate::holdfast::{Cli, Programs};
use crate::wait;
use crate::webdriver::Window;

/// Of each account. One of ten was given up and is not in the table.
const PINS: [u32; 3] = [556_000, 334_000, 222_000];

const ROUNDS: usize = 5;

/// What an unoptimized program needs for all that.
const LONGEST: Duration = Duration::from_secs(1800);

/// Makes the lists so many times shorter than they are.
const FEWER: &str = "HOLDFAST_BENCH_FEWER";

/// Measures and prints.
///
/// # Errors
///
/// When something does not come.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    rustls::crypto::ring::default_provider().install_default().ok();
    tokio::runtime::Runtime::new()?.block_on(measure_all(verdict))
}

async fn measure_all(verdict: &mut Verdict) -> Result<()> {
    let fewer: u32 = std::env::var(FEWER).ok().map_or(Ok(1), |text| text.parse())?;
    let desktop = Desktop::start(Session::WithKeyring)?;
    let (programs, home) = (Programs::find()?, desktop.directory().join("holdfast"));
    let cli = Cli { desktop: &desktop, program: &programs.command, home: &home };
    let mut services = Vec::new();
    for (number, pins) in (0_u64..).zip(PINS) {
        services.push(account(&cli, number, pins / fewer).await?);
    }
    let started = Instant::now();
    for number in 0..services.len() {
        cli.run(&["ls", "--account", &label(number as u64), "--search", "nothing is called this"])?.done()?;
    }
    writeln!(
        stdout(),
        "{} pins of three accounts; listed in {:.0?}",
        PINS.iter().sum::<u32>() / fewer,
        started.elapsed()
    )?;
    let start = window::start(&desktop, &programs.desktop, &home)?;
    verdict.wait(limits::WINDOW_START, start)?;

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    let total = until_read(&window).await?;
    ensure!(total >= u64::from(PINS.iter().sum::<u32>() / fewer) / 10 * 9, "{total} pins");
    window.click("nav-pins").await?;
    window.wait_for("pin-table").await?;
    let mut answers = Answers::default();
    for _ in 0..ROUNDS {
        table(&window, &mut answers).await?;
    }
    window.keep("million").await?;
    for _ in 0..ROUNDS {
        unpin_and_undo(&window, &mut answers).await?;
    }
    writeln!(stdout(), "{total} pins in the window, from input to drawn; milliseconds")?;
    answers.judge(limits::ANSWER_WAIT, verdict)?;
    window.close()?;
    for service in services {
        service.shutdown().await?;
    }
    Ok(())
}

fn label(number: u64) -> String {
    format!("Account {number}")
}

/// A service with so many pins, and an account there.
async fn account(cli: &Cli<'_>, number: u64, pins: u32) -> Result<RunningService> {
    let directory = cli.desktop.directory().join(format!("service-{number}"));
    let service = Service::start(ServiceConfig::new(&directory)).await?;
    let key = service.create_key("home", "bench").await?;
    service.shutdown().await?;
    fill(&directory.join("service.db"), pins, number + 1)?;
    let service = Service::start(ServiceConfig::new(&directory)).await?;
    let (endpoint, label) = (service.endpoint(), label(number));
    let arguments = ["account", "add", "--kind", "aioz", "--label", &label, "--endpoint", &endpoint];
    let arguments = [&arguments[..], &["--key", &key.key, "--secret-stdin"]].concat();
    cli.run_with_input(&arguments, key.secret.expose_secret())?.done()?;
    Ok(service)
}

/// Waits until all lists are read that are read at the start. Says how many pins there are.
async fn until_read(window: &Window) -> Result<u64> {
    wait::until_async("the lists", LONGEST, || async {
        let accounts = window.invoke("accounts", json!(null)).await?;
        let accounts = accounts.as_array().context("no accounts")?;
        let is_read = accounts.iter().all(|account| account["reading"].is_null() && account["state"] == "ok");
        Ok(is_read.then(|| accounts.iter().filter_map(|account| account["pins"].as_u64()).sum()))
    })
    .await
}

async fn table(window: &Window, answers: &mut Answers) -> Result<()> {
    let option = "[...one('filter-account').querySelectorAll('option')].find((option) => option.textContent === 'Account 1').value";
    let totals = "const before = text('pin-total')";
    let filter = format!("{totals}; choose('filter-account', {option})");
    answers.measure(window, "filter by account", &filter, "complete() && text('pin-total') !== before").await?;
    let sort = "const head = () => one('sort-name').closest('[role=columnheader]').ariaSort; const before = head(); click('sort-name')";
    answers.measure(window, "sort with the filter", sort, "complete() && head() !== before").await?;
    thumb(window, answers, "thumb with the filter").await?;
    let off = format!("{totals}; choose('filter-account', '')");
    answers.measure(window, "filter off", &off, "complete() && text('pin-total') !== before").await?;
    answers.measure(window, "sort", sort, "complete() && head() !== before").await?;
    thumb(window, answers, "thumb").await?;
    let by_time = sort.replace("sort-name", "sort-pinned_at");
    answers.measure(window, "sort by another column", &by_time, "complete() && head() !== before").await?;
    Ok(())
}

async fn thumb(window: &Window, answers: &mut Answers, what: &'static str) -> Result<()> {
    for share in ["0.83", "0.21", "0.5"] {
        let to = format!(
            "const scroller = one('pin-table').querySelector('.scroller'); const before = rows()[0].dataset.index;
            scroller.scrollTop = {share} * scroller.scrollHeight"
        );
        answers.measure(window, what, &to, "complete() && rows()[0].dataset.index !== before").await?;
    }
    Ok(())
}

/// Selects everything, asks what is left when it goes, unpins it and lets it stay.
pub(super) async fn unpin_and_undo(window: &Window, answers: &mut Answers) -> Result<()> {
    let focus = "one('pin-table').querySelector('.scroller').scrollTop = 0; rows()[0].click(); rows()[0].focus()";
    answers.measure(window, "select a row", focus, "text('pin-total').includes('1 selected')").await?;
    let all = "press('a', { ctrlKey: true })";
    answers.measure(window, "select all", all, "/\\d,\\d+ selected/.test(text('pin-total'))").await?;
    let unpin = "press('Delete')";
    answers.measure(window, "unpin: the question, or that it is looked for", unpin, "one('unpin-dialog')").await?;
    wait::until_async("what is left when they go", LONGEST, || async {
        let told = [window.all("last-copy").await?, window.all("kept-elsewhere").await?].concat();
        Ok((!told.is_empty()).then_some(()))
    })
    .await?;
    let count = "window.count_to_type = one('unpin-count').closest('label, div').textContent.replace(/\\D/g, '')";
    answers.measure(window, "read what goes", count, "true").await?;
    let count = window.session()?.execute("return window.count_to_type", Vec::new()).await?;
    window.wait_for("unpin-count").await?.send_keys(count.json().as_str().context("no count")?).await?;
    let confirm = "click('confirm-unpin')";
    let accepted = "all('unpinnings').length > 0 || one('confirm-unpin')?.getAttribute('aria-disabled') === 'true'";
    answers.measure(window, "confirm: accepted, or that it is under way", confirm, accepted).await?;
    let line = wait::until_async("what can be undone", LONGEST, || async {
        Ok(window.all("undo-unpin").await?.into_iter().next())
    });
    line.await?;
    let undo = "click('undo-unpin')";
    let undone = "all('unpinnings').length === 0 || one('undo-unpin').getAttribute('aria-disabled') === 'true'";
    answers.measure(window, "undo: gone, or that it is under way", undo, undone).await?;
    wait::until_async("all to stay", LONGEST, || async { Ok(window.all("unpinnings").await?.is_empty().then_some(())) })
        .await
}
