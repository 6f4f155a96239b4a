//! Any text as a file of faults.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = mock_containerd::Faults::parse("faults.toml", text);
});
