//! The main job, done by hand in the real window: drop, see, fetch back, sort, unpin, find again.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::drag::Drag;
use holdfast_tests::holdfast::{Cli, Programs};
use holdfast_tests::process;
use holdfast_tests::samples::Vector;
use holdfast_tests::webdriver::{Row, TITLE, Window};
use serde_json::{Value, json};
use thirtyfour::Key;

/// The profile of the service that the window runs.
const PROFILE: &str = "unixfs-v1-2025";
const HELLO: &str = "grüße, it's \"hello\" Привет.txt";
const ZEROS: &str = "zeros 1 MiB.bin";
const TREE: &str = "a folder of every name";

#[tokio::test]
async fn what_is_dropped_is_pinned_listed_and_served_and_still_there_after_a_restart() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let home = desktop.directory().join("holdfast");
    let files = desktop.directory().join("files");
    std::fs::create_dir(&files)?;
    let expected = make_samples(&files)?;
    assert_eq!(cids_by_command(&desktop, &programs, &home, &files)?, expected);

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    window.wait_for("empty-state").await?;
    window.keep("first-start").await?;

    let paths = [files.join(HELLO), files.join(ZEROS), files.join(TREE)];
    let drag = Drag::over(&desktop, TITLE, &paths.each_ref().map(|path| path.as_path()))?;
    let overlay = window.text("drop-overlay").await?;
    assert!(overlay.contains("This computer"), "the overlay names the account: {overlay}");
    window.keep("drop-overlay").await?;
    drag.drop_here()?;
    window.wait_until_gone("drop-overlay").await?;

    let rows = window.wait_for_rows("three pinned rows", |rows| all_pinned(rows, 3)).await?;
    assert_eq!(cids(&rows), expected);
    fetch_back(&window, &files).await?;

    let by_size = ["grüße", "zeros", "a folder"];
    window.click("sort-size").await?;
    let ascending = |rows: &[Row]| rows.iter().zip(by_size).all(|(row, start)| row.name.starts_with(start));
    let descending = |rows: &[Row]| rows.iter().rev().zip(by_size).all(|(row, start)| row.name.starts_with(start));
    let rows = window.wait_for_rows("rows by size", |rows| ascending(rows) || descending(rows)).await?;
    let was_ascending = ascending(&rows);
    window.click("sort-size").await?;
    let turned = |rows: &[Row]| if was_ascending { descending(rows) } else { ascending(rows) };
    window.wait_for_rows("rows by size, turned round", turned).await?;
    screenshots_in_both_themes(&window).await?;

    window.select(ZEROS).await?;
    window.click("unpin").await?;
    window.keep("unpin-dialog").await?;
    window.click("confirm-unpin").await?;
    let left = window.wait_for_rows("two rows", |rows| all_pinned(rows, 2)).await?;
    assert!(!cids(&left).contains_key(ZEROS));
    window.close()?;

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    let again = window.wait_for_rows("the same rows", |rows| all_pinned(rows, 2)).await?;
    assert_eq!(cids(&again), cids(&left));
    window.close()
}

#[tokio::test]
async fn one_window_has_a_home_until_it_is_closed() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let home = desktop.directory().join("holdfast");
    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    let mode = std::fs::metadata(&home)?.permissions().mode();
    assert_eq!(mode & 0o077, 0, "others may look into the home: {mode:o}");

    let second = desktop.command(&programs.desktop).arg("--home").arg(&home).status()?;
    assert!(second.success(), "a second launch leaves it to the first: {second}");
    let command = Cli { desktop: &desktop, program: &programs.command, home: &home };
    // What needs the home for itself is told who has it; the rest is done by the window.
    let busy = command.run(&["folder", "run"])?;
    assert_eq!(busy.code, 1, "{}{}", busy.out, busy.err);
    assert!(busy.err.contains("the Holdfast window"), "{}", busy.err);
    command.run(&["ls"])?.done()?;
    window.close_button(&desktop)?;
    command.run(&["ls"])?.done()?;
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_pinned_is_said_in_the_window_and_the_rest_is_pinned() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let home = desktop.directory().join("holdfast");
    let (good, pipe) = (desktop.directory().join("line\nbreak.txt"), desktop.directory().join("a pipe"));
    std::fs::write(&good, "good")?;
    process::output(Command::new("mkfifo").arg(&pipe))?;

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    Drag::over(&desktop, TITLE, &[&pipe, &good])?.drop_here()?;
    let said = window.text("toast").await?;
    assert!(said.contains("a pipe") && said.contains("named pipe"), "{said}");
    window
        .wait_for_rows("the good file's row", |rows| all_pinned(rows, 1) && rows[0].name == r"line\nbreak.txt")
        .await?;

    window.click("pin-cid").await?;
    window.fill("pin-cid-dialog", "cid", "this is no CID").await?;
    window.click("pin-cid-submit").await?;
    let said = window.text("pin-cid-problem").await?;
    assert!(said.contains("CID"), "{said}");
    window.keep("pin-cid-refused").await?;
    assert_eq!(window.rows().await?.len(), 1);
    window.close()
}

