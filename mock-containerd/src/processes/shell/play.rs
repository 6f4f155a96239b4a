//! Plays what was read. A trap is run once the command in the foreground has ended, or at once
//! while the shell does nothing but wait, as in every shell.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::super::actor::Actor;
use super::super::commands;
use super::super::input::Input;
use super::super::output::Output;
use super::super::signals::Signals;
use super::expand::{fields, joined};
use super::parser::parse;
use super::syntax::{Command, Item, Kind, Link, List, Pipeline, Redirect, Word};
use super::variables::Variables;

/// How much a pipe between two commands holds, as in Linux.
const PIPE_BYTES: usize = 64 * 1024;
/// A turn of a loop takes this long: one without a pause would never let virtual time go on.
const TURN: Duration = Duration::from_millis(1);
/// Of the first job; any number that is no other process's.
const FIRST_JOB: u32 = 100;

/// What takes a shell away from the next command.
#[derive(Debug)]
pub(super) enum Leave {
    Exit(u32),
    /// So many loops.
    Break(u32),
    Continue(u32),
}

pub(super) type Went = Result<(), Leave>;
type Going<'a> = Pin<Box<dyn Future<Output = Went> + Send + 'a>>;

#[derive(Debug)]
pub(super) struct Shell {
    pub(super) actor: Actor,
    pub(super) variables: Variables,
    /// Of the last command.
    pub(super) status: u32,
    /// By signal; 0 is the end of the shell.
    pub(super) traps: BTreeMap<u32, Arc<List>>,
    // They end with the shell.
    pub(super) jobs: JoinSet<u32>,
    pub(super) stops_on_error: bool,
    name: String,
    jobs_begun: u32,
    pub(super) in_trap: bool,
    /// Inside of a condition, where a failure is an answer.
    tested: u32,
}

impl Shell {
    pub(super) fn new(actor: Actor, name: &str) -> Self {
        Self {
            variables: Variables::of(&actor.setting.env),
            actor,
            status: 0,
            traps: BTreeMap::new(),
            jobs: JoinSet::new(),
            stops_on_error: false,
            name: name.to_owned(),
            jobs_begun: 0,
            in_trap: false,
            tested: 0,
        }
    }

    /// One that knows all that this one knows, and whom nobody can signal.
    fn fork(&self) -> Self {
        let actor = Actor { signals: Signals::default(), ..self.actor.clone() };
        let mut fork = Self::new(actor, &self.name);
        fork.variables = self.variables.clone();
        fork.status = self.status;
        fork.stops_on_error = self.stops_on_error;
        fork
    }

    /// Plays a whole line and says the status of the shell.
    pub(super) async fn whole(mut self, line: &str) -> u32 {
        let went = self.line(line).await;
        self.ends(went).await
    }

    /// Reads, plays, and reads on.
    pub(super) async fn by_line(mut self) -> u32 {
        let (mut controls, mut read) = (self.actor.controls.clone(), Vec::new());
        loop {
            if self.actor.setting.terminal {
                self.actor.complain("/ # ").await;
            }
            while !read.contains(&b'\n') {
                let mut buffer = [0; 1024];
                let length = self.actor.stdin.read(&mut buffer, &mut controls).await;
                if length == 0 {
                    let rest = String::from_utf8_lossy(&read).into_owned();
                    return self.whole(&rest).await;
                }
                read.extend_from_slice(&buffer[..length]);
            }
            let end = read.iter().position(|byte| *byte == b'\n').expect("looked for just now");
            let line: Vec<u8> = read.drain(..=end).collect();
            if let Err(leave) = self.line(&String::from_utf8_lossy(&line)).await {
                return self.ends(Err(leave)).await;
            }
        }
    }

    pub(super) async fn line(&mut self, line: &str) -> Went {
        match parse(line) {
            Ok(list) => self.list(&list).await,
            Err(why) => {
                self.actor.complain(format!("{}: {}\n", self.name, why.0)).await;
                self.status = 2;
                Ok(())
            }
        }
    }

