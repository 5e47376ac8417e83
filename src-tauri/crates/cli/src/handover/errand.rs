//! The side of whoever hands a command over.

use std::{
    ffi::OsString,
    io::{self, IsTerminal},
    path::Path,
    time::Duration,
};

use secrecy::ExposeSecret;
use tokio::{
    io::AsyncWrite,
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    sync::mpsc,
    time::timeout,
};

use super::{
    frames::{Greeting, PROTOCOL, Secret, ToCaller, ToOwner, Typed, receive, send},
    places,
};
use crate::{
    ENDED,
    caller::{SecretFrom, Terminal},
    terminal::OwnTerminal,
};

/// How long an owner may take to say who it is.
const GREETING: Duration = Duration::from_secs(10);

/// Why a command was not run to its end by the owner of its home.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotTaken {
    /// It was not even begun: nobody listens there, or not yet.
    #[error("nobody takes it: {0}")]
    Nobody(io::Error),
    /// Nor was it here.
    #[error(
        "the home is in use by Holdfast {theirs}, and this is {}: they do not understand each other. End that one, or use the command that came with it",
        env!("CARGO_PKG_VERSION")
    )]
    OtherProtocol {
        /// Its version.
        theirs: String,
    },
    /// Whoever listens is somebody else's program.
    #[error("a program of another user of this computer listens in the home; nothing was said to it")]
    Stranger,
    /// The owner has ended meanwhile.
    #[error(
        "the Holdfast that did this for the command has ended; what it had accepted goes on when Holdfast runs next"
    )]
    Gone,
    /// Results cannot be printed, or a question not be asked.
    #[error(transparent)]
    Here(io::Error),
}

/// Has the owner of a home run a command as it was typed, and gives its exit code.
pub(crate) async fn hand_over(home: &Path, arguments: Vec<OsString>, directory: &Path) -> Result<u8, NotTaken> {
    let stream = places::connect(home).await.map_err(NotTaken::Nobody)?;
    if !places::is_own(&stream).map_err(NotTaken::Nobody)? {
        return Err(NotTaken::Stranger);
    }
    let (mut from, mut to) = stream.into_split();
    let greeting = async {
        send(&mut to, &Greeting::own()).await?;
        receive::<Greeting>(&mut from).await
    };
    let theirs = match timeout(GREETING, greeting).await {
        Ok(Ok(Some(theirs))) => theirs,
        Ok(Ok(None)) => return Err(NotTaken::Nobody(io::ErrorKind::ConnectionReset.into())),
        Ok(Err(error)) => return Err(NotTaken::Nobody(error)),
        Err(_) => return Err(NotTaken::Nobody(io::ErrorKind::TimedOut.into())),
    };
    if theirs.protocol != PROTOCOL {
        return Err(NotTaken::OtherProtocol { theirs: theirs.version });
    }
    let typed = Typed { arguments, directory: directory.into(), is_seen: io::stderr().is_terminal() };
    send(&mut to, &ToOwner::Run(typed)).await.map_err(|_| NotTaken::Gone)?;
    attend(from, to).await
}

/// Prints and answers until the command has ended.
async fn attend(from: OwnedReadHalf, mut to: OwnedWriteHalf) -> Result<u8, NotTaken> {
    let (frames, mut said) = mpsc::channel(16);
    // Reading is not given up half-way through a frame.
    tokio::spawn(read(from, frames));
    let mut wants_end = false;
    let mut ended = Box::pin(OwnTerminal.ended());
    loop {
        tokio::select! {
            frame = said.recv() => match frame {
                Some(ToCaller::Out(text)) => OwnTerminal.print(&text).map_err(NotTaken::Here)?,
                Some(ToCaller::Err(text)) => OwnTerminal.tell(&text),
                Some(ToCaller::Ask(label, from)) => tokio::select! {
                    answered = answer(&mut to, label, from) => answered?,
                    ended = OwnTerminal.ended() => return ended.map(|()| ENDED).map_err(NotTaken::Here),
                },
                Some(ToCaller::End(code)) => return Ok(code),
                None => return Err(NotTaken::Gone),
            },
            told = &mut ended => {
                told.map_err(NotTaken::Here)?;
                // Who wants it twice does not wait for what is being undone.
                if std::mem::replace(&mut wants_end, true) {
                    return Ok(ENDED);
                }
                send(&mut to, &ToOwner::Interrupt).await.map_err(|_| NotTaken::Gone)?;
                ended = Box::pin(OwnTerminal.ended());
            }
        }
    }
}

async fn read(mut from: OwnedReadHalf, frames: mpsc::Sender<ToCaller>) {
    while let Ok(Some(frame)) = receive(&mut from).await {
        if frames.send(frame).await.is_err() {
            return;
        }
    }
}

async fn answer(to: &mut (impl AsyncWrite + Unpin + Send), label: String, from: SecretFrom) -> Result<(), NotTaken> {
    let asking = tokio::task::spawn_blocking(move || {
        tokio::runtime::Handle::current().block_on(OwnTerminal.secret(&label, from))
    });
    let answer = match asking.await.map_err(|error| NotTaken::Here(io::Error::other(error)))? {
        Ok(secret) => ToOwner::Secret(Secret(secret.expose_secret().to_owned())),
        Err(error) => ToOwner::NoSecret(error.to_string()),
    };
    send(to, &answer).await.map_err(|_| NotTaken::Gone)
}
