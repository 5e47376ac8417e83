//! A node that takes uploads and keeps nothing: it reads them as fast as they come, or stops reading.
//!
//! Nothing of it is slower than the client, so that whatever piles up piles up there.

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

/// Bytes read and dropped at once.
const BLOCK: usize = 256 * 1024;

/// How much of an upload is looked at for its first part's name.
const HEAD: usize = 4096;

/// What is answered to uploads whose CID it was not told.
const UNKNOWN: &str = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354";

/// A running node, spoken to as Kubo is.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    cids: Mutex<HashMap<String, String>>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How much of each upload is read, while not all of it.
    only: Option<u64>,
    read: u64,
    uploads: u64,
    stuck: usize,
    /// What was taken whole.
    taken: HashSet<String>,
}

impl Sink {
    /// Starts one.
    ///
    /// # Errors
    ///
    /// When nothing can be listened on.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { cids: Mutex::default(), state: Mutex::default(), changed: Condvar::new() });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&accepting);
                // A connection that breaks is the business of the client.
                std::thread::spawn(move || shared.serve(&client).ok());
            }
        });
        Ok(Self { address, shared })
    }

    /// Where it is.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it answers to uploads of this name.
    pub fn answer(&self, name: &str, cid: &str) {
        self.shared.cids.lock().unwrap_or_else(PoisonError::into_inner).insert(name.into(), cid.into());
    }

    /// Has it read only so many bytes of each upload, and then nothing more.
    pub fn stop_after(&self, bytes: u64) {
        self.shared.state().only = Some(bytes);
    }

    /// Cuts the connections of which it reads nothing more, and has it read everything of the next.
    pub fn open_up(&self) {
        self.shared.state().only = None;
        self.shared.changed.notify_all();
    }

    /// Uploads of which it reads nothing more.
    pub fn stuck(&self) -> usize {
        self.shared.state().stuck
    }

    /// Bytes of uploads that it has read, with their frames.
    pub fn read(&self) -> u64 {
        self.shared.state().read
    }

    /// Uploads that it was sent.
    pub fn uploads(&self) -> u64 {
        self.shared.state().uploads
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, client: &TcpStream) -> Result<()> {
        let (mut reader, mut writer) = (BufReader::with_capacity(BLOCK, client), client);
        let mut line = String::new();
        while reader.read_line(&mut line)? > 0 {
            let path = line.split(' ').nth(1).context("no path")?.to_owned();
            let mut length = 0;
            loop {
                line.clear();
                reader.read_line(&mut line)?;
                let (name, value) = line.split_once(':').unwrap_or_default();
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse()?;
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let is_upload = path.starts_with("/api/v0/add");
            let name = if is_upload { self.take(&mut reader, length, client)? } else { drop_all(&mut reader, length)? };
            let (status, body) = self.answer(&path, &name);
            let body = body.to_string();
            write!(
                writer,
                "HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )?;
            line.clear();
        }
        Ok(())
    }

    /// Reads an upload, and gives the name of its root.
    fn take(&self, reader: &mut impl Read, length: u64, client: &TcpStream) -> Result<String> {
        self.state().uploads += 1;
        let wanted = self.state().only.map_or(length, |only| length.min(only));
        let mut block = vec![0; BLOCK];
        let (mut left, mut head) = (wanted, Vec::new());
        while left > 0 {
            let most = BLOCK.min(usize::try_from(left).unwrap_or(BLOCK));
            let read = reader.read(&mut block[..most])?;
            ensure!(read > 0, "the upload was cut");
            if head.len() < HEAD {
                head.extend_from_slice(&block[..read.min(HEAD)]);
            }
            self.state().read += read as u64;
            left -= read as u64;
        }
        if wanted < length {
            let mut state = self.state();
            state.stuck += 1;
            while state.only.is_some() {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.stuck -= 1;
            client.shutdown(Shutdown::Both)?;
            bail!("cut");
        }
        root_named(&String::from_utf8_lossy(&head)).context("no name")
    }

    /// Does what was asked for: a status, and what is said.
    fn answer(&self, path: &str, name: &str) -> (u16, Value) {
        let call = path.trim_start_matches("/api/v0/");
        let argument = call.split("arg=").nth(1).and_then(|rest| rest.split('&').next());
        match (call.split('?').next().unwrap_or_default(), argument) {
            ("version", _) => (200, json!({ "Version": "0.43.0" })),
            ("add", _) => {
                let cids = self.cids.lock().unwrap_or_else(PoisonError::into_inner);
                let cid = cids.get(name).map_or(UNKNOWN, String::as_str);
                self.state().taken.insert(cid.into());
                (200, json!({ "Name": name, "Hash": cid, "Size": "1" }))
            }
            ("pin/ls", Some(cid)) if self.state().taken.contains(cid) => {
                (200, json!({ "Keys": { cid: { "Type": "recursive", "Name": "" } } }))
            }
            ("pin/ls", Some(cid)) => (500, json!({ "Message": format!("path '{cid}' is not pinned"), "Code": 0 })),
            _ => (200, json!({})),
        }
    }
}

/// The name of the root of what a form begins with.
fn root_named(form: &str) -> Option<String> {
    let path = form.split("filename=\"").nth(1)?.split('"').next()?;
    let path = percent_decode_str(path).decode_utf8().ok()?;
    path.split('/').next().map(str::to_owned)
}

fn drop_all(reader: &mut impl Read, length: u64) -> Result<String> {
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(String::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_answered_under_the_name_that_it_has_whatever_is_in_that() {
        for (path, root) in [("file", "file"), ("random%2Ebin", "random.bin"), ("a%20b%2Fc%2Ed", "a b"), ("%F1", "")] {
            let form = format!("--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{path}\"\r\n\r\n");
            assert_eq!(root_named(&form).unwrap_or_default(), root);
        }
    }
}
