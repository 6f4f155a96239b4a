//! Who was driven against what, and the command that does it again.

use run_record::{RunLine, TargetRef};

/// Who was driven against what, and by which command.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tested {
    pub(crate) driver: String,
    pub(crate) target: String,
    /// The target, on a command line.
    asked: String,
    /// What chooses the client on a command line.
    chosen: String,
    command: String,
    /// Of its generated cases.
    seed: Option<u64>,
    /// What its cases were held against.
    reference: Option<String>,
}

impl Tested {
    pub(crate) fn of(run: &RunLine) -> Self {
        let target = shown(&run.target);
        let asked = on_a_line(&run.target);
        let driver = run.driver.name.clone();
        let command = &run.driver.command;
        let (chosen, command) = if command.is_empty() {
            (format!("--driver {driver}"), String::new())
        } else {
            let budget = run
                .budgets
                .as_ref()
                .map_or_else(String::new, |budgets| format!("--budgets {} ", budgets.path));
            (budget.trim_end().to_owned(), format!(" -- {}", command.join(" ")))
        };
        let faults = run.faults.as_ref().map(|faults| format!(" --faults {}", faults.path));
        let command = format!("{}{command}", faults.unwrap_or_default());
        let seed = run.generated.map(|generated| generated.seed);
        let reference = run.reference.as_deref().map(on_a_line);
        Self { driver, target, asked, chosen, command, seed, reference }
    }

    /// The command that plays a case again.
    pub(crate) fn replay(&self, case: &str) -> String {
        let Self { asked, chosen, command, .. } = self;
        let chosen = if chosen.is_empty() { String::new() } else { format!("{chosen} ") };
        let generated = self.seed.filter(|_| case.starts_with("gen/"));
        let seed = generated.map_or_else(String::new, |seed| format!("--seed {seed} "));
        let beside = self.reference.as_ref();
        let beside =
            beside.map_or_else(String::new, |one| format!("--target {one} --differential "));
        format!("laconic run {chosen}--target {asked} {beside}{seed}--case {case}{command}")
    }
}

fn on_a_line(target: &TargetRef) -> String {
    target.asked.clone().unwrap_or_else(|| shown(target))
}

fn shown(target: &TargetRef) -> String {
    match target.kind.as_str() {
        "mock" => format!("mock:{}", target.profile),
        other => other.to_owned(),
    }
}
