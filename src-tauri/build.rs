//! Generates what the web view is allowed to call from the list of commands.

use std::error::Error;
use std::fs;
use std::path::Path;

macro_rules! commands {
    (
        calls: $($room:ident { $($name:ident($request:ty) -> $response:ty),* $(,)? })*;
        untyped: $rest:ident { $($untyped:ident),* $(,)? }
    ) => {
        const COMMANDS: &[&str] = &[$($(stringify!($name),)*)* $(stringify!($untyped),)*];
    };
}

include!("src/ipc/commands.in.rs");

const WEB_VIEW: &str = "../ui/dist";
const PLACEHOLDER: &str = "<!doctype html><title>Holdfast</title><p>The web view is not built: run make build.</p>\n";

fn main() -> Result<(), Box<dyn Error>> {
    // The whole folder becomes part of the binary, and must exist before the web view is built.
    let index = Path::new(WEB_VIEW).join("index.html");
    if !index.exists() {
        fs::create_dir_all(WEB_VIEW)?;
        fs::write(index, PLACEHOLDER)?;
    }
    println!("cargo:rerun-if-changed=src/ipc/commands.in.rs");
    println!("cargo:rerun-if-changed={WEB_VIEW}");

    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))?;
    Ok(())
}
