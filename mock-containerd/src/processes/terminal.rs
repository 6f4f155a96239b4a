//! What a terminal makes of what is typed, as the kernel's line discipline does: it echoes, keeps a
//! line until it is ended, and turns some keys into signals.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, watch};

use super::actor::Actor;
use super::controls::Controls;
use super::input::Input;
use super::signal::{self, SIGINT, SIGQUIT, SIGTSTP};
use super::signals::Disposition;

/// As much as the kernel keeps of a line; what is typed beyond is lost.
const LINE_BYTES_MAX: usize = 4095;
/// Lines that nobody has read yet: who types more waits, as before a kernel whose buffer is full.
const LINES_MAX: usize = 64;

const INTERRUPT: u8 = 0x03;
const END: u8 = 0x04;
const BACKSPACE: u8 = 0x7f;
const QUIT: u8 = 0x1c;
const SUSPEND: u8 = 0x1a;
const KILL_LINE: u8 = 0x15;
const KILL_WORD: u8 = 0x17;

/// What a key comes to, beside its echo.
#[derive(Debug, PartialEq, Eq)]
enum Typed {
    Nothing,
    /// May be read now. Nothing in it: the end.
    Line(Vec<u8>),
    Signal(u32),
}

/// A line that is being typed.
#[derive(Debug, Default)]
struct Discipline {
    line: Vec<u8>,
}

impl Discipline {
    /// One key, and what is shown for it.
    fn key(&mut self, key: u8, echo: &mut Vec<u8>) -> Typed {
        let signal = match key {
            INTERRUPT => Some(SIGINT),
            QUIT => Some(SIGQUIT),
            SUSPEND => Some(SIGTSTP),
            _ => None,
        };
        if let Some(signal) = signal {
            echo.extend([b'^', key | 0x40]);
            self.line.clear();
            return Typed::Signal(signal);
        }
        match key {
            END => return Typed::Line(std::mem::take(&mut self.line)),
            b'\r' | b'\n' => {
                echo.push(b'\n');
                self.line.push(b'\n');
                return Typed::Line(std::mem::take(&mut self.line));
            }
            BACKSPACE => self.rub_out(1, echo),
            KILL_LINE => self.rub_out(self.line.len(), echo),
            KILL_WORD => {
                let kept = self.line.trim_ascii_end();
                let kept = kept.iter().rposition(|byte| *byte == b' ').map_or(0, |at| at + 1);
                self.rub_out(self.line.len() - kept, echo);
            }
            _ if self.line.len() >= LINE_BYTES_MAX => {}
            key => {
                self.line.push(key);
                match key {
                    b'\t' | b' '.. => echo.push(key),
                    control => echo.extend([b'^', control | 0x40]),
                }
            }
        }
        Typed::Nothing
    }

    fn rub_out(&mut self, bytes: usize, echo: &mut Vec<u8>) {
        let bytes = bytes.min(self.line.len());
        self.line.truncate(self.line.len() - bytes);
        for _ in 0..bytes {
            echo.extend(b"\x08 \x08");
        }
    }
}

/// Lines that were typed, to be read by the process.
#[derive(Debug)]
pub(crate) struct Lines {
    receiver: mpsc::Receiver<Vec<u8>>,
    begun: VecDeque<u8>,
}

impl Lines {
    /// 0: its end was typed, or the terminal is gone.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> usize {
        if self.begun.is_empty() {
            match self.receiver.recv().await {
                Some(line) => self.begun.extend(line),
                None => return 0,
            }
        }
        let length = buffer.len().min(self.begun.len());
        for (to, from) in buffer.iter_mut().zip(self.begun.drain(..length)) {
            *to = from;
        }
        length
    }
}

/// Who types: the other end of the process's standard input.
#[derive(Debug)]
pub(super) struct Keyboard {
    from: Input,
    lines: mpsc::Sender<Vec<u8>>,
    controls: watch::Receiver<Controls>,
}

/// Puts a terminal between what comes in and a process.
pub(super) fn attach(from: Input, controls: watch::Receiver<Controls>) -> (Keyboard, Input) {
    let (lines, receiver) = mpsc::channel(LINES_MAX);
    let lines_in = Lines { receiver, begun: VecDeque::new() };
    (Keyboard { from, lines, controls }, Input::Lines(Arc::new(Mutex::new(lines_in))))
}

