//! What a shell does itself: it changes the shell.

use std::sync::Arc;

use super::super::signal;
use super::super::signals::Disposition;
use super::parser::parse;
use super::play::{Leave, Shell, Went};

/// What `read` keeps of a line.
const LINE_BYTES_MAX: usize = 64 * 1024;

impl Shell {
    /// `None`: it is no command of the shell's own.
    pub(super) async fn builtin(&mut self, words: &[String]) -> Option<Went> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (name, words) = words.split_first().expect("a command has a name");
        let number = |or: u32| words.first().and_then(|word| word.parse().ok()).unwrap_or(or);
        let went = match *name {
            ":" => self.ended(0),
            "exit" => Err(Leave::Exit(number(self.status) & 0xff)),
            "break" => Err(Leave::Break(number(1))),
            "continue" => Err(Leave::Continue(number(1))),
            "export" => self.export(words),
            "unset" => {
                words.iter().for_each(|word| self.variables.unset(word));
                self.ended(0)
            }
            "cd" => self.enter(words),
            "set" => self.set(words).await,
            "eval" => self.evaluate(&words.join(" ")).await,
            "exec" => self.replace(words).await,
            "trap" => self.trap(words).await,
            "kill" => self.kill(words).await,
            "read" => self.read(words).await,
            "wait" => self.wait().await,
            _ => return None,
        };
        Some(went)
    }

    fn ended(&mut self, status: u32) -> Went {
        self.status = status;
        Ok(())
    }

    async fn failed(&mut self, status: u32, complaint: String) -> Went {
        self.actor.complain(format!("sh: {complaint}\n")).await;
        self.ended(status)
    }

    fn export(&mut self, words: &[&str]) -> Went {
        for word in words {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            if word.contains('=') || self.variables.get(name).is_none() {
                self.variables.set(name, value);
            }
            self.variables.export(name);
        }
        self.ended(0)
    }

    /// A mock has no folders: it believes that any is there.
    fn enter(&mut self, words: &[&str]) -> Went {
        let mut setting = (*self.actor.setting).clone();
        setting.cwd = match words.first() {
            None => "/".to_owned(),
            Some(path) if path.starts_with('/') => (*path).to_owned(),
            Some(path) => format!("{}/{path}", setting.cwd.trim_end_matches('/')),
        };
        self.actor.setting = setting.into();
        self.ended(0)
    }

    async fn set(&mut self, words: &[&str]) -> Went {
        for word in words {
            match *word {
                "-e" => self.stops_on_error = true,
                "+e" => self.stops_on_error = false,
                other => {
                    return self.failed(2, format!("the mock's set does not have {other}")).await;
                }
            }
        }
        self.ended(0)
    }

    /// Boxed where it comes round again.
    async fn evaluate(&mut self, line: &str) -> Went {
        if self.actor.depth >= super::DEPTH_MAX {
            self.actor.complain(super::TOO_DEEP).await;
            return Err(Leave::Exit(2));
        }
        self.actor.depth += 1;
        let went = match parse(line) {
            Ok(list) => self.list(&list).await,
            Err(why) => self.failed(2, why.0).await,
        };
        self.actor.depth -= 1;
        went
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
        let quoted: Vec<String> =
            words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
        self.evaluate(&quoted.join(" ")).await?;
        Err(Leave::Exit(self.status))
    }

    async fn trap(&mut self, words: &[&str]) -> Went {
        let (action, names) = match words {
            [] => return self.ended(0),
            // One word alone: back to the default.
            [name] => ("-", std::slice::from_ref(name)),
            [action, names @ ..] => (*action, names),
        };
        let list = match parse(if action == "-" { "" } else { action }) {
            Ok(list) => Arc::new(list),
            Err(why) => return self.failed(2, why.0).await,
        };
        for name in names {
            let number = match *name {
                "EXIT" | "0" => Some(0),
                name => signal::number(name),
            };
            let Some(number) = number else {
                return self.failed(1, format!("trap: {name}: bad trap")).await;
            };
            self.traps.remove(&number);
            let disposition = match action {
                "-" => Disposition::Default,
                "" => Disposition::Ignored,
                _ => {
                    self.traps.insert(number, list.clone());
                    Disposition::Handled
                }
            };
            // What cannot be handled may be named all the same.
            if number != 0 && signal::can_be_handled(number) {
                self.actor.signals.dispose(number, disposition);
            }
        }
        self.ended(0)
    }

    /// Its own process, or a job of its own.
    async fn kill(&mut self, words: &[&str]) -> Went {
        let (name, pids) = match words {
            ["-s", name, pids @ ..] => (*name, pids),
            [option, pids @ ..] if option.starts_with('-') => (&option[1..], pids),
            pids => ("TERM", pids),
        };
        let Some(signal) = signal::number(name) else {
            return self.failed(1, format!("kill: bad signal name '{name}'")).await;
        };
        for pid in pids {
            if *pid != self.actor.setting.own_pid().to_string() {
                // Jobs are not told apart.
                self.jobs.abort_all();
                continue;
            }
            match self.actor.signals.disposition(signal) {
                Disposition::Handled => self.actor.signals.deliver(signal),
                Disposition::Ignored => {}
                Disposition::Default if self.actor.setting.is_init => {}
                Disposition::Default if signal::is_harmless(signal) => {}
                Disposition::Default => return Err(Leave::Exit(128 + signal)),
            }
        }
        self.ended(0)
    }

    /// One line into variables, the last of which takes the rest. Fails at the end of the input.
    async fn read(&mut self, words: &[&str]) -> Went {
        let names = if words.first() == Some(&"-r") { &words[1..] } else { words };
        let (mut line, mut controls) = (Vec::new(), self.actor.controls.clone());
        // Byte by byte, as a shell does: what follows the line is for the next who reads.
        let ended = loop {
            let mut byte = [0];
            match self.actor.stdin.read(&mut byte, &mut controls).await {
                0 => break true,
                _ if byte == *b"\n" => break false,
                _ if line.len() >= LINE_BYTES_MAX => {}
                _ => line.extend(byte),
            }
        };
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut rest = line.trim_matches([' ', '\t']);
        for (at, name) in names.iter().enumerate() {
            let (value, after) = match rest.split_once([' ', '\t']) {
                Some((value, after)) if at + 1 < names.len() => (value, after),
                _ => (rest, ""),
            };
            self.variables.set(name, value);
            rest = after.trim_start_matches([' ', '\t']);
        }
        self.ended(u32::from(ended))
    }

    /// For all jobs, or until a signal comes that is trapped.
    async fn wait(&mut self) -> Went {
        let mut status = 0;
        loop {
            tokio::select! {
                biased;
                // Within a trap it waits for jobs alone: what comes is for later.
                signal = self.actor.signals.next(), if !self.in_trap => {
                    self.status = 128 + signal;
                    return self.run_trap(signal).await;
                }
                ended = self.jobs.join_next() => match ended {
                    Some(Ok(own)) => status = own,
                    Some(Err(_)) => status = 128 + signal::SIGTERM,
                    None => return self.ended(status),
                }
            }
        }
    }
}
