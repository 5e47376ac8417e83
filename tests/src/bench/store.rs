//! How long a person waits for pages of a million pins and of a queue of 200,000 transfers, while an upload and a list are
//! being written.

use std::io::{Write, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use holdfast_core::Engine;
use holdfast_core::account::{AccountId, Keep};
use holdfast_core::pin::{Metadata, PinQuery, PinSort, PinStatus};
use holdfast_core::transfer::TransferState;
use holdfast_testkit::{World, WorldBuilder};
use rusqlite::Connection;

use super::limits::{self, Verdict};
use super::many_pins::{Services, draft};
use super::times::{Numbers, Times};

/// Of each account.
const PINS: [u64; 3] = [500_000, 300_000, 200_000];

const TRANSFERS: u32 = 200_000;

/// What is asked of each kind.
const QUESTIONS: usize = 300;

/// Rows that the window asks for at once.
const PAGE: u32 = 100;

const SORTS: [PinSort; 4] = [PinSort::Name, PinSort::Size, PinSort::Status, PinSort::PinnedAt];

/// What many have in them, few, one, and none; and parts of CIDs.
const TEXTS: [&str; 13] = [
    "img",
    "jpg",
    "i",
    "_0",
    "report",
    "IMG_1234",
    "the year",
    "copy.jpg",
    "zzzz",
    "nothing is called this",
    "bafkrei",
    "q3x",
    "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e",
];

/// Measures and prints.
///
/// # Errors
///
/// When an answer is wrong.
pub fn measure(verdict: &mut Verdict) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(measure_all(verdict))
}

async fn measure_all(verdict: &mut Verdict) -> Result<()> {
    let mut out = stdout();
    let world = WorldBuilder::default().real_time().through(Services).start().await;
    let mut accounts = Vec::new();
    for pins in PINS {
        let account = world.engine.add_account(draft(pins), Keep::Session).await?.account.id;
        let started = Instant::now();
        world.engine.refresh(Some(&account)).await?;
        let seconds = started.elapsed().as_secs_f64();
        writeln!(out, "{pins} pins listed into the mirror in {seconds:.1} s, {:.0} a second", pins as f64 / seconds)?;
        accounts.push(account);
    }
    let [sent_to, queued_for, listed] = accounts.as_slice() else { bail!("no accounts") };
    let one_way = repeatedly(&world, listed);
    let other_way = uploads(&world, sent_to);
    let asked = async {
        pages(&world.engine, &accounts, verdict).await?;
        searches(&world.engine, &accounts, verdict).await?;
        transfers(&world, queued_for, verdict).await
    };
    tokio::select! {
        written = one_way => written,
        sent = other_way => sent,
        asked = asked => asked,
    }
}

/// Lists an account again and again.
async fn repeatedly(world: &World, account: &AccountId) -> Result<()> {
    loop {
        world.engine.refresh(Some(account)).await?;
    }
}

/// Sends one file after the other.
async fn uploads(world: &World, account: &AccountId) -> Result<()> {
    for number in 0_u64.. {
        let path = world.write(&format!("{number}"), &number.to_be_bytes().repeat(125));
        let sent = world.engine.upload(account, vec![path.clone()], None, Metadata::new()).await?;
        let id = sent.first().context("nothing was accepted")?;
        let ended = world.engine.wait_for(id, |_| {}).await?;
        ensure!(ended.state == TransferState::Done, "not sent: {:?}", ended.state);
        std::fs::remove_file(path)?;
    }
    Ok(())
}

async fn pages(engine: &Engine, accounts: &[AccountId], verdict: &mut Verdict) -> Result<()> {
    let mut out = stdout();
    writeln!(out, "pages of {PAGE} of {} pins of three accounts; milliseconds", PINS.iter().sum::<u64>())?;
    let filters = [
        ("all", None, None),
        ("of an account", accounts.first(), None),
        ("pinned", None, Some(PinStatus::Pinned)),
        ("failed", None, Some(PinStatus::Failed)),
        ("pinned, of an account", accounts.get(1), Some(PinStatus::Pinned)),
    ];
    let (mut random, mut all) = (Numbers(7), Times::default());
    for sort in SORTS {
        for (what, account, status) in &filters {
            let mut times = Times::default();
            let mut total = 0;
            for question in 0..QUESTIONS {
                let offset = match question % 4 {
                    0 => 0,
                    1 => total / 2,
                    _ => random.below(total),
                };
                let query = PinQuery {
                    offset,
                    limit: PAGE,
                    sort,
                    descending: question % 2 == 0,
                    account: account.cloned(),
                    status: *status,
                    ..PinQuery::default()
                };
                let started = Instant::now();
                let page = engine.pins(query).await?;
                let time = started.elapsed();
                times.add(time);
                all.add(time);
                total = page.total;
                ensure!(page.rows.len() as u64 == u64::from(PAGE).min(total - offset.min(total)), "a short page");
            }
            writeln!(out, "  by {:<9} {what:<22} {times}", sort.as_str())?;
        }
    }
    verdict.wait(limits::PAGE_WAIT, all.percentile(99))
}

