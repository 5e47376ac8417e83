//! The `holdfast` command as a script sees it: exit codes, JSON, and clear words for bad input.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use holdfast_tests::desktop::{Desktop, Session};
use holdfast_tests::holdfast::{Answer, Cli, Programs, Server};
use holdfast_tests::process;
use holdfast_tests::samples::{self, Vector};
use holdfast_tests::wait::{self, PATIENCE};
use holdfast_tests::webdriver::free_port;
use serde_json::{Value, json};

const PROFILE: &str = "unixfs-v1-2025";

/// A person's computer: a keyring, the command, and a home.
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

    fn cli(&self) -> Cli<'_> {
        Cli { desktop: &self.desktop, program: &self.programs.command, home: &self.home }
    }

    fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Result<Answer> {
        self.cli().run(arguments)
    }

    /// A service of its own, as at another computer.
    fn serve(&self) -> Result<Server> {
        Cli { home: &self.path("server"), ..self.cli() }.serve()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.desktop.directory().join(name)
    }

    fn file(&self, name: &str, content: &str) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, content)?;
        Ok(path)
    }

    fn pins(&self) -> Result<Vec<Value>> {
        let list = self.run(&["ls", "--json"])?.done()?.value()?;
        Ok(list.as_array().context("no array")?.clone())
    }
}

#[test]
fn a_file_and_a_folder_are_added_listed_shown_and_unpinned() -> Result<()> {
    let computer = Computer::start()?;
    let (file, folder) = (computer.path("hello.txt"), computer.path("folder"));
    Vector::named("hello")?.write(&file)?;
    Vector::named("dir-nested-unicode")?.write(&folder)?;

    let added =
        computer.run(&[Path::new("add"), "--json".as_ref(), "--meta=k=v w".as_ref(), &file, &folder])?.done()?;
    let added = added.values()?;
    assert_eq!(added.len(), 2);
    let added_from = |path: &Path| {
        let found = added.iter().find(|value| value["path"] == path.to_string_lossy().as_ref());
        found.with_context(|| format!("nothing about {} in {added:?}", path.display()))
    };
    for (path, id) in [(&file, "hello"), (&folder, "dir-nested-unicode")] {
        let value = added_from(path)?;
        assert_eq!(value["cid"], Vector::named(id)?.cid(PROFILE)?);
        assert_eq!((&value["verified"], &value["account"]), (&json!(true), &json!("This computer")));
    }
    let added = added_from(&file)?;
    assert_eq!(added["size"], 11);

    let pins = computer.pins()?;
    assert_eq!(pins.len(), 2);
    let hello = pins.iter().find(|pin| pin["name"] == "hello.txt").context("not listed")?;
    assert_eq!((&hello["id"], &hello["cid"]), (&added["id"], &added["cid"]));
    assert_eq!(
        (&hello["status"], &hello["size"], &hello["metadata"]),
        (&json!("pinned"), &json!(11), &json!({ "k": "v w" }))
    );
    assert!(hello["pinned_at"].is_string() && hello["account"] == "This computer", "{hello}");

    let id = hello["id"].as_str().context("no id")?;
    let shown = computer.run(&["show", "--json", id])?.done()?.value()?;
    assert_eq!((&shown["cid"], &shown["proof"]), (&hello["cid"], &json!("verified")));
    computer.run(&["unpin", "--json", id])?.done()?;
    assert_eq!(computer.pins()?.len(), 1);
    assert_eq!(computer.run(&["show", id])?.code, 1);
    Ok(())
}

#[test]
fn a_service_that_only_pins_by_cid_is_added_by_token_checked_and_used() -> Result<()> {
    let computer = Computer::start()?;
    let server = computer.serve()?;
    let endpoint = format!("{}/psa", server.endpoint);
    let add = ["account", "add", "--kind", "psa", "--label", "Tokens", "--endpoint", &endpoint, "--secret-stdin"];
    assert_ne!(computer.cli().run_with_input(&add, "not the token")?.code, 0);
    computer.cli().run_with_input(&add, &server.secret)?.done()?;

    // A file that stands in its CID.
    let cid = "bafkqabtimvwgy3yk";
    computer.run(&["pin", cid, "--account", "Tokens", "--name", "short", "--json"])?.done()?;
    let pins = computer.pins()?;
    let pin = pins.iter().find(|pin| pin["account"] == "Tokens").context("not listed")?;
    assert_eq!((&pin["cid"], &pin["name"], &pin["status"]), (&json!(cid), &json!("short"), &json!("pinned")));
    let id = pin["id"].as_str().context("no id")?;
    let edited = computer.run(&["edit", id, "--name", "long", "--meta", "k=v", "--json"])?.done()?.value()?;
    assert_eq!((&edited["name"], &edited["metadata"]), (&json!("long"), &json!({ "k": "v" })));

    let card = computer.run(&["account", "check", "Tokens", "--json"])?.done()?.value()?;
    assert_eq!((&card["upload"], &card["edit"], &card["deletion"]), (&Value::Null, &json!(true), &json!("at_once")));
    let of_the_account =
        |pins: Vec<Value>| pins.into_iter().filter(|pin| pin["account"] == "Tokens").collect::<Vec<_>>();
    let pins = of_the_account(computer.pins()?);
    assert_eq!(pins.len(), 1, "the check left something: {pins:?}");

    let refused =
        computer.run(&[Path::new("add"), &computer.file("a.txt", "a")?, "--account".as_ref(), "Tokens".as_ref()])?;
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("Kubo"), "{}", refused.err);

    computer.run(&["unpin", edited["id"].as_str().context("no id")?])?.done()?;
    assert!(of_the_account(computer.pins()?).is_empty());
    Ok(())
}

