//! The streams and signals of this program.

use std::io::{self, IsTerminal, Read, Write};

use async_trait::async_trait;
use holdfast_content::harmless;
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::caller::{SecretFrom, Terminal};

/// More than any secret has; a wrong file on standard input must not fill the memory.
pub(crate) const MAX_SECRET_BYTES: usize = 64 * 1024;

/// Of the program itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnTerminal;

#[async_trait]
impl Terminal for OwnTerminal {
    fn print(&self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    fn tell(&self, text: &str) {
        drop(io::stderr().lock().write_all(text.as_bytes()));
    }

    fn is_seen(&self) -> bool {
        io::stderr().is_terminal()
    }

    async fn ended(&self) -> io::Result<()> {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminated = signal(SignalKind::terminate())?;
            tokio::select! {
                interrupted = tokio::signal::ctrl_c() => interrupted,
                _ = terminated.recv() => Ok(()),
            }
        }
        #[cfg(not(unix))]
        tokio::signal::ctrl_c().await
    }

    async fn secret(&self, label: &str, from: SecretFrom) -> io::Result<SecretString> {
        if from == SecretFrom::Prompt {
            let typed = Zeroizing::new(rpassword::prompt_password(format!("{label}: "))?);
            return Ok(typed.as_str().into());
        }
        // Never moved while it grows, which would leave a copy behind.
        let mut text = Zeroizing::new(String::with_capacity(MAX_SECRET_BYTES + 1));
        stdin_unbuffered()?.take(MAX_SECRET_BYTES as u64).read_to_string(&mut text)?;
        Ok(text.as_str().into())
    }
}

/// Standard input without a buffer of its own, which would keep what was read.
#[cfg(unix)]
fn stdin_unbuffered() -> io::Result<impl Read> {
    use std::os::fd::AsFd;
    Ok(std::fs::File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

#[cfg(not(unix))]
fn stdin_unbuffered() -> io::Result<impl Read> {
    Ok(io::stdin())
}

/// Says something in one line on standard error, before there is anybody to say it to.
pub(crate) fn note(text: &str) {
    OwnTerminal.tell(&format!("{}\n", harmless(text)));
}
