//! What the real window says of copies that are damaged, and of accounts that do not answer.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::drag::Drag;
use holdfast_tests::holdfast::{Cli, Programs};
use holdfast_tests::wait::{self, PATIENCE};
use holdfast_tests::webdriver::{TITLE, Window};
use thirtyfour::Key;

/// The file of the only block that has exactly these bytes.
fn block_with(blocks: &Path, bytes: &[u8]) -> Result<PathBuf> {
    for shard in fs::read_dir(blocks)? {
        let shard = shard?.path();
        if !shard.is_dir() {
            continue;
        }
        for block in fs::read_dir(shard)? {
            let block = block?.path();
            if block.is_file() && fs::read(&block)? == bytes {
                return Ok(block);
            }
        }
    }
    anyhow::bail!("no block has these bytes")
}

fn flip(file: &Path) -> Result<()> {
    let mut bytes = fs::read(file)?;
    let first = bytes.first_mut().context("an empty block")?;
    *first ^= 1;
    Ok(fs::write(file, bytes)?)
}

#[tokio::test]
async fn verify_shows_what_is_damaged_or_missing_at_the_service_for_one_and_for_several() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let home = desktop.directory().join("holdfast");
    let files = desktop.directory().join("files");
    fs::create_dir(&files)?;
    let names = ["whole.txt", "flipped.txt", "lost.txt"];
    for name in names {
        fs::write(files.join(name), format!("what is in {name}"))?;
    }
    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    window.wait_for("empty-state").await?;
    let paths = names.map(|name| files.join(name));
    Drag::over(&desktop, TITLE, &paths.each_ref().map(PathBuf::as_path))?.drop_here()?;
    window.wait_for_rows("three pins", |rows| rows.len() == 3 && rows.iter().all(|row| row.status == "pinned")).await?;

    let blocks = home.join("service/blocks");
    flip(&block_with(&blocks, b"what is in flipped.txt")?)?;
    fs::remove_file(block_with(&blocks, b"what is in lost.txt")?)?;
    let row = window.select("whole.txt").await?;
    row.send_keys(Key::Control + "a").await?;
    window.wait_for_text("pin-total", "3 selected").await?;
    window.click("verify-selection").await?;
    let summary = window.wait_for_text("check-summary", "1 verified").await?;
    assert!(summary.contains("1 damaged") && summary.contains("1 with missing blocks"), "{summary}");
    let strip = window.wait_for_text("check-strip", "flipped.txt").await?;
    assert!(strip.contains("flipped.txt") && strip.contains("lost.txt") && !strip.contains("whole.txt"), "{strip}");
    window.keep_in_both_themes("verified-several").await?;
    window.resize(720, 480).await?;
    window.keep("verified-several-narrow").await?;
    window.resize(1100, 720).await?;

    window.open_details("flipped.txt").await?;
    window.wait_for_text("proof-history", "damaged").await?;
    let details = window.wait_for_text("details", "Damaged").await?;
    assert!(details.contains("Damaged") && !details.contains("every block is what its CID says"), "{details}");
    window.keep_in_both_themes("details-damaged").await?;
    window.click("close-details").await?;
    for (name, word) in [("lost.txt", "missing"), ("whole.txt", "right")] {
        window.open_details(name).await?;
        window.click("verify").await?;
        window.wait_for_text("proof-history", word).await?;
        window.click("close-details").await?;
    }
    window.close()
}

#[tokio::test]
async fn an_account_that_does_not_answer_or_refuses_its_keys_shows_nothing_as_pinned() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let (home, there) = (desktop.directory().join("holdfast"), desktop.directory().join("there"));
    let file = desktop.directory().join("kept.txt");
    fs::write(&file, "kept elsewhere")?;
    let here = Cli { desktop: &desktop, program: &programs.command, home: &home };
    let service =
        |home: &Path, address: &str| Cli { desktop: &desktop, program: &programs.command, home }.serve_at(address);
    let server = service(&there, "127.0.0.1:0")?;
    let address = server.gateway.trim_start_matches("http://").to_owned();
    here.add_account("Backup", &server)?;
    let path = file.to_str().context("a name")?;
    here.run(&["add", "--account", "Backup", path])?.done()?;

    let window = Window::open(&desktop, &programs.desktop, &home).await?;
    window.wait_for_rows("the pin", |rows| rows.len() == 1 && rows[0].status == "pinned").await?;
    drop(server);
    window.click("refresh").await?;
    window.wait_for_text("trouble", "Backup cannot be reached").await?;
    window.wait_for("accounts-dot").await?;
    let row = window.wait_for_text("pin-row", "Unknown since").await?;
    assert!(row.contains("Unknown since") && !row.contains("Pinned"), "{row}");
    window.keep_in_both_themes("trouble").await?;
    window.resize(720, 480).await?;
    window.keep("trouble-narrow").await?;
    window.resize(1100, 720).await?;

    // The list of a select is a native menu, which WebDriver does not see.
    filter_by(&window, "unknown").await?;
    window.wait_for_rows("what is unknown", |rows| rows.len() == 1 && rows[0].name == "kept.txt").await?;
    filter_by(&window, "pinned").await?;
    window.wait_for_rows("nothing that is known to be pinned", <[_]>::is_empty).await?;
    filter_by(&window, "").await?;

    // Another service is there now, which does not know these keys.
    let other = service(&desktop.directory().join("other"), &address)?;
    window.click("trouble-try").await?;
    window.wait_for_text("trouble", "Backup refuses its keys").await?;
    window.wait_for("trouble-keys").await?;
    window.keep("trouble-keys").await?;
    drop(other);

    let _again = service(&there, &address)?;
    window.click("nav-accounts").await?;
    for card in window.all("account-card").await? {
        if card.attr("data-label").await?.as_deref() == Some("Backup") {
            card.find(thirtyfour::By::Css("[data-testid='check-account']")).await?.click().await?;
        }
    }
    window.click("nav-pins").await?;
    window.wait_until_gone("trouble").await?;
    wait::until_async("the pin as it is", PATIENCE, || async {
        Ok(window.text("pin-row").await?.contains("Pinned").then_some(()))
    })
    .await?;
    window.close()
}

async fn filter_by(window: &Window, status: &str) -> Result<()> {
    const CHOOSE: &str = "const select = document.querySelector('[data-testid=filter-status]');
        select.value = arguments[0];
        select.dispatchEvent(new Event('change', { bubbles: true }));
        return select.value;";
    let chosen = window.session()?.execute(CHOOSE, vec![serde_json::json!(status)]).await?;
    ensure!(chosen.json() == status, "{chosen:?}");
    Ok(())
}
