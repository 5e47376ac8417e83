//! Removing thousands of pins in the real window: by a question, with their number, and undone before anything is sent.

use anyhow::Result;
use holdfast_content::Profile;
use holdfast_testkit::{Call, FakeProvider, identified};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::holdfast::{Cli, Programs};
use holdfast_tests::wait::{self, PATIENCE};
use holdfast_tests::webdriver::Window;
use thirtyfour::{Key, TypingData};

const PINS: u64 = 4_000;

/// A service with many pins, and a window whose home has an account there.
async fn with_pins(desktop: &Desktop, programs: &Programs) -> Result<(FakeProvider, Window)> {
    let provider = FakeProvider::start(Profile::UNIXFS_V1_2025).await;
    provider.pins(|pins| {
        for number in 0..PINS {
            pins.add(&identified(&number.to_le_bytes(), Profile::UNIXFS_V1_2025).cid, &format!("photo {number:04}"));
        }
    });
    let home = desktop.directory().join("holdfast");
    let cli = Cli { desktop, program: &programs.command, home: &home };
    let ([key, secret, _], endpoint) = (provider.canaries(), provider.endpoint());
    let add = ["account", "add", "--kind", "aioz", "--label", "Studio", "--endpoint", &endpoint, "--key", &key];
    cli.run_with_input(&[&add[..], &["--secret-stdin"]].concat(), &secret)?.done()?;
    let window = Window::open(desktop, &programs.desktop, &home).await?;
    window.wait_for_text("pin-total", "4,000 pins").await?;
    Ok((provider, window))
}

/// Presses a key where the focus is.
async fn press(window: &Window, keys: impl Into<TypingData>) -> Result<()> {
    let focused = window.session()?.active_element().await?;
    Ok(focused.send_keys(keys).await?)
}

async fn select_all_and_unpin(window: &Window) -> Result<()> {
    window.select("photo 3999").await?;
    press(window, Key::Control + "a").await?;
    window.wait_for_text("pin-total", "4,000 selected").await?;
    press(window, Key::Delete.value().to_string()).await?;
    let said = window.wait_for_text("unpin-dialog", "Of none of these does Holdfast know another copy").await?;
    assert!(said.contains("Unpin 4,000 pins?") && said.contains("photo 3999 Studio"), "{said}");
    Ok(())
}

async fn all_are_copied_and_a_range_is_selected_without_their_rows(window: &Window) -> Result<()> {
    window.select("photo 3999").await?;
    window.requests().await?;
    press(window, Key::Control + "a").await?;
    press(window, Key::Control + "c").await?;
    window.wait_for_text("toast", "4,000 CIDs copied").await?;
    let sent = window.requests().await?;
    assert!((1..10).contains(&sent), "{sent} requests to copy 4,000");
    window.select("photo 3999").await?;
    window.wait_for_text("pin-total", "1 selected").await?;
    window.requests().await?;
    press(window, Key::Shift + Key::End.value().to_string().as_str()).await?;
    window.wait_for_text("pin-total", "4,000 selected").await?;
    window.wait_for_text("pin-row", "photo 0000").await?;
    let (sent, drawn) = (window.requests().await?, window.all("pin-row").await?.len());
    assert!((1..15).contains(&sent) && drawn < 40, "{sent} requests, {drawn} rows drawn");
    window.keep("range-of-many").await?;
    press(window, Key::Home.value().to_string()).await?;
    window.wait_for_text("pin-total", "1 selected").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_thousand_pins_are_selected_unpinned_undone_and_unpinned() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let (provider, window) = with_pins(&desktop, &programs).await?;
    let before = window.rows().await?;

    select_all_and_unpin(&window).await?;
    window.keep_in_both_themes("unpin-many").await?;
    window.wait_for("unpin-count").await?.send_keys("4000").await?;
    window.click("confirm-unpin").await?;
    window.wait_for_text("unpinnings", "4,000 pins will be unpinned").await?;
    window.keep_in_both_themes("unpinning-many").await?;
    window.resize(720, 480).await?;
    window.keep("unpinning-many-narrow").await?;
    window.resize(1100, 720).await?;
    // It is told on every screen, and undone from there.
    window.click("nav-folders").await?;
    window.wait_for_text("unpinnings", "4,000 pins will be unpinned").await?;
    let bar = window.text("status-bar").await?;
    assert!(!bar.contains("4,000") && !bar.contains("waiting"), "{bar}");
    window.keep("unpinning-on-another-screen").await?;
    press(&window, Key::Control + "z").await?;
    window.wait_until_gone("unpinnings").await?;
    window.click("nav-pins").await?;
    window.wait_for_text("pin-total", "4,000 pins").await?;
    assert_eq!(provider.count(Call::Unpin), 0);
    assert_eq!(window.rows().await?.first().map(|row| &row.name), before.first().map(|row| &row.name));
    window.wait_for_text("pin-total", "4,000 pins").await?;

    all_are_copied_and_a_range_is_selected_without_their_rows(&window).await?;

    select_all_and_unpin(&window).await?;
    window.wait_for("unpin-count").await?.send_keys("4,000").await?;
    window.click("confirm-unpin").await?;
    window.wait_for_text("unpinnings", "4,000 pins will be unpinned").await?;
    assert_eq!(provider.count(Call::Unpin), 0);
    wait::until_async("all are unpinned", 2 * PATIENCE, || async {
        Ok((provider.count(Call::Unpin) == 4_000).then_some(()))
    })
    .await?;
    window.wait_for("empty-state").await?;
    window.close()
}
