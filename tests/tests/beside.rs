//! Commands beside an owner of their home: a window, or another command. They do what they do alone, with the owner's engine.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::holdfast::{Answer, Cli, Programs, Server};
use holdfast_tests::process;
use holdfast_tests::proxy::Proxy;
use holdfast_tests::samples;
use holdfast_tests::wait::{self, PATIENCE};
use holdfast_tests::webdriver::Window;
use serde_json::Value;

/// Slow enough that what is done next falls in the middle of an upload.
const BYTES_PER_SECOND: u64 = 200_000;

/// A desktop and a home, and a service of another home.
struct Place {
    desktop: Desktop,
    programs: Programs,
}

impl Place {
    fn start() -> Result<Self> {
        Ok(Self { desktop: Desktop::start(Session::WithKeyring)?, programs: Programs::find()? })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.desktop.directory().join(name)
    }

    fn cli<'a>(&'a self, home: &'a Path) -> Cli<'a> {
        Cli { desktop: &self.desktop, program: &self.programs.command, home }
    }

    /// A command that goes on.
    fn begin(&self, home: &Path, arguments: &[&str]) -> Result<Running> {
        let mut command = self.cli(home).command();
        let child = command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Ok(Running(child.spawn()?))
    }

    /// An owner of the home that works until it is ended.
    fn watch(&self, home: &Path) -> Result<Running> {
        let folder = self.path("watched");
        fs::create_dir_all(&folder)?;
        self.cli(home).run(&["folder", "add", text(&folder)?])?.done()?;
        let owner = self.begin(home, &["folder", "run"])?;
        wait::until("an owner that listens", PATIENCE, || Ok(home.join("holdfast.sock").exists().then_some(())))?;
        Ok(owner)
    }

    /// An account at a service behind a slow line.
    fn slow_account(&self, home: &Path) -> Result<(Server, Proxy)> {
        let there = self.path("there");
        let mut server = self.cli(&there).serve()?;
        let line = Proxy::start(&server.endpoint, BYTES_PER_SECOND)?;
        server.endpoint = line.by_way_of(&server.endpoint);
        self.cli(home).add_account("Slow", &server)?;
        Ok((server, line))
    }
}

struct Running(Child);

impl Running {
    fn end(mut self) -> Result<Answer> {
        let (mut out, mut err) = (String::new(), String::new());
        self.0.stdout.take().context("no output")?.read_to_string(&mut out)?;
        self.0.stderr.take().context("no output")?.read_to_string(&mut err)?;
        Ok(Answer { code: self.0.wait()?.code().unwrap_or(-1), out, err })
    }

    fn interrupted(self) -> Result<Answer> {
        let id = self.0.id();
        wait::until("a program that listens to Ctrl-C", PATIENCE, || {
            let status = fs::read_to_string(format!("/proc/{id}/status"))?;
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).context("no signals")?;
            Ok((u64::from_str_radix(caught.trim(), 16)? & 0b10 != 0).then_some(()))
        })?;
        process::interrupt(id)?;
        self.end()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("no text")
}

fn transfers(cli: &Cli<'_>) -> Result<Vec<Value>> {
    let listed = cli.run(&["transfers", "--json"])?.done()?.value()?;
    Ok(listed.as_array().context("no list")?.clone())
}

fn state_of(cli: &Cli<'_>, name: &str) -> Result<Option<String>> {
    let found = transfers(cli)?.into_iter().find(|transfer| transfer["name"] == name);
    Ok(found.and_then(|transfer| transfer["state"].as_str().map(str::to_owned)))
}

