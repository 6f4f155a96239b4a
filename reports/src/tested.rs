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
    /// How many act in them at once, where several do.
    actors: Option<u8>,
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
        let actors = run.generated.and_then(|generated| generated.actors);
        let reference = run.reference.as_deref().map(on_a_line);
        Self { driver, target, asked, chosen, command, seed, actors, reference }
    }

    /// The command that plays a case again.
    pub(crate) fn replay(&self, case: &str) -> String {
        let Self { asked, chosen, command, .. } = self;
        let chosen = if chosen.is_empty() { String::new() } else { format!("{chosen} ") };
        let generated = case.starts_with("gen/") || case.starts_with("conc/");
        let seed = self.seed.filter(|_| generated);
        let seed = seed.map_or_else(String::new, |seed| format!("--seed {seed} "));
        // What has several actors is selected with them, and what was kept of them as well.
        let actors = self.actors.filter(|_| !case.starts_with("named/"));
        let seed = actors.map_or(seed.clone(), |actors| format!("{seed}--actors {actors} "));
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
