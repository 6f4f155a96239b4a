//! The rules as tables that can be read, and that show in a review what a change to them changes.

use std::collections::{BTreeMap, BTreeSet};

use super::super::world::later;
use super::super::{KILL, Move, Program, TERM};
use super::{Container, Exec, Phase, State, Task, answers, waits_for_ever};

const C: u8 = 0;
const E: u8 = 0;
/// 64 is the last that there is.
const SIGNALS: [u32; 5] = [0, TERM, KILL, 64, 65];
const KILLED: Option<u32> = Some(128 + KILL);

/// What is to be said of a container without its execs.
fn of_task(state: &State) -> Vec<String> {
    let Some(container) = state else { return vec!["no container".to_owned()] };
    let mut words = Vec::new();
    match &container.task {
        None => words.push("no task".to_owned()),
        Some(task) => {
            words.push(format!("{:?}", task.phase).to_lowercase());
            words.extend(task.doom.map(|end| format!("will end {end}")));
            words.extend(task.thawed.then(|| "thawed".to_owned()));
        }
    }
    words.extend(container.last.map(|end| format!("the last ended {end}")));
    words.extend(container.free.then(|| "the last never ended".to_owned()));
    words.extend(container.listed.then(|| "listed".to_owned()));
    words
}

/// And of its execs.
fn of_execs(state: &State) -> Vec<String> {
    let Some(container) = state else { return Vec::new() };
    let mut words = Vec::new();
    for (slot, exec) in container.task.iter().flat_map(|task| &task.execs) {
        let ended = exec.exited.map_or("running".to_owned(), |end| format!("exited({end})"));
        words.push(format!("e{slot} {ended}"));
        words.extend(exec.doom.map(|end| format!("e{slot} will end {end}")));
        words.extend((!exec.held).then(|| format!("e{slot} of another client")));
    }
    words.extend(container.past.iter().map(|(slot, end)| format!("e{slot} gone {end}")));
    words
}

fn words(state: &State) -> Vec<String> {
    of_task(state).into_iter().chain(of_execs(state)).collect()
}

/// What is new in a state and what is over.
fn changes(before: &State, after: &State) -> String {
    let (before, after) = (words(before), words(after));
    let new = after.iter().filter(|word| !before.contains(word)).cloned();
    let over = before.iter().filter(|word| !after.contains(word)).map(|word| format!("-{word}"));
    new.chain(over).collect::<Vec<String>>().join(", ")
}

/// What comes of a move in a state: each answer, with what it changes.
fn comes(play: &Move, state: &State) -> String {
    let each = answers(play, state).into_iter().map(|(answer, left)| {
        let changes = changes(state, &left);
        if changes.is_empty() {
            answer.words()
        } else {
            format!("{} → {changes}", answer.words())
        }
    });
    let mut each: Vec<String> = each.collect::<BTreeSet<String>>().into_iter().collect();
    if waits_for_ever(play, state) {
        each.push("awaited for ever".to_owned());
    } else if each.is_empty() {
        each.push("awaited".to_owned());
    }
    each.join(" | ")
}

/// Something that may happen, and what comes of it in a state.
type Row<'a> = (String, &'a dyn Fn(&State) -> String);

/// Of each move what comes of it, and in which states.
fn table(moves: &[Move], states: &[State]) -> String {
    let comes: Vec<_> = moves.iter().map(|play| |state: &State| comes(play, state)).collect();
    let rows = moves.iter().zip(&comes).map(|(play, comes)| (name(play), comes as _));
    lines(&rows.collect::<Vec<Row>>(), states)
}

/// Of the execs, and of the task; what most states have comes last.
fn lines(happens: &[Row], states: &[State]) -> String {
    let all = by_execs(states.iter());
    let mut text = String::new();
    for (name, comes) in happens {
        let mut rows: BTreeMap<String, Vec<&State>> = BTreeMap::new();
        for state in states {
            rows.entry(comes(state)).or_default().push(state);
        }
        let mut rows: Vec<(String, Vec<&State>)> = rows.into_iter().collect();
        rows.sort_by_key(|(_, states)| states.len());
        text += &format!("{name}\n");
        for (comes, states) in rows {
            text += &format!("  {comes}\n");
            for (execs, tasks) in by_execs(states.into_iter()) {
                let any = tasks.len() > 1 && tasks == all[&execs];
                let tasks = if any { "any".to_owned() } else { tasks.join(" · ") };
                text += &format!("    {execs}{tasks}\n");
            }
        }
    }
    text
}

fn by_execs<'a>(states: impl Iterator<Item = &'a State>) -> BTreeMap<String, Vec<String>> {
    let mut by = BTreeMap::<String, Vec<String>>::new();
    for state in states {
        let execs = of_execs(state);
        let execs = if execs.is_empty() { execs.join("") } else { execs.join(", ") + ": " };
        by.entry(execs).or_default().push(of_task(state).join(", "));
    }
    by
}

fn name(play: &Move) -> String {
    match play {
        Move::Kill { signal, .. }
        | Move::KillAll { signal, .. }
        | Move::ExecKill { signal, .. } => format!("{} {signal}", play.name()),
        Move::Create { process, .. } | Move::Exec { process, .. } => {
            format!("{} {}", play.name(), process.args().join(" "))
        }
        _ => play.name().to_owned(),
    }
}

fn container(program: Program) -> Container {
    let past = BTreeMap::new();
    Container { program, task: None, past, last: None, free: false, listed: false }
}

fn in_phase(phase: Phase) -> Task {
    Task { phase, ..Task::created() }
}