#[test]
fn commands_beside_an_owner_do_what_they_do_alone() -> Result<()> {
    let place = Place::start()?;
    let home = place.path("holdfast");
    let cli = place.cli(&home);
    let server = place.cli(&place.path("there")).serve()?;
    let owner = place.watch(&home)?;

    // A secret comes from the standard input of whoever asks, and a path from where they are.
    cli.add_account("Elsewhere", &server)?;
    fs::write(place.path("a.txt"), "beside")?;
    let mut here = cli.command();
    let added = here.current_dir(place.desktop.directory()).args(["add", "--json", "--account", "Elsewhere", "a.txt"]);
    let added: Value = serde_json::from_str(&process::output(added)?)?;
    assert_eq!((&added["path"], &added["verified"]), (&"a.txt".into(), &true.into()), "{added}");
    let id = added["id"].as_str().context("no id")?;
    let listed = cli.run(&["ls", "--json"])?.done()?.value()?;
    assert!(listed.as_array().context("no list")?.iter().any(|pin| pin["id"] == id), "{listed}");
    let shown = cli.run(&["show", id])?.done()?;
    assert!(shown.out.contains("a.txt"), "{}", shown.out);
    let pinned = cli.run(&["pin", "bafkqaaa", "--json"])?.done()?.value()?;
    assert_eq!(pinned["cid"], "bafkqaaa", "{pinned}");
    let more = place.path("more");
    fs::create_dir(&more)?;
    cli.run(&["folder", "add", text(&more)?])?.done()?;
    assert_eq!(cli.run(&["folder", "ls", "--json"])?.done()?.value()?.as_array().map(Vec::len), Some(2));
    cli.run(&["transfers", "--watch"])?.done()?;
    cli.run(&["unpin", id])?.done()?;

    // What fails, fails as it does alone.
    let missing = cli.run(&["add", text(&place.path("not there"))?])?;
    assert!(missing.code == 1 && missing.err.contains("cannot be read"), "{}", missing.err);
    let unknown = cli.run(&["show", "nothing"])?;
    assert!(unknown.code == 1 && unknown.out.is_empty(), "{}{}", unknown.out, unknown.err);
    let second = cli.run(&["folder", "run"])?;
    assert!(second.code == 1 && second.err.contains("in use by"), "{}", second.err);

    let ended = owner.interrupted()?;
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    assert!(!home.join("holdfast.sock").exists(), "nobody listens any more");
    cli.run(&["ls"])?.done()?;
    Ok(())
}

#[test]
fn what_a_command_asked_for_is_cancelled_with_it_and_nothing_else() -> Result<()> {
    let place = Place::start()?;
    let home = place.path("holdfast");
    let cli = place.cli(&home);
    let (_server, _line) = place.slow_account(&home)?;
    let _owner = place.watch(&home)?;
    let begin = |name: &str| -> Result<Running> {
        let file = place.path(name);
        samples::write_noise(&file, name, 800_000)?;
        let adding = place.begin(&home, &["add", "--account", "Slow", text(&file)?])?;
        wait::until(name, PATIENCE, || Ok(state_of(&cli, name)?.map(drop)))?;
        Ok(adding)
    };
    let (kept, ended) = (begin("kept.bin")?, begin("ended.bin")?);
    // The same file once more is the same transfer, which somebody else has asked for.
    let again = place.begin(&home, &["add", "--account", "Slow", text(&place.path("kept.bin"))?])?;
    let is_waiting = |running: &Running| process::is_running(running.0.id());
    ensure!(is_waiting(&kept) && is_waiting(&again), "they end with what they have sent");
    for running in [ended, again] {
        let answer = running.interrupted()?;
        assert_eq!(answer.code, 130, "{}{}", answer.out, answer.err);
    }
    assert_eq!(state_of(&cli, "ended.bin")?.as_deref(), Some("cancelled"));
    let answer = kept.end()?;
    assert_eq!(answer.code, 0, "{}{}", answer.out, answer.err);
    assert_eq!(state_of(&cli, "kept.bin")?.as_deref(), Some("done"));
    Ok(())
}

