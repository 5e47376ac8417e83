//! The `holdfast` command where its disk is full, or its database damaged: what a person reads.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::holdfast::{Answer, Cli, Programs};
use rusqlite::Connection;

/// From now on what is asked for cannot be written down. SQLite calls a table full that has the highest number.
const FILL_UP: &str = "
    CREATE TABLE no_room (n INTEGER PRIMARY KEY AUTOINCREMENT);
    INSERT INTO no_room VALUES (9223372036854775807);
    CREATE TRIGGER full BEFORE INSERT ON transfer BEGIN INSERT INTO no_room (n) VALUES (NULL); END;";

struct Computer {
    desktop: Desktop,
    programs: Programs,
    home: PathBuf,
}

impl Computer {
    fn start() -> Result<Self> {
        let desktop = Desktop::start(Session::WithKeyring)?;
        let home = desktop.directory().join("holdfast");
        Ok(Self { programs: Programs::find()?, home, desktop })
    }

    fn run(&self, arguments: &[&str]) -> Result<Answer> {
        Cli { desktop: &self.desktop, program: &self.programs.command, home: &self.home }.run(arguments)
    }

    /// Adds a file of these bytes.
    fn add(&self, name: &str) -> Result<Answer> {
        let path = self.desktop.directory().join(name);
        fs::write(&path, name)?;
        self.run(&["add", "--json", path.to_str().context("a path that is text")?])
    }

    fn pins(&self) -> Result<usize> {
        Ok(self.run(&["ls", "--json"])?.value()?.as_array().context("no array")?.len())
    }

    fn database(&self) -> PathBuf {
        self.home.join("holdfast.db")
    }
}

#[test]
fn a_full_disk_is_told_with_what_to_do_and_what_is_there_is_listed() -> Result<()> {
    let computer = Computer::start()?;
    computer.add("first")?.done()?;
    let database = Connection::open(computer.database())?;
    database.execute_batch(FILL_UP)?;
    let refused = computer.add("second")?;
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    let lines: Vec<_> = refused.err.lines().collect();
    assert_eq!(
        lines.iter().filter(|line| line.contains("the disk with Holdfast's data is full")).count(),
        lines.len(),
        "{lines:?}"
    );
    assert!(lines.iter().any(|line| line.contains("make room")), "{lines:?}");
    assert_eq!(computer.pins()?, 1);
    computer.run(&["transfers"])?.done()?;
    database.execute_batch("DROP TRIGGER full; DROP TABLE no_room;")?;
    let added = computer.add("second")?.done()?;
    assert_eq!(added.err, "");
    assert_eq!(computer.pins()?, 2);
    Ok(())
}

#[test]
fn a_damaged_database_is_told_once_with_where_it_lies_and_nothing_is_pinned_twice() -> Result<()> {
    let computer = Computer::start()?;
    assert_eq!(computer.add("first")?.done()?.err, "", "a new home is no damaged one");
    for (damaged, bytes) in (0..).zip([Vec::new(), b"no database at all, however long".repeat(1_000)]) {
        fs::write(computer.database(), bytes)?;
        let again = computer.add("first")?.done()?;
        let said = again.err.lines().next().context("nothing was said")?;
        let copies: Vec<_> = fs::read_dir(&computer.home)?
            .map(|entry| Ok(entry?.path()))
            .filter(|path: &Result<PathBuf>| {
                path.as_ref().is_ok_and(|path| path.to_string_lossy().contains(".damaged-") && !path.ends_with("-wal"))
            })
            .collect::<Result<_>>()?;
        assert!(copies.len() > damaged, "{copies:?}");
        assert!(copies.iter().any(|copy| said.contains(&*copy.to_string_lossy())), "{said}");
        assert_eq!(computer.run(&["ls"])?.done()?.err, "", "it is told once");
        assert_eq!(computer.pins()?, 1);
    }
    Ok(())
}