#[test]
fn keys_are_made_and_revoked_while_the_service_runs() -> Result<()> {
    let computer = Computer::start()?;
    let server = computer.serve()?;
    let home = computer.path("server");
    let keys = |arguments: &[&str]| {
        Cli { home: &home, ..computer.cli() }.run(&[&["serve", "keys"], arguments, &["--json"]].concat())
    };
    let made = keys(&["new", "phone", "--scope", "list,pin"])?.done()?.value()?;
    assert_eq!((&made["name"], &made["scopes"]), (&json!("phone"), &json!(["list", "pin"])));
    assert_eq!(made["owner"], "phone", "a key has a quota of its own");
    for taken in ["phone", "home"] {
        assert_eq!(keys(&["new", taken])?.code, 1, "{taken}");
    }
    let second = keys(&["new", "tablet", "--owner", "phone", "--quota", "1MB"])?.done()?.value()?;
    assert_eq!(second["owner"], "phone");
    let unnamed = keys(&["new"])?.done()?.value()?;
    assert_eq!((&unnamed["name"], &unnamed["owner"]), (&json!("key-1"), &json!("key-1")));
    let text = |field: &str| made[field].as_str().with_context(|| format!("no {field}"));
    let account = ["account", "add", "--kind", "aioz", "--label", "Phone", "--endpoint", &server.endpoint];
    let account = [&account[..], &["--key", text("key")?, "--secret-stdin"]].concat();
    computer.cli().run_with_input(&account, text("secret")?)?.done()?;
    computer.run(&["account", "test", "Phone"])?.done()?;

    let listed = keys(&["list"])?.done()?;
    assert!(!listed.out.contains(text("secret")?) && !listed.out.contains(&server.secret));
    assert_eq!(listed.value()?.as_array().map(Vec::len), Some(4));
    keys(&["revoke", text("id")?])?.done()?;
    assert_eq!(keys(&["revoke", text("id")?])?.code, 1);
    assert_eq!(computer.run(&["account", "test", "Phone"])?.code, 1);
    Ok(())
}

#[test]
fn an_account_is_added_tested_used_and_removed() -> Result<()> {
    let computer = Computer::start()?;
    let server = computer.serve()?;
    computer.cli().add_account("Served", &server)?;
    let account = account(&computer, "Served")?.context("not listed")?;
    assert_eq!((&account["endpoint"], &account["secret_kept"]), (&json!(server.endpoint), &json!("keyring")));
    computer.run(&["account", "test", "Served"])?.done()?;

    let file = computer.file("a.txt", "to the server")?;
    let file = file.to_string_lossy();
    let added =
        computer.run(&["add", "--account", "Served", "--name", "another name", "--json", &file])?.done()?.value()?;
    let cid = added["cid"].as_str().context("no CID")?;
    let pinned = computer.run(&["pin", "--account", "Served", "--json", &format!("{}/ipfs/{cid}", server.gateway)])?;
    assert_eq!(pinned.done()?.value()?["cid"], cid);
    let names: Vec<_> = computer.pins()?.iter().map(|pin| pin["name"].clone()).collect();
    assert!(names.contains(&json!("another name")), "{names:?}");

    let edit = ["account", "edit", "Served", "--label", "Mine", "--gateway", "https://gateway.example.org", "--json"];
    let edited = computer.run(&edit)?.done()?.value()?;
    let expected = (&json!("Mine"), &json!("https://gateway.example.org"), &account["id"]);
    assert_eq!((&edited["label"], &edited["gateway"], &edited["id"]), expected);
    assert!(self::account(&computer, "Served")?.is_none());
    let without = computer.run(&["account", "edit", "Mine", "--no-gateway", "--json"])?.done()?.value()?;
    assert!(without["gateway"].is_null(), "{without}");
    assert_eq!(computer.run(&["account", "edit", "This computer", "--label", "x"])?.code, 1);
    assert_eq!(computer.run(&["account", "edit", "Mine"])?.code, 2);

    let removed = computer.run(&["account", "rm", "Mine", "--json"])?.done()?;
    assert_eq!((&removed.value()?["secret_left"], removed.err.as_str()), (&json!(false), ""));
    assert!(self::account(&computer, "Mine")?.is_none());
    assert_eq!(computer.run(&["add", "--account", "Mine", &file])?.code, 1);
    Ok(())
}

