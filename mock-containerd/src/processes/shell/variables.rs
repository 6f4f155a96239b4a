//! The variables of a shell. Those from the environment, and exported ones, reach its commands.

/// In the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables {
    all: Vec<Variable>,
}

#[derive(Clone, Debug)]
pub(super) struct Variable {
    name: String,
    value: String,
    exported: bool,
}

impl Variables {
    pub(super) fn of(env: &[String]) -> Self {
        let mut variables = Self::default();
        for (name, value) in env.iter().filter_map(|line| line.split_once('=')) {
            variables.set(name, value);
            variables.export(name);
        }
        variables
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all.iter().find(|one| one.name == name).map(|one| one.value.as_str())
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        match self.all.iter_mut().find(|one| one.name == name) {
            Some(one) => one.value = value,
            None => self.all.push(Variable { name: name.to_owned(), value, exported: false }),
        }
    }

    pub(super) fn export(&mut self, name: &str) {
        if let Some(one) = self.all.iter_mut().find(|one| one.name == name) {
            one.exported = true;
        }
    }

    pub(super) fn unset(&mut self, name: &str) {
        self.all.retain(|one| one.name != name);
    }

    /// To be restored later.
    pub(super) fn state(&self, name: &str) -> Option<Variable> {
        self.all.iter().find(|one| one.name == name).cloned()
    }

    pub(super) fn restore(&mut self, name: &str, state: Option<Variable>) {
        match (self.all.iter_mut().find(|one| one.name == name), state) {
            (Some(one), Some(state)) => *one = state,
            (None, Some(state)) => self.all.push(state),
            (_, None) => self.unset(name),
        }
    }

    /// What a command finds in its environment.
    pub(super) fn env(&self) -> Vec<String> {
        let exported = self.all.iter().filter(|one| one.exported);
        exported.map(|one| format!("{}={}", one.name, one.value)).collect()
    }
}
