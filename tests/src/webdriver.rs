//! The web view of the running window, driven over WebDriver by WebKit's own driver.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use thirtyfour::{By, Capabilities, Key, WebDriver, WebElement};

use crate::desktop::Desktop;
use crate::holdfast::screenshots;
use crate::process::{self, Group};
use crate::wait::{self, PATIENCE};

/// The title of the main window.
pub const TITLE: &str = "Holdfast";

/// Asks Rust for something, as the web view does, and gives the answer to WebDriver's callback.
const INVOKE: &str = "
    const [command, request, done] = arguments;
    window.__TAURI_INTERNALS__.invoke(command, request === null ? {} : { request })
        .then((answer) => done({ answer }), (error) => done({ error }));
";

/// Waits until nothing moves any more and two frames are drawn.
const SETTLE: &str = "
    const [done] = arguments;
    const frame = () => new Promise(requestAnimationFrame);
    frame()
        .then(() => Promise.allSettled(document.getAnimations().map((animation) => animation.finished)))
        .then(frame)
        .then(frame)
        .then(() => done());
";

/// One start of the window, with its web view under control. The program ends with it.
#[derive(Debug)]
pub struct Window {
    session: Option<WebDriver>,
    // Ends the program too: the driver started it.
    driver: Group,
    program: PathBuf,
    home: PathBuf,
}

