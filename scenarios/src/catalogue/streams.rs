//! What processes read and write.

use driver_protocol::{
    ContainerId, Create, Ending, Exec, ExecId, Lifecycle::Running, Operation, StartTask,
};

use super::sleeping;
use crate::scenario::words::*;
use crate::{Expect, Scenario, Wrote};

/// Of a line of the shell that writes more than 1 MiB: more than all the pipes on its way hold.
const LINES: usize = 170_000;

pub(super) fn scenarios() -> Vec<Scenario> {
    let groups = [outputs(), inputs(), endings()];
    groups.into_iter().flatten().collect()
}

fn shell(line: &str) -> Vec<String> {
    ["sh", "-c", line].map(str::to_owned).into()
}

/// A container whose init is this line of the shell.
fn init(name: &'static str, line: &str, terminal: bool) -> Scenario {
    let container = ContainerId::new("c0");
    Scenario::new(name).then(Operation::Create(Create { container, args: shell(line), terminal }))
}

fn start_with(input: Option<&str>) -> Operation {
    Operation::Start(StartTask {
        container: ContainerId::new("c0"),
        stdin: input.is_some(),
        input: input.map(str::to_owned),
        output: true,
    })
}

fn exec_of(line: &str) -> Exec {
    Exec {
        container: ContainerId::new("c0"),
        exec: ExecId::new("e0"),
        args: shell(line),
        stdin: false,
        terminal: false,
        input: None,
        output: true,
    }
}

fn with_input(exec: Exec, input: &str) -> Operation {
    Operation::Exec(Exec { stdin: true, input: Some(input.to_owned()), ..exec })
}

fn in_a_terminal(exec: Exec) -> Operation {
    Operation::Exec(Exec { terminal: true, ..exec })
}

impl Scenario {
    /// Of the last step: how the process exits, and all that it wrote.
    fn wrote(self, exit: u32, text: &str) -> Self {
        self.wrote_so(exit, text, Ending::Complete)
    }

    fn wrote_so(self, exit: u32, text: &str, output: Ending) -> Self {
        self.expect(Expect::Wrote(Wrote { exit, text: text.to_owned(), output }))
    }

    fn deleted(self) -> Self {
        self.then(delete_task("c0")).leaves_no_task("c0").then(delete("c0"))
    }

    fn exec_deleted(self) -> Self {
        self.then(delete_exec("c0", "e0")).leaves("c0", Running).ended()
    }
}

fn outputs() -> Vec<Scenario> {
    let much: String = (1..=LINES).map(|number| format!("{number}\n")).collect();
    vec![
        init("the-output-of-an-init-is-told", "echo out; echo err >&2; exit 7", false)
            .then(start_with(None))
            .then(wait("c0"))
            .wrote(7, "out\n")
            .deleted(),
        sleeping("the-output-of-an-exec-is-told")
            .then(Operation::Exec(exec_of("echo out; echo err >&2; exit 7")))
            .then(exec_wait("c0", "e0"))
            .wrote(7, "out\n")
            .exec_deleted(),
        sleeping("an-exec-that-writes-nothing-has-empty-output")
            .then(Operation::Exec(exec_of("true")))
            .then(exec_wait("c0", "e0"))
            .wrote(0, "")
            .exec_deleted(),
        sleeping("more-than-a-mebibyte-comes-whole")
            .then(Operation::Exec(exec_of(&format!("seq {LINES}; exit 3"))))
            .then(exec_wait("c0", "e0"))
            .wrote(3, &much)
            .exec_deleted(),
    ]
}

fn inputs() -> Vec<Scenario> {
    vec![
        init("an-init-echoes-its-input-until-that-is-closed", "exec cat", false)
            .then(start_with(Some("one\ntwo\n")))
            .leaves("c0", Running)
            .then(close_stdin("c0"))
            .then(wait("c0"))
            .wrote(0, "one\ntwo\n")
            .deleted(),
        sleeping("an-exec-echoes-its-input-until-that-is-closed")
            .then(with_input(exec_of("exec cat"), "one\ntwo\n"))
            .begin(exec_wait("c0", "e0"))
            .then(exec_close_stdin("c0", "e0"))
            .join()
            .wrote(0, "one\ntwo\n")
            .exec_deleted(),
        sleeping("an-exec-reads-a-line-and-ends")
            .then(with_input(exec_of("read x; echo \"<$x>\"; exit 7"), "word\n"))
            .then(exec_wait("c0", "e0"))
            .wrote(7, "<word>\n")
            .exec_deleted(),
    ]
}

fn endings() -> Vec<Scenario> {
    vec![
        init("an-init-in-a-terminal-ends-its-lines-as-one", "echo one; echo two >&2", true)
            .then(start_with(None))
            .then(wait("c0"))
            .wrote(0, "one\r\ntwo\r\n")
            .deleted(),
        sleeping("an-exec-in-a-terminal-ends-its-lines-as-one")
            .then(in_a_terminal(exec_of("echo one; echo two >&2; exit 7")))
            .then(exec_wait("c0", "e0"))
            .wrote(7, "one\r\ntwo\r\n")
            .exec_deleted(),
        sleeping("a-child-that-holds-the-output-cuts-it-off")
            .real_only("the mock's shell ends with all that it began")
            .then(Operation::Exec(exec_of("sleep 600 & echo out; exit 6")))
            .then(exec_wait("c0", "e0"))
            .wrote_so(6, "out\n", Ending::CutOff)
            .exec_deleted(),
    ]
}
