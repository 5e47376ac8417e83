//! No input makes the readers of requests, forms and redirects panic, hang or take much memory: the seeds of the fuzz targets,
//! inputs made to be nasty, and every input that a fuzz target ever stopped at (`tests/crashes/<target>/`).
#![cfg(test)]

#[path = "crashes/redirects.rs"]
mod redirects;
#[path = "crashes/request_head.rs"]
mod request_head;
#[path = "crashes/seeds.rs"]
mod seeds;
#[path = "../../content/tests/crashes/targets.rs"]
mod targets;
#[path = "crashes/upload_form.rs"]
mod upload_form;

use targets::{Target, read_every_part, read_what_once_did_harm, write_seeds};

const TARGETS: [Target; 3] = [
    ("request_head", seeds::request_head, request_head::check),
    ("upload_form", seeds::upload_form, upload_form::check),
    ("redirects", seeds::redirects, redirects::check),
];

/// Beginnings of each seed that are read.
const CUTS: usize = 32;

#[test]
fn every_seed_and_every_part_of_it_is_read_safely() {
    read_every_part(&TARGETS, CUTS);
}

#[test]
fn inputs_that_once_did_harm_do_none() {
    read_what_once_did_harm(&TARGETS, env!("CARGO_MANIFEST_DIR"));
}

#[test]
#[ignore = "writes the files that `make fuzz` begins with"]
fn write_the_seeds() {
    write_seeds(&TARGETS, env!("CARGO_MANIFEST_DIR"));
}
