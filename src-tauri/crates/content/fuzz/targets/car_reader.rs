#![no_main]

#[path = "../../tests/crashes/car_reader.rs"]
mod car_reader;

libfuzzer_sys::fuzz_target!(|input: &[u8]| car_reader::check(input));
