//! The main window: made hidden, shown when the first screen is painted, and confined to the app's own pages.

use std::path::Path;
use std::time::Duration;

use tauri::webview::{NewWindowResponse, WebviewWindowBuilder};
use tauri::window::Color;
use tauri::{AppHandle, Manager, Runtime, Theme, Url, WebviewWindow};

use crate::ipc::settings::ThemeChoice;

/// The label that the capability file names.
pub(crate) const MAIN: &str = "main";

/// A web view that never says it is ready must not leave the person without a window.
const SHOW_AT_LATEST: Duration = Duration::from_secs(5);

const LIGHT: Color = Color(255, 255, 255, 255);
const DARK: Color = Color(24, 26, 27, 255);

/// Makes the main window as `tauri.conf.json` describes it, with the web view's own state under `home`.
///
/// # Errors
///
/// When the system gives no window or no web view.
pub(crate) fn open<R: Runtime>(app: &AppHandle<R>, home: &Path) -> tauri::Result<WebviewWindow<R>> {
    let config = app.config().app.windows.iter().find(|window| window.label == MAIN).cloned();
    let config = config.ok_or(tauri::Error::WindowNotFound)?;
    let window = WebviewWindowBuilder::from_config(app, &config)?
        .data_directory(home.join("webview"))
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .build()?;
    let color = if window.theme()? == Theme::Dark { DARK } else { LIGHT };
    window.set_background_color(Some(color))?;

    let late = window.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(SHOW_AT_LATEST).await;
        show(&late);
    });
    Ok(window)
}

/// Shows the window. Does nothing when it is shown already.
pub(crate) fn show<R: Runtime>(window: &WebviewWindow<R>) {
    if let Err(error) = window.show() {
        tracing::error!(%error, "the window cannot be shown");
    }
}

/// Gives the window's frame, and what the web view takes for the system's choice, the theme that the person chose.
pub(crate) fn set_theme<R: Runtime>(window: &WebviewWindow<R>, theme: ThemeChoice) {
    let theme = match theme {
        ThemeChoice::System => None,
        ThemeChoice::Light => Some(Theme::Light),
        ThemeChoice::Dark => Some(Theme::Dark),
    };
    if let Err(error) = window.set_theme(theme) {
        tracing::warn!(%error, "the window's theme cannot be set");
    }
}

/// Brings the window back in front of the others.
pub(crate) fn raise<R: Runtime>(app: &AppHandle<R>) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    for outcome in [window.unminimize(), window.show(), window.set_focus()] {
        if let Err(error) = outcome {
            tracing::warn!(%error, "the window cannot be raised");
        }
    }
}

/// Where the app's own pages are: Tauri's scheme, which no other program can answer for, and on Windows the host that
/// WebView2 answers for, without a port.
const OWN_ORIGIN: (&str, &str) = if cfg!(windows) { ("http", "tauri.localhost") } else { ("tauri", "localhost") };

/// Links leave through a command that builds the address in Rust; the web view itself goes nowhere.
fn is_ours(url: &Url) -> bool {
    let (scheme, host) = OWN_ORIGIN;
    let is_own_page = url.scheme() == scheme && url.host_str() == Some(host) && url.port().is_none();
    is_own_page || url.as_str() == "about:blank"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_web_view_goes_nowhere_else() {
        let ours = |text: &str| is_ours(&Url::parse(text).unwrap());
        let (scheme, host) = OWN_ORIGIN;
        assert!(ours(&format!("{scheme}://{host}/index.html")));
        assert!(!ours(&format!("{scheme}://{host}:8080/")));
        let elsewhere = if cfg!(windows) { "tauri://localhost/" } else { "http://tauri.localhost/" };
        assert!(!ours(elsewhere));
        assert!(!ours("http://tauri.localhost:8080/"));
        assert!(!ours("https://tauri.localhost/"));
        assert!(ours("about:blank"));
        assert!(!ours("https://example.com/"));
        assert!(!ours("http://localhost/"));
        assert!(!ours("tauri://example.com/"));
        assert!(!ours("file:///etc/passwd"));
    }
}
