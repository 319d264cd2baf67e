#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| confer_tests::fuzz::read_transcript(data));
