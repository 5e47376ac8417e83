//! The `holdfast` command.

mod args;
mod command;
mod output;
mod progress;
mod session;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use command::serve_options::LogForm;
use output::Output;

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
}

fn main() -> ExitCode {
    // Exits with 2 and the usage when the arguments make no sense.
    let args = Args::parse();
    match &args.command {
        Command::Serve(serve) if serve.server.log == LogForm::Json => holdfast_cli::log::start_json("warn"),
        Command::Serve(_) => holdfast_cli::log::start("warn"),
        _ => holdfast_cli::log::start("error"),
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(run(args));
    // A reader thread may still wait for a disk that does not answer.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Partial) => ExitCode::FAILURE,
        Err(Failure::Unknown) => ExitCode::from(2),
        Err(Failure::Io(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(failure) => fail(&failure),
    }
}

async fn run(args: Args) -> Result<(), Failure> {
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
        Command::Cid(cid) => command::cid::run(&cid, out),
        Command::Car(car) => command::car::run(car, home, out).await,
        Command::Folder(folder) => command::folder::run(folder, home, out).await,
        Command::Serve(serve) => command::serve::run(serve, home, out).await,
    }
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
