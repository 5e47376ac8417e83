//! A command that its user ends leaves nothing half done behind.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use holdfast_tests::holdfast::Programs;
use holdfast_tests::wait::{self, PATIENCE};
use holdfast_tests::{process, samples};

/// So many that nothing is done with all of them before it can be ended.
const FILES: usize = 20_000;

fn start(arguments: &[&Path]) -> Result<Child> {
    let mut command = Command::new(Programs::find()?.command);
    Ok(command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?)
}

fn entries(place: &Path) -> Result<Vec<String>> {
    let names = fs::read_dir(place)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}

#[test]
fn an_export_that_is_ended_leaves_neither_the_folder_nor_a_part_of_it() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (source, archive, out) = (place.path().join("source"), place.path().join("car"), place.path().join("out"));
    samples::write_folder(&source, FILES, FILES * 10)?;
    let packed = start(&["cid".as_ref(), "--car".as_ref(), &archive, &source])?.wait_with_output()?;
    ensure!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    fs::create_dir(&out)?;
    for end in [process::interrupt, process::terminate] {
        let exporting = start(&["car".as_ref(), "export".as_ref(), &archive, &out.join("copy")])?;
        wait::until("the export has begun to write", PATIENCE, || Ok((!entries(&out)?.is_empty()).then_some(())))?;
        end(exporting.id())?;
        let ended = exporting.wait_with_output()?;
        let said = String::from_utf8(ended.stderr)?;
        assert_eq!(ended.status.code().context(said.clone())?, 130, "{said}");
        assert!(said.contains("ended; nothing is left of it"), "{said}");
        assert_eq!(entries(&out)?, Vec::<String>::new());
    }
    Ok(())
}
