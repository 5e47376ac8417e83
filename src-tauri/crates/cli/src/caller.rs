//! Whoever runs a command: where they are, what they are told, what they answer, and when they want the end. All that is printed
//! goes through here, and what others wrote in it can do nothing to a terminal.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use holdfast_content::{harmless, harmless_json};
use holdfast_core::transfer::TransferId;
use secrecy::SecretString;
use serde::Serialize;

use crate::{
    output::Lines,
    session::{EngineAt, OpenedHome},
};

/// How somebody gives a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum SecretFrom {
    /// Typed where nobody sees it.
    Prompt,
    /// By a program, on standard input.
    Stdin,
}

/// The streams of a program and its signals: of this one, or of one that handed its command over.
#[async_trait]
pub(crate) trait Terminal: Send + Sync {
    /// Puts results on standard output.
    fn print(&self, text: &str) -> io::Result<()>;

    /// Puts everything else on standard error. Where that is gone nobody can be told.
    fn tell(&self, text: &str);

    /// Whether a person sees at once what is told.
    fn is_seen(&self) -> bool;

    /// Waits until the user, or whoever ends the program in an orderly way, wants the end.
    async fn ended(&self) -> io::Result<()>;

    /// Asks for a secret, by what it is called.
    async fn secret(&self, label: &str, from: SecretFrom) -> io::Result<SecretString>;
}

/// Who runs a command. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Caller {
    json: bool,
    directory: Arc<Path>,
    engine: EngineAt,
    terminal: Arc<dyn Terminal>,
    accepted: Arc<Mutex<Vec<TransferId>>>,
    opened: Arc<Mutex<Option<OpenedHome>>>,
}

impl Caller {
    /// Somebody in a directory, who wants results as JSON or for people.
    pub(crate) fn new(json: bool, directory: &Path, engine: EngineAt, terminal: Arc<dyn Terminal>) -> Self {
        Self { json, directory: directory.into(), engine, terminal, accepted: Arc::default(), opened: Arc::default() }
    }

    /// Where the engine is that does it.
    pub(crate) const fn engine(&self) -> &EngineAt {
        &self.engine
    }

    /// The home that was named.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        match &self.engine {
            EngineAt::Home(home) => home.clone(),
            EngineAt::Owner(owner) => Some(owner.engine().home().dir().into()),
        }
    }

    /// What a typed path means.
    pub(crate) fn absolute(&self, typed: impl AsRef<Path>) -> io::Result<PathBuf> {
        std::path::absolute(self.directory.join(typed))
    }

    /// Whether results are JSON.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person sees at once what is told.
    pub(crate) fn is_seen(&self) -> bool {
        self.terminal.is_seen()
    }

    /// Prints one result: as one line of JSON, or as the lines that `for_people` makes.
    pub(crate) fn result<L: Into<Lines>>(
        &self,
        value: &impl Serialize,
        for_people: impl FnOnce() -> L,
    ) -> io::Result<()> {
        if self.json {
            let json = serde_json::to_string(value).map_err(io::Error::other)?;
            return self.terminal.print(&format!("{}\n", harmless_json(&json)));
        }
        let lines = for_people().into().0;
        self.terminal.print(&lines.iter().map(|line| format!("{}\n", harmless(line))).collect::<String>())
    }

    /// Says what went wrong, and what is known beyond that.
    pub(crate) fn complain(&self, what: &str, details: Option<&str>) {
        match details.filter(|details| !what.contains(details)) {
            Some(details) => self.note(&format!("holdfast: {what} ({details})")),
            None => self.note(&format!("holdfast: {what}")),
        }
    }

    /// Says something in one line.
    pub(crate) fn note(&self, text: &str) {
        self.terminal.tell(&format!("{}\n", harmless(text)));
    }

    /// Shows something in a line, in place of what this showed before.
    pub(crate) fn note_for_now(&self, text: &str) {
        const CLEAR: &str = "\r\x1b[K";
        self.terminal.tell(&format!("{CLEAR}{}", harmless(text)));
    }

    /// Waits until they want the end.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        self.terminal.ended().await
    }

    /// Asks for a secret.
    pub(crate) async fn secret(&self, label: &str, from: SecretFrom) -> io::Result<SecretString> {
        self.terminal.secret(label, from).await
    }

    /// Keeps the home that was opened for them, until it is taken.
    pub(crate) fn keep(&self, opened: OpenedHome) {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
    }

    /// The home that was opened for them, if it was, and is not ended.
    pub(crate) fn take_opened(&self) -> Option<OpenedHome> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes what was accepted for them: it ends with the command, where that is ended before it.
    pub(crate) fn has_accepted(&self, ids: &[TransferId]) {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(ids);
    }

    /// What was accepted for them.
    pub(crate) fn accepted(&self) -> Vec<TransferId> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
