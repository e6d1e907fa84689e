#![no_main]

#[path = "../columns.rs"]
mod columns;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| columns::columns(bytes));
