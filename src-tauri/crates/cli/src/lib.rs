//! The `holdfast` command, and what both faces of Holdfast do: log, and take commands whose home they own.

mod args;
mod caller;
mod command;
#[cfg(unix)]
mod handover;
mod interrupt;
pub mod log;
mod output;
mod owner;
mod progress;
mod run;
mod session;
mod stream;
mod terminal;
mod troubles;

use std::process::ExitCode;

use holdfast_private::{Umask, hide_memory, leave_no_core};

#[cfg(unix)]
pub use handover::Door;
pub use owner::Owner;

use args::{Args, Command};
use clap::Parser;
use command::serve_options::LogForm;
use terminal::note;

/// Why a command ended without doing all that it was asked for.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The engine said no.
    #[error(transparent)]
    Engine(#[from] holdfast_core::Error),
    /// The embedded service.
    #[error(transparent)]
    ThisComputer(#[from] holdfast_embedded::StartError),
    /// The service that was to be run.
    #[error(transparent)]
    Service(#[from] holdfast_service::ServiceError),
    /// Standard input, output or error.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// What was asked for cannot be done, said in words.
    #[error("{0}")]
    Plain(String),
    /// Everything was said already, item by item.
    #[error("not everything could be done")]
    Partial,
    /// Nothing can be said about what was asked, and why was said already.
    #[error("it cannot be said")]
    Unknown,
    /// The user has ended it, and nothing is left of it.
    #[error("ended; nothing is left of it")]
    Ended,
    /// The user has taken it back, which was said.
    #[error("undone")]
    Undone,
}

/// What a shell says of a program that was ended by Ctrl-C.
const ENDED: u8 = 130;

/// Runs the program `holdfast` to its end.
pub fn run() -> ExitCode {
    let umask = Umask::close();
    if !cfg!(debug_assertions)
        && let Err(error) = leave_no_core().and_then(|()| hide_memory())
    {
        note(&format!("holdfast: other programs of yours can read the memory of this one: {error}"));
    }
    let arguments: Vec<_> = std::env::args_os().collect();
    match Args::try_parse_from(&arguments).ok().map(|args| args.command) {
        Some(Command::Serve(serve)) if serve.server.log == LogForm::Json => log::start_json("warn"),
        Some(Command::Serve(_)) => log::start("warn"),
        _ => log::start("error"),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            note(&format!("holdfast: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(run::own(arguments, umask));
    // A reader thread may still wait for a disk that does not answer.
    runtime.shutdown_background();
    code.into()
}
