//! What crosses the socket: each a length of four bytes, the lowest first, and so much JSON.
//!
//! The first frame of either side is a [`Greeting`], which every version understands; the others are those of one protocol.

use std::{ffi::OsString, io};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::{Zeroize, Zeroizing};

use crate::caller::SecretFrom;

/// What this program speaks. Another number, another language: it is said, and nothing is guessed.
pub(super) const PROTOCOL: u32 = 1;

/// A command line is that long at the most (`MAX_ARG_STRLEN` of Linux for each argument, and a few of them), as JSON.
const MOST_BYTES: u32 = 16 << 20;

/// Who speaks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Greeting {
    /// [`PROTOCOL`] of the program.
    pub(super) protocol: u32,
    /// The program's version, for people.
    pub(super) version: String,
}

impl Greeting {
    pub(super) fn own() -> Self {
        Self { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").into() }
    }
}

/// What whoever hands a command over says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToOwner {
    /// Run this.
    Run(Typed),
    /// The secret that was asked for.
    Secret(Secret),
    /// Why there is none.
    NoSecret(String),
    /// Its user wants the end.
    Interrupt,
}

/// A secret on its way.
#[derive(Serialize, Deserialize)]
pub(super) struct Secret(pub(super) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// A command as it was typed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Typed {
    /// With the program's name.
    pub(super) arguments: Vec<OsString>,
    /// Where.
    pub(super) directory: OsString,
    /// Whether a person sees at once what is told.
    pub(super) is_seen: bool,
}

/// What the owner says.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum ToCaller {
    /// For standard output.
    Out(String),
    /// For standard error.
    Err(String),
    /// Ask for a secret that is called so.
    Ask(String, SecretFrom),
    /// The command has ended with this exit code.
    End(u8),
}

/// Writes one.
pub(super) async fn send(to: &mut (impl AsyncWrite + Unpin + Send), frame: &(impl Serialize + Sync)) -> io::Result<()> {
    // It may have a secret in it.
    let json = Zeroizing::new(serde_json::to_vec(frame).map_err(io::Error::other)?);
    let length = u32::try_from(json.len()).ok().filter(|length| *length <= MOST_BYTES);
    let length = length.ok_or_else(|| io::Error::other("that is too long to be handed over"))?;
    to.write_all(&length.to_le_bytes()).await?;
    to.write_all(&json).await?;
    to.flush().await
}

/// Reads the next one; `None` where the other end has gone between two.
pub(super) async fn receive<T: DeserializeOwned>(from: &mut (impl AsyncRead + Unpin + Send)) -> io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length).await {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    };
    let length = u32::from_le_bytes(length);
    if length > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message that is too long"));
    }
    // It grows with what comes, not with what is announced; a secret does not make it grow, which would leave copies.
    let mut json = Zeroizing::new(Vec::with_capacity((length as usize + 64).min(512 << 10)));
    from.take(length.into()).read_to_end(&mut json).await?;
    if json.len() < length as usize {
        return Ok(None);
    }
    serde_json::from_slice(&json).map(Some).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_as_they_were_sent_and_what_is_none_is_refused() {
        let (mut here, mut there) = tokio::io::duplex(1 << 20);
        let typed = Typed { arguments: vec!["holdfast".into(), "ls".into()], directory: "/".into(), is_seen: true };
        send(&mut here, &ToOwner::Run(typed)).await.unwrap();
        send(&mut here, &ToOwner::Secret(Secret("s3cret".into()))).await.unwrap();
        let Some(ToOwner::Run(typed)) = receive(&mut there).await.unwrap() else { panic!("another one") };
        assert_eq!((typed.arguments[1].to_str(), typed.is_seen), (Some("ls"), true));
        let Some(ToOwner::Secret(secret)) = receive(&mut there).await.unwrap() else { panic!("another one") };
        assert_eq!((secret.0.as_str(), format!("{secret:?}").as_str()), ("s3cret", "Secret"));
        here.write_all(&[5, 0, 0, 0]).await.unwrap();
        here.write_all(b"{{{{{").await.unwrap();
        assert_eq!(receive::<ToOwner>(&mut there).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        here.write_all(&[0xff; 4]).await.unwrap();
        assert_eq!(receive::<ToOwner>(&mut there).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        here.write_all(&[9, 0, 0, 0, b'"']).await.unwrap();
        drop(here);
        assert!(receive::<ToOwner>(&mut there).await.unwrap().is_none(), "it was cut");
    }
}
