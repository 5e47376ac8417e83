//! A slow line: a loopback proxy that lets so many bytes a second through to a server, until it is told otherwise.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

/// Small enough that the pace is even.
const BLOCK: usize = 16 * 1024;
const UNLIMITED: u64 = 0;

/// Passes bytes on until the test ends.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
}

#[derive(Debug)]
struct Line {
    upstream: SocketAddr,
    bytes_per_second: AtomicU64,
    sent: AtomicU64,
}

impl Proxy {
    /// Listens on a free port and passes everything on to the server at `url`.
    ///
    /// # Errors
    ///
    /// When `url` has no address in it or nothing can be listened on.
    pub fn start(url: &str, bytes_per_second: u64) -> Result<Self> {
        let authority = url.split('/').nth(2).context("no host in the URL")?;
        let line = Arc::new(Line {
            upstream: authority.parse()?,
            bytes_per_second: AtomicU64::new(bytes_per_second),
            sent: AtomicU64::new(0),
        });
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let accepting = Arc::clone(&line);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that breaks is the business of those at its ends.
                accepting.connect(client).ok();
            }
        });
        Ok(Self { address, line })
    }

    /// The same URL by way of the proxy.
    pub fn by_way_of(&self, url: &str) -> String {
        url.replacen(&self.line.upstream.to_string(), &self.address.to_string(), 1)
    }

    /// Bytes that went to the server.
    pub fn sent(&self) -> u64 {
        self.line.sent.load(Ordering::Relaxed)
    }

    /// Lets everything through as fast as it comes.
    pub fn open_up(&self) {
        self.line.bytes_per_second.store(UNLIMITED, Ordering::Relaxed);
    }
}

impl Line {
    fn connect(self: &Arc<Self>, client: TcpStream) -> Result<()> {
        let server = TcpStream::connect(self.upstream)?;
        let (from_client, to_client) = (client.try_clone()?, client);
        let (from_server, to_server) = (server.try_clone()?, server);
        let line = Arc::clone(self);
        std::thread::spawn(move || {
            line.pass(from_client, &to_server).ok();
            to_server.shutdown(Shutdown::Write).ok();
        });
        std::thread::spawn(move || {
            std::io::copy(&mut &from_server, &mut &to_client).ok();
            to_client.shutdown(Shutdown::Both).ok();
            from_server.shutdown(Shutdown::Both).ok();
        });
        Ok(())
    }

    fn pass(&self, mut from: TcpStream, mut to: &TcpStream) -> Result<()> {
        let mut block = [0; BLOCK];
        loop {
            let length = from.read(&mut block)?;
            if length == 0 {
                return Ok(());
            }
            let rate = self.bytes_per_second.load(Ordering::Relaxed);
            if rate != UNLIMITED {
                let length = u32::try_from(length)?;
                std::thread::sleep(Duration::from_secs(1) * length / u32::try_from(rate)?);
            }
            to.write_all(&block[..length])?;
            self.sent.fetch_add(length as u64, Ordering::Relaxed);
        }
    }
}
