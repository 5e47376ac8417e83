#![no_main]

#[path = "../../tests/crashes/dag_pb_unixfs.rs"]
mod dag_pb_unixfs;

libfuzzer_sys::fuzz_target!(|input: &[u8]| dag_pb_unixfs::check(input));