#[test]
fn a_secret_that_stays_in_the_keyring_for_now_is_said_to() -> Result<()> {
    let computer = Computer::start()?;
    let server = computer.serve()?;
    computer.cli().add_account("Served", &server)?;
    let mut command = computer.desktop.command(&computer.programs.command);
    command.arg("--home").arg(&computer.home).args(["account", "rm", "Served", "--json"]);
    // Nobody is there: the keyring does not answer.
    let nobody = computer.path("no-bus");
    let output = command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", nobody.display())).output()?;
    let removed: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!((output.status.code(), &removed["secret_left"]), (Some(0), &json!(true)));
    let said = String::from_utf8(output.stderr)?;
    assert!(said.contains("the secret is still in it"), "{said}");
    assert!(account(&computer, "Served")?.is_none());
    Ok(())
}

#[test]
fn what_is_waited_for_is_said_once_and_the_wait_ends() -> Result<()> {
    let computer = Computer::start()?;
    let server = computer.serve()?;
    computer.cli().add_account("Served", &server)?;
    drop(server);
    let file = computer.file("a.txt", "nobody takes it")?;
    let answer = computer.run(&[Path::new("add"), "--account=Served".as_ref(), &file])?;
    assert_eq!(answer.code, 1);
    assert_eq!(answer.err.matches("not yet: the service cannot be reached").count(), 1, "{}", answer.err);
    assert!(answer.err.trim_end().lines().last().is_some_and(|line| !line.contains("trying again")), "{}", answer.err);
    Ok(())
}

#[test]
fn cids_need_neither_network_nor_home_and_come_under_every_profile() -> Result<()> {
    let computer = Computer::start()?;
    let hello = Vector::named("hello")?;
    let path = computer.path("hello.txt");
    hello.write(&path)?;
    let text = path.to_string_lossy();
    let all = computer.run(&["cid", "--json", "--all-profiles", &text])?.done()?.values()?;
    for profile in ["unixfs-v0-2015", PROFILE] {
        let found = all.iter().find(|value| value["profile"] == profile).with_context(|| format!("no {profile}"))?;
        assert_eq!((&found["cid"], &found["size"]), (&json!(hello.cid(profile)?), &json!(11)));
        let one = computer.run(&["cid", "--json", "--profile", profile, &text])?.done()?.value()?;
        assert_eq!(one["cid"], found["cid"]);
        assert_eq!(one["path"], text.as_ref());
    }
    assert!(!computer.home.exists(), "computing a CID made a home");
    Ok(())
}

#[test]
fn an_archive_is_written_checked_and_unpacked_and_damage_is_found() -> Result<()> {
    let computer = Computer::start()?;
    let tree = Vector::named("dir-nested-unicode")?;
    let (source, archive, copy) = (computer.path("tree"), computer.path("tree.car"), computer.path("copy"));
    tree.write(&source)?;
    let [source, archive, copy] = [&source, &archive, &copy].map(|path| path.to_string_lossy().into_owned());

    let made = computer.run(&["cid", "--json", "--car", &archive, &source])?.done()?.value()?;
    assert_eq!(made["cid"], json!(tree.cid(PROFILE)?));
    let checked = computer.run(&["car", "verify", "--json", &archive])?.done()?.value()?;
    assert_eq!((&checked["root"], &checked["complete"]), (&made["cid"], &json!(true)));
    computer.run(&["car", "export", &archive, &copy])?.done()?;
    let again = computer.run(&["cid", "--json", &copy])?.done()?.value()?;
    assert_eq!(again["cid"], made["cid"], "what was unpacked is what was packed");

    for arguments in [&["car", "export", &archive, &copy][..], &["cid", "--car", &archive, &source]] {
        assert_eq!(computer.run(arguments)?.code, 1, "nothing is written over: {arguments:?}");
    }
    let mut bytes = fs::read(&archive)?;
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&archive, bytes)?;
    let damaged = computer.run(&["car", "verify", &archive])?;
    assert_eq!(damaged.code, 1);
    assert!(damaged.err.contains("damaged"), "{}", damaged.err);
    Ok(())
}

