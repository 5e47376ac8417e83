//! The `holdfast` command.

mod args;
mod command;
mod interrupt;
mod output;
mod progress;
mod session;
mod stream;
mod troubles;

use std::{ffi::OsString, process::ExitCode};

use clap::Parser;
use holdfast_content::harmless;
use holdfast_private::{Umask, hide_memory, leave_no_core};

use args::{Args, Command};
use command::serve_options::LogForm;
use output::{Output, note};

/// Why a command ended without doing all that it was asked for.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// The engine said no.
    #[error(transparent)]
    Engine(#[from] holdfast_core::Error),
    /// The embedded service.
    #[error(transparent)]
    ThisComputer(#[from] holdfast_cli::this_computer::StartError),
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

fn main() -> ExitCode {
    let umask = Umask::close();
    if !cfg!(debug_assertions)
        && let Err(error) = leave_no_core().and_then(|()| hide_memory())
    {
        note(&format!("holdfast: other programs of yours can read the memory of this one: {error}"));
    }
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    match &args.command {
        Command::Serve(serve) if serve.server.log == LogForm::Json => holdfast_cli::log::start_json("warn"),
        Command::Serve(_) => holdfast_cli::log::start("warn"),
        _ => holdfast_cli::log::start("error"),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(run(args, umask));
    // A reader thread may still wait for a disk that does not answer.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Partial) => ExitCode::FAILURE,
        Err(Failure::Unknown) => ExitCode::from(2),
        Err(Failure::Undone) => ExitCode::from(ENDED),
        Err(failure @ Failure::Ended) => {
            report(&failure);
            ExitCode::from(ENDED)
        }
        Err(Failure::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(failure) => fail(&failure),
    }
}

async fn run(args: Args, umask: Umask) -> Result<(), Failure> {
    let out = Output::new(args.json);
    let home = args.home;
    match args.command {
        Command::Account(account) => command::account::run(account, home, out).await,
        Command::Add(add) => command::add::run(add, home, out).await,
        Command::Pin(pin) => command::pin::run(pin, home, out).await,
        Command::Ls(list) => command::list::run(list, home, out).await,
        Command::Show(show) => command::show::run(show, home, out).await,
        Command::Verify(verify) => command::verify::run(verify, home, out).await,
        Command::Edit(edit) => command::edit::run(edit, home, out).await,
        Command::Unpin(unpin) => command::unpin::run(unpin, home, out).await,
        Command::Cid(cid) => command::cid::run(cid, umask, out).await,
        Command::Car(car) => command::car::run(car, home, umask, out).await,
        Command::Transfers { limit, watch } if watch => command::transfers::watch(limit, home, out).await,
        Command::Transfers { limit, .. } => command::transfers::list(limit, home, out).await,
        Command::Batches { limit } => command::batches::list(limit, home, out).await,
        Command::Pause(which) => command::control::pause(which, home, out).await,
        Command::Resume(which) => command::control::resume(which, home, out).await,
        Command::Limit(args) => command::limit::run(args, home, out).await,
        Command::Retry { which, all, at } => command::control::retry(which, all, at, home, out).await,
        Command::Cancel { which, all } => command::control::cancel(which, all, home, out).await,
        Command::MoveUp(which) => command::control::move_up(which, home, out).await,
        Command::Folder(folder) => command::folder::run(folder, home, out).await,
        Command::Serve(serve) => command::serve::run(serve, home, out).await,
    }
}

/// Says what is wrong with the arguments, or the help that was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    let is_harmless = |argument: OsString| argument.to_str().is_some_and(|text| harmless(text) == text);
    if std::env::args_os().all(is_harmless) {
        error.exit();
    }
    // What a script hands on may be anybody's text.
    for line in error.to_string().lines() {
        note(line);
    }
    ExitCode::from(2)
}

fn fail(failure: &Failure) -> ExitCode {
    report(failure);
    ExitCode::FAILURE
}

fn report(failure: &Failure) {
    let details = match failure {
        Failure::Engine(error) => error.details(),
        _ => None,
    };
    output::complain(&failure.to_string(), details.as_deref());
}
