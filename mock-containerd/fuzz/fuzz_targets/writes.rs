//! Any messages on streams of writes, in two namespaces, held against a list of what was kept.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| mock_containerd::fuzzing::writes(bytes));
