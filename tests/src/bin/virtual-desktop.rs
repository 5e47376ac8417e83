//! The window where there is no display: opened on a virtual one, and given a file to pin by hand.

use std::io::{Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::drag::Drag;
use holdfast_tests::holdfast::{Programs, screenshots};
use holdfast_tests::webdriver::{TITLE, Window};
use serde_json::json;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../icons/icon.png");
const NAME: &str = "holdfast-sample.png";

#[tokio::main]
async fn main() -> Result<()> {
    let home = given_home()?;
    let mut out = stdout();
    writeln!(
        out,
        "There is no display, so Holdfast runs on a virtual one, with a session bus and a keyring of its own."
    )?;
    let desktop = Desktop::start(Session::WithKeyring)?;
    let home = home.unwrap_or_else(|| desktop.directory().join("holdfast"));
    let window = Window::open(&desktop, &Programs::find()?.desktop, &home).await?;

    writeln!(out, "Its window is open. Dropping {NAME} on it.")?;
    let sample = desktop.directory().join(NAME);
    std::fs::copy(SAMPLE, &sample)?;
    Drag::over(&desktop, TITLE, &[&sample])?.drop_here()?;
    let is_sample = |row: &holdfast_tests::webdriver::Row| row.name == NAME && row.status == "pinned";
    window.wait_for_rows("the sample to be pinned", |rows| rows.iter().any(is_sample)).await?;
    let link = gateway_link(&window).await?;
    let served = reqwest::get(&link).await?.error_for_status()?.bytes().await?;
    ensure!(served == std::fs::read(SAMPLE)?, "{link} has other bytes");

    let picture = screenshots()?.join("run.png");
    window.screenshot(&picture).await?;
    let cid = link.rsplit('/').next().context("a link without CID")?;
    writeln!(out, "Pinned, and fetched back from the gateway with the same bytes.")?;
    writeln!(out, "  CID         {cid}")?;
    writeln!(out, "  gateway     {link} (while Holdfast runs)")?;
    writeln!(out, "  screenshot  {}", picture.display())?;
    window.close()?;
    writeln!(out, "The window is closed. With a display, the same command leaves it open.")?;
    Ok(())
}

fn given_home() -> Result<Option<PathBuf>> {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next(), arguments.next()) {
        (None, ..) => Ok(None),
        (Some(option), Some(directory), None) if option == "--home" => {
            Ok(Some(std::path::absolute(Path::new(&directory))?))
        }
        _ => anyhow::bail!("usage: virtual-desktop [--home DIR]"),
    }
}

async fn gateway_link(window: &Window) -> Result<String> {
    let query = json!({
        "offset": 0, "limit": 1, "sort": "pinned_at", "descending": true, "search": NAME, "account": null, "status": null,
    });
    let pin = window.invoke("pins", query).await?["rows"][0].clone();
    let details = window.invoke("pin_details", json!({ "account": pin["account"], "id": pin["id"] })).await?;
    Ok(details["gateway_link"].as_str().context("no gateway link")?.to_owned())
}