async fn searches(engine: &Engine, accounts: &[AccountId], verdict: &mut Verdict) -> Result<()> {
    let mut out = stdout();
    writeln!(out, "searches, first and deep pages in every order, with and without a filter")?;
    let (mut random, mut all) = (Numbers(8), Times::default());
    for text in TEXTS {
        let (mut times, mut total) = (Times::default(), 0);
        for question in 0..QUESTIONS / 5 {
            let query = PinQuery {
                offset: if question % 5 == 4 { random.below(total) } else { 0 },
                limit: PAGE,
                sort: random.one_of(&SORTS).copied().unwrap_or_default(),
                descending: question % 2 == 0,
                search: text.into(),
                account: (question % 4 == 1).then(|| random.one_of(accounts).cloned()).flatten(),
                status: (question % 4 == 2).then_some(PinStatus::Pinned),
            };
            let started = Instant::now();
            let page = engine.pins(query).await?;
            let time = started.elapsed();
            times.add(time);
            all.add(time);
            total = page.total;
        }
        writeln!(out, "  {text:<22.22} {total:>8} found  {times}")?;
    }
    verdict.wait(limits::SEARCH_WAIT, all.percentile(99))
}

async fn transfers(world: &World, account: &AccountId, verdict: &mut Verdict) -> Result<()> {
    let mut out = stdout();
    // It is asked for and not begun.
    world.engine.pause(Some(account)).await?;
    fill_queue(&world.home().join("holdfast.db"), account, Path::new("/nowhere"), TRANSFERS, Queue::Half)?;
    let (mut next, mut newest) = (Times::default(), Times::default());
    for _ in 0..QUESTIONS {
        let started = Instant::now();
        ensure!(!world.engine.next_up().await?.is_empty(), "nothing is next");
        next.add(started.elapsed());
        let started = Instant::now();
        let (listed, _) = world.engine.transfers(500).await?;
        newest.add(started.elapsed());
        ensure!(listed.len() == 500, "{} transfers", listed.len());
    }
    writeln!(out, "{TRANSFERS} transfers; milliseconds\n  next due    {next}\n  newest 500  {newest}")?;
    verdict.wait(limits::NEXT_WAIT, next.percentile(99))?;
    verdict.wait(limits::NEWEST_WAIT, newest.percentile(99))
}

/// Which transfers a queue is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queue {
    /// As many as have not begun have ended.
    Half,
    /// None has begun.
    Whole,
}

/// Writes uploads of a file that came in bulk.
pub(super) fn fill_queue(
    database: &Path,
    account: &AccountId,
    file: &Path,
    transfers: u32,
    queue: Queue,
) -> Result<()> {
    let mut connection = Connection::open(database)?;
    connection.busy_timeout(Duration::from_secs(60))?;
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare(
            "INSERT INTO transfer (id, account, work, source, root, name, metadata, state, until, bytes, attempts, lane,
                 created_at, updated_at)
             VALUES ('bench-' || ?1, ?2, 'upload', CAST(?3 AS BLOB), CAST('/' AS BLOB), 'file ' || ?1, '{}', ?4, ?5, 1000, 1,
                 1, ?6, ?6)",
        )?;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        let now = i64::try_from(now.as_millis())?;
        let states: &[&str] = match queue {
            Queue::Half => &["queued", "done", "queued", "done", "waiting", "failed"],
            Queue::Whole => &["queued"],
        };
        for (number, state) in (0..transfers).zip(states.iter().cycle()) {
            let until = (*state == "waiting").then_some(now + 86_400_000 + i64::from(number));
            insert.execute((number, &account.0, file.to_string_lossy(), state, until, now))?;
        }
    }
    Ok(transaction.commit()?)
}