impl Window {
    /// Starts `program` on `desktop` with `home` and waits until its first screen is painted.
    ///
    /// # Errors
    ///
    /// When the driver or the program does not come up.
    pub async fn open(desktop: &Desktop, program: &Path, home: &Path) -> Result<Self> {
        let (port, driver) = driver(desktop)?;
        let mut capabilities = Capabilities::new();
        // No browserName: WebKit refuses every name but the one that it would report.
        let options = json!({ "binary": program, "args": ["--home", home] });
        capabilities.set("webkitgtk:browserOptions", options)?;
        let session = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities)
            .await
            .with_context(|| format!("see {}", desktop.log("window").display()))?;
        let window = Self { session: Some(session), driver, program: program.to_owned(), home: home.to_owned() };
        window.session()?.set_script_timeout(PATIENCE).await?;
        window.wait_for("nav-pins").await?;
        // Until then nothing on the page can be clicked.
        desktop.visible_window(TITLE)?;
        Ok(window)
    }

    /// The element with this `data-testid`, once it is there.
    ///
    /// # Errors
    ///
    /// When it does not appear.
    pub async fn wait_for(&self, test_id: &str) -> Result<WebElement> {
        wait::until_async(test_id, PATIENCE, || async { Ok(self.all(test_id).await?.into_iter().next()) }).await
    }

    /// Waits until nothing has this `data-testid`.
    ///
    /// # Errors
    ///
    /// When it stays.
    pub async fn wait_until_gone(&self, test_id: &str) -> Result<()> {
        wait::until_async(test_id, PATIENCE, || async { Ok(self.all(test_id).await?.is_empty().then_some(())) }).await
    }

    /// Every element with this `data-testid`, in document order.
    ///
    /// # Errors
    ///
    /// When the web view is gone.
    pub async fn all(&self, test_id: &str) -> Result<Vec<WebElement>> {
        Ok(self.session()?.find_all(By::Css(format!("[data-testid='{test_id}']"))).await?)
    }

    /// Clicks what has this `data-testid`.
    ///
    /// # Errors
    ///
    /// When it does not appear or cannot be clicked.
    pub async fn click(&self, test_id: &str) -> Result<()> {
        self.wait_for(test_id).await?.click().await.with_context(|| format!("cannot click {test_id}"))
    }

    /// Types into the input with this name inside an element, in place of what is there.
    ///
    /// # Errors
    ///
    /// When there is no such field.
    pub async fn fill(&self, inside: &str, name: &str, text: &str) -> Result<()> {
        let field = self.wait_for(inside).await?.find(By::Css(format!("[name='{name}']"))).await?;
        field.clear().await.with_context(|| format!("cannot clear {name}"))?;
        field.send_keys(text).await.with_context(|| format!("cannot type into {name}"))
    }

    /// Picks an option by its value from the select with this name inside an element.
    ///
    /// # Errors
    ///
    /// When there is no such select or option.
    pub async fn choose(&self, inside: &str, name: &str, value: &str) -> Result<()> {
        // The list of a select is a native menu, which WebDriver does not see.
        const CHOOSE: &str = "arguments[0].value = arguments[1];
            arguments[0].dispatchEvent(new Event('change', { bubbles: true }));";
        let select = self.wait_for(inside).await?.find(By::Css(format!("[name='{name}']"))).await?;
        self.session()?.execute(CHOOSE, vec![select.to_json()?, json!(value)]).await?;
        Ok(())
    }

    /// The text of what has this `data-testid`.
    ///
    /// # Errors
    ///
    /// When it does not appear.
    pub async fn text(&self, test_id: &str) -> Result<String> {
        let found = self.wait_for(test_id).await?;
        let said = found.text().await?;
        // The driver takes what may be cut off for hidden, and gives no text of it.
        if said.is_empty() { Ok(found.prop("textContent").await?.unwrap_or_default()) } else { Ok(said) }
    }

    /// The rows of the table of pins, as they are drawn.
    ///
    /// # Errors
    ///
    /// When the web view is gone.
    pub async fn rows(&self) -> Result<Vec<Row>> {
        const READ: &str = "return Array.from(document.querySelectorAll('[data-testid=pin-row]'), (row) => row.dataset)
            .map(({ cid, status, name }) => ({ cid, status, name }));";
        let rows = self.session()?.execute(READ, Vec::new()).await?.json().clone();
        rows.as_array().into_iter().flatten().map(Row::read).collect()
    }

    /// Waits until the rows are as `wanted` says.
    ///
    /// # Errors
    ///
    /// When they do not become so; the message shows them.
    pub async fn wait_for_rows(&self, what: &str, wanted: impl Fn(&[Row]) -> bool + Send + Sync) -> Result<Vec<Row>> {
        let last = tokio::sync::Mutex::new(Vec::new());
        let outcome = wait::until_async(what, PATIENCE, || async {
            let rows = self.rows().await?;
            let done = wanted(&rows);
            *last.lock().await = rows.clone();
            Ok(done.then_some(rows))
        });
        match outcome.await {
            Ok(rows) => Ok(rows),
            Err(error) => Err(error.context(format!("the rows are {:#?}", last.lock().await))),
        }
    }

    /// Clicks on the row of this name.
    ///
    /// # Errors
    ///
    /// When it does not appear.
    pub async fn select(&self, name: &str) -> Result<WebElement> {
        let row = wait::until_async("the row", PATIENCE, || async {
            for row in self.all("pin-row").await? {
                if row.attr("data-name").await?.as_deref() == Some(name) {
                    return Ok(Some(row));
                }
            }
            Ok(None)
        });
        let row = row.await?;
        row.click().await?;
        Ok(row)
    }

    /// Selects the row of this name alone and opens its details.
    ///
    /// # Errors
    ///
    /// When they do not appear.
    pub async fn open_details(&self, name: &str) -> Result<()> {
        self.select(name).await?.send_keys(String::from(Key::Enter.value())).await?;
        self.wait_for("details").await?;
        Ok(())
    }

    /// Waits until what has this `data-testid` says something, and gives all that it says then.
    ///
    /// # Errors
    ///
    /// When it does not come to say it; the message has what it says instead.
    pub async fn wait_for_text(&self, test_id: &str, words: &str) -> Result<String> {
        let last = tokio::sync::Mutex::new(String::new());
        let said = wait::until_async(words, PATIENCE, || async {
            let mut said = String::new();
            for one in self.all(test_id).await? {
                // What is being redrawn says nothing. The driver takes what may be cut off for hidden, and so gives no text of it.
                said.push_str(&one.prop("textContent").await.ok().flatten().unwrap_or_default());
            }
            last.lock().await.clone_from(&said);
            Ok(said.contains(words).then_some(said))
        });
        match said.await {
            Ok(said) => Ok(said),
            Err(error) => Err(error.context(format!("{test_id} says {:?}", last.lock().await))),
        }
    }

    /// Keeps a picture of what the window shows among those of the scenarios.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub async fn keep(&self, name: &str) -> Result<()> {
        self.screenshot(&screenshots()?.join(format!("{name}.png"))).await
    }

    /// Keeps pictures in both themes.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub async fn keep_in_both_themes(&self, name: &str) -> Result<()> {
        for theme in ["light", "dark"] {
            let show = format!("document.documentElement.dataset.theme = '{theme}'");
            self.session()?.execute(&show, Vec::new()).await?;
            self.keep(&format!("{name}-{theme}")).await?;
        }
        Ok(())
    }

    /// Makes the window so wide and high, in pixels.
    ///
    /// # Errors
    ///
    /// When it does not become so.
    pub async fn resize(&self, width: u32, height: u32) -> Result<()> {
        Ok(self.session()?.set_window_rect(0, 0, width, height).await?)
    }

    /// Calls a command as the web view does.
    ///
    /// # Errors
    ///
    /// With the command's own error as JSON.
    pub async fn invoke(&self, command: &str, request: Value) -> Result<Value> {
        let outcome = self.session()?.execute_async(INVOKE, vec![json!(command), request]).await?;
        match outcome.json() {
            Value::Object(map) if map.contains_key("error") => anyhow::bail!("{command}: {}", map["error"]),
            outcome => Ok(outcome["answer"].clone()),
        }
    }

    /// How many requests the page has sent to the program since it was asked that last.
    ///
    /// # Errors
    ///
    /// When the web view is gone.
    pub async fn requests(&self) -> Result<u64> {
        const COUNT: &str = "
            if (!window.requests) {
                const { fetch } = window;
                window.requests = { sent: 0 };
                window.fetch = (...request) => {
                    window.requests.sent += 1;
                    return fetch(...request);
                };
            }
            const { sent } = window.requests;
            window.requests.sent = 0;
            return sent;
        ";
        let sent = self.session()?.execute(COUNT, Vec::new()).await?;
        sent.json().as_u64().context("no number of requests")
    }

    /// Saves what the web view shows, once it has come to rest.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub async fn screenshot(&self, path: &Path) -> Result<()> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        self.session()?.execute_async(SETTLE, Vec::new()).await?;
        Ok(self.session()?.screenshot(path).await?)
    }

    /// The process of the program itself.
    ///
    /// # Errors
    ///
    /// When it is gone.
    pub fn process(&self) -> Result<u32> {
        let found = process::find(&self.program, &self.home.to_string_lossy())?;
        found.first().copied().context("the program is gone")
    }

    /// The live session, for what has no method here.
    ///
    /// # Errors
    ///
    /// After the window was closed.
    pub fn session(&self) -> Result<&WebDriver> {
        self.session.as_ref().context("the window is closed")
    }

    /// Ends the program the way a session that logs out does, and waits until it has let go of its home.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn close(mut self) -> Result<()> {
        let id = self.process()?;
        process::terminate(id)?;
        self.end(id)
    }

    /// Closes the window the way its button does, and waits until the program has ended.
    ///
    /// # Errors
    ///
    /// When it does not end.
    pub fn close_button(mut self, desktop: &Desktop) -> Result<()> {
        let (id, window) = (self.process()?, desktop.visible_window(TITLE)?);
        // The message of the button, a taskbar and alt+F4. A key would be lost where the focus is on its way to the window.
        process::output(desktop.command("wmctrl").args(["-i", "-c", &format!("{:#x}", window.parse::<u64>()?)]))?;
        self.end(id)
    }

    /// Kills the program with SIGKILL and waits until it is gone.
    ///
    /// # Errors
    ///
    /// When it was gone already.
    pub fn kill(mut self) -> Result<()> {
        let id = self.process()?;
        process::kill(id)?;
        self.end(id)
    }

    fn end(&mut self, id: u32) -> Result<()> {
        wait::until("the program to end", PATIENCE, || Ok((!process::is_running(id)).then_some(())))?;
        self.driver.kill();
        Ok(())
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            // The driver's end takes everybody with it, and dropping the session would wait for an answer.
            session.leak().ok();
        }
    }
}

