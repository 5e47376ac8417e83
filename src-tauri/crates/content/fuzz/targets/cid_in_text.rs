#![no_main]

#[path = "../../tests/crashes/cid_in_text.rs"]
mod cid_in_text;

libfuzzer_sys::fuzz_target!(|input: &[u8]| cid_in_text::check(input));