#[test]
fn an_archive_is_sent_as_it_is_and_pinned_under_its_root() -> Result<()> {
    let computer = Computer::start()?;
    let (source, archive) = (computer.path("noise.bin"), computer.path("noise.car"));
    samples::write_noise(&source, "archive", 2_500_000)?;
    let [source, archive] = [&source, &archive].map(|path| path.to_string_lossy().into_owned());
    let old = ["cid", "--json", "--profile", "unixfs-v0-2015", "--car", &archive, &source];
    let made = computer.run(&old)?.done()?.value()?;

    let imported = computer.run(&["car", "import", "--json", "--name", "as it is", &archive])?.done()?.value()?;
    assert_eq!((&imported["root"], &imported["verified"]), (&made["cid"], &json!(true)));
    assert_eq!((&imported["account"], &imported["blocks"]), (&json!("This computer"), &json!(11)));
    let pins = computer.pins()?;
    assert_eq!((&pins[0]["cid"], &pins[0]["name"]), (&made["cid"], &json!("as it is")));
    assert_eq!((&pins[0]["status"], &pins[0]["size"]), (&json!("pinned"), &json!(2_500_000)));
    let again = computer.run(&["car", "import", "--json", &archive])?.done()?.value()?;
    assert_eq!(again["id"], imported["id"], "what is there is not pinned twice");

    let mut bytes = fs::read(&archive)?;
    bytes.truncate(bytes.len() - 100_000);
    fs::write(&archive, bytes)?;
    let cut = computer.run(&["car", "import", &archive])?;
    assert_eq!(cut.code, 1);
    assert!(cut.err.contains("cut short"), "{}", cut.err);
    Ok(())
}

#[test]
fn a_watched_folder_is_pinned_once_and_not_again() -> Result<()> {
    let computer = Computer::start()?;
    let folder = computer.path("watched");
    fs::create_dir(&folder)?;
    fs::write(folder.join("one.txt"), "one")?;
    fs::write(folder.join("two.txt"), "two")?;
    let text = folder.to_string_lossy();
    computer.run(&["folder", "add", "--settle", "0.2", &text])?.done()?;
    let list = computer.run(&["folder", "ls", "--json"])?.done()?.value()?;
    assert_eq!(list[0]["path"], text.as_ref());

    computer.run(&["folder", "run", "--once"])?.done()?;
    let names = |pins: &[Value]| -> Vec<String> {
        let mut names: Vec<_> = pins.iter().map(|pin| pin["name"].as_str().unwrap_or_default().to_owned()).collect();
        names.sort();
        names
    };
    let first = computer.pins()?;
    assert_eq!(names(&first), ["one.txt", "two.txt"]);
    computer.run(&["folder", "run", "--once"])?.done()?;
    assert_eq!(computer.pins()?, first);

    fs::write(folder.join("three.txt"), "three")?;
    computer.run(&["folder", "run", "--once"])?.done()?;
    assert_eq!(names(&computer.pins()?), ["one.txt", "three.txt", "two.txt"]);
    computer.run(&["folder", "rm", &text])?.done()?;
    assert_eq!(computer.pins()?.len(), 3, "no longer watching a folder unpins nothing");
    Ok(())
}

#[test]
#[cfg(unix)]
fn whoever_watches_what_a_link_leads_to_is_told_what_that_is() -> Result<()> {
    let computer = Computer::start()?;
    let (release, current) = (computer.path("release-1"), computer.path("current"));
    fs::create_dir(&release)?;
    std::os::unix::fs::symlink(&release, &current)?;
    let added = computer.run(&["folder", "add", &current.to_string_lossy()])?.done()?;
    let real = fs::canonicalize(&release)?;
    let said = format!("{} leads to {}, and that is what is watched", current.display(), real.display());
    assert!(added.err.contains(&said), "{}", added.err);
    let list = computer.run(&["folder", "ls", "--json"])?.done()?.value()?;
    assert_eq!(list[0]["path"], real.to_string_lossy().as_ref());
    computer.run(&["folder", "rm", &current.to_string_lossy()])?.done()?;
    let added = computer.run(&["folder", "add", &release.to_string_lossy()])?.done()?;
    assert!(!added.err.contains("leads to"), "{}", added.err);
    Ok(())
}

#[test]
fn what_makes_no_sense_is_answered_with_usage_and_2() -> Result<()> {
    let computer = Computer::start()?;
    let nonsense: [&[&str]; 6] = [
        &[],
        &["frobnicate"],
        &["add"],
        &["cid", "--profile", "no-such-profile", "x"],
        &["account", "add", "--kind", "aioz", "--label", "l", "--endpoint", "e", "--key", "k", "--secret", "s"],
        &["add", "--meta", "no-equals-sign", "x"],
    ];
    for arguments in nonsense {
        let answer = computer.run(arguments)?;
        assert_eq!(answer.code, 2, "{arguments:?}: {}{}", answer.out, answer.err);
        assert!(answer.out.is_empty() && !answer.err.is_empty(), "{arguments:?}: {}{}", answer.out, answer.err);
    }
    Ok(())
}

#[test]
fn a_home_that_is_in_use_is_said_to_be() -> Result<()> {
    let computer = Computer::start()?;
    let server = computer.cli().serve()?;
    let answer = computer.run(&["ls"])?;
    assert_eq!(answer.code, 1);
    assert!(answer.err.contains("in use by") && answer.err.contains(&server.id().to_string()), "{}", answer.err);
    Ok(())
}

