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
