//! What `set` and the words of `sh` itself switch on and off.

/// All off, unless somebody says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options {
    /// `-e`
    pub(super) ends_on_error: bool,
    /// `-u`
    pub(super) unset_is_error: bool,
    /// `-x`
    pub(super) traces: bool,
    /// `-o pipefail`
    pub(super) pipe_fails: bool,
}

impl Options {
    /// By a letter, or by the name behind `-o`. False: there is no such option here.
    pub(super) fn switch(&mut self, name: &str, on: bool) -> bool {
        match name {
            "e" | "errexit" => self.ends_on_error = on,
            "u" | "nounset" => self.unset_is_error = on,
            "x" | "xtrace" => self.traces = on,
            "pipefail" => self.pipe_fails = on,
            // There are no files whose names a pattern could become.
            "f" | "noglob" => {}
            _ => return false,
        }
        true
    }

    /// Takes the options in front of these words, and the names that belong to them. How many words
    /// it took, or what there is not.
    pub(super) fn take(&mut self, words: &[&str]) -> Result<usize, String> {
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let on = word.starts_with('-');
            if !on && !word.starts_with('+') || word.len() < 2 || *word == "--" {
                break;
            }
            at += 1;
            for letter in word[1..].chars() {
                let known = match letter {
                    'o' => {
                        at += 1;
                        words.get(at - 1).is_some_and(|name| self.switch(name, on))
                    }
                    letter => self.switch(letter.encode_utf8(&mut [0; 4]), on),
                };
                if !known {
                    return Err(words[..at].join(" "));
                }
            }
        }
        Ok(at)
    }

    /// `$-`
    pub(super) fn letters(self) -> String {
        let all = [(self.ends_on_error, 'e'), (self.unset_is_error, 'u'), (self.traces, 'x')];
        all.iter().filter(|(on, _)| *on).map(|(_, letter)| letter).collect()
    }
}
