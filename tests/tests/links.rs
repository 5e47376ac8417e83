//! What the engine and the command are linked with.

use std::process::Command;

use anyhow::Result;
use holdfast_tests::process;

const GUI: [&str; 12] =
    ["gtk", "gdk", "webkit2gtk", "javascriptcore", "wry", "tao", "tauri", "rfd", "muda", "cocoa", "webview2", "winit"];

fn gui_crates_of(package: &str) -> Result<Vec<String>> {
    let tree = process::output(
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["tree", "--locked", "--edges", "normal", "--prefix", "none", "--format", "{p}"])
            .args(["--target", "all", "--package", package])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")),
    )?;
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let is_gui = |name: &&str| GUI.iter().any(|gui| *name == *gui || name.starts_with(&format!("{gui}-")));
    Ok(names.filter(is_gui).map(str::to_owned).collect())
}

#[test]
fn the_engine_and_the_command_link_no_gui_library() -> Result<()> {
    for package in ["holdfast-content", "holdfast-core", "holdfast-service", "holdfast-cli"] {
        assert_eq!(gui_crates_of(package)?, Vec::<String>::new(), "{package}");
    }
    assert!(!gui_crates_of("holdfast-desktop")?.is_empty(), "the list of GUI libraries has gone stale");
    Ok(())
}
