//! A Pinning Service API that writes on its clients' terminals, where they let it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anyhow::Result;
use serde_json::{Value, json};

/// Changes a terminal's title and colours, clears it, turns text round, hides text, and begins lines.
pub const TEXT: &str = "x\u{1b}]0;OWNED\u{7}\u{1b}[31m\u{9b}2J\u{9d}0;x\u{9c}\u{7f}\u{202e}gpj\u{2066}\u{200f}\u{200b}\u{feff}\
                        \u{ad}\u{e0041}\u{e000}\u{2028}\u{2029}\u{85}\t\r\ny";

/// A file that stands in its CID.
pub const CID: &str = "bafkqabtimvwgy3yk";

/// The service. Its thread ends with the process.
#[derive(Debug)]
pub struct Hostile {
    /// The base of its API.
    pub endpoint: String,
    refuses: Arc<AtomicBool>,
}

impl Hostile {
    /// Starts it; it holds two pins, of which one is called [`TEXT`] wherever it is called something.
    ///
    /// # Errors
    ///
    /// When there is no port.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let refuses = Arc::new(AtomicBool::new(false));
        let is_refusing = Arc::clone(&refuses);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let refuses = is_refusing.load(Ordering::Relaxed);
                thread::spawn(move || answer(&stream, refuses).ok());
            }
        });
        Ok(Self { endpoint, refuses })
    }

    /// Whether it refuses everything from now on, with reasons called [`TEXT`].
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }
}

fn answer(mut stream: &TcpStream, refuses: bool) -> Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse()?;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_list = path.split('?').next() == Some("/pins");
    let (code, body) = match (method, is_list) {
        _ if refuses => (400, json!({ "error": { "reason": TEXT, "details": TEXT } })),
        ("GET", true) => (200, json!({ "count": 2, "results": [pin(TEXT, "pinned"), pin("plain", TEXT)] })),
        ("DELETE", _) => (202, Value::Null),
        _ => (202, pin(TEXT, if path.ends_with("plain") { "failed" } else { "pinned" })),
    };
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {code} So\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(())
}

fn pin(id: &str, status: &str) -> Value {
    json!({
        "requestid": id,
        "status": status,
        "created": "2026-01-02T03:04:05Z",
        "pin": { "cid": CID, "name": TEXT, "origins": [TEXT], "meta": { TEXT: TEXT } },
        "delegates": [TEXT],
        "info": { "status_details": TEXT, TEXT: TEXT },
    })
}
