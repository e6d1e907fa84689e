#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sandtrap::fuzzing::manifest(bytes));
