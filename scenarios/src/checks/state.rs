//! The server's view of a task, asked by the observer, against what the scenario takes for right.

use driver_protocol::Lifecycle;
use run_record::Verdict;

use crate::scenario::Leaves;

/// Judges what the observer saw.
pub fn judge_state(leaves: &Leaves, seen: Option<Lifecycle>) -> Verdict {
    if leaves.task == seen {
        return Verdict::pass("state");
    }
    let word = |task: Option<Lifecycle>| match task {
        Some(state) => format!("{state:?}").to_lowercase(),
        None => "absent".to_owned(),
    };
    let detail = format!(
        "the task of {} should be {}, the server says {}",
        leaves.container,
        word(leaves.task),
        word(seen)
    );
    Verdict::fail("state", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::ContainerId;

    #[test]
    fn a_task_that_is_still_there_is_told() {
        let leaves = Leaves { container: ContainerId::new("c0"), task: None };
        let verdict = judge_state(&leaves, Some(Lifecycle::Running));
        assert_eq!(verdict.detail, "the task of c0 should be absent, the server says running");
    }
}