fn tasks() -> Vec<Task> {
    let paused = in_phase(Phase::Paused);
    vec![
        Task::created(),
        Task { doom: KILLED, ..Task::created() },
        in_phase(Phase::Running),
        Task { doom: KILLED, ..in_phase(Phase::Running) },
        Task { doom: Some(2), ..in_phase(Phase::Running) },
        paused.clone(),
        Task { doom: KILLED, ..paused.clone() },
        Task { doom: Some(2), ..paused.clone() },
        Task { thawed: true, ..paused.clone() },
        Task { thawed: true, doom: Some(5), ..paused },
        in_phase(Phase::Stopped(4)),
    ]
}

/// What a container without execs can be in.
fn states(program: Program) -> Vec<State> {
    let container = || container(program);
    let mut states = vec![
        None,
        Some(container()),
        Some(Container { last: Some(4), ..container() }),
        Some(Container { free: true, ..container() }),
        Some(Container { listed: true, ..container() }),
    ];
    let with = |task| Some(Container { task: Some(task), ..container() });
    states.extend(tasks().into_iter().map(with));
    states
}

/// A task with one exec, or none, or one that is gone, in each of its states.
fn states_with_exec(first: Program, program: Program) -> Vec<State> {
    let exec = || Exec { program, exited: None, doom: None, held: true };
    let execs = [
        exec(),
        Exec { doom: KILLED, ..exec() },
        Exec { exited: Some(6), ..exec() },
        Exec { held: false, ..exec() },
        Exec { held: false, exited: Some(6), ..exec() },
    ];
    let mut states = vec![Some(Container { past: [(E, 6)].into(), ..container(first) })];
    for task in tasks() {
        let with = |execs: BTreeMap<u8, Exec>, past| {
            let task = Some(Task { execs, ..task.clone() });
            Some(Container { task, past, ..container(first) })
        };
        states.push(with(BTreeMap::new(), BTreeMap::new()));
        states.push(with(BTreeMap::new(), [(E, 6), (E + 1, 3)].into()));
        let all_ended = matches!(task.phase, Phase::Stopped(_));
        let execs = execs.iter().filter(|exec| !all_ended || exec.exited.is_some());
        states.extend(execs.map(|exec| with([(E, exec.clone())].into(), BTreeMap::new())));
    }
    states
}

fn moves_of_tasks(process: Program) -> Vec<Move> {
    let c = C;
    let mut moves = vec![
        Move::Create { c, process },
        Move::Load { c },
        Move::CreateTask { c },
        Move::StartTask { c },
        Move::Start { c },
        Move::Wait { c },
        Move::Cancel { c },
        Move::Status { c },
        Move::ExitStatus { c },
        Move::Pause { c },
        Move::Resume { c },
        Move::Resize { c },
        Move::Update { c },
        Move::Pids { c },
        Move::Stats { c },
        Move::CloseStdin { c },
        Move::DeleteTask { c },
        Move::ForceDelete { c },
        Move::Delete { c },
    ];
    moves.extend(SIGNALS.map(|signal| Move::Kill { c, signal }));
    moves.extend(SIGNALS.map(|signal| Move::KillAll { c, signal }));
    moves
}

fn moves_of_execs(process: Program) -> Vec<Move> {
    let (c, e) = (C, E);
    let mut moves = vec![
        Move::Exec { c, e, process },
        Move::ExecWait { c, e },
        Move::ExecExitStatus { c, e },
        Move::ExecResize { c, e },
        Move::ExecCloseStdin { c, e },
        Move::DeleteExec { c, e },
    ];
    moves.extend(SIGNALS.map(|signal| Move::ExecKill { c, e, signal }));
    moves
}

#[test]
fn every_operation_on_a_task_that_runs_on_is_answered_as_the_table_says() {
    let process = Program::Sleeps;
    insta::assert_snapshot!(table(&moves_of_tasks(process), &states(process)));
}

#[test]
fn every_operation_on_an_exec_is_answered_as_the_table_says() {
    let process = Program::Reads;
    insta::assert_snapshot!(table(
        &moves_of_execs(process),
        &states_with_exec(Program::Sleeps, process)
    ));
}

/// The most telling of those states: an exec of this client, and a task that ends in one way.
fn few_with_exec(first: Program, program: Program) -> Vec<State> {
    let mut states = states_with_exec(first, program);
    states.retain(|state| {
        let task = state.as_ref().and_then(|container| container.task.as_ref());
        task.is_some_and(|task| {
            matches!(task.doom, None | Some(2)) && task.execs.values().any(|exec| exec.held)
        })
    });
    states
}

#[test]
fn what_is_done_to_a_task_does_to_its_execs_what_the_table_says() {
    let c = C;
    let moves = [
        Move::KillAll { c, signal: TERM },
        Move::DeleteTask { c },
        Move::ForceDelete { c },
        // An input that it does not read.
        Move::ExecCloseStdin { c, e: E },
    ];
    insta::assert_snapshot!(table(&moves, &few_with_exec(Program::Obeys, Program::Obeys)));
}

#[test]
fn what_ends_by_itself_does_so_as_the_table_says() {
    let later = |before: &State| {
        let each =
            later(before).iter().map(|after| changes(before, after)).collect::<BTreeSet<_>>();
        each.into_iter()
            .map(|one| if one.is_empty() { "as it is".to_owned() } else { one })
            .collect::<Vec<_>>()
            .join(" | ")
    };
    let pause = |state: &State| comes(&Move::Pause { c: C }, state);
    let rows: [Row; 2] = [("a little later".to_owned(), &later), ("pause".to_owned(), &pause)];
    let (first, exec) = (Program::ExitsWith7, Program::ExitsWith0);
    insta::assert_snapshot!(lines(&rows, &few_with_exec(first, exec)));
}