#[test]
fn a_command_whose_owner_ends_says_so_and_its_work_goes_on_at_the_next_start() -> Result<()> {
    let place = Place::start()?;
    let home = place.path("holdfast");
    let cli = place.cli(&home);
    let (_server, _line) = place.slow_account(&home)?;
    let mut owner = place.watch(&home)?;
    let file = place.path("long.bin");
    samples::write_noise(&file, "long", 400_000)?;
    let adding = place.begin(&home, &["add", "--account", "Slow", text(&file)?])?;
    wait::until("its upload", PATIENCE, || {
        Ok(state_of(&cli, "long.bin")?.filter(|state| state == "running").map(drop))
    })?;
    owner.0.kill()?;
    owner.0.wait()?;
    let answer = adding.end()?;
    assert!(answer.code == 1 && answer.err.contains("has ended"), "{}{}", answer.out, answer.err);
    cli.run(&["transfers", "--watch"])?.done()?;
    assert_eq!(state_of(&cli, "long.bin")?.as_deref(), Some("done"));
    Ok(())
}

#[test]
fn a_command_that_owns_the_home_waits_for_those_that_came_to_it() -> Result<()> {
    let place = Place::start()?;
    let home = place.path("holdfast");
    let (_server, _line) = place.slow_account(&home)?;
    let files: Vec<_> = (0..6).map(|number| place.path(&format!("{number}.bin"))).collect();
    let mut running = Vec::new();
    for (number, file) in (1_u64..).zip(&files) {
        samples::write_noise(file, &number.to_string(), number * 20_000)?;
        running.push(place.begin(&home, &["add", "--account", "Slow", text(file)?])?);
    }
    for one in running {
        let answer = one.end()?;
        assert!(answer.code == 0 && answer.out.contains("verified"), "{}{}", answer.out, answer.err);
    }
    Ok(())
}

#[test]
fn a_command_that_fails_or_is_done_serves_others_until_nobody_is_there() -> Result<()> {
    let place = Place::start()?;
    let home = place.path("holdfast");
    let cli = place.cli(&home);
    let (_server, _line) = place.slow_account(&home)?;
    let (short, long) = (place.path("short.bin"), place.path("long.bin"));
    samples::write_noise(&short, "short", 100_000)?;
    samples::write_noise(&long, "long", 1_000_000)?;
    let missing = place.path("missing");
    let owner = place.begin(&home, &["add", "--account", "Slow", text(&short)?, text(&missing)?])?;
    wait::until("an owner that listens", PATIENCE, || Ok(home.join("holdfast.sock").exists().then_some(())))?;
    let second = place.begin(&home, &["add", "--account", "Slow", text(&long)?])?;
    wait::until("the owner's own end", PATIENCE, || {
        Ok(state_of(&cli, "short.bin")?.filter(|state| state == "done").map(drop))
    })?;
    assert!(process::is_running(owner.0.id()), "the second is not done: {:?}", state_of(&cli, "long.bin")?);
    // Whoever comes now is taken, too.
    cli.run(&["ls"])?.done()?;
    let answer = second.end()?;
    assert!(answer.code == 0 && answer.out.contains("verified"), "{}{}", answer.out, answer.err);
    let answer = owner.end()?;
    assert!(answer.code == 1 && answer.out.contains("verified"), "{}{}", answer.out, answer.err);
    assert!(answer.err.contains("missing") && answer.err.contains("waiting for other commands"), "{}", answer.err);
    Ok(())
}

