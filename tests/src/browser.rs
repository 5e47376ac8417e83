//! A web browser with the engine that the window has: WebKit's own MiniBrowser, and pages of somebody else for it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use thirtyfour::{Capabilities, WebDriver};

use crate::desktop::Desktop;
use crate::process::Group;
use crate::wait::PATIENCE;
use crate::webdriver;

/// A running browser. It ends with this.
#[derive(Debug)]
pub struct Browser {
    session: Option<WebDriver>,
    // Ends the browser too: the driver started it.
    _driver: Group,
}

impl Browser {
    /// Starts it on `desktop`.
    ///
    /// # Errors
    ///
    /// When WebKit's driver or its browser is not installed or does not come up.
    pub async fn open(desktop: &Desktop) -> Result<Self> {
        let program = program().context("no MiniBrowser beside the libraries of WebKit")?;
        let (port, driver) = webdriver::driver(desktop)?;
        let mut capabilities = Capabilities::new();
        let options = json!({ "binary": program, "args": ["--automation"] });
        capabilities.set("webkitgtk:browserOptions", options)?;
        let session = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .with_context(|| format!("see {}", desktop.log("window").display()))?;
        session.set_script_timeout(PATIENCE).await?;
        Ok(Self { session: Some(session), _driver: driver })
    }

    /// The live session.
    ///
    /// # Errors
    ///
    /// Never while the browser is there.
    pub fn session(&self) -> Result<&WebDriver> {
        self.session.as_ref().context("the browser is closed")
    }

    /// Runs a script that ends by calling its last argument.
    ///
    /// # Errors
    ///
    /// When it does not end or throws.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        Ok(self.session()?.execute_async(script, arguments).await?.json().clone())
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            // The driver's end takes everybody with it, and dropping the session would wait for an answer.
            session.leak().ok();
        }
    }
}

/// Where distributions put it: `/usr/lib/*/webkit2gtk-4.1/`.
fn program() -> Option<PathBuf> {
    let below = ["/usr/lib", "/usr/libexec", "/usr/lib64"].into_iter();
    let below = below.flat_map(|dir| {
        let triplets = std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
        std::iter::once(PathBuf::from(dir)).chain(triplets)
    });
    below.map(|dir| dir.join("webkit2gtk-4.1/MiniBrowser")).find(|program| program.is_file())
}

/// Serves `html` at every path of a port of loopback, as long as this process runs, and gives the port.
///
/// # Errors
///
/// When the loopback has no port left.
pub fn serve_page(html: &'static str) -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A browser that went away is no news.
            answer(stream, html).ok();
        }
    });
    Ok(port)
}

fn answer(mut stream: TcpStream, html: &str) -> Result<()> {
    let mut head = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while head.read_line(&mut line)? > 0 && line.trim_end() != "" {
        line.clear();
    }
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n\
         {html}",
        html.len()
    )?;
    Ok(())
}
