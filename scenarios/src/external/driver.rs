//! A driver that runs: requests go out by id, answers come back in any order.

use std::sync::Arc;
use std::time::Duration;

use driver_protocol::{
    Capability, Close, Driver, DriverFault, FromDriver, Hello, Limits, Nothing, Notice, Outcome,
    Pending, Request, RequestId, ToDriver,
};
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::child::Child;
use super::factory::unexpected;
use super::lines::Lines;
use super::stderr::LastWords;
use super::talk::Talk;

/// How long a program that has closed its output may take to be found dead.
const DEATH_LIMIT: Duration = Duration::from_secs(1);

pub(super) struct ExternalDriver {
    hello: Hello,
    process: Option<u32>,
    talk: Arc<Talk>,
    words: LastWords,
    /// To the task that writes: a request that is given up half-way must not leave half a line.
    /// `None` once it was told to end.
    out: std::sync::Mutex<Option<mpsc::UnboundedSender<ToDriver>>>,
    room: Semaphore,
    notices: Mutex<mpsc::UnboundedReceiver<Notice>>,
    child: Arc<Mutex<Child>>,
    reading: JoinHandle<()>,
    bye: Duration,
}

impl ExternalDriver {
    pub(super) fn new(
        hello: Hello,
        child: Child,
        stdin: ChildStdin,
        lines: Lines,
        words: LastWords,
        bye: Duration,
    ) -> Self {
        let (talk, notices) = Talk::new();
        let talk = Arc::new(talk);
        let process = child.id();
        let child = Arc::new(Mutex::new(child));
        let (out, lines_out) = mpsc::unbounded_channel();
        tokio::spawn(write(stdin, lines_out));
        let reading = tokio::spawn(read(lines, talk.clone(), child.clone(), words.clone()));
        Self {
            hello,
            process,
            talk,
            words,
            out: std::sync::Mutex::new(Some(out)),
            room: Semaphore::new(Limits::default().in_flight_max as usize),
            notices: Mutex::new(notices),
            child,
            reading,
            bye,
        }
    }

    fn say(&self, line: ToDriver) {
        let out = self.out.lock().expect("nothing panics while it sends");
        if let Some(out) = &*out {
            // The task that writes ends when the program does; whoever reads will tell.
            let _ = out.send(line);
        }
    }

    async fn ask(&self, request: Request) -> Result<Outcome, DriverFault> {
        let _place = self.room.acquire().await.expect("the room is never closed");
        let (id, operation) = (request.id, request.operation.name());
        let deadline_ms = request.deadline_ms;
        let answer = self.talk.ask(id, operation)?;
        self.say(ToDriver::Request(request));
        // Dropped before its end, it cancels.
        let given_up = GivenUp { driver: self, id };
        let answer = tokio::time::timeout(Duration::from_millis(deadline_ms), answer).await;
        match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.talk.fault().unwrap_or_else(|| DriverFault::Gone {
                cause: format!("its answer to {operation} was lost"),
            })),
            Err(_) => {
                drop(given_up);
                // Something that it has started may hold its output open.
                if let Some(status) = self.child.lock().await.ended(Duration::ZERO).await {
                    return Err(DriverFault::Gone { cause: format!("{status}{}", self.words) });
                }
                let expected =
                    format!("the outcome of {operation} (id {}) within {deadline_ms} ms", id.0);
                let fault = DriverFault::Protocol { expected, got: "nothing".to_owned() };
                Err(with_words(fault, &self.words))
            }
        }
    }

    async fn bye(&self) -> Result<(), DriverFault> {
        self.say(ToDriver::Bye { bye: Nothing {} });
        // Its input ends after that line.
        self.out.lock().expect("nothing panics while it sends").take();
        let expected =
            || format!("the end of output and exit status 0 within {:?} of bye", self.bye);
        let mut child = self.child.lock().await;
        let got = match child.ended(self.bye).await {
            Some(status) if status.success() => None,
            Some(status) => Some(status.to_string()),
            None => Some("a program that goes on".to_owned()),
        };
        child.kill();
        match (self.talk.fault(), got) {
            (_, Some(got)) => {
                let fault = DriverFault::Protocol { expected: expected(), got };
                Err(with_words(fault, &self.words))
            }
            // The end of its output is what was asked for.
            (None | Some(DriverFault::Gone { .. }), None) => Ok(()),
            (Some(fault), None) => Err(fault),
        }
    }
}

impl Driver for ExternalDriver {
    fn hello(&self) -> &Hello {
        &self.hello
    }

    fn process(&self) -> Option<u32> {
        self.process
    }

    fn perform(&self, request: Request) -> Pending<'_, Result<Outcome, DriverFault>> {
        Box::pin(self.ask(request))
    }

    fn next_notice(&self) -> Pending<'_, Option<Notice>> {
        Box::pin(async move { self.notices.lock().await.recv().await })
    }

    fn close(&self, how: Close) -> Pending<'_, Result<(), DriverFault>> {
        Box::pin(async move {
            match how {
                Close::Graceful => match self.talk.fault() {
                    None => self.bye().await,
                    Some(fault) => Err(fault),
                },
                Close::Crash => {
                    let mut child = self.child.lock().await;
                    child.kill();
                    // Its connections are closed once it is gone.
                    child.ended(DEATH_LIMIT).await;
                    Ok(())
                }
            }
        })
    }
}

impl Drop for ExternalDriver {
    fn drop(&mut self) {
        self.reading.abort();
        // Whoever holds it now drops it soon, which kills as well.
        if let Ok(mut child) = self.child.try_lock() {
            child.kill();
        }
    }
}

/// A request whose asker may go away.
struct GivenUp<'d> {
    driver: &'d ExternalDriver,
    id: RequestId,
}

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        let open = self.driver.talk.give_up(self.id);
        if open && self.driver.hello.capabilities.contains(&Capability::Cancel) {
            self.driver.say(ToDriver::Cancel { cancel: self.id });
        }
    }
}

async fn write(mut stdin: ChildStdin, mut lines: mpsc::UnboundedReceiver<ToDriver>) {
    while let Some(line) = lines.recv().await {
        let mut text = serde_json::to_vec(&line).expect("a request is plain data");
        text.push(b'\n');
        if stdin.write_all(&text).await.is_err() {
            return;
        }
    }
}

async fn read(mut lines: Lines, talk: Arc<Talk>, child: Arc<Mutex<Child>>, words: LastWords) {
    let fault = loop {
        match lines.next().await {
            Ok(Some(FromDriver::Outcome { id, outcome })) => {
                if let Err(fault) = talk.answer(id, outcome) {
                    break with_words(fault, &words);
                }
            }
            Ok(Some(FromDriver::Notice { notice })) => talk.notice(notice),
            Ok(Some(other)) => {
                break with_words(unexpected("an outcome or a notice", &other), &words);
            }
            Ok(None) => break gone(&mut *child.lock().await, &words).await,
            Err(fault) => break with_words(fault, &words),
        }
    };
    talk.fail(&fault);
}

/// A program that has closed its output.
pub(super) async fn gone(child: &mut Child, words: &LastWords) -> DriverFault {
    let cause = match child.ended(DEATH_LIMIT).await {
        Some(status) => status.to_string(),
        None => "it closed its standard output".to_owned(),
    };
    DriverFault::Gone { cause: format!("{cause}{words}") }
}

pub(super) fn with_words(fault: DriverFault, words: &LastWords) -> DriverFault {
    match fault {
        DriverFault::Protocol { expected, got } => {
            DriverFault::Protocol { expected, got: format!("{got}{words}") }
        }
        other => other,
    }
}