#[test]
fn another_protocol_is_refused_on_both_sides_in_so_many_words() -> Result<()> {
    let place = Place::start()?;
    let home = place.path("holdfast");
    let owner = place.watch(&home)?;
    let socket = home.join("holdfast.sock");
    let mut newer = UnixStream::connect(&socket)?;
    send(&mut newer, r#"{"protocol":99,"version":"9.9.9","more":true}"#)?;
    let theirs: Value = serde_json::from_str(&receive(&mut newer)?)?;
    assert_eq!(theirs["protocol"], 1, "{theirs}");
    // It may have gone by now.
    drop(send(&mut newer, r#"{"Run":{"arguments":[],"directory":{"Unix":[47]},"is_seen":false}}"#));
    assert!(matches!(newer.read(&mut [0]), Ok(0) | Err(_)), "and nothing is run");
    owner.interrupted()?;

    // Somebody who holds the home and listens, of an older version.
    let lock = fs::File::options().write(true).open(home.join("holdfast.lock"))?;
    lock.try_lock()?;
    let listener = UnixListener::bind(&socket)?;
    let older = std::thread::spawn(move || -> Result<()> {
        let (mut stream, _) = listener.accept()?;
        send(&mut stream, r#"{"protocol":0,"version":"0.0.1"}"#)?;
        receive(&mut stream)?;
        ensure!(stream.read(&mut [0])? == 0, "something was said to it");
        Ok(())
    });
    let refused = place.cli(&home).run(&["ls"])?;
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(refused.err.contains("0.0.1") && refused.err.contains("do not understand each other"), "{}", refused.err);
    older.join().map_err(|_| anyhow::anyhow!("it has failed"))??;
    drop(lock);
    Ok(())
}

#[test]
fn another_user_of_the_computer_is_told_nothing() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        writeln!(std::io::stderr(), "SKIPPED: only root can be another user")?;
        return Ok(());
    }
    let place = Place::start()?;
    let home = place.path("holdfast");
    let _owner = place.watch(&home)?;
    let socket = home.join("holdfast.sock");
    // Not even where the home and the way to it are open, and the socket too.
    let everybody = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777));
    for path in socket.ancestors().take_while(|path| path.starts_with(place.desktop.directory())) {
        everybody(path)?;
    }
    let greeting_of = |user: u32| -> Result<usize> {
        let mut curl = Command::new("curl");
        curl.args(["-s", "--http0.9", "-m", "5", "--unix-socket"]).arg(&socket).arg("http://holdfast/").uid(user);
        Ok(curl.output()?.stdout.len())
    };
    assert!(greeting_of(0)? > 0, "its own user is greeted");
    assert_eq!(greeting_of(65_534)?, 0);
    Ok(())
}

#[tokio::test]
async fn a_window_takes_commands_and_shows_what_they_did() -> Result<()> {
    let place = Place::start()?;
    let home = place.path("holdfast");
    let cli = place.cli(&home);
    let (_server, _line) = place.slow_account(&home)?;
    let window = Window::open(&place.desktop, &place.programs.desktop, &home).await?;
    window.wait_for("empty-state").await?;
    let file = place.path("from the command.txt");
    fs::write(&file, "seen in the window")?;
    let added = cli.run(&["add", "--json", text(&file)?])?.done()?.value()?;
    assert_eq!(added["verified"], true, "{added}");
    window.wait_for_rows("it", |rows| rows.iter().any(|row| row.name == "from the command.txt")).await?;
    let listed = cli.run(&["ls", "--json"])?.done()?.value()?;
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    cli.run(&["unpin", added["id"].as_str().context("no id")?])?.done()?;
    window.wait_for("empty-state").await?;

    // Closed in the middle, it leaves what was asked for to whoever comes next.
    let long = place.path("long.bin");
    samples::write_noise(&long, "long", 400_000)?;
    let adding = place.begin(&home, &["add", "--account", "Slow", text(&long)?])?;
    wait::until("its upload", PATIENCE, || {
        Ok(state_of(&cli, "long.bin")?.filter(|state| state == "running").map(drop))
    })?;
    window.close()?;
    let answer = adding.end()?;
    assert!(answer.code == 1 && answer.err.contains("has ended"), "{}{}", answer.out, answer.err);
    cli.run(&["transfers", "--watch"])?.done()?;
    assert_eq!(state_of(&cli, "long.bin")?.as_deref(), Some("done"));
    Ok(())
}

fn send(stream: &mut UnixStream, frame: &str) -> Result<()> {
    stream.write_all(&u32::try_from(frame.len())?.to_le_bytes())?;
    Ok(stream.write_all(frame.as_bytes())?)
}

fn receive(stream: &mut UnixStream) -> Result<String> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut frame = vec![0; u32::from_le_bytes(length) as usize];
    stream.read_exact(&mut frame)?;
    Ok(String::from_utf8(frame)?)
}
