//! A trustless gateway that has what a test gives it, true or not.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};

/// Answers until the test ends.
#[derive(Debug)]
pub struct BlockGateway {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl BlockGateway {
    /// Listens on a free port, and gives these bytes for these CIDs.
    ///
    /// # Errors
    ///
    /// When nothing can be listened on.
    pub fn start(blocks: HashMap<String, Vec<u8>>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let noting = Arc::clone(&asked);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that breaks is the business of the other end.
                answer(client, &blocks, &noting).ok();
            }
        });
        Ok(Self { address, asked })
    }

    /// Its base.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The CIDs that it was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(mut client: TcpStream, blocks: &HashMap<String, Vec<u8>>, asked: &Mutex<Vec<String>>) -> Result<()> {
    let mut lines = BufReader::new(client.try_clone()?).lines();
    let request = lines.next().context("nothing was asked")??;
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).context("no path")?;
    let cid = path.trim_start_matches("/ipfs/").split('?').next().unwrap_or_default();
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(cid.to_owned());
    let (status, body) = blocks.get(cid).map_or(("404 Not Found", &[][..]), |bytes| ("200 OK", bytes));
    let kind = "Content-Type: application/vnd.ipld.raw\r\nConnection: close";
    write!(client, "HTTP/1.1 {status}\r\n{kind}\r\nContent-Length: {}\r\n\r\n", body.len())?;
    client.write_all(body)?;
    Ok(())
}
