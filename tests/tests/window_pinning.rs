//! Pinning by CID in the real window: what is asked before, what is fetched from where, and what becomes of it.

use std::collections::HashMap;

use anyhow::{Context, Result};
use holdfast_content::{Discard, FileImporter, Profile, cid_v0};
use holdfast_tests::block_gateway::BlockGateway;
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::holdfast::Programs;
use holdfast_tests::serving::Serving;
use holdfast_tests::webdriver::Window;
use serde_json::json;

const NARROW: (u32, u32) = (720, 480);
const USUAL: (u32, u32) = (1100, 720);

fn cid_of(bytes: &[u8]) -> Result<String> {
    let mut importer = FileImporter::new(Profile::UNIXFS_V1_2025);
    importer.push(bytes, &mut Discard)?;
    Ok(importer.finish(&mut Discard)?.cid.to_string())
}

async fn open_dialog(window: &Window, text: &str) -> Result<()> {
    window.click("pin-cid").await?;
    window.fill("pin-cid-dialog", "cid", text).await
}

async fn is_disabled(window: &Window, test_id: &str) -> Result<bool> {
    Ok(window.wait_for(test_id).await?.attr("disabled").await?.is_some())
}

#[tokio::test]
async fn what_is_elsewhere_is_pinned_once_the_person_has_said_where_to_fetch() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let serving = Serving::start(&desktop.directory().join("there"), &["--listen", "127.0.0.1:0"])?;
    let cid = serving.upload(&[("t/large", &vec![7; 2_500_000]), ("t/small", b"small")]).await?;
    let gateway = serving.text("gateway")?.to_owned();

    let window = Window::open(&desktop, &programs.desktop, &desktop.directory().join("holdfast")).await?;
    open_dialog(&window, &cid).await?;
    assert!(window.text("fetches-from-nowhere").await?.contains("cannot fetch"));
    window.keep_in_both_themes("pin-cid-consent").await?;
    window.resize(NARROW.0, NARROW.1).await?;
    window.keep("pin-cid-consent-narrow").await?;
    window.resize(USUAL.0, USUAL.1).await?;
    window.click("pin-cid-submit").await?;
    window.wait_for_text("pin-cid-error", "Allow a gateway").await?;
    assert!(window.rows().await?.is_empty());

    window.fill("pin-cid-dialog", "fetch_gateway", &gateway).await?;
    window.click("allow-fetching").await?;
    window.wait_for_text("fetched-from", &gateway).await?;
    window.click("pin-cid-submit").await?;
    window.wait_for_rows("the pin", |rows| rows.len() == 1 && rows[0].status == "pinned").await?;

    let other_form = cid_v0(&cid.parse()?).context("no version 0 of it")?;
    open_dialog(&window, &format!("{gateway}/ipfs/{other_form}/t/small")).await?;
    window.wait_for_text("pasted-cids", "Pinned already at This computer").await?;
    assert!(is_disabled(&window, "pin-cid-submit").await?, "the same content would be asked for again");
    window.keep("pin-cid-already").await?;
    window.click("cancel-pin-cid").await?;

    let folder = serving.upload(&[("other/a/b.txt", b"deep"), ("other/c", b"flat")]).await?;
    open_dialog(&window, &format!("{gateway}/ipfs/{folder}/a/b.txt")).await?;
    window.wait_for_text("pasted-cids", "inside a folder").await?;
    window.wait_for_text("pin-cid-submit", "Pin the whole folder").await?;
    window.keep_in_both_themes("pin-cid-folder").await?;
    window.click("pin-cid-submit").await?;
    window.wait_for_rows("the folder", |rows| rows.iter().filter(|row| row.status == "pinned").count() == 2).await?;

    window.click("nav-settings").await?;
    window.wait_for_text("fetch-settings", &gateway).await?;
    window.keep_in_both_themes("settings-fetching").await?;
    window.click("remove-gateway").await?;
    window.wait_for_text("fetch-settings", "fetches from nowhere").await?;
    window.click("nav-accounts").await?;
    window.wait_for_text("fetches-from", "Nowhere").await?;
    window.keep("accounts-fetching").await?;
    window.click("nav-pins").await?;
    let unheld = cid_of(b"held nowhere")?;
    let asked = json!({ "accounts": [own_account(&window).await?], "text": unheld, "name": null, "metadata": {} });
    let refused = window.invoke("pin_cid", asked).await.unwrap_err().to_string();
    assert!(refused.contains("no_source"), "{refused}");
    window.close()
}

#[tokio::test]
async fn a_pin_that_nobody_has_fails_with_its_reason_wherever_it_is_shown() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let gateway = BlockGateway::start(HashMap::new())?;
    let window = Window::open(&desktop, &programs.desktop, &desktop.directory().join("holdfast")).await?;
    let sources = json!({ "gateways": [gateway.url()], "of_accounts": false, "plain_http": false });
    window.invoke("set_fetch_sources", sources).await?;

    let cid = cid_of(b"held nowhere")?;
    open_dialog(&window, &cid).await?;
    window.click("pin-cid-submit").await?;
    window.wait_for_text("toast", "1 transfer failed").await?;
    window.wait_for_text("nav-transfers", "1").await?;
    let rows = window.wait_for_rows("the failed pin", |rows| rows.len() == 1 && rows[0].status == "failed").await?;
    assert_eq!(rows[0].cid, cid);
    window.open_details(&rows[0].name).await?;
    window.wait_for_text("details-message", "does not have it").await?;
    let details = window.text("details").await?;
    assert!(!details.contains("Pinned at") && !details.contains("this is the last copy"), "{details}");
    window.wait_for("pin-again").await?;
    window.keep_in_both_themes("details-failed").await?;

    window.click("nav-transfers").await?;
    let said = window.wait_for_text("transfer-error", "does not have it").await?;
    let row = window.text("transfer-row").await?;
    assert!(row.contains(&cid) && !row.contains("Done"), "{row}");
    window.keep("transfers-failed-pin").await?;
    assert!(!window.text("status-bar").await?.contains("done"), "{said}");
    window.close()
}

async fn own_account(window: &Window) -> Result<String> {
    let accounts = window.invoke("accounts", json!(null)).await?;
    Ok(accounts[0]["id"].as_str().context("no account")?.to_owned())
}
