//! Every way into the real window: names of any bytes, texts, links, a dialog without a portal, a second launch.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::drag::Drag;
use holdfast_tests::holdfast::Programs;
use holdfast_tests::process;
use holdfast_tests::wait::{self, PATIENCE};
use holdfast_tests::webdriver::{Row, TITLE, Window};
use serde_json::{Value, json};
use thirtyfour::By;

/// How long a dialog may take to close before the keys are taken for lost.
const ANSWER: Duration = Duration::from_secs(3);

const CID: &str = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";

#[tokio::test]
async fn names_of_any_bytes_texts_and_links_can_be_dropped() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let latin = desktop.directory().join(OsStr::from_bytes(b"Mu\xf1oz.jpg"));
    std::fs::write(&latin, "in Latin-1")?;
    let window = Window::open(&desktop, &programs.desktop, &desktop.directory().join("holdfast")).await?;

    Drag::over(&desktop, TITLE, &[&latin])?.drop_here()?;
    window.wait_for_rows("the file's row", |rows| is_pinned(rows, "Mu%F1oz.jpg")).await?;

    let text = format!("look at this: https://ipfs.io/ipfs/{CID}");
    Drag::text_over(&desktop, TITLE, &text)?.drop_here()?;
    assert!(pasted(&window).await?.contains(CID), "the dialog to pin it has the text in it");
    window.click("cancel-pin-cid").await?;

    Drag::over(&desktop, TITLE, &[Path::new(&format!("https://ipfs.io/ipfs/{CID}"))])?.drop_here()?;
    assert!(pasted(&window).await?.contains(CID));
    window.click("cancel-pin-cid").await?;

    Drag::over(&desktop, TITLE, &[Path::new("https://example.com/page")])?.drop_here()?;
    wait::until_async("a word about the link", PATIENCE, || async {
        for toast in window.all("toast").await? {
            let said = toast.text().await?;
            if said.contains("nothing to pin") && said.contains("https://example.com/page") {
                return Ok(Some(()));
            }
        }
        Ok(None)
    })
    .await?;
    window.close()
}

/// As on a fresh Debian with a window manager: neither a portal nor zenity is there.
#[tokio::test]
async fn without_a_portal_files_are_chosen_in_a_dialog_all_the_same() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let file = desktop.directory().join("chosen.txt");
    std::fs::write(&file, "chosen in a dialog")?;
    let window = Window::open(&desktop, &programs.desktop, &desktop.directory().join("holdfast")).await?;

    window.click("add-files").await?;
    choose(&desktop, "Pin files", &file)?;
    window.wait_for_rows("the file's row", |rows| is_pinned(rows, "chosen.txt")).await?;

    window.click("add-folder").await?;
    let dialog = desktop.visible_window("Pin a folder")?;
    process::output(desktop.command("xdotool").args(["windowfocus", "--sync", &dialog, "key", "Escape"]))?;
    wait::until("the dialog to close", PATIENCE, || Ok((!is_shown(&desktop, "Pin a folder")?).then_some(())))?;
    assert_eq!(window.rows().await?.len(), 1, "who changes their mind has pinned nothing");
    window.close()
}

#[tokio::test]
async fn a_second_launch_hands_over_its_files_and_links() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let home = desktop.directory().join("holdfast");
    let latin = desktop.directory().join(OsStr::from_bytes(b"Mu\xf1oz.jpg"));
    std::fs::write(&latin, "in Latin-1")?;
    let window = Window::open(&desktop, &programs.desktop, &home).await?;

    let mut second = desktop.command(&programs.desktop);
    let relative = latin.file_name().unwrap_or_default();
    let status = second.current_dir(desktop.directory()).arg("--home").arg(&home).arg(relative).status()?;
    assert!(status.success(), "{status}");
    window.wait_for_rows("the file's row", |rows| is_pinned(rows, "Mu%F1oz.jpg")).await?;

    let link = format!("ipfs://{CID}");
    assert!(desktop.command(&programs.desktop).arg("--home").arg(&home).arg(&link).status()?.success());
    assert_eq!(pasted(&window).await?, link);
    window.close()
}

#[tokio::test]
async fn the_page_cannot_listen_to_what_carries_paths() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let window = Window::open(&desktop, &Programs::find()?.desktop, &desktop.directory().join("holdfast")).await?;
    let refused = window.invoke("plugin:event|listen", json!({ "event": "tauri://drag-drop" })).await.unwrap_err();
    assert!(refused.to_string().contains("not allowed"), "{refused}");
    window.close()
}

/// Types a path into a file dialog, again where the dialog was not ready for all of it.
fn choose(desktop: &Desktop, title: &str, path: &Path) -> Result<()> {
    let dialog = desktop.visible_window(title)?;
    wait::until("the dialog to take the path", PATIENCE, || {
        let focus = ["windowfocus", "--sync", &dialog, "key", "ctrl+l", "ctrl+a"].map(str::to_owned);
        let path =
            ["type", "--delay", "20"].map(str::to_owned).into_iter().chain([path.to_string_lossy().into_owned()]);
        for keys in [focus.to_vec(), path.collect(), vec!["key".into(), "Return".into()]] {
            process::output(desktop.command("xdotool").args(keys))?;
        }
        let gone = wait::until("the dialog to close", ANSWER, || Ok((!is_shown(desktop, title)?).then_some(())));
        Ok(gone.ok())
    })
}

fn is_shown(desktop: &Desktop, title: &str) -> Result<bool> {
    let title = format!("^{title}$");
    let found = desktop.command("xdotool").args(["search", "--onlyvisible", "--name", &title]).output()?;
    Ok(!found.stdout.is_empty())
}

fn is_pinned(rows: &[Row], name: &str) -> bool {
    rows.iter().any(|row| row.name == name && row.status == "pinned")
}

/// What stands in the dialog to pin a CID.
async fn pasted(window: &Window) -> Result<String> {
    let field = window.wait_for("pin-cid-dialog").await?.find(By::Css("[name='cid']")).await?;
    let value = field.prop("value").await?;
    Ok(value.unwrap_or_else(|| Value::Null.to_string()))
}
