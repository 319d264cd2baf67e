#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| confer_tests::fuzz::server_script(data));
