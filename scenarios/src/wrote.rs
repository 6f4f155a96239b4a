//! What a process should have written, as a scenario says it.

use driver_protocol::{Digest, Ending, Gathered};
use sha2::{Digest as _, Sha256};

/// How a process exits, and all that it has written by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrote {
    /// Its exit status.
    pub exit: u32,
    /// What it wrote to its standard output.
    pub text: String,
    /// Whether that is all that will ever come.
    pub output: Ending,
}

impl Wrote {
    /// As a driver tells it.
    pub fn gathered(&self) -> Gathered {
        let sum = Sha256::digest(self.text.as_bytes());
        let sha256 = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        let stdout = Digest { bytes: self.text.len() as u64, sha256 };
        Gathered { stdout, output: self.output }
    }

    /// In words.
    pub fn words(&self) -> String {
        let ending = match self.output {
            Ending::Complete => "complete",
            Ending::CutOff => "cut-off",
        };
        format!("exit {} and {ending} output of {} bytes", self.exit, self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_known_by_its_length_and_its_sum() {
        let wrote = Wrote { exit: 0, text: "hello\n".to_owned(), output: Ending::Complete };
        let sum = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let stdout = Digest { bytes: 6, sha256: sum.to_owned() };
        assert_eq!(wrote.gathered(), Gathered { stdout, output: Ending::Complete });
        assert_eq!(wrote.words(), "exit 0 and complete output of 6 bytes");
    }
}
