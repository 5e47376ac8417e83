//! The owner's side: commands come in, are run with its engine, and go out again.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use holdfast_core::{clock::Clock, host::SystemClock};
use secrecy::SecretString;
use tokio::{
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    runtime::Handle,
    sync::{Semaphore, mpsc, oneshot, watch},
    task::spawn_blocking,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    frames::{Greeting, PROTOCOL, ToCaller, ToOwner, Typed, receive, send},
    places,
};
use crate::{
    ENDED,
    caller::{Caller, SecretFrom, Terminal},
    owner::Owner,
    run,
    session::EngineAt,
};

/// Commands that are run at once; whoever comes then waits at the door.
const MOST_COMMANDS: usize = 64;

/// How long a caller may take to say what it wants, and at the end to take what was said.
const MANNERS: Duration = Duration::from_secs(10);

/// A piece of text that is sent at once, in bytes.
const PIECE_BYTES: usize = 64 << 10;

/// An owner that takes commands. Dropped, it takes no more, and cuts those that it has.
#[derive(Debug)]
pub struct Door {
    socket: PathBuf,
    closing: CancellationToken,
    cutting: CancellationToken,
    commands: TaskTracker,
}

impl Door {
    /// Listens in the owner's home.
    ///
    /// # Errors
    /// When no socket can be made there.
    pub fn open(owner: Arc<Owner>) -> io::Result<Self> {
        let (listener, socket) = places::listen(owner.engine().home().dir())?;
        let door = Self {
            socket,
            closing: CancellationToken::new(),
            cutting: CancellationToken::new(),
            commands: TaskTracker::new(),
        };
        let (closing, cutting, commands) = (door.closing.clone(), door.cutting.clone(), door.commands.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = take_in(&listener, &owner, &cutting, &commands) => {}
                () = closing.cancelled() => {}
            }
        });
        Ok(door)
    }

    /// Waits until nobody is there any more, and takes no more then.
    pub async fn close(self) {
        self.commands.close();
        self.commands.wait().await;
        self.closing.cancel();
        // Somebody may have come in between.
        self.commands.wait().await;
    }

    /// Takes no more, and cuts those that it has: their callers see that, and what they had accepted stays accepted.
    pub async fn cut(self) {
        self.closing.cancel();
        self.cutting.cancel();
        self.close().await;
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.closing.cancel();
        self.cutting.cancel();
        // The next owner takes away what is left.
        drop(std::fs::remove_file(&self.socket));
    }
}

