//! The queue on the command line: paused and resumed, looked at, cancelled and tried again.

use std::fs;

use anyhow::{Context, Result};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::holdfast::{Cli, Programs};

#[test]
fn a_paused_queue_keeps_what_it_is_given_until_it_may_go_on() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let home = desktop.directory().join("holdfast");
    let file = desktop.directory().join("a.txt");
    fs::write(&file, "a file")?;
    let command = Cli { desktop: &desktop, program: &programs.command, home: &home };
    let given = file.to_str().context("no text")?;

    command.run(&["pause"])?.done()?;
    let added = command.run(&["add", given])?;
    assert_eq!(added.code, 1, "{}{}", added.out, added.err);
    assert!(added.err.contains("holdfast resume"), "{}", added.err);
    let listed = command.run(&["transfers", "--json"])?;
    assert!(listed.err.contains("everything is paused"), "{}", listed.err);
    let rows = listed.done()?.values()?.remove(0);
    let row = &rows[0];
    assert_eq!((row["state"].as_str(), row["name"].as_str()), (Some("queued"), Some("a.txt")), "{row}");

    command.run(&["resume"])?.done()?;
    let watched = command.run(&["transfers", "--watch", "--json"])?.done()?.values()?.remove(0);
    assert_eq!((&watched["id"], watched["state"].as_str()), (&row["id"], Some("done")), "{watched}");

    fs::write(&file, "another")?;
    command.run(&["pause", "--account", "This computer"])?.done()?;
    assert_eq!(command.run(&["add", given])?.code, 1);
    let cancelled = command.run(&["cancel", "--all", "--json"])?.done()?.values()?.remove(0);
    assert_eq!(cancelled["cancelled"], 1);
    command.run(&["resume", "--account", "This computer"])?.done()?;
    let rows = command.run(&["transfers", "--json"])?.done()?.values()?.remove(0);
    assert_eq!(rows[0]["state"], "cancelled");
    let id = rows[0]["id"].as_str().context("no id")?;
    let again = command.run(&["retry", id, "--json"])?.done()?.values()?.remove(0);
    assert_eq!(again["state"], "done", "{again}");
    let refused = command.run(&["retry", id])?;
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains("can be tried again"), "{}", refused.err);
    Ok(())
}

#[test]
fn a_batch_is_listed_paused_moved_up_cancelled_and_tried_again_by_its_id() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let home = desktop.directory().join("holdfast");
    let command = Cli { desktop: &desktop, program: &programs.command, home: &home };
    let given = |name: &str| -> Result<String> {
        let file = desktop.directory().join(name);
        fs::write(&file, name)?;
        Ok(file.to_str().context("no text")?.to_owned())
    };
    let json = |arguments: &[&str]| -> Result<_> {
        Ok(command.run(&[arguments, &["--json"]].concat())?.done()?.values()?.remove(0))
    };
    let (a, b, c, d) = (given("a.jpg")?, given("b.jpg")?, given("c.jpg")?, given("notes.txt")?);

    command.run(&["pause"])?.done()?;
    command.run(&["add", &a, &b, &c])?;
    command.run(&["add", &d])?;
    let batches = json(&["batches"])?;
    let names: Vec<_> = batches.as_array().into_iter().flatten().filter_map(|batch| batch["name"].as_str()).collect();
    assert_eq!(names, ["a.jpg and 2 more", "notes.txt"]);
    let (photos, notes) = (&batches[0], &batches[1]);
    assert_eq!(
        (&photos["counts"]["queued"], &photos["bytes"], &photos["bytes_done"]),
        (&3.into(), &15.into(), &0.into())
    );
    let (photos, notes) = (photos["id"].as_str().context("no id")?, notes["id"].as_str().context("no id")?);

    assert_eq!(json(&["move-up", notes])?["moved_up"], 1);
    assert_eq!(json(&["batches"])?[0]["id"], notes);
    assert_eq!(json(&["pause", photos])?["paused"], 3);
    command.run(&["resume"])?.done()?;
    command.run(&["transfers", "--watch"])?.done()?;
    let batches = json(&["batches"])?;
    assert_eq!((&batches[0]["counts"]["paused"], &batches[1]["counts"]["done"]), (&3.into(), &1.into()), "{batches}");

    assert_eq!(json(&["cancel", "--match", "B.JPG"])?["cancelled"], 1);
    assert_eq!(json(&["resume", photos])?["resumed"], 2);
    command.run(&["transfers", "--watch"])?.done()?;
    // What is over stands newest first.
    let counts = json(&["batches"])?[1]["counts"].clone();
    assert_eq!((&counts["done"], &counts["cancelled"]), (&2.into(), &1.into()), "{counts}");

    let none = command.run(&["pause", photos])?;
    assert!(none.code == 1 && none.err.contains("nothing of it"), "{}", none.err);
    let unknown = command.run(&["retry", "b999"])?;
    assert!(unknown.code == 1 && unknown.err.contains("b999"), "{}", unknown.err);
    for unclear in [&["cancel"][..], &["retry"], &["move-up"]] {
        assert_ne!(command.run(unclear)?.code, 0, "{unclear:?}");
    }
    Ok(())
}
