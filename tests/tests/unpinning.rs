//! Removing many pins: guarded by their number, and undone before anything is sent.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::holdfast::{Cli, Programs};
use holdfast_tests::process::{self, Group};
use holdfast_tests::wait::{PATIENCE, until};

/// A home with so many small pins at *This computer*.
fn pinned(cli: &Cli<'_>, count: usize) -> Result<()> {
    let files: Vec<_> = (0..count).map(|number| cli.desktop.directory().join(format!("file-{number:03}"))).collect();
    for file in &files {
        std::fs::write(file, file.as_os_str().as_encoded_bytes())?;
    }
    let mut arguments = vec!["add".into()];
    arguments.extend(files.iter().map(|file| file.as_os_str().to_owned()));
    cli.run(&arguments)?.done()?;
    Ok(())
}

fn names(cli: &Cli<'_>) -> Result<Vec<String>> {
    let list = cli.run(&["ls", "--json", "--sort", "name", "--ascending"])?.done()?.value()?;
    let rows = list.as_array().context("no array")?;
    rows.iter().map(|pin| Ok(pin["name"].as_str().context("no name")?.to_owned())).collect()
}

#[test]
fn many_pins_go_from_the_command_line_when_their_true_number_is_confirmed() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let home = desktop.directory().join("holdfast");
    let cli = Cli { desktop: &desktop, program: &programs.command, home: &home };
    pinned(&cli, 61)?;

    let refused = cli.run(&["unpin", "--all"])?;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("--confirm 61"), "{}", refused.err);
    let refused = cli.run(&["unpin", "--all", "--confirm", "60"])?;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("61 pins, and 60 were confirmed; nothing was unpinned"), "{}", refused.err);
    assert_eq!(names(&cli)?.len(), 61);

    let some = cli.run(&["unpin", "--matching", "file-00", "--json"])?.done()?;
    assert!(some.err.contains("10 pins match: 10 at \"This computer\""), "{}", some.err);
    assert_eq!(some.value()?, serde_json::json!({ "unpinned": 10, "failed": 0 }));
    assert_eq!(names(&cli)?.len(), 51);
    cli.run(&["unpin", "--all", "--account", "This computer", "--confirm", "51"])?.done()?;
    assert_eq!(names(&cli)?, [""; 0]);
    Ok(())
}

#[test]
fn on_a_terminal_it_waits_and_ctrl_c_undoes_it() -> Result<()> {
    let desktop = Desktop::start(Session::WithKeyring)?;
    let programs = Programs::find()?;
    let home = desktop.directory().join("holdfast");
    let cli = Cli { desktop: &desktop, program: &programs.command, home: &home };
    pinned(&cli, 3)?;
    let before = names(&cli)?;

    let shown = desktop.directory().join("terminal");
    let line = format!("{} unpin --all", programs.command.display());
    let mut terminal: Command = desktop.command("script");
    terminal.args(["--quiet", "--flush", "--return", "--command", &line]).arg(&shown);
    terminal.env("HOLDFAST_HOME", &home).stdout(Stdio::null()).stdin(Stdio::null());
    let mut terminal = Group::spawn(&mut terminal)?;
    until("it says how to undo it", PATIENCE, || {
        let said = std::fs::read_to_string(&shown).unwrap_or_default();
        Ok(said.contains("Ctrl-C undoes it").then_some(()))
    })?;
    let waiting = process::find(&programs.command, "unpin")?;
    ensure!(waiting.len() == 1, "one command: {waiting:?}");
    process::interrupt(waiting[0])?;
    let ended = until("it has ended", PATIENCE, || terminal.ended())?;
    assert_eq!(ended.code(), Some(130));
    let said = std::fs::read_to_string(&shown)?;
    assert!(said.contains("undone for 3 pins"), "{said}");
    assert_eq!(names(&cli)?, before);
    // Nothing of it is left for the next engine of this home.
    cli.run(&["transfers", "--watch"])?.done()?;
    assert_eq!(names(&cli)?, before);
    Ok(())
}
