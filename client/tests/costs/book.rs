//! What was counted, held against what is documented.

use std::collections::{BTreeMap, BTreeSet};

use crate::cost::{Calls, Cost};

/// One case of a method, played.
#[derive(Debug)]
struct Entry {
    method: &'static str,
    when: &'static str,
    numbers: Vec<(&'static str, u64)>,
    calls: Calls,
}

/// All that was played.
#[derive(Debug, Default)]
pub(crate) struct Book {
    entries: Vec<Entry>,
}

impl Book {
    pub(crate) fn enter(
        &mut self,
        method: &'static str,
        when: &'static str,
        numbers: &[(&'static str, u64)],
        calls: Calls,
    ) {
        self.entries.push(Entry { method, when, numbers: numbers.to_vec(), calls });
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What does not agree, and what is on one side only.
    pub(crate) fn against(&self, documented: &BTreeMap<String, Vec<Cost>>) -> Vec<String> {
        let mut faults = Vec::new();
        let mut unplayed: BTreeSet<(&str, &str)> = documented
            .iter()
            .flat_map(|(method, costs)| costs.iter().map(|cost| (&**method, &*cost.when)))
            .collect();
        for Entry { method, when, numbers, calls } in &self.entries {
            unplayed.remove(&(*method, *when));
            let costs = documented.get(*method).into_iter().flatten();
            let Some(cost) = costs.into_iter().find(|cost| cost.when == *when) else {
                faults.push(format!("{method} {when:?}: not documented, counted {calls:?}"));
                continue;
            };
            let told = cost.calls(numbers);
            if told != *calls {
                faults.push(format!("{method} {when:?}: documented {told:?}, counted {calls:?}"));
            }
        }
        let unplayed = unplayed.into_iter();
        faults.extend(unplayed.map(|(method, when)| format!("{method} {when:?}: not played")));
        faults
    }
}

#[test]
fn a_book_tells_what_does_not_agree_and_what_is_on_one_side_only() {
    let costs = |line| Cost::parse_all(line).unwrap();
    let documented = BTreeMap::from([
        ("Task::kill".to_owned(), costs("1 (Tasks/Kill); 0 when it is gone.")),
        ("Task::pause".to_owned(), costs("1 (Tasks/Pause).")),
    ]);
    let mut book = Book::default();
    let calls = |method: &str, times| Calls::from([(method.to_owned(), times)]);
    book.enter("Task::kill", "", &[], calls("Tasks/Kill", 2));
    book.enter("Task::pause", "", &[], calls("Tasks/Pause", 1));
    book.enter("Task::resume", "", &[], calls("Tasks/Resume", 1));
    let expected = [
        "Task::kill \"\": documented {\"Tasks/Kill\": 1}, counted {\"Tasks/Kill\": 2}",
        "Task::resume \"\": not documented, counted {\"Tasks/Resume\": 1}",
        "Task::kill \"when it is gone\": not played",
    ];
    assert_eq!(book.against(&documented), expected);
}
