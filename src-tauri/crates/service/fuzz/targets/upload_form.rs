#![no_main]

#[path = "../../tests/crashes/upload_form.rs"]
mod upload_form;

libfuzzer_sys::fuzz_target!(|input: &[u8]| upload_form::check(input));