async fn take_in(listener: &UnixListener, owner: &Arc<Owner>, cutting: &CancellationToken, commands: &TaskTracker) {
    let places = Arc::new(Semaphore::new(MOST_COMMANDS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (owner, cutting) = (Arc::clone(owner), cutting.clone());
                commands.spawn(async move {
                    tokio::select! {
                        served = serve(stream, owner) => {
                            if let Err(error) = served {
                                tracing::debug!(%error, "a command that was handed over has no caller any more");
                            }
                        }
                        () = cutting.cancelled() => {}
                    }
                    drop(place);
                });
            }
            // Too many open files, for instance: they may be fewer soon.
            Err(error) => {
                tracing::warn!(%error, "commands cannot come in");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Runs one command for whoever has come.
async fn serve(stream: UnixStream, owner: Arc<Owner>) -> io::Result<()> {
    if !places::is_own(&stream)? {
        tracing::warn!("another user of this computer wanted a command to be run; nothing was");
        return Ok(());
    }
    let (mut from, mut to) = stream.into_split();
    let greeting = async {
        send(&mut to, &Greeting::own()).await?;
        let theirs = receive::<Greeting>(&mut from).await?;
        match theirs.is_some_and(|theirs| theirs.protocol == PROTOCOL) {
            true => receive::<ToOwner>(&mut from).await,
            // It says that to its user.
            false => Ok(None),
        }
    };
    let Some(ToOwner::Run(typed)) = timeout(MANNERS, greeting).await?? else { return Ok(()) };
    let (frames, to_send) = mpsc::unbounded_channel();
    let writing = tokio::spawn(write(to, to_send));
    let terminal = Arc::new(HandedOver::new(frames.clone(), typed.is_seen));
    let code = attend(typed, from, terminal, owner).await;
    if let Some(code) = code {
        // Nobody reads it whose caller has gone.
        drop(frames.send(ToCaller::End(code)));
    }
    drop(frames);
    drop(timeout(MANNERS, writing).await);
    Ok(())
}

/// The exit code; `None` where nobody is there any more to be told.
async fn attend(typed: Typed, from: OwnedReadHalf, terminal: Arc<HandedOver>, owner: Arc<Owner>) -> Option<u8> {
    let (said, mut told) = mpsc::channel(16);
    let reading = tokio::spawn(read(from, said));
    let began = SystemClock::default().now();
    let (accepted, mut is_accepted) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let (engine, handed_over) = (Arc::clone(owner.engine()), Arc::clone(&terminal));
    // A thread of its own: what a command does need not go from one to another.
    let mut command = spawn_blocking(move || {
        let (directory, engine) = (PathBuf::from(typed.directory), EngineAt::Owner(owner));
        let caller = |json| {
            let caller = Caller::new(json, Path::new(&directory), engine, handed_over);
            drop(accepted.send(caller.clone()));
            caller
        };
        Handle::current().block_on(async {
            tokio::select! {
                biased;
                _ = stopped => None,
                code = run::handed_over(typed.arguments, caller) => Some(code),
            }
        })
    });
    let mut is_interrupted = false;
    let gone = loop {
        tokio::select! {
            code = &mut command => {
                reading.abort();
                return code.unwrap_or(Some(1));
            }
            frame = told.recv() => match frame {
                Some(ToOwner::Secret(secret)) => terminal.answer(Ok(secret.0.as_str().into())),
                Some(ToOwner::NoSecret(why)) => terminal.answer(Err(io::Error::other(why))),
                Some(ToOwner::Interrupt) if terminal.interrupt() => is_interrupted = true,
                Some(ToOwner::Interrupt) => break false,
                // It has asked for the end, and does not wait for it.
                None if is_interrupted => {
                    drop(command.await);
                    return None;
                }
                Some(ToOwner::Run(_)) | None => break true,
            }
        }
    };
    drop(stop);
    drop(command.await);
    if gone {
        return None;
    }
    let accepted = is_accepted.try_recv().map(|caller| caller.accepted()).unwrap_or_default();
    if !accepted.is_empty() {
        for id in &accepted {
            // What was under way before is somebody else's.
            if engine.transfer(id).await.is_ok_and(|transfer| transfer.created_at < began) {
                continue;
            }
            // What has ended meanwhile cannot be cancelled, and need not be.
            if let Err(error) = engine.cancel(id).await {
                tracing::debug!(%error, "what was accepted for a command that was ended cannot be cancelled");
            }
        }
        terminal.tell("holdfast: ended, and what it had asked for is cancelled\n");
    }
    Some(ENDED)
}

async fn read(mut from: OwnedReadHalf, frames: mpsc::Sender<ToOwner>) {
    while let Ok(Some(frame)) = receive(&mut from).await {
        if frames.send(frame).await.is_err() {
            return;
        }
    }
}

async fn write(mut to: OwnedWriteHalf, mut frames: mpsc::UnboundedReceiver<ToCaller>) {
    while let Some(frame) = frames.recv().await {
        if send(&mut to, &frame).await.is_err() {
            return;
        }
    }
}

/// The terminal of whoever handed a command over.
struct HandedOver {
    frames: mpsc::UnboundedSender<ToCaller>,
    is_seen: bool,
    /// How many wait to be told that the end is wanted.
    waiting: AtomicUsize,
    wants_end: watch::Sender<bool>,
    asking: Mutex<Option<oneshot::Sender<io::Result<SecretString>>>>,
}

impl HandedOver {
    fn new(frames: mpsc::UnboundedSender<ToCaller>, is_seen: bool) -> Self {
        Self {
            frames,
            is_seen,
            waiting: AtomicUsize::new(0),
            wants_end: watch::Sender::new(false),
            asking: Mutex::default(),
        }
    }

    /// Tells the command that the end is wanted. `false` where it does not listen.
    fn interrupt(&self) -> bool {
        self.wants_end.send_replace(true);
        self.waiting.load(Ordering::Relaxed) > 0
    }

    fn answer(&self, answer: io::Result<SecretString>) {
        let asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner).take();
        // What was not asked for is dropped.
        drop(asking.map(|asking| asking.send(answer)));
    }

    fn say(&self, text: &str, frame: impl Fn(String) -> ToCaller) -> io::Result<()> {
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(rest.floor_char_boundary(PIECE_BYTES));
            self.frames.send(frame(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe)?;
            rest = others;
        }
        Ok(())
    }
}

#[async_trait]
impl Terminal for HandedOver {
    fn print(&self, text: &str) -> io::Result<()> {
        self.say(text, ToCaller::Out)
    }

    fn tell(&self, text: &str) {
        drop(self.say(text, ToCaller::Err));
    }

    fn is_seen(&self) -> bool {
        self.is_seen
    }

    async fn ended(&self) -> io::Result<()> {
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        self.wants_end.subscribe().wait_for(|wanted| *wanted).await.map(drop).map_err(io::Error::other)
    }

    async fn secret(&self, label: &str, from: SecretFrom) -> io::Result<SecretString> {
        let (asking, answer) = oneshot::channel();
        *self.asking.lock().unwrap_or_else(PoisonError::into_inner) = Some(asking);
        self.frames.send(ToCaller::Ask(label.into(), from)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        answer.await.map_err(|_| io::ErrorKind::BrokenPipe)?
    }
}