    async fn ends(mut self, went: Went) -> u32 {
        if let Err(Leave::Exit(status)) = went {
            self.status = status;
        }
        if let Some(last) = self.traps.remove(&0) {
            let status = self.status;
            if let Err(Leave::Exit(own)) = self.list(&last).await {
                return own;
            }
            return status;
        }
        self.status
    }

    pub(super) fn value(&self, name: &str) -> Option<String> {
        match name {
            "?" => Some(self.status.to_string()),
            "$" => Some(self.actor.setting.own_pid().to_string()),
            "!" => (self.jobs_begun > 0).then(|| (FIRST_JOB + self.jobs_begun - 1).to_string()),
            "#" => Some("0".to_owned()),
            "0" => Some(self.name.clone()),
            name => self.variables.get(name).map(str::to_owned),
        }
    }

    pub(super) fn list<'a>(&'a mut self, list: &'a List) -> Going<'a> {
        Box::pin(async move {
            for item in list {
                if item.background {
                    self.begin(item.clone());
                } else {
                    self.item(item).await?;
                }
            }
            Ok(())
        })
    }

    fn begin(&mut self, item: Item) {
        let mut job = self.fork();
        job.actor.stdin = Input::Nothing;
        self.jobs_begun += 1;
        self.status = 0;
        self.jobs.spawn(async move {
            let went = job.item(&item).await;
            job.ends(went).await
        });
    }

    async fn item(&mut self, item: &Item) -> Went {
        self.tested += u32::from(!item.then.is_empty());
        let mut went = self.pipeline(&item.first).await;
        for (at, (link, next)) in item.then.iter().enumerate() {
            if at + 1 == item.then.len() {
                self.tested -= 1;
            }
            if went.is_ok() && (*link == Link::And) == (self.status == 0) {
                went = self.pipeline(next).await;
            }
        }
        went
    }

    async fn pipeline(&mut self, pipeline: &Pipeline) -> Went {
        self.tested += u32::from(pipeline.negated);
        let went = match pipeline.commands.as_slice() {
            [command] => self.command(command).await,
            commands => {
                self.status = self.piped(commands).await;
                Ok(())
            }
        };
        self.tested -= u32::from(pipeline.negated);
        went?;
        if pipeline.negated {
            self.status = u32::from(self.status == 0);
        }
        self.run_traps().await?;
        if self.status != 0 && self.stops_on_error && self.tested == 0 && !pipeline.negated {
            return Err(Leave::Exit(self.status));
        }
        Ok(())
    }

    /// Each reads what the one before writes; the status is the last one's.
    async fn piped(&self, commands: &[Command]) -> u32 {
        let (mut others, mut last) = (JoinSet::new(), JoinSet::new());
        let mut stdin = self.actor.stdin.clone();
        for (at, command) in commands.iter().enumerate() {
            let (mut shell, command) = (self.fork(), command.clone());
            shell.actor.stdin = std::mem::take(&mut stdin);
            let set = if at + 1 == commands.len() {
                &mut last
            } else {
                let (writer, reader) = tokio::io::duplex(PIPE_BYTES);
                shell.actor.stdout = Output::of(writer);
                stdin = Input::pipe(reader);
                &mut others
            };
            set.spawn(async move {
                let went = shell.command(&command).await;
                shell.ends(went).await
            });
        }
        let status = last.join_next().await.and_then(Result::ok);
        while others.join_next().await.is_some() {}
        status.unwrap_or(2)
    }

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

    pub(super) async fn run_trap(&mut self, signal: u32) -> Went {
        let Some(trap) = self.traps.get(&signal).cloned() else { return Ok(()) };
        let status = self.status;
        // One that sends itself a signal would never let virtual time go on.
        self.actor.sleep(TURN).await;
        self.in_trap = true;
        let went = self.list(&trap).await;
        self.in_trap = false;
        went?;
        self.status = status;
        Ok(())
    }

