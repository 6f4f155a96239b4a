//! What a driver must be able to do to go through a scenario.

use std::collections::BTreeSet;

use driver_protocol::{Capability, Operation};

use crate::{Play, Scenario};

impl Scenario {
    /// The capabilities that its steps use.
    pub fn needs(&self) -> BTreeSet<Capability> {
        self.steps
            .iter()
            .flat_map(|step| match &step.play {
                Play::Perform(operation) | Play::Begin(operation) => needs_of(operation),
                Play::Join => Vec::new(),
                Play::Restart => vec![Capability::Restore],
            })
            .collect()
    }
}

pub(crate) fn needs_of(operation: &Operation) -> Vec<Capability> {
    use Capability::{Checkpoint, Exec, Images, Io, Pause, Restore};
    match operation {
        Operation::Exec(exec) if exec.stdin || exec.output => vec![Exec, Io],
        Operation::ExecCloseStdin(_) => vec![Exec, Io],
        Operation::Exec(_)
        | Operation::ExecWait(_)
        | Operation::ExecKill(_)
        | Operation::ExecResize(_)
        | Operation::DeleteExec(_) => vec![Exec],
        Operation::ExitStatus(of) if of.exec.is_some() => vec![Exec],
        Operation::Pause(_) | Operation::Resume(_) => vec![Pause],
        Operation::CloseStdin(_) => vec![Io],
        Operation::Start(start) | Operation::CreateTask(start) if start.stdin || start.output => {
            vec![Io]
        }
        Operation::Restore(_) => vec![Restore],
        Operation::Checkpoint(_) => vec![Checkpoint],
        Operation::Import(_)
        | Operation::Images {}
        | Operation::Image(_)
        | Operation::Unpack(_)
        | Operation::CreateFromImage(_)
        | Operation::DeleteWithSnapshot(_)
        | Operation::RemoveImage(_) => vec![Images],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn a_scenario_needs_what_its_operations_use() {
        let needs =
            |name: &str| catalogue().into_iter().find(|one| one.name == name).expect(name).needs();
        assert!(needs("run-to-exit-with-0").is_empty());
        assert_eq!(needs("exec-exits-with-7"), [Capability::Exec].into());
        assert!(catalogue().iter().any(|one| one.needs().contains(&Capability::Restore)));
        assert!(catalogue().iter().any(|one| one.needs().contains(&Capability::Io)));
    }
}
