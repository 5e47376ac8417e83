//! What goes on meanwhile, on standard error: progress, where that is a terminal, and what is waited for.

use std::time::Duration;

use holdfast_core::{
    Code, Engine, Error,
    transfer::{Transfer, TransferId},
};

use crate::{caller::Caller, output::bytes};

const TICK: Duration = Duration::from_millis(200);

/// Shows how far all running transfers are until this one has ended, and says why it has to wait, whenever the reason is
/// another.
pub(crate) async fn until_ended(
    engine: &Engine,
    what: &str,
    id: &TransferId,
    caller: &Caller,
) -> Result<Transfer, Error> {
    let transfer = engine.transfer(id).await?;
    let (everything, accounts) = engine.paused().await?;
    if everything || accounts.contains(&transfer.account) {
        caller.note(&format!("holdfast: {what}: accepted, and it waits: work is paused until `holdfast resume`"));
        return Ok(transfer);
    }
    let ended = engine.wait_for(id, |failure| {
        if caller.is_seen() {
            caller.note_for_now("");
        }
        let then = if failure.code == Code::StillFetching { "" } else { "; trying again" };
        caller.note(&format!("holdfast: {what}: not yet: {}{then}", failure.message));
    });
    shown(|| line(engine), ended, caller).await
}

/// Shows what `line` says until `done` is.
pub(crate) async fn shown<T>(line: impl Fn() -> String, done: impl Future<Output = T>, caller: &Caller) -> T {
    let mut done = std::pin::pin!(done);
    let is_terminal = caller.is_seen();
    let mut shown = false;
    loop {
        tokio::select! {
            result = &mut done => {
                if shown {
                    caller.note_for_now("");
                }
                return result;
            }
            () = tokio::time::sleep(TICK), if is_terminal => {
                caller.note_for_now(&line());
                shown = true;
            }
        }
    }
}

/// Bytes done of all.
pub(crate) fn of((done, total): (u64, u64)) -> String {
    format!("{} of {}", bytes(done), bytes(total))
}

fn line(engine: &Engine) -> String {
    let running = engine.progress();
    let done: u64 = running.iter().map(|one| one.bytes_done).sum();
    let total: u64 = running.iter().map(|one| one.bytes_total).sum();
    if total == 0 {
        return String::new();
    }
    let rate: u64 = running.iter().filter_map(|one| one.bytes_per_second).sum();
    match rate {
        0 => of((done, total)),
        rate => {
            format!("{} of {}, {}/s, {} s left", bytes(done), bytes(total), bytes(rate), (total - done).div_ceil(rate))
        }
    }
}
