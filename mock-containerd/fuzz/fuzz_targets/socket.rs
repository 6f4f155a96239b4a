//! Any bytes on a connection, alone and behind the preface of HTTP/2; afterwards the mock answers
//! a call.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| mock_containerd::fuzzing::socket(bytes));
