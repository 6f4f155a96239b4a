//! A shell reads its script: from a word, or from its standard input as that comes.

use super::parser::Reader;
use super::play::{Leave, Shell, Went};

/// What no command comes up to.
const COMMAND_BYTES_MAX: usize = 1024 * 1024;

impl Shell {
    /// Plays a whole script and says the status of the shell.
    pub(super) async fn whole(mut self, text: &str) -> u32 {
        let went = self.script(text).await;
        self.ends(went).await
    }

    /// Line by line: what is no shell further down ends it when it comes there.
    pub(super) async fn script(&mut self, text: &str) -> Went {
        let mut reader = Reader::new(text);
        loop {
            match reader.line() {
                Ok(Some(list)) => self.list(&list).await?,
                Ok(None) => return Ok(()),
                Err(not) => return Err(self.fails(&not.why).await),
            }
        }
    }

    /// What `eval` and traps play.
    pub(super) async fn evaluate(&mut self, text: &str) -> Went {
        Box::pin(self.script(text)).await
    }

    /// Reads, plays, and reads on.
    pub(super) async fn by_line(mut self) -> u32 {
        let (mut controls, mut read) = (self.actor.controls.clone(), Vec::new());
        let is_typed = self.actor.setting.terminal;
        let mut text = String::new();
        loop {
            if is_typed {
                self.actor.complain(if text.is_empty() { "/ # " } else { "> " }).await;
            }
            while !read.contains(&b'\n') {
                let mut buffer = [0; 1024];
                let length = self.actor.stdin.read(&mut buffer, &mut controls).await;
                if length == 0 {
                    text.push_str(&String::from_utf8_lossy(&read));
                    return self.whole(&text).await;
                }
                read.extend_from_slice(&buffer[..length]);
                if text.len() + read.len() > COMMAND_BYTES_MAX {
                    let leave = self.fails("out of memory").await;
                    return self.ends(Err(leave)).await;
                }
            }
            let end = read.iter().position(|byte| *byte == b'\n').expect("looked for just now");
            let line: Vec<u8> = read.drain(..=end).collect();
            text.push_str(&String::from_utf8_lossy(&line));
            if Reader::new(&text).script().is_err_and(|not| not.is_incomplete) {
                continue;
            }
            match self.script(&std::mem::take(&mut text)).await {
                Ok(()) => {}
                Err(Leave::Fail(status)) if is_typed => self.status = status,
                Err(leave) => return self.ends(Err(leave)).await,
            }
        }
    }
}
