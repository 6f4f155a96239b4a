//! What a shell does itself: it changes the shell.

use super::super::signals::Disposition;
use super::expand::WORD_BYTES_MAX;
use super::parser::is_variable;
use super::play::{Leave, Shell, Went};
use super::split;

/// What other shells do themselves, and this one does not.
const MISSING: [&str; 24] = [
    "[[", "alias", "bg", "declare", "fc", "fg", "getopts", "hash", "history", "jobs", "let",
    "mapfile", "popd", "pushd", "readonly", "select", "shopt", "source", "times", "type",
    "typeset", "ulimit", "umask", "unalias",
];
const OWN: [&str; 19] = [
    ":", ".", "break", "cd", "command", "continue", "eval", "exec", "exit", "export", "kill",
    "local", "read", "return", "set", "shift", "trap", "unset", "wait",
];

/// Characters, and whether each is escaped; and whether the input ended before the line did.
type Line = (Vec<(char, bool)>, bool);

impl Shell {
    /// `None`: it is no command of the shell's own.
    pub(super) async fn builtin(&mut self, words: &[String]) -> Option<Went> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (name, words) = words.split_first().expect("a command has a name");
        Some(match *name {
            ":" => self.ended(0),
            "exit" | "return" => Box::pin(self.leave(name, words)).await,
            "break" | "continue" => Box::pin(self.leave_loops(name, words)).await,
            "export" => Box::pin(self.export(words)).await,
            "unset" => self.unset(words),
            "local" => Box::pin(self.local(words)).await,
            "cd" => Box::pin(self.enter(words)).await,
            "set" => Box::pin(self.set(words)).await,
            "shift" => Box::pin(self.shift(words)).await,
            "eval" => self.evaluate(&words.join(" ")).await,
            "exec" => Box::pin(self.replace(words)).await,
            "command" => Box::pin(self.plain_command(words)).await,
            "." => {
                let file = words.first().unwrap_or(&"");
                Err(self.fails(&format!(".: can't open '{file}': No such file or directory")).await)
            }
            "trap" => Box::pin(self.trap(words)).await,
            "kill" => Box::pin(self.kill(words)).await,
            "read" => Box::pin(self.read(words)).await,
            "wait" => Box::pin(self.wait(words)).await,
            name if MISSING.contains(&name) => Err(self.lacks(name).await),
            _ => return None,
        })
    }

    pub(super) fn ended(&mut self, status: u32) -> Went {
        self.status = status;
        Ok(())
    }

    async fn lacks(&mut self, what: &str) -> Leave {
        self.fails(&format!("the mock's shell does not have {what}")).await
    }

    async fn number(&mut self, name: &str, words: &[&str], or: u32) -> Result<u32, Leave> {
        match words.first() {
            None => Ok(or),
            Some(word) => match word.parse() {
                Ok(number) => Ok(number),
                Err(_) => Err(self.fails(&format!("{name}: Illegal number: {word}")).await),
            },
        }
    }

    async fn leave(&mut self, name: &str, words: &[&str]) -> Went {
        let status = self.number(name, words, self.status).await? & 0xff;
        Err(if name == "return" { Leave::Return(status) } else { Leave::Exit(status) })
    }

    async fn leave_loops(&mut self, name: &str, words: &[&str]) -> Went {
        let loops = self.number(name, words, 1).await?;
        match (self.loops, name) {
            (0, _) => self.ended(0),
            (_, "break") => Err(Leave::Break(loops)),
            _ => Err(Leave::Continue(loops)),
        }
    }

    async fn export(&mut self, words: &[&str]) -> Went {
        let words = if words.first() == Some(&"--") { &words[1..] } else { words };
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            if name.starts_with('-') {
                return Err(self.lacks(&format!("export {name}")).await);
            }
            if !is_variable(name) {
                return Err(self.fails(&format!("export: {name}: bad variable name")).await);
            }
            if word.contains('=') || self.variables.get(name).is_none() {
                self.variables.set(name, value);
            }
            self.variables.export(name);
        }
        self.ended(0)
    }

    fn unset(&mut self, words: &[&str]) -> Went {
        for word in words {
            if words[0] == "-f" {
                self.functions.remove(*word);
            } else {
                self.variables.unset(word);
            }
        }
        self.ended(0)
    }

    async fn local(&mut self, words: &[&str]) -> Went {
        if self.locals.is_empty() {
            return Err(self.fails("local: not in a function").await);
        }
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let before = self.variables.state(name);
            let inner = self.locals.last_mut().expect("looked for just now");
            inner.push((name.to_owned(), before));
            if word.contains('=') {
                self.variables.set(name, value);
            }
        }
        self.ended(0)
    }

    /// A mock has no folders: it believes that any is there.
    async fn enter(&mut self, words: &[&str]) -> Went {
        let here = self.actor.setting.folder().to_owned();
        let to = match words {
            [] => self.variables.get("HOME").unwrap_or("/").to_owned(),
            ["-"] => self.variables.get("OLDPWD").unwrap_or(&here).to_owned(),
            ["--", path, ..] | [path, ..] => (*path).to_owned(),
        };
        let mut folders = Vec::new();
        let path = if to.starts_with('/') { to } else { format!("{here}/{to}") };
        for folder in path.split('/') {
            match folder {
                "" | "." => {}
                ".." => drop(folders.pop()),
                folder => folders.push(folder),
            }
        }
        let mut setting = (*self.actor.setting).clone();
        setting.cwd = format!("/{}", folders.join("/"));
        self.variables.set("OLDPWD", here);
        self.variables.set("PWD", setting.cwd.as_str());
        if words == ["-"] {
            self.actor.print(format!("{}\n", setting.cwd)).await;
        }
        self.actor.setting = setting.into();
        self.ended(0)
    }

    async fn set(&mut self, words: &[&str]) -> Went {
        if words.is_empty() {
            return Err(self.lacks("set without words").await);
        }
        let taken = match self.options.take(words) {
            Ok(taken) => taken,
            Err(option) => return Err(self.lacks(&format!("set {option}")).await),
        };
        let rest = match words[taken..] {
            ["--", ref rest @ ..] => Some(rest),
            [] => None,
            ref rest => Some(rest),
        };
        if let Some(rest) = rest {
            self.params = rest.iter().map(|word| (*word).to_owned()).collect();
        }
        self.ended(0)
    }

    async fn shift(&mut self, words: &[&str]) -> Went {
        let count = self.number("shift", words, 1).await?;
        let count = usize::try_from(count).expect("a target of at least 32 bits");
        if count > self.params.len() {
            return self.ended(1);
        }
        self.params.drain(..count);
        self.ended(0)
    }

    /// The shell ends with the command, which takes over its signals' default dispositions.
    async fn replace(&mut self, words: &[&str]) -> Went {
        if words.is_empty() {
            return self.ended(0);
        }
        for signal in self.traps.split_off(&1).into_keys() {
            self.actor.signals.dispose(signal, Disposition::Default);
        }
        self.traps.clear();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        self.external(&words).await?;
        Err(Leave::Exit(self.status))
    }

    /// `command -v NAME…`, or one that is played without a look at the functions.
    async fn plain_command(&mut self, words: &[&str]) -> Went {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        match words {
            [] => self.ended(0),
            ["-v", names @ ..] => {
                let mut status = 0;
                for name in names {
                    let is_own = OWN.contains(name) || self.functions.contains_key(*name);
                    if is_own || self.found(&own(&[name])).is_some() {
                        self.actor.print(format!("{name}\n")).await;
                    } else {
                        status = 127;
                    }
                }
                self.ended(status)
            }
            [option, ..] if option.starts_with('-') => {
                Err(self.lacks(&format!("command {option}")).await)
            }
            words => Box::pin(self.without_functions(&own(words))).await,
        }
    }

    /// One line into variables, the last of which takes the rest. Fails at the end of the input.
    async fn read(&mut self, words: &[&str]) -> Went {
        let (mut words, mut is_raw) = (words, false);
        loop {
            match words {
                ["-r", rest @ ..] => (words, is_raw) = (rest, true),
                ["-p", prompt, rest @ ..] => {
                    if self.actor.setting.terminal {
                        self.actor.complain(prompt).await;
                    }
                    words = rest;
                }
                [option, ..] if option.starts_with('-') => {
                    return Err(self.lacks(&format!("read {option}")).await);
                }
                _ => break,
            }
        }
        let (line, ended) = self.line_of_input(is_raw).await?;
        let names = if words.is_empty() { &["REPLY"] } else { words };
        let fields = split::line(&line, &self.separators(), names.len());
        for (name, value) in names.iter().zip(fields) {
            self.variables.set(name, value);
        }
        self.ended(u32::from(ended))
    }

    async fn line_of_input(&mut self, is_raw: bool) -> Result<Line, Leave> {
        let (mut bytes, mut controls) = (Vec::new(), self.actor.controls.clone());
        let mut is_escaped = false;
        // Byte by byte, as a shell does: what follows the line is for the next who reads.
        let ended = loop {
            let mut byte = [0];
            match self.actor.stdin.read(&mut byte, &mut controls).await {
                0 => break true,
                _ if byte == *b"\n" && !is_escaped => break false,
                _ if bytes.len() >= WORD_BYTES_MAX => {
                    return Err(self.fails("out of memory").await);
                }
                _ => bytes.extend(byte),
            }
            is_escaped = !is_raw && !is_escaped && byte == *b"\\";
        };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (mut line, mut rest) = (Vec::new(), text.chars());
        while let Some(next) = rest.next() {
            match (next, is_raw) {
                ('\\', false) => {
                    line.extend(rest.next().filter(|next| *next != '\n').map(|next| (next, true)))
                }
                (next, _) => line.push((next, false)),
            }
        }
        Ok((line, ended))
    }
}