impl Keyboard {
    /// Ends only with a signal that the process dies of.
    pub(super) async fn type_to(mut self, actor: &Actor) -> u32 {
        let (mut discipline, mut buffer) = (Discipline::default(), [0; 1024]);
        loop {
            // Without a client nobody types, and nothing ends.
            if matches!(self.from, Input::Nothing) {
                return std::future::pending().await;
            }
            let length = self.from.read(&mut buffer, &mut self.controls).await;
            if length == 0 {
                // The terminal hangs up: whoever reads it sees the end.
                drop(self.lines);
                return std::future::pending().await;
            }
            for key in &buffer[..length] {
                let mut echo = Vec::new();
                let typed = discipline.key(*key, &mut echo);
                actor.stdout.write(&echo).await;
                match typed {
                    Typed::Nothing => {}
                    // A process that reads no more, or not yet, is none of the client's business.
                    Typed::Line(line) => drop(self.lines.send(line).await),
                    Typed::Signal(signal) => {
                        if strikes(actor, signal) {
                            return signal;
                        }
                    }
                }
            }
        }
    }
}

/// Whether the process dies of it.
fn strikes(actor: &Actor, signal: u32) -> bool {
    match actor.signals.disposition(signal) {
        Disposition::Handled => {
            actor.signals.deliver(signal);
            false
        }
        Disposition::Ignored => false,
        Disposition::Default => !actor.setting.is_init && !signal::is_harmless(signal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What was shown, and what may be read.
    fn typed(keys: &[u8]) -> (String, Vec<String>, Vec<u32>) {
        let (mut discipline, mut echo) = (Discipline::default(), Vec::new());
        let (mut lines, mut signals) = (Vec::new(), Vec::new());
        for key in keys {
            match discipline.key(*key, &mut echo) {
                Typed::Nothing => {}
                Typed::Line(line) => lines.push(String::from_utf8_lossy(&line).into_owned()),
                Typed::Signal(signal) => signals.push(signal),
            }
        }
        (String::from_utf8_lossy(&echo).into_owned(), lines, signals)
    }

    #[test]
    fn what_is_typed_is_echoed_and_read_line_by_line_as_seen_on_a_real_one() {
        let lines = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
        assert_eq!(typed(b"abc\r"), ("abc\n".to_owned(), lines(&["abc\n"]), vec![]));
        assert_eq!(typed(b"x\x7fy\n"), ("x\x08 \x08y\n".to_owned(), lines(&["y\n"]), vec![]));
        assert_eq!(typed(b"ab\x04\x04"), ("ab".to_owned(), lines(&["ab", ""]), vec![]));
        assert_eq!(typed(b"lost\x03"), ("lost^C".to_owned(), vec![], vec![SIGINT]));
        assert_eq!(typed(b"\x1c\x1a").2, [SIGQUIT, SIGTSTP]);
        assert_eq!(typed(b"one two\x17\x15c\r").1, ["c\n"]);
        assert_eq!(typed(b"one two\x17\r").1, ["one \n"]);
    }

    /// A process at a terminal on which all of this is typed.
    fn seated(typed: Vec<u8>) -> (Keyboard, Input, Actor, watch::Sender<Controls>) {
        let (held, controls) = watch::channel(Controls::default());
        let (keyboard, stdin) = attach(Input::text(typed), controls.clone());
        let actor = Actor {
            stdin: stdin.clone(),
            stdout: Default::default(),
            stderr: Default::default(),
            controls,
            signals: Default::default(),
            setting: Default::default(),
            depth: 0,
            processes: super::super::actor::processes(),
        };
        (keyboard, stdin, actor, held)
    }

    #[tokio::test]
    async fn lines_that_nobody_reads_yet_are_not_lost() {
        const LINES: usize = 3 * LINES_MAX;
        let text: String = (0..LINES).map(|number| format!("{number}\n")).collect();
        let (keyboard, stdin, actor, held) = seated(text.clone().into_bytes());
        let mut controls = held.subscribe();
        let typing = tokio::spawn(async move { keyboard.type_to(&actor).await });
        // All that finds a place is typed before the first is read.
        for _ in 0..2 * LINES {
            tokio::task::yield_now().await;
        }
        let (mut read, mut buffer) = (String::new(), [0; 16]);
        loop {
            match stdin.read(&mut buffer, &mut controls).await {
                0 => break,
                length => read.push_str(std::str::from_utf8(&buffer[..length]).unwrap()),
            }
        }
        assert_eq!(read, text);
        typing.abort();
    }

    proptest! {
        #[test]
        fn no_keys_make_it_panic_and_no_line_is_endless(
            keys in proptest::collection::vec(any::<u8>(), 0..200),
            many in 0..5000_usize,
        ) {
            let mut discipline = Discipline::default();
            for key in keys.iter().copied().chain(std::iter::repeat_n(b'x', many)) {
                discipline.key(key, &mut Vec::new());
                prop_assert!(discipline.line.len() <= LINE_BYTES_MAX);
            }
        }
    }
}