    fn command<'a>(&'a mut self, command: &'a Command) -> Going<'a> {
        Box::pin(async move {
            let own = self.actor.clone();
            for redirect in &command.redirects {
                redirected(&mut self.actor, *redirect);
            }
            let went = self.kind(&command.kind).await;
            let Actor { stdin, stdout, stderr, .. } = own;
            (self.actor.stdin, self.actor.stdout, self.actor.stderr) = (stdin, stdout, stderr);
            went
        })
    }

    async fn kind(&mut self, kind: &Kind) -> Went {
        match kind {
            Kind::Simple { assignments, words } => self.simple(assignments, words).await,
            Kind::Group(list) => self.list(list).await,
            Kind::Subshell(list) => {
                let mut fork = self.fork();
                let went = fork.list(list).await;
                self.status = fork.ends(went).await;
                Ok(())
            }
            Kind::If { branches, otherwise } => {
                for (condition, body) in branches {
                    if self.holds(condition).await? {
                        return self.list(body).await;
                    }
                }
                self.status = 0;
                self.list(otherwise).await
            }
            Kind::While { condition, until, body } => {
                let mut status = 0;
                while self.holds(condition).await? != *until {
                    if !self.turn(body).await? {
                        break;
                    }
                    status = self.status;
                }
                self.status = status;
                Ok(())
            }
            Kind::For { name, words, body } => {
                let words = fields(words, &|name| self.value(name));
                self.status = 0;
                for word in words {
                    self.variables.set(name, word);
                    if !self.turn(body).await? {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    async fn holds(&mut self, condition: &List) -> Result<bool, Leave> {
        self.tested += 1;
        let went = self.list(condition).await;
        self.tested -= 1;
        went?;
        Ok(self.status == 0)
    }

    /// One turn of a loop; false: it was the last one.
    async fn turn(&mut self, body: &List) -> Result<bool, Leave> {
        let went = self.list(body).await;
        self.actor.sleep(TURN).await;
        match went {
            Err(Leave::Break(0..=1)) => Ok(false),
            Err(Leave::Break(loops)) => Err(Leave::Break(loops - 1)),
            Err(Leave::Continue(loops)) if loops > 1 => Err(Leave::Continue(loops - 1)),
            Err(Leave::Exit(status)) => Err(Leave::Exit(status)),
            Ok(()) | Err(Leave::Continue(_)) => Ok(true),
        }
    }

    async fn simple(&mut self, assignments: &[(String, Word)], words: &[Word]) -> Went {
        let words = fields(words, &|name| self.value(name));
        let values: Vec<(&str, String)> = assignments
            .iter()
            .map(|(name, word)| (name.as_str(), joined(word, &|name| self.value(name))))
            .collect();
        if words.is_empty() {
            for (name, value) in values {
                self.variables.set(name, value);
            }
            self.status = 0;
            return Ok(());
        }
        if let Some(went) = self.builtin(&words).await {
            return went;
        }
        let Some(argv) = commands::known(&words) else {
            self.actor.complain(format!("{}: {}: not found\n", self.name, words[0])).await;
            self.status = 127;
            return Ok(());
        };
        let mut variables = self.variables.clone();
        for (name, value) in values {
            variables.set(name, value);
            variables.export(name);
        }
        let mut setting = (*self.actor.setting).clone();
        setting.env = variables.env();
        let command =
            Actor { setting: setting.into(), signals: Signals::default(), ..self.actor.clone() };
        self.status = commands::run(&command, &argv).await;
        Ok(())
    }
}

fn redirected(actor: &mut Actor, redirect: Redirect) {
    match redirect {
        Redirect::InputFromNothing => actor.stdin = Input::Nothing,
        Redirect::OutputToNothing => actor.stdout = Output::Nothing,
        Redirect::OutputToError => actor.stdout = actor.stderr.clone(),
        Redirect::ErrorToNothing => actor.stderr = Output::Nothing,
        Redirect::ErrorToOutput => actor.stderr = actor.stdout.clone(),
    }
}
