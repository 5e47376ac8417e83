//! Dragging files or a text with a real mouse from a real window, over XDND.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};

use crate::desktop::{Desktop, SCREEN};
use crate::process::{self, Group};
use crate::wait::{self, PATIENCE};

/// A window without decoration in a corner of the display: pressing the mouse in it and moving starts a drag.
const SOURCE: &str = r#"
import gi, pathlib, sys
x, y, size = (int(n) for n in sys.argv[1:4])
kind, load = sys.argv[4], sys.argv[5:]
uris = [pathlib.Path(p).as_uri() if p.startswith("/") else p for p in load]
# GTK reads the arguments too, and names that are not UTF-8 end it.
del sys.argv[1:]
gi.require_version("Gtk", "3.0")
from gi.repository import Gtk, Gdk
window = Gtk.Window(title="drag-source", decorated=False)
window.set_default_size(size, size)
window.set_keep_above(True)
box = Gtk.EventBox()
box.add(Gtk.Label(label="files"))
window.add(box)
box.drag_source_set(Gdk.ModifierType.BUTTON1_MASK, [], Gdk.DragAction.COPY)
if kind == "text":
    box.drag_source_add_text_targets()
    box.connect("drag-data-get", lambda _w, _c, data, _i, _t: data.set_text(load[0], -1))
else:
    box.drag_source_add_uri_targets()
    box.connect("drag-data-get", lambda _w, _c, data, _i, _t: data.set_uris(uris))
box.connect("drag-end", Gtk.main_quit)
window.show_all()
window.move(x, y)
Gtk.main()
"#;

const SIZE: u32 = 120;
/// Enough motion events for the toolkit to notice a drag and for the target to answer each.
const STEPS: i32 = 12;
/// Between two motions, as a hand does. Faster, and XDND drops messages.
const PACE: &str = "0.05";

/// Files held by the mouse. Dropping the value lets go of the process, not of the files.
#[derive(Debug)]
pub struct Drag<'a> {
    desktop: &'a Desktop,
    source: Group,
}

impl<'a> Drag<'a> {
    /// Picks `paths` up, or addresses that are no paths, and carries them over the window with this title, without letting go.
    ///
    /// # Errors
    ///
    /// When the source or the target window does not appear.
    pub fn over(desktop: &'a Desktop, title: &str, paths: &[&Path]) -> Result<Self> {
        Self::carry(desktop, title, "files", paths)
    }

    /// The same with a text.
    ///
    /// # Errors
    ///
    /// When the source or the target window does not appear.
    pub fn text_over(desktop: &'a Desktop, title: &str, text: &str) -> Result<Self> {
        Self::carry(desktop, title, "text", &[text])
    }

    fn carry(desktop: &'a Desktop, title: &str, kind: &str, load: &[impl AsRef<OsStr>]) -> Result<Self> {
        let script = desktop.directory().join("drag-source.py");
        fs::write(&script, SOURCE)?;
        let (left, top) = (SCREEN.0 - SIZE, SCREEN.1 - SIZE);
        let (_, log) = process::log_file(&desktop.log("drag-source"))?;
        let source = Group::spawn(
            desktop
                .command("/usr/bin/python3")
                .arg(&script)
                .args([left.to_string(), top.to_string(), SIZE.to_string(), kind.to_owned()])
                .args(load)
                .stdout(Stdio::null())
                .stderr(log),
        )?;
        let drag = Self { desktop, source };
        wait::until("the drag source", PATIENCE, || {
            let place = drag.geometry("drag-source")?;
            Ok(place.filter(|place| (place.x, place.y) == (to_i32(left), to_i32(top))))
        })?;
        let target = wait::until("the window to drop on", PATIENCE, || drag.geometry(title))?;

        let (from_x, from_y) = (to_i32(left + SIZE / 2), to_i32(top + SIZE / 2));
        let (to_x, to_y) = (target.x + target.width / 2, target.y + target.height / 2);
        let mut moves = vec!["mousemove".to_owned(), from_x.to_string(), from_y.to_string()];
        moves.extend(["mousedown", "1"].map(str::to_owned));
        for step in 1..=STEPS {
            let x = from_x + (to_x - from_x) * step / STEPS;
            let y = from_y + (to_y - from_y) * step / STEPS;
            moves.extend(["sleep".to_owned(), PACE.to_owned()]);
            moves.extend(["mousemove".to_owned(), x.to_string(), y.to_string()]);
        }
        process::output(drag.desktop.command("xdotool").args(moves))?;
        Ok(drag)
    }

    /// Carries what is held to a place of the window with this title, in its pixels.
    ///
    /// # Errors
    ///
    /// When the window is not there.
    pub fn move_to(&self, title: &str, x: i32, y: i32) -> Result<()> {
        let target = self.geometry(title)?.context("no window to move in")?;
        let (x, y) = ((target.x + x).to_string(), (target.y + y).to_string());
        let near = (target.x + target.width / 2).to_string();
        // More than one motion, as with a hand.
        let moves = ["mousemove", &near, &y, "sleep", PACE, "mousemove", &x, &y, "sleep", PACE];
        process::output(self.desktop.command("xdotool").args(moves))?;
        Ok(())
    }

    /// Lets go, and waits until the source has handed the files over.
    ///
    /// # Errors
    ///
    /// When nobody takes them.
    pub fn drop_here(mut self) -> Result<()> {
        // The target answers the last motion before it may be dropped on.
        process::output(self.desktop.command("xdotool").args(["sleep", "0.3", "mouseup", "1"]))?;
        wait::until("the drop to be taken", PATIENCE, || self.source.ended())?;
        Ok(())
    }

    fn geometry(&self, title: &str) -> Result<Option<Geometry>> {
        let window = self.desktop.visible_window(title)?;
        let answer = self.desktop.command("xdotool").args(["getwindowgeometry", "--shell", &window]).output()?;
        if !answer.status.success() {
            return Ok(None);
        }
        Geometry::parse(&String::from_utf8_lossy(&answer.stdout)).map(Some)
    }
}

#[derive(Clone, Copy, Debug)]
struct Geometry {
    x: i32,
    y: i32,
    width: i32,
    height: i32,
}

impl Geometry {
    fn parse(text: &str) -> Result<Self> {
        let number = |name: &str| -> Result<i32> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            Ok(line.with_context(|| format!("no {name} in {text}"))?.parse()?)
        };
        Ok(Self { x: number("X")?, y: number("Y")?, width: number("WIDTH")?, height: number("HEIGHT")? })
    }
}

fn to_i32(pixels: u32) -> i32 {
    i32::try_from(pixels).unwrap_or(i32::MAX)
}
