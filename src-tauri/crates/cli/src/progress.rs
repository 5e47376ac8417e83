//! Progress of uploads on a terminal's standard error; silent where that is no terminal.

use std::{
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

use holdfast_core::Engine;

use crate::output::bytes;

const TICK: Duration = Duration::from_millis(200);

/// Shows how far all running transfers are until `done` is.
pub(crate) async fn shown_until<T>(engine: &Engine, done: impl Future<Output = T>) -> T {
    let mut done = std::pin::pin!(done);
    let is_terminal = stderr().is_terminal();
    let mut shown = false;
    loop {
        tokio::select! {
            result = &mut done => {
                if shown {
                    write("\r\x1b[K");
                }
                return result;
            }
            () = tokio::time::sleep(TICK), if is_terminal => {
                write(&format!("\r\x1b[K{}", line(engine)));
                shown = true;
            }
        }
    }
}

fn line(engine: &Engine) -> String {
    let running = engine.progress();
    let done: u64 = running.iter().map(|one| one.bytes_done).sum();
    let total: u64 = running.iter().map(|one| one.bytes_total).sum();
    let rate: u64 = running.iter().filter_map(|one| one.bytes_per_second).sum();
    match rate {
        0 => format!("{} of {}", bytes(done), bytes(total)),
        rate => {
            format!("{} of {}, {}/s, {} s left", bytes(done), bytes(total), bytes(rate), (total - done).div_ceil(rate))
        }
    }
}

fn write(text: &str) {
    // A terminal that is gone needs no progress.
    drop(stderr().lock().write_all(text.as_bytes()));
}
