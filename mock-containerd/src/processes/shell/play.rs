//! Plays what was read. A trap is run once the command in the foreground has ended, or at once
//! while the shell does nothing but wait, as in every shell.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

use super::super::actor::Actor;
use super::super::input::Input;
use super::super::output::{Output, PIPE_BYTES};
use super::super::signals::Signals;
use super::jobs::Jobs;
use super::options::Options;
use super::syntax::{Command, Item, Kind, Link, List, Pipeline, Redirect};
use super::variables::{Variable, Variables};

/// A turn of a loop takes this long: one without a pause would never let virtual time go on.
pub(super) const TURN: Duration = Duration::from_millis(1);
// Futures within futures are boxed where they are large: a task has 2 MiB of stack.
/// Lists within lists, over functions, `eval` and shells: what plays itself ends.
const DEPTH_MAX: u32 = 20;

/// What takes a shell away from the next command.
#[derive(Debug)]
pub(super) enum Leave {
    Exit(u32),
    /// An error that ends a script. Who types goes on with the next line.
    Fail(u32),
    /// From a function.
    Return(u32),
    /// So many loops.
    Break(u32),
    Continue(u32),
}

pub(super) type Went = Result<(), Leave>;
type Going<'a> = Pin<Box<dyn Future<Output = Went> + Send + 'a>>;

#[derive(Debug)]
pub(super) struct Shell {
    pub(super) actor: Actor,
    pub(super) name: String,
    pub(super) params: Vec<String>,
    pub(super) variables: Variables,
    pub(super) functions: BTreeMap<String, Arc<Command>>,
    /// For each function that is being called, what its local variables were before.
    pub(super) locals: Vec<Vec<(String, Option<Variable>)>>,
    pub(super) options: Options,
    /// Of the last command.
    pub(super) status: u32,
    /// Of the last `$(…)` in a command.
    pub(super) printed: Option<u32>,
    /// By signal; 0 is the end of the shell.
    pub(super) traps: BTreeMap<u32, String>,
    pub(super) in_trap: bool,
    pub(super) jobs: Jobs,
    /// Of the process that `$$` is, which a subshell is not.
    pub(super) own_signals: Signals,
    /// Inside of so many loops.
    pub(super) loops: u32,
    /// Inside of a condition, where a failure is an answer.
    tested: u32,
}

impl Shell {
    pub(super) fn new(actor: Actor, name: &str) -> Self {
        Self {
            variables: Variables::of(&actor.setting.env),
            own_signals: actor.signals.clone(),
            actor,
            name: name.to_owned(),
            params: Vec::new(),
            functions: BTreeMap::new(),
            locals: Vec::new(),
            options: Options::default(),
            status: 0,
            printed: None,
            traps: BTreeMap::new(),
            in_trap: false,
            jobs: Jobs::default(),
            loops: 0,
            tested: 0,
        }
    }

    /// One that knows all that this one knows, but has no traps and no jobs.
    pub(super) fn fork(&self) -> Self {
        let actor = Actor { signals: Signals::default(), ..self.actor.clone() };
        Self {
            variables: self.variables.clone(),
            own_signals: self.own_signals.clone(),
            params: self.params.clone(),
            functions: self.functions.clone(),
            locals: self.locals.iter().map(|_| Vec::new()).collect(),
            options: self.options,
            status: self.status,
            loops: self.loops,
            tested: self.tested,
            ..Self::new(actor, &self.name)
        }
    }

    /// Leave to run beside others, as long as it is held.
    async fn permit(&mut self) -> Result<OwnedSemaphorePermit, Leave> {
        match self.actor.processes.clone().try_acquire_owned() {
            Ok(permit) => Ok(permit),
            Err(_) => Err(self.fails("can't fork: Resource temporarily unavailable").await),
        }
    }

    /// The trap of its end, and the status it ends with.
    pub(super) async fn ends(mut self, went: Went) -> u32 {
        if let Err(Leave::Exit(status) | Leave::Fail(status) | Leave::Return(status)) = went {
            self.status = status;
        }
        if let Some(last) = self.traps.remove(&0) {
            let status = self.status;
            if let Err(Leave::Exit(own) | Leave::Fail(own)) = self.evaluate(&last).await {
                return own;
            }
            return status;
        }
        self.status
    }

