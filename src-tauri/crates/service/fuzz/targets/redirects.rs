#![no_main]

#[path = "../../tests/crashes/redirects.rs"]
mod redirects;

libfuzzer_sys::fuzz_target!(|input: &[u8]| redirects::check(input));
