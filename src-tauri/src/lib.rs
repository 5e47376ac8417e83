//! The desktop shell: a window, the system's dialogs, drops, and the commands of the web view. It decides nothing; what
//! Holdfast does is in `holdfast-core`.

mod args;
mod backend;
mod changes;
mod commands;
mod dialogs;
mod drop;
mod ipc;
mod lifecycle;
mod selections;
mod window;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use crate::args::Args;

/// Runs the program to its end.
pub fn run() -> ExitCode {
    let started = Instant::now();
    let args = Args::parse();
    holdfast_cli::log::start("warn");
    match lifecycle::run(args, started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "Holdfast cannot run");
            ExitCode::FAILURE
        }
    }
}