    /// An error of the script, with a status of 2.
    pub(super) async fn fails(&mut self, why: &str) -> Leave {
        self.complains(why).await;
        Leave::Fail(2)
    }

    pub(super) async fn complains(&mut self, why: &str) {
        self.actor.complain(format!("{}: {why}\n", self.name)).await;
    }

    pub(super) fn value(&self, name: &str) -> Option<String> {
        match name {
            "?" => Some(self.status.to_string()),
            "$" => Some(self.actor.setting.own_pid().to_string()),
            "!" => self.jobs.last().map(|pid| pid.to_string()),
            "#" => Some(self.params.len().to_string()),
            "-" => Some(self.options.letters()),
            "PWD" if self.variables.get(name).is_none() => {
                Some(self.actor.setting.folder().to_owned())
            }
            name => match name.parse::<usize>() {
                Ok(0) => Some(self.name.clone()),
                Ok(at) => self.params.get(at - 1).cloned(),
                Err(_) => self.variables.get(name).map(str::to_owned),
            },
        }
    }

    pub(super) fn list<'a>(&'a mut self, list: &'a List) -> Going<'a> {
        Box::pin(async move {
            if self.actor.depth >= DEPTH_MAX {
                return Err(self.fails("the mock's shell is nested too deep").await);
            }
            self.actor.depth += 1;
            let went = self.items(list).await;
            self.actor.depth -= 1;
            went
        })
    }

    async fn items(&mut self, list: &List) -> Went {
        for item in list {
            if item.background {
                Box::pin(self.begin(item.clone())).await?;
            } else {
                Box::pin(self.item(item)).await?;
            }
        }
        Ok(())
    }

