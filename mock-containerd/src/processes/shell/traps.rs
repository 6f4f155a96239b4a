//! Signals: what a shell does about them, sends, and waits for.

use super::super::signal;
use super::super::signals::Disposition;
use super::play::{Leave, Shell, TURN, Went};
use super::simple::quoted;

impl Shell {
    /// What came while something else was going on.
    pub(super) async fn run_traps(&mut self) -> Went {
        // What comes within a trap waits until that has ended.
        while !self.in_trap
            && let Some(signal) = self.actor.signals.take()
        {
            self.run_trap(signal).await?;
        }
        Ok(())
    }

    async fn run_trap(&mut self, signal: u32) -> Went {
        let Some(trap) = self.traps.get(&signal).cloned() else { return Ok(()) };
        let status = self.status;
        // One that sends itself a signal would never let virtual time go on.
        self.actor.sleep(TURN).await;
        self.in_trap = true;
        let went = self.evaluate(&trap).await;
        self.in_trap = false;
        went?;
        self.status = status;
        Ok(())
    }

    pub(super) async fn trap(&mut self, words: &[&str]) -> Went {
        let words = if words.first() == Some(&"--") { &words[1..] } else { words };
        let (action, names) = match words {
            [] => return self.print_traps().await,
            // One word alone, or a number in front: back to the default.
            [_] => ("-", words),
            [first, ..] if first.bytes().all(|one| one.is_ascii_digit()) && !first.is_empty() => {
                ("-", words)
            }
            [action, names @ ..] => (*action, names),
        };
        for name in names {
            let number = match *name {
                "EXIT" | "0" => Some(0),
                name => signal::number(name),
            };
            let Some(number) = number else {
                self.complains(&format!("trap: {name}: invalid signal specification")).await;
                return self.ended(1);
            };
            self.traps.remove(&number);
            let disposition = match action {
                "-" => Disposition::Default,
                action => {
                    self.traps.insert(number, action.to_owned());
                    if action.is_empty() { Disposition::Ignored } else { Disposition::Handled }
                }
            };
            // What cannot be handled may be named all the same.
            if number != 0 && signal::can_be_handled(number) {
                self.actor.signals.dispose(number, disposition);
            }
        }
        self.ended(0)
    }

    async fn print_traps(&mut self) -> Went {
        let line = |(number, action): (&u32, &String)| {
            let name = if *number == 0 { "EXIT".to_owned() } else { signal::name(*number) };
            format!("trap -- {} {name}\n", quoted(action))
        };
        let text: String = self.traps.iter().map(line).collect();
        self.actor.print(text).await;
        self.ended(0)
    }

    /// Its own process, or a job of its own.
    pub(super) async fn kill(&mut self, words: &[&str]) -> Went {
        let (name, pids) = match words {
            ["-s", name, pids @ ..] => (*name, pids),
            ["--", pids @ ..] => ("TERM", pids),
            [option, pids @ ..] if option.starts_with('-') => (&option[1..], pids),
            pids => ("TERM", pids),
        };
        let number = if name == "0" { Some(0) } else { signal::number(name) };
        let Some(number) = number else {
            self.complains(&format!("bad signal name '{name}'")).await;
            return self.ended(1);
        };
        let mut status = u32::from(pids.is_empty());
        for pid in pids {
            if *pid == self.actor.setting.own_pid().to_string() {
                self.strike(number)?;
            } else if !pid.parse().is_ok_and(|pid| self.jobs.signal(pid, number)) {
                self.complains(&format!("can't kill pid {pid}: No such process")).await;
                status = 1;
            }
        }
        self.ended(status)
    }

    /// `$$` gets a signal.
    fn strike(&mut self, number: u32) -> Went {
        if number == 0 {
            return Ok(());
        }
        match self.own_signals.disposition(number) {
            Disposition::Handled => self.own_signals.deliver(number),
            Disposition::Ignored => {}
            Disposition::Default if self.actor.setting.is_init => {}
            Disposition::Default if signal::is_harmless(number) => {}
            Disposition::Default => return Err(Leave::Exit(128 + number)),
        }
        Ok(())
    }

    /// For these jobs or for all, or until a signal comes that is trapped.
    pub(super) async fn wait(&mut self, words: &[&str]) -> Went {
        let mut pids = self.jobs.all();
        if !words.is_empty() {
            pids = words.iter().map(|word| word.parse().unwrap_or_default()).collect();
        }
        let mut status = 0;
        for pid in pids {
            status = match self.jobs.knows(pid) {
                false => 127,
                true => tokio::select! {
                    biased;
                    // Within a trap it waits for jobs alone: what comes is for later.
                    signal = self.actor.signals.next(), if !self.in_trap => {
                        self.status = 128 + signal;
                        return self.run_trap(signal).await;
                    }
                    status = self.jobs.ended(pid) => status,
                },
            };
        }
        self.ended(if words.is_empty() { 0 } else { status })
    }
}
