//! A command with its words: a function, one of the shell's own, or one that every mock knows.

use std::sync::Arc;

use super::super::actor::Actor;
use super::super::commands;
use super::super::signals::Signals;
use super::play::{Leave, Shell, TURN, Went};
use super::syntax::{Command, Word};
use super::variables::Variables;

/// What is assigned in front of these stays assigned.
const SPECIAL: [&str; 13] = [
    ":", ".", "break", "continue", "eval", "exec", "exit", "export", "return", "set", "shift",
    "trap", "unset",
];

impl Shell {
    pub(super) async fn simple(&mut self, assignments: &[(String, Word)], words: &[Word]) -> Went {
        self.printed = None;
        let words = self.fields(words).await?;
        if words.is_empty() {
            for (name, word) in assignments {
                let value = self.joined(word).await?;
                self.trace(&[format!("{name}={value}")]).await;
                self.variables.set(name, value);
            }
            self.status = self.printed.unwrap_or(0);
            return Ok(());
        }
        let mut values = Vec::new();
        for (name, word) in assignments {
            values.push((name.as_str(), self.joined(word).await?));
        }
        let assigned = values.iter().map(|(name, value)| format!("{name}={value}"));
        self.trace(&assigned.chain(words.iter().cloned()).collect::<Vec<_>>()).await;
        let before: Vec<_> =
            values.iter().map(|(name, _)| (*name, self.variables.state(name))).collect();
        for (name, value) in values {
            self.variables.set(name, value);
            if !SPECIAL.contains(&words[0].as_str()) {
                self.variables.export(name);
            }
        }
        let went = Box::pin(self.named(&words)).await;
        if !SPECIAL.contains(&words[0].as_str()) {
            for (name, state) in before.into_iter().rev() {
                self.variables.restore(name, state);
            }
        }
        went
    }

    async fn named(&mut self, words: &[String]) -> Went {
        if let Some(function) = self.functions.get(&words[0]).cloned() {
            return Box::pin(self.call(function, &words[1..])).await;
        }
        Box::pin(self.without_functions(words)).await
    }

    pub(super) async fn without_functions(&mut self, words: &[String]) -> Went {
        match Box::pin(self.builtin(words)).await {
            Some(went) => went,
            None => Box::pin(self.external(words)).await,
        }
    }

    /// One that is no part of the shell.
    pub(super) async fn external(&mut self, words: &[String]) -> Went {
        let Some(argv) = self.found(words) else {
            self.complains(&format!("{}: not found", words[0])).await;
            self.status = 127;
            return Ok(());
        };
        let mut setting = (*self.actor.setting).clone();
        setting.env = self.environment();
        let command =
            Actor { setting: setting.into(), signals: Signals::default(), ..self.actor.clone() };
        self.status = commands::run(&command, &argv).await;
        Ok(())
    }

    /// A command that is none of the shell's, with its bare name in front.
    pub(super) fn found(&self, words: &[String]) -> Option<Vec<String>> {
        let path = self.variables.get("PATH");
        commands::known(words).filter(|_| commands::is_found_from(&words[0], path))
    }

    /// A shell tells its commands where it is.
    fn environment(&self) -> Vec<String> {
        let mut variables: Variables = self.variables.clone();
        variables.set("PWD", self.actor.setting.folder());
        variables.export("PWD");
        variables.env()
    }

    async fn call(&mut self, function: Arc<Command>, words: &[String]) -> Went {
        // One that calls itself would never let virtual time go on.
        self.actor.sleep(TURN).await;
        let params = std::mem::replace(&mut self.params, words.to_vec());
        self.locals.push(Vec::new());
        let went = self.command(&function).await;
        for (name, before) in self.locals.pop().into_iter().flatten().rev() {
            self.variables.restore(&name, before);
        }
        self.params = params;
        match went {
            Err(Leave::Return(status)) => {
                self.status = status;
                Ok(())
            }
            other => other,
        }
    }

    /// `set -x`
    async fn trace(&self, words: &[String]) {
        if self.options.traces {
            let plain = |next: char| next.is_ascii_alphanumeric() || "_./:,+-@%]=".contains(next);
            let shown =
                words.iter().map(|word| match word.chars().all(plain) && !word.is_empty() {
                    true => word.clone(),
                    false => quoted(word),
                });
            self.actor.complain(format!("+ {}\n", shown.collect::<Vec<_>>().join(" "))).await;
        }
    }
}

/// So that a shell would read it as it is.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}