#[test]
fn an_account_that_cannot_work_is_not_kept_and_the_reason_is_said() -> Result<()> {
    let computer = Computer::start()?;
    let server = computer.serve()?;
    let html = serve_html()?;
    let nobody = format!("http://127.0.0.1:{}/api", free_port()?);
    let cases = [
        (server.endpoint.as_str(), server.key.as_str(), "a wrong secret", "key"),
        (&server.endpoint, "a wrong key", &server.secret, "key"),
        (&html, &server.key, &server.secret, "pinning service"),
        (&nobody, &server.key, &server.secret, "reach"),
        ("http://example.com/api", &server.key, &server.secret, "https"),
        ("no url at all", &server.key, &server.secret, "endpoint"),
    ];
    for (endpoint, key, secret, word) in cases {
        let arguments = ["account", "add", "--kind", "aioz", "--label", "Bad", "--endpoint", endpoint, "--key", key];
        let answer = computer.cli().run_with_input(&[&arguments[..], &["--secret-stdin"]].concat(), secret)?;
        assert_eq!(answer.code, 1, "{endpoint}: {}{}", answer.out, answer.err);
        assert!(answer.err.to_lowercase().contains(word), "{endpoint}: {:?} has no {word:?}", answer.err);
        assert!(!answer.err.contains(&server.secret), "{}", answer.err);
        assert!(account(&computer, "Bad")?.is_none(), "{endpoint} was kept");
    }
    Ok(())
}

#[test]
fn what_cannot_be_pinned_is_named_and_the_rest_is_pinned() -> Result<()> {
    let computer = Computer::start()?;
    let good = computer.file("good.txt", "good")?;
    let fifo = computer.path("a pipe");
    process::output(std::process::Command::new("mkfifo").arg(&fifo))?;
    let around = computer.path("around");
    std::os::unix::fs::symlink(&around, &around)?;
    let mut bad = vec![("vanished", computer.path("vanished")), ("a pipe", fifo), ("around", around)];
    let locked = computer.file("locked", "nobody may read this")?;
    fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o0))?;
    // Nothing is locked to root.
    if fs::read(&locked).is_err() {
        bad.push(("locked", locked));
    }
    for (name, path) in &bad {
        let answer = computer.run(&[Path::new("add"), "--json".as_ref(), path, &good])?;
        assert_eq!(answer.code, 1, "{name}: {}{}", answer.out, answer.err);
        assert!(answer.err.contains(name), "{name}: {}", answer.err);
        let added = answer.value()?;
        assert_eq!(added["path"], good.to_string_lossy().as_ref(), "{name}");
        let id = added["id"].as_str().context("no id")?;
        computer.run(&["unpin", id])?.done()?;
    }
    let answer = computer.run(&["pin", "this is no CID"])?;
    assert_eq!(answer.code, 1);
    assert!(answer.err.contains("CID"), "{}", answer.err);
    assert_eq!(computer.pins()?, Vec::<Value>::new());
    Ok(())
}

#[test]
fn names_arrive_as_they_are() -> Result<()> {
    let computer = Computer::start()?;
    let names =
        ["with space .txt", "quote\" and 'quote'", "línea\nnueva", "日本語 🦀", "-dash", "100% %41", "back\\slash"];
    let files: Vec<_> = names.iter().map(|name| computer.file(name, name)).collect::<Result<_>>()?;
    let arguments: Vec<_> = [PathBuf::from("add"), "--json".into(), "--".into()].into_iter().chain(files).collect();
    let added = computer.run(&arguments)?.done()?.values()?;
    assert_eq!(added.len(), names.len());
    assert!(added.iter().all(|value| value["verified"] == true), "{added:?}");
    let mut listed: Vec<_> =
        computer.pins()?.iter().filter_map(|pin| pin["name"].as_str().map(str::to_owned)).collect();
    listed.sort();
    let mut wanted = names.map(str::to_owned);
    wanted.sort();
    assert_eq!(listed, wanted);
    Ok(())
}