/// A row of the table of pins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// As shown.
    pub name: String,
    /// In the form that the account reports.
    pub cid: String,
    /// One of the words of the blueprint.
    pub status: String,
}

impl Row {
    fn read(row: &Value) -> Result<Self> {
        let field = |name: &str| -> Result<String> {
            Ok(row[name].as_str().with_context(|| format!("a row without data-{name}"))?.to_owned())
        };
        Ok(Self { name: field("name")?, cid: field("cid")?, status: field("status")? })
    }
}

/// Starts WebKit's driver and says on which port it listens.
pub(crate) fn driver(desktop: &Desktop) -> Result<(u16, Group)> {
    // reqwest, which speaks to it, was built without a provider of its own. Installed already is as good.
    rustls::crypto::ring::default_provider().install_default().ok();
    let port = free_port()?;
    let (_, output) = process::log_file(&desktop.log("window"))?;
    let (_, errors) = process::log_file(&desktop.log("window"))?;
    let mut driver = Group::spawn(
        desktop
            .command("WebKitWebDriver")
            .args(["--host=127.0.0.1".to_owned(), format!("--port={port}")])
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("HOLDFAST_LOG", "debug")
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors),
    )?;
    wait::until("WebKitWebDriver", PATIENCE, || {
        driver.check_running()?;
        Ok(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(()))
    })?;
    Ok((port, driver))
}

/// A port that nobody listens on.
///
/// # Errors
///
/// When the loopback has none left.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
