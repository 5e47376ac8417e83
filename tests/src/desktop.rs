//! A desktop of its own for each scenario: display, window manager, session bus and keyring, in a directory that goes
//! away with it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::process::{self, Group};
use crate::wait::{self, PATIENCE};

/// Width and height of the display, in pixels.
pub const SCREEN: (u32, u32) = (1600, 1000);

const KEYRING_PASSWORD: &[u8] = b"a desktop for tests";

/// What a session offers for keeping secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// A private bus with an unlocked keyring on it.
    WithKeyring,
    /// No session bus at all, as on a bare server.
    WithoutBus,
}

/// A running desktop. Everything on it ends when it is dropped.
#[derive(Debug)]
pub struct Desktop {
    // First, so that the processes are gone when the directory is removed.
    processes: Vec<Group>,
    // Held for its lock: two desktops at a time are too much for a small machine, and slow is what deadlines catch.
    _turn: File,
    directory: TempDir,
    display: String,
    bus: Option<String>,
}

impl Desktop {
    /// Starts a display on a free number, a window manager, and what `session` asks for.
    ///
    /// # Errors
    ///
    /// When one of the programs is not installed or does not come up.
    pub fn start(session: Session) -> Result<Self> {
        let turn = File::create(std::env::temp_dir().join("holdfast-desktop.lock"))?;
        turn.lock()?;
        let directory = tempfile::Builder::new().prefix("holdfast-desktop-").tempdir()?;
        for name in ["home", "run", "data", "config", "cache"] {
            fs::create_dir(directory.path().join(name))?;
        }
        fs::set_permissions(directory.path().join("run"), fs::Permissions::from_mode(0o700))?;

        let mut desktop = Self { processes: Vec::new(), _turn: turn, directory, display: String::new(), bus: None };
        desktop.start_display()?;
        if session == Session::WithKeyring {
            desktop.start_bus()?;
            desktop.start_keyring()?;
        }
        desktop.start_window_manager()?;
        Ok(desktop)
    }

    /// The directory that goes away with the desktop.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A command that runs on this desktop and knows no other.
    pub fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        let directory = self.directory.path();
        command
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env("DISPLAY", &self.display)
            .env("HOME", directory.join("home"))
            .env("XDG_RUNTIME_DIR", directory.join("run"))
            .env("XDG_DATA_HOME", directory.join("data"))
            .env("XDG_CONFIG_HOME", directory.join("config"))
            .env("XDG_CACHE_HOME", directory.join("cache"))
            .env("XDG_CURRENT_DESKTOP", "GNOME")
            .env("GDK_BACKEND", "x11")
            .env("NO_AT_BRIDGE", "1")
            .env("LANG", "C.UTF-8");
        if let Some(bus) = &self.bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", bus);
        }
        command
    }

    /// The X11 id of the window with this title, once it is shown.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn visible_window(&self, title: &str) -> Result<String> {
        let search = ["search", "--onlyvisible", "--name", &format!("^{title}$")].map(str::to_owned);
        wait::until(title, PATIENCE, || {
            let found = self.command("xdotool").args(&search).output()?;
            Ok(String::from_utf8_lossy(&found.stdout).lines().next().map(str::to_owned))
        })
    }

    fn start_display(&mut self) -> Result<()> {
        let screen = format!("{}x{}x24", SCREEN.0, SCREEN.1);
        let mut xvfb = self.spawn(
            Command::new("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", &screen, "-nolisten", "tcp", "-noreset"])
                .stdout(Stdio::piped()),
            "xvfb",
        )?;
        self.display = format!(":{}", first_line(&mut xvfb).context("Xvfb did not come up")?);
        self.processes.push(xvfb);
        Ok(())
    }

    fn start_bus(&mut self) -> Result<()> {
        let address = format!("--address=unix:path={}", self.directory.path().join("run/bus").display());
        let mut bus = self.spawn(
            self.command("dbus-daemon")
                .args(["--session", "--nofork", "--nopidfile", "--print-address=1", &address])
                .stdout(Stdio::piped()),
            "dbus",
        )?;
        self.bus = Some(first_line(&mut bus).context("dbus-daemon did not come up")?);
        self.processes.push(bus);
        Ok(())
    }

    fn start_keyring(&mut self) -> Result<()> {
        let password = self.directory.path().join("run/password");
        File::create(&password)?.write_all(KEYRING_PASSWORD)?;
        let keyring = self.spawn(
            self.command("gnome-keyring-daemon")
                .args(["--unlock", "--components=secrets", "--foreground"])
                .stdin(File::open(&password)?)
                .stdout(Stdio::null()),
            "keyring",
        )?;
        self.processes.push(keyring);
        // Asking the keyring anything before it owns its name would have the bus start a second one, locked.
        self.ask_bus("a keyring", "org.freedesktop.DBus", &["NameHasOwner", "string:org.freedesktop.secrets"], "true")?;
        self.ask_bus("an unlocked keyring", "org.freedesktop.secrets", &["ReadAlias", "string:default"], "/login")?;
        fs::remove_file(password)?;
        Ok(())
    }

    /// Waits until the answer of a well-known name's main object has `wanted` in it.
    fn ask_bus(&self, what: &str, name: &str, call: &[&str; 2], wanted: &str) -> Result<()> {
        let object = format!("/{}", name.replace('.', "/"));
        let interface = if name == "org.freedesktop.secrets" { "org.freedesktop.Secret.Service" } else { name };
        let call = [&format!("{interface}.{}", call[0]), call[1]];
        wait::until(what, PATIENCE, || {
            let dest = format!("--dest={name}");
            let ask = ["--session", "--print-reply=literal", &dest, &object];
            let answer = self.command("dbus-send").args(ask).args(call).output()?;
            Ok(String::from_utf8_lossy(&answer.stdout).contains(wanted).then_some(()))
        })
    }

    fn start_window_manager(&mut self) -> Result<()> {
        let openbox = self.spawn(self.command("openbox").arg("--sm-disable").stdout(Stdio::null()), "openbox")?;
        self.processes.push(openbox);
        wait::until("a window manager", PATIENCE, || {
            let answer = self.command("xdotool").arg("get_num_desktops").output()?;
            Ok(answer.status.success().then_some(()))
        })
    }

    fn spawn(&self, command: &mut Command, name: &str) -> Result<Group> {
        let (_, log) = process::log_file(&self.log(name))?;
        Group::spawn(command.stderr(log))
    }

    /// Where the program called `name` writes what it has to say.
    pub fn log(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.log"))
    }
}

fn first_line(group: &mut Group) -> Result<String> {
    let mut line = String::new();
    BufReader::new(group.stdout()?).read_line(&mut line)?;
    anyhow::ensure!(!line.trim().is_empty(), "it ended without a word");
    Ok(line.trim().to_owned())
}
