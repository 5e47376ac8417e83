//! No input makes the readers of archives, DAGs and texts panic, hang or take much memory: the seeds of the fuzz targets,
//! inputs made to be nasty, and every input that a fuzz target ever stopped at (`tests/crashes/<target>/`).
#![cfg(test)]

#[path = "crashes/car_reader.rs"]
mod car_reader;
#[path = "crashes/cid_in_text.rs"]
mod cid_in_text;
#[path = "crashes/dag_pb_unixfs.rs"]
mod dag_pb_unixfs;
#[path = "crashes/seeds.rs"]
mod seeds;
#[path = "crashes/targets.rs"]
mod targets;

use targets::{Target, read_every_part, read_what_once_did_harm, write_seeds};

const TARGETS: [Target; 3] = [
    ("car_reader", seeds::car_reader, car_reader::check),
    ("dag_pb_unixfs", seeds::dag_pb_unixfs, dag_pb_unixfs::check),
    ("cid_in_text", seeds::cid_in_text, cid_in_text::check),
];

/// Beginnings of each seed that are read.
const CUTS: usize = 64;

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