    async fn begin(&mut self, item: Item) -> Went {
        let permit = self.permit().await?;
        let mut job = self.fork();
        job.actor.stdin = Input::Nothing;
        self.status = 0;
        let item = item.within_job();
        self.jobs.begin(job.actor.signals.clone(), async move {
            let _permit = permit;
            let went = job.item(&item).await;
            job.ends(went).await
        });
        Ok(())
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
            commands => Box::pin(self.piped(commands)).await,
        };
        self.tested -= u32::from(pipeline.negated);
        went?;
        if pipeline.negated {
            self.status = u32::from(self.status == 0);
        }
        self.run_traps().await?;
        if self.status != 0 && self.options.ends_on_error && self.tested == 0 && !pipeline.negated {
            return Err(Leave::Exit(self.status));
        }
        Ok(())
    }

    /// Each reads what the one before writes; the status is the last one's, or with `pipefail` that
    /// of the last one that failed.
    async fn piped(&mut self, commands: &[Command]) -> Went {
        let (mut running, mut stdin) = (JoinSet::new(), self.actor.stdin.clone());
        for (at, command) in commands.iter().enumerate() {
            let permit = self.permit().await?;
            let (mut shell, command) = (self.fork(), command.clone());
            shell.actor.stdin = std::mem::take(&mut stdin);
            if at + 1 < commands.len() {
                let (writer, reader) = tokio::io::duplex(PIPE_BYTES);
                shell.actor.stdout = Output::of(writer);
                stdin = Input::pipe(reader);
            }
            running.spawn(async move {
                let _permit = permit;
                let went = shell.command(&command).await;
                (at, shell.ends(went).await)
            });
        }
        let mut statuses = vec![0; commands.len()];
        while let Some(ended) = running.join_next().await {
            let (at, status) = ended.expect("it does not panic, and is not aborted");
            statuses[at] = status;
        }
        let failed = statuses.iter().rev().find(|status| **status != 0);
        self.status = match failed {
            Some(failed) if self.options.pipe_fails => *failed,
            _ => statuses.last().copied().unwrap_or_default(),
        };
        Ok(())
    }

    pub(super) fn command<'a>(&'a mut self, command: &'a Command) -> Going<'a> {
        Box::pin(async move {
            let own = self.actor.clone();
            let mut went = Ok(());
            for redirect in &command.redirects {
                went = Box::pin(self.redirect(redirect)).await;
                if went.is_err() {
                    break;
                }
            }
            if went.is_ok() {
                went = Box::pin(self.kind(&command.kind)).await;
            }
            if !command.redirects_shell() {
                let Actor { stdin, stdout, stderr, .. } = own;
                (self.actor.stdin, self.actor.stdout, self.actor.stderr) = (stdin, stdout, stderr);
            }
            went
        })
    }

    async fn redirect(&mut self, redirect: &Redirect) -> Went {
        match redirect {
            Redirect::InputFromNothing => self.actor.stdin = Input::Nothing,
            Redirect::InputFromText(word) => {
                let text = Box::pin(self.joined(word)).await?;
                self.actor.stdin = Input::text(text.into_bytes());
            }
            Redirect::OutputToNothing => self.actor.stdout = Output::Nothing,
            Redirect::OutputToError => self.actor.stdout = self.actor.stderr.clone(),
            Redirect::ErrorToNothing => self.actor.stderr = Output::Nothing,
            Redirect::ErrorToOutput => self.actor.stderr = self.actor.stdout.clone(),
            Redirect::Nowhere => {}
        }
        Ok(())
    }

    async fn kind(&mut self, kind: &Kind) -> Went {
        match kind {
            Kind::Simple { assignments, words } => Box::pin(self.simple(assignments, words)).await,
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
                self.loops += 1;
                let went = Box::pin(self.repeat(condition, *until, body)).await;
                self.loops -= 1;
                went
            }
            Kind::For { name, words, body } => {
                let words = match words {
                    Some(words) => Box::pin(self.fields(words)).await?,
                    None => self.params.clone(),
                };
                self.loops += 1;
                let went = Box::pin(self.each(name, words, body)).await;
                self.loops -= 1;
                went
            }
            Kind::Case { word, branches } => {
                let word = Box::pin(self.joined(word)).await?;
                for (patterns, body) in branches {
                    for pattern in patterns {
                        if Box::pin(self.pattern(pattern)).await?.matches(&word) {
                            self.status = 0;
                            return self.list(body).await;
                        }
                    }
                }
                self.status = 0;
                Ok(())
            }
            Kind::Function { name, body } => {
                self.functions.insert(name.clone(), body.clone());
                self.status = 0;
                Ok(())
            }
        }
    }

    async fn repeat(&mut self, condition: &List, until: bool, body: &List) -> Went {
        let mut status = 0;
        while let Some(holds) = self.turn_of(condition).await? {
            if holds == until || !self.turn(body).await? {
                break;
            }
            status = self.status;
        }
        self.status = status;
        Ok(())
    }

    async fn each(&mut self, name: &str, words: Vec<String>, body: &List) -> Went {
        self.status = 0;
        for word in words {
            self.variables.set(name, word);
            if !self.turn(body).await? {
                break;
            }
        }
        Ok(())
    }

    /// The condition of a loop; `None`: the loop was left from within it.
    async fn turn_of(&mut self, condition: &List) -> Result<Option<bool>, Leave> {
        loop {
            let held = self.holds(condition).await;
            return match held {
                Ok(holds) => Ok(Some(holds)),
                Err(leave) => match self.after(Err(leave)).await? {
                    true => continue,
                    false => Ok(None),
                },
            };
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
        self.after(went).await
    }

    async fn after(&mut self, went: Went) -> Result<bool, Leave> {
        self.actor.sleep(TURN).await;
        match went {
            Err(Leave::Break(0..=1)) => Ok(false),
            Err(Leave::Break(loops)) => Err(Leave::Break(loops - 1)),
            Err(Leave::Continue(loops)) if loops > 1 => Err(Leave::Continue(loops - 1)),
            Ok(()) | Err(Leave::Continue(_)) => Ok(true),
            Err(other) => Err(other),
        }
    }
}
