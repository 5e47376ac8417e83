//! `holdfast serve gc|stats|check`: the service's directory while no service runs on it.

use holdfast_core::{Code, Home};
use holdfast_service::{Checked, Quota, Statistics, StoppedService};
use serde::Serialize;

use super::serve::HAS_HOME;
use crate::{Failure, caller::Caller, output::bytes, session::open_home};

/// What is done with what is stored.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    Collect,
    Stats,
    Check,
}

#[derive(Serialize)]
struct Collected {
    blocks: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct Stats {
    blocks: u64,
    block_bytes: u64,
    reclaimable_blocks: Option<u64>,
    reclaimable_bytes: Option<u64>,
    free_bytes: Option<u64>,
    pins: u64,
    owners: Vec<Owner>,
}

#[derive(Serialize)]
struct Owner {
    name: String,
    keys: Vec<String>,
    pins: u64,
    content_bytes: u64,
    used_bytes: u64,
    quota_bytes: Option<u64>,
}

#[derive(Serialize)]
struct Check {
    blocks: u64,
    bytes: u64,
    pins: u64,
    damaged_blocks: Vec<String>,
    damaged_pins: Vec<DamagedPin>,
}

#[derive(Serialize)]
struct DamagedPin {
    id: String,
    cid: String,
    name: String,
    owner: String,
    missing_blocks: u64,
    refused: Option<String>,
}

pub(crate) async fn run(task: Task, caller: &Caller) -> Result<(), Failure> {
    let home = open(caller)?;
    let caller = caller.clone();
    let work = move || {
        let dir = home.service_dir();
        if !dir.join("service.db").exists() && !dir.join("blocks").exists() {
            return Err(Failure::Plain(format!("There is no pinning service in {}.", home.dir().display())));
        }
        let service = StoppedService::open(&dir)?;
        let done = match task {
            Task::Collect => collect(&service, &caller),
            Task::Stats => stats(&service, &caller),
            Task::Check => check(&service, &caller),
        };
        let closed = service.close();
        done?;
        Ok(closed?)
    };
    tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other)?
}

fn open(caller: &Caller) -> Result<Home, Failure> {
    open_home(HAS_HOME, caller).map_err(|failure| match failure {
        Failure::Engine(error) if error.code() == Code::HomeBusy => Failure::Plain(format!(
            "{error}. It removes what no pin needs by itself; to count or check what is stored, end it first."
        )),
        failure => failure,
    })
}

fn collect(service: &StoppedService, caller: &Caller) -> Result<(), Failure> {
    let collected = service.collect()?;
    let collected = Collected { blocks: collected.blocks, bytes: collected.bytes };
    caller.result(&collected, || {
        format!("Removed {} blocks that no pin needs, {}.", collected.blocks, bytes(collected.bytes))
    })?;
    Ok(())
}

fn stats(service: &StoppedService, caller: &Caller) -> Result<(), Failure> {
    let Statistics { blocks, block_bytes, reclaimable_blocks, reclaimable_bytes, free_bytes, owners } =
        service.statistics()?;
    let owners: Vec<_> = owners
        .into_iter()
        .map(|owner| Owner {
            name: owner.name,
            keys: owner.keys,
            pins: owner.pins,
            content_bytes: owner.content_bytes,
            used_bytes: owner.used_bytes,
            quota_bytes: match owner.quota {
                Quota::Unlimited => None,
                Quota::Bytes(bytes) => Some(bytes),
            },
        })
        .collect();
    let pins = owners.iter().map(|owner| owner.pins).sum();
    let stats = Stats { blocks, block_bytes, reclaimable_blocks, reclaimable_bytes, free_bytes, pins, owners };
    caller.result(&stats, || describe_stats(&stats))?;
    Ok(())
}

fn describe_stats(stats: &Stats) -> Vec<String> {
    let reclaimable = match (stats.reclaimable_blocks, stats.reclaimable_bytes) {
        (Some(blocks), Some(size)) => format!("{blocks} blocks, {}", bytes(size)),
        _ => "unknown, because a pin is damaged: see holdfast serve check".into(),
    };
    let free = stats.free_bytes.map_or_else(|| "unknown".into(), bytes);
    let mut lines = vec![
        format!("stored       {} blocks, {}", stats.blocks, bytes(stats.block_bytes)),
        format!("reclaimable  {reclaimable}"),
        format!("pins         {}", stats.pins),
        format!("free disk    {free}"),
    ];
    lines.extend(stats.owners.iter().map(|owner| {
        let quota = owner.quota_bytes.map_or_else(|| "no quota".into(), |quota| format!("of {}", bytes(quota)));
        let keys = if owner.keys.is_empty() { String::new() } else { format!("  keys: {}", owner.keys.join(", ")) };
        format!(
            "{}  {} pins, {} of files, {} stored, {quota}{keys}",
            owner.name,
            owner.pins,
            bytes(owner.content_bytes),
            bytes(owner.used_bytes)
        )
    }));
    lines
}

fn check(service: &StoppedService, caller: &Caller) -> Result<(), Failure> {
    let Checked { blocks, bytes: size, damaged_blocks, pins, damaged_pins } = service.check(|_| {})?;
    let check = Check {
        blocks,
        bytes: size,
        pins,
        damaged_blocks: damaged_blocks.iter().map(ToString::to_string).collect(),
        damaged_pins: damaged_pins
            .into_iter()
            .map(|pin| DamagedPin {
                id: pin.id.to_string(),
                cid: pin.cid,
                name: pin.name,
                owner: pin.owner,
                missing_blocks: pin.missing_blocks,
                refused: pin.refused,
            })
            .collect(),
    };
    caller.result(&check, || {
        format!(
            "{} blocks, {}: {} damaged. {} pins: {} damaged.",
            check.blocks,
            bytes(check.bytes),
            check.damaged_blocks.len(),
            check.pins,
            check.damaged_pins.len()
        )
    })?;
    for block in &check.damaged_blocks {
        caller.complain(&format!("the block {block} is damaged; its file was put aside"), None);
    }
    for pin in &check.damaged_pins {
        let (name, cid, missing) = (&pin.name, &pin.cid, pin.missing_blocks);
        match &pin.refused {
            Some(why) if missing == 0 => caller.complain(&format!("{name} ({cid}) cannot be read: {why}"), None),
            _ => caller.complain(&format!("{name} ({cid}) lacks {missing} blocks; upload it again to repair it"), None),
        }
    }
    let sound = check.damaged_blocks.is_empty() && check.damaged_pins.is_empty();
    if sound { Ok(()) } else { Err(Failure::Partial) }
}
