//! What others wrote, on the terminal of whoever runs the command: it is read there, and does nothing.

use std::fs;

use anyhow::{Context, Result, ensure};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::holdfast::{Answer, Programs};
use holdfast_tests::hostile::{CID, Hostile, TEXT};
use serde_json::Value;

/// A person whose command logs all that it does.
struct Person {
    desktop: Desktop,
    programs: Programs,
}

impl Person {
    fn start() -> Result<Self> {
        Ok(Self { desktop: Desktop::start(Session::WithKeyring)?, programs: Programs::find()? })
    }

    /// Runs the command and looks at every character that it printed.
    fn run(&self, arguments: &[&str]) -> Result<Answer> {
        let mut command = self.desktop.command(&self.programs.command);
        command.env("HOLDFAST_LOG", "trace").env("HOLDFAST_HOME", self.desktop.directory().join("holdfast"));
        let answer = command.args(arguments).output()?;
        let answer = Answer {
            code: answer.status.code().unwrap_or(-1),
            out: String::from_utf8(answer.stdout)?,
            err: String::from_utf8(answer.stderr)?,
        };
        for text in [&answer.out, &answer.err] {
            if let Some(at) = text.find(acts_or_hides) {
                let around: String = text[..at].chars().rev().take(200).collect::<String>().chars().rev().collect();
                let found = text[at..].chars().next();
                anyhow::bail!("{arguments:?} printed {found:?} after {around:?}");
            }
        }
        Ok(answer)
    }

    /// The same for people and as JSON.
    fn run_both(&self, arguments: &[&str]) -> Result<()> {
        self.run(arguments)?;
        for line in self.run(&[arguments, &["--json"]].concat())?.out.lines() {
            serde_json::from_str::<Value>(line).with_context(|| format!("{arguments:?}: {line}"))?;
        }
        Ok(())
    }
}

/// By numbers, so that this is no second look through the eyes of the program.
fn acts_or_hides(c: char) -> bool {
    matches!(
        u32::from(c),
        0..=9 | 11..=0x1f | 0x7f..=0x9f | 0xad | 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xe000..=0xf8ff
            | 0xfeff | 0xe0000..=0xe0fff
    )
}

#[test]
fn a_service_cannot_write_on_the_terminal_of_its_user() -> Result<()> {
    let person = Person::start()?;
    let service = Hostile::start()?;
    let secret = person.desktop.directory().join("secret");
    fs::write(&secret, "a-token")?;
    let mut add = person.desktop.command(&person.programs.command);
    add.env("HOLDFAST_HOME", person.desktop.directory().join("holdfast")).stdin(fs::File::open(&secret)?);
    add.args(["account", "add", "--kind", "psa", "--label", "evil", "--secret-stdin", "--endpoint", &service.endpoint]);
    ensure!(add.output()?.status.success(), "the account is refused");

    for refuses in [false, true] {
        service.refuse(refuses);
        for arguments in [
            &["ls", "--account", "evil"][..],
            &["show", "--account", "evil", TEXT],
            &["show", "--account", "evil", "plain"],
            &["pin", "--account", "evil", CID],
            &["edit", "--account", "evil", "--name", TEXT, TEXT],
            &["verify", "--account", "evil", TEXT],
            &["account", "ls"],
            &["account", "test", "evil"],
            &["account", "check", "evil"],
            &["unpin", "--account", "evil", TEXT],
        ] {
            person.run_both(arguments)?;
        }
    }
    // It is not hidden either, and whoever reads JSON gets it as it is.
    service.refuse(false);
    let shown = person.run(&["ls", "--account", "evil"])?;
    assert!(shown.out.contains(r"x\u{1b}]0;OWNED\u{7}") && shown.out.contains(r"\u{202e}gpj"), "{}", shown.out);
    let rows: Value = serde_json::from_str(&person.run(&["ls", "--account", "evil", "--json"])?.out)?;
    assert_eq!(rows[0]["name"], TEXT);
    Ok(())
}

#[test]
fn names_of_files_and_words_that_a_script_hands_on_cannot_either() -> Result<()> {
    let person = Person::start()?;
    let tree = person.desktop.directory().join(TEXT);
    fs::create_dir(&tree)?;
    fs::write(tree.join(TEXT), "hello")?;
    std::os::unix::fs::symlink("nowhere", tree.join(format!("{TEXT}.link")))?;
    let tree = tree.to_str().context("no text")?;
    let file = format!("{tree}/{TEXT}");
    for arguments in [
        &["cid", tree][..],
        &["cid", "--all-profiles", &file],
        &["cid", &format!("{file}-not-there")],
        &["add", &file],
        &["ls"],
        &["folder", "add", tree],
        &["folder", "ls"],
        &["folder", "rm", TEXT],
        &["folder", "run", "--once"],
        &["car", "verify", &file],
        &["car", "import", &file],
        &["account", "rm", TEXT],
        &["account", "add", "--kind", "psa", "--label", TEXT, "--endpoint", TEXT],
        &["show", TEXT],
        &["pin", TEXT],
        &["unpin", TEXT],
        &["verify", TEXT],
        &["serve", "keys", "new", TEXT],
        &["serve", "keys", "list"],
        &["serve", "stats"],
        &[TEXT],
        &["ls", TEXT],
        &["ls", "--sort", TEXT],
    ] {
        person.run_both(arguments)?;
    }
    Ok(())
}
