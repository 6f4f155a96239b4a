//! What is free only where several act at once: what may be, why, and where it was seen. What each
//! operation may answer in a state is free as [`FREEDOMS`](crate::model::FREEDOMS) says, here as there.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latitude {
    /// What may be.
    pub what: &'static str,
    /// Why.
    pub reason: &'static str,
    /// Where: the code that takes it.
    pub evidence: &'static str,
}

/// All of them.
pub const LATITUDES: &[Latitude] = &[
    Latitude {
        what: "start, exec, force-delete and delete are put in order part by part",
        reason: "each is several calls, and containerd has no transactions: others come between, and an \
                 error in the middle leaves what the parts before it left",
        evidence: "the budgets: Tasks/Create and Tasks/Start, Tasks/Exec and Tasks/Start, Tasks/Kill and \
                   Tasks/Delete; a client that looks before Containers/Delete",
    },
    Latitude {
        what: "what a client tells or refuses by itself may be as old as what it has learned",
        reason: "it asks nobody: it has learned what it was answered of the same thing, the exits that it told \
                 itself, and what it told before; not why others were refused, nor what is still under way. \
                 Who is gone without a known end stays a little longer, and that a task has stopped is \
                 known before how",
        evidence: "C-204; the floor of status and exit-status is 0 calls",
    },
    Latitude {
        what: "who removes a task while another makes the next has not learned whether there is one",
        reason: "calls carry ids alone: it may be the next that it removed, and the client finds out by events",
        evidence: "conc/128 of seed 0 with 4 actors in memory, generator 5",
    },
    Latitude {
        what: "who pauses and resumes at once has not learned which came last",
        reason: "answers may cross; the events tell the order",
        evidence: "conc/2531 of seed 0 with 3 actors in memory, generator 5",
    },
    Latitude {
        what: "an exec that is asked for while its task is removed may be one of the next, and its client does \
               not know of it",
        reason: "calls carry ids alone, and the client keeps it with the task that it asked it of",
        evidence: "conc/413 of seed 0 with 4 actors in memory, generator 5",
    },
    Latitude {
        what: "stats of all containers are a reading of each",
        reason: "containerd collects them task by task",
        evidence: "its service/tasks: getTasksMetrics walks the list of tasks",
    },
    Latitude {
        what: "a record may be deleted under a task that is being made",
        reason: "Containers/Delete asks for no task, and between the client's look and its call one may \
                 come to be: what is left of it nobody can say",
        evidence: "regression/a-task-of-a-container-that-is-gone",
    },
    Latitude {
        what: "while a task is made or removed its id is taken, it may be gone already, and it is shown as stopped",
        reason: "a shim is started before its task is there and ends after it; the bundle's folder stands all \
                 the while",
        evidence: "conc/15 and conc/25 of seed 1 with 3 actors on real:1.6: mkdir …: file exists; cannot \
                   delete a deleted process",
    },
    Latitude {
        what: "who asks while a task is removed may be told that nobody answers; of several who remove it so may \
               the one who did",
        reason: "its shim ends with it, and what waits for an answer of the shim's is cut off: ttrpc: closed; \
                 or runc is asked for a container that does not exist any more",
        evidence: "conc/103 of seed 7 with 3 actors on real:1.6; conc/26 and conc/69 on real:1.7; conc/183 of seed 0 \
                   with 2 and conc/155 with 3 on real:2.1",
    },
    Latitude {
        what: "where several start or remove a task at once, a real server may tell of its end twice",
        reason: "the shim tells it, and so does whoever cleans up after a call to it that failed, as if it had \
                 been killed; on the mock each is told once, and judged",
        evidence: "conc/101 and conc/108 of seed 7 with 2 actors on real:1.7; conc/78 with 3, and conc/167 with \
                   4, on real:2.1; after an end by 7 one by 137: conc/183 of seed 0 with 2, on real:2.1",
    },
    Latitude {
        what: "an exec that is started while all are signalled may find its task paused",
        reason: "runc freezes the cgroup for the signalling",
        evidence: "conc/112 of seed 7 with 4 actors on real:2.1",
    },
    Latitude {
        what: "what is asked once something was made to go wrong may come to nothing, to something or to half \
               of it, and what is told then may be old",
        reason: "an error does not say which, and a client that lost its stream has not heard; the container \
                 is where nobody can say from then on, and only where no order is found without that",
        evidence: "what a fault excuses in a sequence: World::learn_after",
    },
    Latitude {
        what: "while an exec is being registered its id is taken, also where that comes to be refused",
        reason: "a shim reserves the id (ReserveProcess) before it looks at the state of the task",
        evidence: "conc/23 of seed 0 with 4 actors on real:1.6, generator 5",
    },
    Latitude {
        what: "an exec of a program that there is not is started while its task ends, and ends by 137",
        reason: "the end of the first process kills all others, before this one finds nothing to run",
        evidence: "conc/170 of seed 0 with 2 actors on real:2.1, generator 5",
    },
    Latitude {
        what: "between its registering and its starting an exec is there and is not",
        reason: "the id is taken, the process is none yet, and who keeps handles has none of it",
        evidence: "C-168, C-379",
    },
];
