#![no_main]

#[path = "../../tests/crashes/request_head.rs"]
mod request_head;

libfuzzer_sys::fuzz_target!(|input: &[u8]| request_head::check(input));
