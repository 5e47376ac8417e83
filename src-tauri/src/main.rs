//! The `holdfast-desktop` program.

// A console window would open beside the real one on Windows.
#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

use std::process::ExitCode;

fn main() -> ExitCode {
    holdfast_desktop::run()
}
