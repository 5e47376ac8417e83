//! The desktop shell: a window, the system's dialogs, drops, and the commands of the web view. It decides nothing; what
//! Holdfast does is in `holdfast-core`.

mod args;
mod backend;
mod changes;
mod check_runs;
mod commands;
mod dialogs;
mod intake;
mod ipc;
mod lifecycle;
mod listeners;
mod selections;
mod window;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use holdfast_private::{Umask, leave_no_core};

use crate::args::Args;

/// Runs the program to its end.
pub fn run() -> ExitCode {
    let umask = Umask::close();
    let started = Instant::now();
    holdfast_cli::log::start("warn");
    // Its memory is not hidden from other programs: the portal that shows the system's dialogs would refuse it.
    if !cfg!(debug_assertions)
        && let Err(error) = leave_no_core()
    {
        tracing::warn!(%error, "a crash may leave a file with what is in memory");
    }
    let args = Args::parse();
    #[cfg(unix)]
    let args = match with_text(args, umask) {
        Ok(args) => args,
        Err(error) => {
            tracing::error!(%error, "Holdfast cannot start again");
            return ExitCode::FAILURE;
        }
    };
    match lifecycle::run(args, umask, started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "Holdfast cannot run");
            ExitCode::FAILURE
        }
    }
}

/// A second launch hands its arguments to the first as text, which not every path is: with such a path the program starts
/// itself again with an address that says the same.
#[cfg(unix)]
fn with_text(args: Args, umask: Umask) -> std::io::Result<Args> {
    use std::os::unix::process::CommandExt;
    if args.open.iter().all(|argument| argument.to_str().is_some()) {
        return Ok(args);
    }
    let mut again = std::process::Command::new(std::env::current_exe()?);
    if let Some(home) = args.home {
        again.arg("--home").arg(home);
    }
    again.arg("--").args(intake::as_text(args.open, &std::env::current_dir()?));
    Err(umask.lend(|| again.exec()))
}