/// What no header of a form can carry, and what a service takes for another name in one.
#[test]
fn a_folder_with_names_of_any_bytes_is_pinned_whole_added_or_watched() -> Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let computer = Computer::start()?;
    let server = computer.serve()?;
    computer.cli().add_account("Served", &server)?;
    let names: [&[u8]; 12] = [
        b"\x01",
        b"\x07",
        b"\x0b",
        b"\x1b[31m",
        b"\x7f",
        b"line\r\n",
        b"tab\t",
        b"=?utf-8?B?w7w=?=",
        b"mu\xf1oz",
        b"mu%F1oz",
        b"%07",
        b"good.txt",
    ];
    let trip = computer.path("trip");
    fs::create_dir_all(trip.join("b\u{7}"))?;
    for name in names {
        fs::write(trip.join(std::ffi::OsStr::from_bytes(name)), name)?;
    }
    fs::write(trip.join("b\u{7}/in it"), "in it")?;
    let text = trip.to_string_lossy();
    let computed = computer.run(&["cid", "--json", &text])?.done()?.value()?;
    for account in ["This computer", "Served"] {
        let added = computer.run(&["add", "--json", "--account", account, &text])?.done()?.value()?;
        assert_eq!((&added["cid"], &added["verified"]), (&computed["cid"], &json!(true)), "{account}");
    }
    let root = computed["cid"].as_str().context("no CID")?;
    let copy = computer.path("copy");
    let content = |path: &str| -> Result<Vec<u8>> {
        let link = format!("{}/ipfs/{root}/{path}", server.gateway);
        process::output(std::process::Command::new("curl").args(["-sSf", "-o"]).args([&copy, Path::new(&link)]))?;
        Ok(fs::read(&copy)?)
    };
    assert_eq!(content("%07")?, b"\x07");
    assert_eq!(content("%2507")?, b"%07");
    assert_eq!(content("b%07/in%20it")?, b"in it");
    assert_eq!(content("mu%25F1oz")?, b"mu%F1oz");
    assert_eq!(content("%256D%2575%25F1%256F%257A")?, b"mu\xf1oz");
    let listing = String::from_utf8(content("")?)?;
    assert!(listing.contains(r">\u{7}<") && listing.contains(r">\u{1b}[31m<"), "{listing}");

    let before = computer.pins()?.len();
    computer.run(&["folder", "add", "--settle", "0.2", &text])?.done()?;
    computer.run(&["folder", "run", "--once"])?.done()?;
    let list = computer.run(&["folder", "ls", "--json"])?.done()?.value()?;
    assert_eq!((&list[0]["on_disk"], &list[0]["pinned"]), (&json!(13), &json!(13)), "{list}");
    assert_eq!(computer.pins()?.len(), before + 13);
    Ok(())
}

#[test]
fn a_folder_of_ten_thousand_files_is_one_verified_pin() -> Result<()> {
    let computer = Computer::start()?;
    let folder = computer.path("many");
    fs::create_dir(&folder)?;
    for number in 0..10_000 {
        fs::write(folder.join(format!("file {number}.txt")), number.to_string())?;
    }
    let text = folder.to_string_lossy();
    let added = computer.run(&["add", "--json", &text])?.done()?.value()?;
    let computed = computer.run(&["cid", "--json", &text])?.done()?.value()?;
    assert_eq!((&added["cid"], &added["verified"]), (&computed["cid"], &json!(true)));
    Ok(())
}

#[test]
fn what_is_added_is_served_by_the_gateway() -> Result<()> {
    let computer = Computer::start()?;
    let server = computer.serve()?;
    computer.cli().add_account("Served", &server)?;
    let file = computer.path("noise.bin");
    samples::write_noise(&file, "gateway", 3_000_000)?;
    let added = computer.run(&["add", "--account", "Served", "--json", &file.to_string_lossy()])?.done()?.value()?;
    let link = format!("{}/ipfs/{}", server.gateway, added["cid"].as_str().context("no CID")?);
    let copy = computer.path("copy.bin");
    process::output(std::process::Command::new("curl").args(["-sSf", "-o"]).args([&copy, Path::new(&link)]))?;
    assert!(fs::read(&copy)? == fs::read(&file)?, "{link} has other bytes");
    let part = process::output(
        std::process::Command::new("curl")
            .args(["-sSf", "-r", "5-9", "-w", "%{http_code}", "-o"])
            .args([&copy, Path::new(&link)]),
    )?;
    assert_eq!((part.as_str(), fs::read(&copy)?), ("206", fs::read(&file)?[5..10].to_vec()));
    Ok(())
}
#[test]
fn a_stopped_service_is_counted_cleaned_and_checked() -> Result<()> {
    let computer = Computer::start()?;
    let home = computer.path("server");
    let serve = |arguments: &[&str]| Cli { home: &home, ..computer.cli() }.run(&[&["serve"], arguments].concat());
    let nothing = serve(&["stats"])?;
    assert!(nothing.code == 1 && nothing.err.contains("no pinning service"), "{}", nothing.err);

    let server = computer.serve()?;
    computer.cli().add_account("Served", &server)?;
    let busy = serve(&["gc"])?;
    assert!(busy.code == 1 && busy.err.contains("in use by"), "{}", busy.err);
    let (kept, gone) = (computer.path("kept.bin"), computer.path("gone.bin"));
    samples::write_noise(&kept, "kept", 1_500_000)?;
    samples::write_noise(&gone, "gone", 2_500_000)?;
    let add =
        |path: &Path| computer.run(&["add", "--account", "Served", "--json", &path.to_string_lossy()])?.done()?.value();
    let (kept, gone) = (add(&kept)?, add(&gone)?);
    computer.run(&["unpin", "--json", gone["id"].as_str().context("no id")?])?.done()?;
    drop(server);

    let stats = serve(&["stats", "--json"])?.done()?.value()?;
    assert_eq!((&stats["pins"], &stats["blocks"], &stats["reclaimable_blocks"]), (&json!(1), &json!(7), &json!(4)));
    assert_eq!((&stats["owners"][0]["pins"], &stats["owners"][0]["content_bytes"]), (&json!(1), &json!(1_500_000)));
    let collected = serve(&["gc", "--json"])?.done()?.value()?;
    assert_eq!(collected["blocks"], 4);
    let sound = serve(&["check", "--json"])?.done()?.value()?;
    assert_eq!((&sound["blocks"], &sound["pins"], &sound["damaged_pins"]), (&json!(3), &json!(1), &json!([])));

    let blocks =
        process::output(std::process::Command::new("find").arg(home.join("service/blocks")).args(["-size", "+500k"]))?;
    let block = blocks.lines().next().context("no large block")?;
    let mut bytes = fs::read(block)?;
    bytes[0] ^= 1;
    fs::write(block, bytes)?;
    let damaged = serve(&["check", "--json"])?;
    assert_eq!(damaged.code, 1);
    let found = damaged.value()?;
    assert_eq!(
        (&found["damaged_pins"][0]["cid"], &found["damaged_pins"][0]["name"]),
        (&kept["cid"], &json!("kept.bin"))
    );
    assert!(damaged.err.contains("upload it again"), "{}", damaged.err);
    Ok(())
}

