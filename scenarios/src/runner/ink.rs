//! Writes what several players tell. What is named comes in the order in which it is named, whoever
//! plays it and whenever: two runs of the same leave the same record.

use std::collections::BTreeMap;

use run_record::Line;

pub(super) struct Ink<'w> {
    emit: &'w mut (dyn FnMut(Line) + Send),
    /// Whose turn it is.
    next: usize,
    waiting: BTreeMap<usize, Vec<Line>>,
}

impl<'w> Ink<'w> {
    pub(super) fn new(emit: &'w mut (dyn FnMut(Line) + Send)) -> Self {
        Self { emit, next: 0, waiting: BTreeMap::new() }
    }

    /// The lines of a case; `None`: it may come at any time.
    pub(super) fn write(&mut self, place: Option<usize>, lines: impl IntoIterator<Item = Line>) {
        let Some(place) = place else { return lines.into_iter().for_each(&mut *self.emit) };
        self.waiting.insert(place, lines.into_iter().collect());
        while let Some(lines) = self.waiting.remove(&self.next) {
            self.next += 1;
            lines.into_iter().for_each(&mut *self.emit);
        }
    }

    /// All that waits for its turn, for what was to come before it never comes.
    pub(super) fn flush(&mut self) {
        for lines in std::mem::take(&mut self.waiting).into_values() {
            lines.into_iter().for_each(&mut *self.emit);
        }
    }
}

#[cfg(test)]
mod tests {
    use run_record::CaseLine;

    use super::*;

    fn case(name: &str) -> [Line; 1] {
        [Line::Case(CaseLine { run: 1, case: name.to_owned() })]
    }

    #[test]
    fn what_is_named_comes_in_its_order_and_what_is_not_at_once() {
        let mut told = Vec::new();
        let mut emit = |line| match line {
            Line::Case(line) => told.push(line.case),
            _ => unreachable!("only cases are told"),
        };
        let mut ink = Ink::new(&mut emit);
        ink.write(Some(1), case("second"));
        ink.write(None, case("any"));
        ink.write(Some(0), case("first"));
        ink.write(Some(3), case("fourth"));
        ink.flush();
        assert_eq!(told, ["any", "first", "second", "fourth"]);
    }
}
