//! Pinning on *This computer* what is only elsewhere, by the command: from the gateways that the person named, checked, and
//! from nowhere else.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use holdfast_content::{Discard, FileImporter, Profile};
use holdfast_tests::block_gateway::BlockGateway;
use holdfast_tests::holdfast::Programs;
use holdfast_tests::serving::Serving;
use serde_json::{Value, json};

struct Answer {
    code: i32,
    out: String,
    err: String,
}

impl Answer {
    fn value(&self) -> Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("{}{}", self.out, self.err))
    }
}

fn holdfast(home: &Path, arguments: &[&str]) -> Result<Answer> {
    let output = Command::new(Programs::find()?.command).arg("--home").arg(home).args(arguments).output()?;
    Ok(Answer {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout)?,
        err: String::from_utf8(output.stderr)?,
    })
}

/// What This computer may fetch from afterwards.
fn may_fetch(home: &Path, options: &[&str]) -> Result<Value> {
    let answer = holdfast(home, &[&["--json", "account", "edit", "This computer"], options].concat())?;
    ensure!(answer.code == 0, "{}", answer.err);
    Ok(answer.value()?["fetches_from"].clone())
}

fn cid_of(bytes: &[u8]) -> Result<String> {
    let mut importer = FileImporter::new(Profile::UNIXFS_V1_2025);
    importer.push(bytes, &mut Discard)?;
    Ok(importer.finish(&mut Discard)?.cid.to_string())
}

#[tokio::test]
async fn this_computer_pins_what_a_named_gateway_has_and_asks_nobody_before() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (home, there) = (directory.path().join("here"), directory.path().join("there"));
    let serving = Serving::start(&there, &["--listen", "127.0.0.1:0"])?;
    let large = vec![7; 3_000_000];
    let cid = serving.upload(&[("t/large", large.as_slice()), ("t/small", b"small")]).await?;

    let refused = holdfast(&home, &["pin", &cid])?;
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("fetches from nowhere"), "{}", refused.err);
    assert!(refused.err.contains(r#"holdfast account edit "This computer" --fetch-from https://"#), "{}", refused.err);

    let gateway = serving.text("gateway")?;
    assert_eq!(may_fetch(&home, &["--fetch-from", gateway])?, json!([gateway]));
    let pinned = holdfast(&home, &["--json", "pin", &cid])?;
    assert_eq!((pinned.code, &pinned.value()?["status"]), (0, &json!("pinned")), "{}{}", pinned.out, pinned.err);
    drop(serving);
    let verified = holdfast(&home, &["verify", &cid])?;
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);

    assert_eq!(may_fetch(&home, &["--fetch-from-nowhere"])?, json!([]));
    let other = cid_of(b"something else")?;
    assert_eq!(holdfast(&home, &["pin", &other])?.code, 1);
    Ok(())
}

#[tokio::test]
async fn a_block_that_a_gateway_changed_is_not_taken_and_it_is_said() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let home = directory.path().join("here");
    let (content, mut flipped) = (b"what was meant", b"what was meant".to_vec());
    flipped[3] ^= 1;
    let cid = cid_of(content)?;
    let lies = BlockGateway::start(HashMap::from([(cid.clone(), flipped)]))?;
    may_fetch(&home, &["--fetch-from", &lies.url()])?;
    let failed = holdfast(&home, &["pin", &cid])?;
    assert_eq!(failed.code, 1, "{}", failed.out);
    assert!(failed.err.contains("other bytes than those of the block"), "{}", failed.err);
    assert_eq!(lies.asked(), [cid.as_str()]);

    let truth = BlockGateway::start(HashMap::from([(cid.clone(), content.to_vec())]))?;
    may_fetch(&home, &["--fetch-from", &lies.url(), "--fetch-from", &truth.url()])?;
    let pinned = holdfast(&home, &["pin", &cid])?;
    assert_eq!(pinned.code, 0, "{}{}", pinned.out, pinned.err);
    assert_eq!(truth.asked(), [cid.as_str()]);
    Ok(())
}

#[test]
fn what_makes_no_sense_is_refused_with_the_reason() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let home = directory.path().join("here");
    let edit = |options: &[&str]| holdfast(&home, &[&["account", "edit", "This computer"], options].concat());
    let plain = edit(&["--fetch-from", "http://nas.example:8080"])?;
    assert!(plain.code == 1 && plain.err.contains("is not encrypted"), "{}", plain.err);
    assert_eq!(edit(&["--fetch-from", "http://nas.example:8080", "--plain-http"])?.code, 0);
    assert_eq!(edit(&["--fetch-from-nowhere", "--fetch-from-accounts"])?.code, 2);
    assert_eq!(edit(&["--fetch-from", "https://a.example", "--label", "Mine"])?.code, 2);
    let several = holdfast(&home, &["pin", &format!("{} {}", cid_of(b"a")?, cid_of(b"b")?)])?;
    assert!(several.code == 1 && several.err.contains("several CIDs"), "{}", several.err);
    let inside = holdfast(&home, &["pin", &format!("ipfs://{}/a/b", cid_of(b"a")?)])?;
    assert!(inside.code == 1 && inside.err.contains("pin the whole directory by"), "{}", inside.err);
    Ok(())
}