fn make_samples(directory: &Path) -> Result<BTreeMap<String, String>> {
    let mut expected = BTreeMap::new();
    for (name, id) in [(HELLO, "hello"), (ZEROS, "zeros-1MiB"), (TREE, "dir-nested-unicode")] {
        let vector = Vector::named(id)?;
        vector.write(&directory.join(name))?;
        expected.insert(name.to_owned(), vector.cid(PROFILE)?);
    }
    Ok(expected)
}

fn cids_by_command(
    desktop: &Desktop,
    programs: &Programs,
    home: &Path,
    files: &Path,
) -> Result<BTreeMap<String, String>> {
    let command = Cli { desktop, program: &programs.command, home };
    let names = [HELLO, ZEROS, TREE];
    let arguments = ["cid", "--json", "--profile", PROFILE].map(|text| Path::new(text).to_owned());
    let answer = command.run(&[&arguments[..], &names.map(|name| files.join(name))].concat())?.done()?;
    let mut found = BTreeMap::new();
    for value in answer.values()? {
        let path = Path::new(value["path"].as_str().context("no path")?);
        let name = path.file_name().context("no name")?.to_string_lossy().into_owned();
        found.insert(name, value["cid"].as_str().context("no CID")?.to_owned());
    }
    Ok(found)
}

fn cids(rows: &[Row]) -> BTreeMap<String, String> {
    rows.iter().map(|row| (row.name.clone(), row.cid.clone())).collect()
}

fn all_pinned(rows: &[Row], count: usize) -> bool {
    rows.len() == count && rows.iter().all(|row| row.status == "pinned")
}

async fn fetch_back(window: &Window, files: &Path) -> Result<()> {
    for pin in pins(window).await? {
        let key = json!({ "account": pin["account"], "id": pin["id"] });
        let details = window.invoke("pin_details", key).await?;
        let link = details["gateway_link"].as_str().context("no gateway link")?;
        let name = pin["name"].as_str().context("no name")?;
        assert_eq!(details["pin"]["proof"], "verified", "{name}");
        let inside: &[&str] =
            if name == TREE { &["a.txt", "日本語/ファイル.txt", "b/two-chunks.bin"] } else { &[""] };
        for path in inside {
            let link = if path.is_empty() { link.to_owned() } else { format!("{link}/{path}") };
            let bytes = reqwest::get(&link).await?.error_for_status()?.bytes().await?;
            let file = if path.is_empty() { files.join(name) } else { files.join(name).join(path) };
            assert!(bytes == std::fs::read(&file)?, "{} and {link} differ", file.display());
        }
    }
    Ok(())
}

async fn pins(window: &Window) -> Result<Vec<Value>> {
    let query = json!({
        "offset": 0, "limit": 100, "sort": "name", "descending": false, "search": "", "account": null, "status": null,
    });
    let page = window.invoke("pins", query).await?;
    Ok(page["rows"].as_array().context("no rows")?.clone())
}

async fn screenshots_in_both_themes(window: &Window) -> Result<()> {
    for theme in ["light", "dark"] {
        window.click("nav-settings").await?;
        window.click(&format!("theme-{theme}")).await?;
        window.keep(&format!("settings-{theme}")).await?;
        for screen in ["transfers", "folders", "accounts", "pins"] {
            window.click(&format!("nav-{screen}")).await?;
            if screen == "pins" {
                window.wait_for_rows("the table", |rows| !rows.is_empty()).await?;
            }
            window.keep(&format!("{screen}-{theme}")).await?;
        }
        window.select(HELLO).await?.send_keys(String::from(Key::Enter.value())).await?;
        window.wait_for("details").await?;
        window.keep(&format!("details-{theme}")).await?;
    }
    Ok(())
}