#[test]
fn a_pipe_has_a_cid_and_is_not_sent() -> Result<()> {
    let computer = Computer::start()?;
    let (hello, archive) = (Vector::named("hello")?, computer.path("piped.car").display().to_string());
    let text = computer.path("hello.txt");
    hello.write(&text)?;
    let bytes = fs::read_to_string(&text)?;
    for arguments in [&["cid", "--json", "-"][..], &["cid", "--json", "--car", &archive, "/dev/stdin"]] {
        let row = computer.cli().run_with_input(arguments, &bytes)?.done()?.value()?;
        assert_eq!((&row["cid"], &row["size"]), (&json!(hello.cid(PROFILE)?), &json!(11)), "{arguments:?}");
    }
    let checked = computer.run(&["car", "verify", "--json", &archive])?.done()?.value()?;
    assert_eq!((&checked["root"], &checked["complete"]), (&json!(hello.cid(PROFILE)?), &json!(true)));
    for pipe in ["-", "/dev/stdin"] {
        let refused = computer.cli().run_with_input(&["add", pipe], &bytes)?;
        assert!(refused.code == 1 && refused.err.contains("is a pipe"), "{}", refused.err);
    }
    assert!(computer.pins()?.is_empty());
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn an_archive_that_lies_in_the_folder_that_it_is_made_of_is_no_part_of_it() -> Result<()> {
    let computer = Computer::start()?;
    let (site, archive) = (computer.path("site"), computer.path("site/site.car"));
    fs::create_dir(&site)?;
    fs::write(site.join("index.html"), "hi")?;
    let before = computer.run(&[Path::new("cid"), "--json".as_ref(), &site])?.done()?.value()?;
    let packed = [Path::new("cid"), "--json".as_ref(), "--car".as_ref(), &archive, &site];
    assert_eq!(computer.run(&packed)?.done()?.value()?["cid"], before["cid"]);
    let checked = computer.run(&[Path::new("car"), "verify".as_ref(), "--json".as_ref(), &archive])?.done()?.value()?;
    assert_eq!((&checked["root"], &checked["complete"]), (&before["cid"], &json!(true)));
    let again = computer.run(&packed)?;
    assert!(again.code == 1 && again.err.contains("something is there already"), "{}", again.err);

    let unwritten = [Path::new("cid"), "--car".as_ref(), &site.join("other.car"), Path::new("/nowhere")];
    assert_eq!(computer.run(&unwritten)?.code, 1);
    assert!(!site.join("other.car").exists(), "what failed half-way leaves nothing");
    Ok(())
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_kernel_makes_up_is_refused_with_the_reason() -> Result<()> {
    let computer = Computer::start()?;
    for path in ["/proc/version", "/proc/self", "/sys/kernel/uevent_seqnum"] {
        for command in ["cid", "add"] {
            let refused = computer.run(&[command, path])?;
            assert!(refused.code == 1 && refused.err.contains("is made up by the system"), "{path}: {}", refused.err);
        }
    }
    assert!(computer.pins()?.is_empty());
    Ok(())
}

#[test]
fn what_a_cid_names_is_proven_told_apart_and_fetched() -> Result<()> {
    let computer = Computer::start()?;
    let server = computer.serve()?;
    computer.cli().add_account("Served", &server)?;
    let (file, other) = (computer.path("noise.bin"), computer.path("other.bin"));
    samples::write_noise(&file, "verify", 3_000_000)?;
    let mut bytes = fs::read(&file)?;
    bytes[2_345_678] ^= 1;
    fs::write(&other, bytes)?;
    let (file, other) = (file.to_string_lossy(), other.to_string_lossy());
    let added = computer.run(&["add", "--account", "Served", "--json", &file])?.done()?.value()?;
    let (cid, id) = (added["cid"].as_str().context("no CID")?, added["id"].as_str().context("no id")?);

    let gateway = ["--gateway", server.gateway.as_str()];
    // Two questions, two answers: whether the file is the one that is pinned, and whether the service has the blocks.
    for arguments in [&["verify", cid, &*file][..], &["verify", id, &file]] {
        let answers = computer.run(&[arguments, &["--json"]].concat())?.done()?.values()?;
        let said: Vec<_> = answers.iter().map(|answer| (&answer["question"], &answer["verdict"])).collect();
        assert_eq!(said, [(&json!("file"), &json!("same")), (&json!("copy"), &json!("sound"))], "{arguments:?}");
    }
    let same = computer.run(&["verify", cid, &file, gateway[0], gateway[1], "--json"])?.done()?.value()?;
    assert_eq!((&same["question"], &same["verdict"]), (&json!("file"), &json!("same")));
    for arguments in [&["verify", cid, &*other][..], &["verify", cid, &other, gateway[0], gateway[1]]] {
        let differs = computer.run(&[arguments, &["--json"]].concat())?;
        assert_eq!(differs.code, 1, "{differs:?}");
        let difference = &differs.values()?[0]["difference"];
        assert_eq!((&difference["what"], &difference["byte"]), (&json!("content"), &json!(2_345_678)));
    }
    let said = computer.run(&["verify", cid, &other])?;
    assert!(said.out.contains("file: differs from byte 2345678 of "), "{said:?}");
    let pin = computer.run(&["show", "--json", id])?.done()?.value()?;
    assert_eq!((&pin["proof"], &pin["receipts"][0]["proof"]), (&json!("verified"), &json!("verified")));
    assert_eq!((&pin["standing"], &pin["checks"][1]["question"]), (&json!("retrievable"), &json!("file")));

    let sound = computer.run(&["verify", "--json", cid])?.done()?.value()?;
    assert_eq!((&sound["verdict"], &sound["faults"], &sound["of"]), (&json!("sound"), &json!([]), &Value::Null));
    assert!(sound["blocks"].as_u64() > Some(2), "{sound}");
    let unknown = Vector::named("hello")?.cid("unixfs-v0-2015")?;
    let missing = computer.run(&["verify", "--json", &unknown, gateway[0], gateway[1]])?;
    assert_eq!((missing.code, &missing.value()?["verdict"]), (1, &json!("missing")), "{missing:?}");

    // A block that is damaged, and then gone, is told as that, whatever the file is.
    let blocks = process::output(
        std::process::Command::new("find").arg(computer.path("server/service/blocks")).args(["-size", "+500k"]),
    )?;
    let block = Path::new(blocks.lines().next().context("no large block")?);
    let mut bytes = fs::read(block)?;
    bytes[0] ^= 1;
    fs::write(block, bytes)?;
    let damaged = computer.run(&["verify", id, &file])?;
    assert_eq!(damaged.code, 1, "{damaged:?}");
    assert!(
        damaged.out.contains("file: the same as ") && damaged.out.contains("is damaged (from byte "),
        "{damaged:?}"
    );
    fs::remove_file(block)?;
    let missing = computer.run(&["verify", "--all"])?;
    assert_eq!(missing.code, 1, "{missing:?}");
    assert!(missing.out.contains("is missing (from byte "), "{missing:?}");
    assert!(missing.out.ends_with("0 verified, 1 with missing blocks\n"), "{missing:?}");

    let page = serve_html()?;
    for arguments in [&["verify", cid, "--gateway", &page][..], &["verify", &unknown], &["verify", cid, "/nowhere"]] {
        let unsaid = computer.run(arguments)?;
        assert_eq!(unsaid.code, 2, "{arguments:?}: {unsaid:?}");
        assert!(!unsaid.err.is_empty(), "{arguments:?}: it must say why");
    }
    Ok(())
}

fn account(computer: &Computer, label: &str) -> Result<Option<Value>> {
    let list = computer.run(&["account", "ls", "--json"])?.done()?.value()?;
    Ok(list.as_array().context("no array")?.iter().find(|account| account["label"] == label).cloned())
}

/// A web server that is no pinning service: it greets whoever asks whatever.
fn serve_html() -> Result<String> {
    const PAGE: &str =
        "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 14\r\nconnection: close\r\n\r\n<h1>Hello</h1>";
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://{}/api", listener.local_addr()?);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = [0; 4096];
            // Whoever hangs up gets no page.
            if stream.read(&mut request).is_ok() {
                stream.write_all(PAGE.as_bytes()).ok();
            }
        }
    });
    wait::until("the web server", PATIENCE, || {
        Ok(std::net::TcpStream::connect(url.trim_start_matches("http://").trim_end_matches("/api")).ok().map(drop))
    })?;
    Ok(url)
}
