#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| confer_tests::fuzz::chat_api(data));
