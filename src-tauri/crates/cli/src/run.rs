//! A command from its arguments to its exit code: here, or where its home is owned.

use std::{
    ffi::OsString,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use holdfast_content::harmless;
use holdfast_core::{Error, home::HomeError};
use holdfast_private::Umask;

use crate::{
    ENDED, Failure,
    args::{Args, Command, FolderCommand},
    caller::Caller,
    command::{self, serve},
    session::EngineAt,
    terminal::OwnTerminal,
};

/// How long an owner may take to listen, or to give its home free.
const OWNER_IS_READY: Duration = Duration::from_secs(15);

const LOOK_AGAIN: Duration = Duration::from_millis(50);

const SUCCESS: u8 = 0;
const FAILURE: u8 = 1;
const USAGE: u8 = 2;

/// Runs this program's command.
pub(crate) async fn own(arguments: Vec<OsString>, umask: Umask) -> u8 {
    let began = Instant::now();
    let directory = std::env::current_dir().unwrap_or_default();
    loop {
        let args = match Args::try_parse_from(&arguments) {
            Ok(args) => args,
            Err(error) => {
                // What a script hands on may be anybody's text.
                if arguments.iter().all(|argument| argument.to_str().is_some_and(|text| harmless(text) == text)) {
                    error.exit();
                }
                return usage(&error, crate::terminal::note);
            }
        };
        let goes_to_owner = goes_to_owner(&args.command);
        let caller = Caller::new(args.json, &directory, EngineAt::Home(args.home), Arc::new(OwnTerminal));
        let done = dispatch(args.command, &caller, umask).await;
        // What failed may have left it open, and others may be there.
        let ended = match caller.take_opened() {
            Some(opened) => opened.end(&caller).await,
            None => Ok(()),
        };
        let failure = match done.and(ended) {
            Ok(()) => return SUCCESS,
            Err(failure) => failure,
        };
        let Some(home) = owned_by_another(&failure).filter(|_| goes_to_owner) else {
            return code_of(&failure, &caller);
        };
        match elsewhere(home, &arguments, &directory).await {
            Elsewhere::Ended(code) => return code,
            Elsewhere::NotYet if began.elapsed() < OWNER_IS_READY => tokio::time::sleep(LOOK_AGAIN).await,
            Elsewhere::NotYet => return code_of(&failure, &caller),
            Elsewhere::Failed(why) => {
                caller.complain(&why, None);
                return FAILURE;
            }
        }
    }
}

/// Runs a command that was handed over, for the caller that `caller` makes of whether it wants JSON.
pub(crate) async fn handed_over(arguments: Vec<OsString>, caller: impl FnOnce(bool) -> Caller) -> u8 {
    match Args::try_parse_from(&arguments) {
        Ok(args) => {
            let caller = caller(args.json);
            if !goes_to_owner(&args.command) {
                caller.complain("that is done without the home, or by its owner alone", None);
                return FAILURE;
            }
            // Nothing that goes to an owner makes a file where its user says.
            match dispatch(args.command, &caller, Umask::of(0o077)).await {
                Ok(()) => SUCCESS,
                Err(failure) => code_of(&failure, &caller),
            }
        }
        Err(error) => {
            let caller = caller(false);
            usage(&error, |line| caller.note(line))
        }
    }
}

/// Whether the owner of a home can do it for somebody else.
const fn goes_to_owner(command: &Command) -> bool {
    !matches!(command, Command::Serve(_) | Command::Cid(_) | Command::Folder(FolderCommand::Run { .. }))
}

/// The home that somebody else owns, where that is why nothing was done.
pub(crate) fn owned_by_another(failure: &Failure) -> Option<&Path> {
    match failure {
        // A service alone has no engine.
        Failure::Engine(Error::Home(HomeError::Busy { dir, owner })) if !owner.starts_with(serve::HAS_HOME) => {
            Some(dir)
        }
        _ => None,
    }
}

enum Elsewhere {
    Ended(u8),
    NotYet,
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no socket yet"))]
    Failed(String),
}

#[cfg(unix)]
async fn elsewhere(home: &Path, arguments: &[OsString], directory: &Path) -> Elsewhere {
    use crate::handover::{NotTaken, hand_over};
    match hand_over(home, arguments.to_vec(), directory).await {
        Ok(code) => Elsewhere::Ended(code),
        Err(NotTaken::Nobody(error)) => {
            tracing::debug!(%error, "the owner of the home does not listen");
            Elsewhere::NotYet
        }
        Err(NotTaken::Here(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Elsewhere::Ended(FAILURE),
        Err(error) => Elsewhere::Failed(error.to_string()),
    }
}

#[cfg(not(unix))]
async fn elsewhere(_: &Path, _: &[OsString], _: &Path) -> Elsewhere {
    Elsewhere::NotYet
}

async fn dispatch(command: Command, caller: &Caller, umask: Umask) -> Result<(), Failure> {
    match command {
        Command::Account(account) => command::account::run(account, caller).await,
        Command::Add(add) => command::add::run(add, caller).await,
        Command::Pin(pin) => command::pin::run(pin, caller).await,
        Command::Ls(list) => command::list::run(list, caller).await,
        Command::Show(show) => command::show::run(show, caller).await,
        Command::Verify(verify) => command::verify::run(verify, caller).await,
        Command::Edit(edit) => command::edit::run(edit, caller).await,
        Command::Unpin(unpin) => command::unpin::run(unpin, caller).await,
        Command::Cid(cid) => command::cid::run(cid, umask, caller).await,
        Command::Car(car) => command::car::run(car, umask, caller).await,
        Command::Transfers { limit, watch } if watch => command::transfers::watch(limit, caller).await,
        Command::Transfers { limit, .. } => command::transfers::list(limit, caller).await,
        Command::Batches { limit } => command::batches::list(limit, caller).await,
        Command::Pause(which) => command::control::pause(which, caller).await,
        Command::Resume(which) => command::control::resume(which, caller).await,
        Command::Limit(args) => command::limit::run(args, caller).await,
        Command::Retry { which, all, at } => command::control::retry(which, all, at, caller).await,
        Command::Cancel { which, all } => command::control::cancel(which, all, caller).await,
        Command::MoveUp(which) => command::control::move_up(which, caller).await,
        Command::Folder(folder) => command::folder::run(folder, caller).await,
        Command::Serve(serve) => command::serve::run(serve, caller).await,
    }
}

/// Says why a command did not do all that it was asked for, and gives its exit code.
fn code_of(failure: &Failure, caller: &Caller) -> u8 {
    match failure {
        Failure::Partial => return FAILURE,
        Failure::Unknown => return USAGE,
        Failure::Undone => return ENDED,
        Failure::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return FAILURE,
        _ => {}
    }
    tell(failure, caller);
    if matches!(failure, Failure::Ended) { ENDED } else { FAILURE }
}

/// Says what a failure is.
pub(crate) fn tell(failure: &Failure, caller: &Caller) {
    let details = match failure {
        Failure::Engine(error) => error.details(),
        _ => None,
    };
    caller.complain(&failure.to_string(), details.as_deref());
}

/// Says what is wrong with the arguments, or the help that was asked for.
fn usage(error: &clap::Error, tell: impl Fn(&str)) -> u8 {
    for line in error.to_string().lines() {
        tell(line);
    }
    USAGE
}
