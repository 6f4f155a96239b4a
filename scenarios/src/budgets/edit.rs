//! Changes a budget file as a person would: the lines that need it, and nothing else.

use toml_edit::{DocumentMut, Item, Table as Edited, TableLike};

use super::observed::{Observed, Section, Spending, written};
use super::{Budget, Limit, Table};

/// One change of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The table.
    pub section: Section,
    /// The method.
    pub rpc: String,
    /// What was allowed.
    pub was: String,
    /// What is allowed now.
    pub is: String,
}

/// A file that does not exist yet.
pub fn begin(client: &str) -> String {
    format!(
        "# What {client} spends. Only what differs from the floor stands here.\n\
         schema = 1\nclient = {}\nbase = \"floor\"\n",
        toml_edit::Value::from(client)
    )
}

/// Raises what was exceeded, and names what was not listed, so that the run would pass.
pub fn accept(text: &str, budget: &Budget, observed: &Observed) -> (String, Vec<Change>) {
    edit(text, budget, observed, |table, rpc, spending| {
        let allowance = table.allowance(rpc);
        (!spending.within(rpc, allowance.limit)).then(|| spending.limit(rpc))
    })
}

/// Lowers what was never used up. What never occurred in the run stays as it is.
pub fn tighten(text: &str, budget: &Budget, observed: &Observed) -> (String, Vec<Change>) {
    edit(text, budget, observed, |table, rpc, spending| {
        let own = table.rows.get(rpc).filter(|row| row.at.file == budget.path)?;
        let narrow = spending.limit(rpc);
        // One more step might be above what is narrower here by chance of `n`.
        let most = |limit: Limit| limit.range(1, false).1 + limit.range(8, false).1;
        (most(narrow) < most(own.limit)).then_some(narrow)
    })
}

fn edit(
    text: &str,
    budget: &Budget,
    observed: &Observed,
    decide: impl Fn(&Table, &str, &Spending) -> Option<Limit>,
) -> (String, Vec<Change>) {
    let mut document: DocumentMut = text.parse().expect("a budget that was read is TOML");
    let mut changes = Vec::new();
    for (section, spending) in observed {
        let table = table_of(budget, section);
        let rpcs = spending.rpcs().into_iter().map(str::to_owned);
        let listed = table.rows.keys().cloned();
        let names: std::collections::BTreeSet<String> = rpcs.chain(listed).collect();
        let decided: Vec<(String, Limit)> = names
            .into_iter()
            .filter_map(|rpc| decide(&table, &rpc, spending).map(|limit| (rpc, limit)))
            .collect();
        if decided.is_empty() {
            continue;
        }
        let own = own_table(&mut document, section, &table);
        for (rpc, limit) in decided {
            let was = table.allowance(&rpc).limit.to_string();
            // A table replaces its base's: what it does not list is 0.
            match limit {
                Limit::NONE => {
                    own.remove(&rpc);
                }
                limit => set(own, &rpc, limit),
            }
            changes.push(Change { section: section.clone(), rpc, was, is: limit.to_string() });
        }
    }
    (document.to_string(), changes)
}

/// The table by which such a step is judged.
fn table_of(budget: &Budget, section: &Section) -> Table {
    match section {
        Section::Connect => budget.connect.clone(),
        Section::Background => budget.background.clone(),
        Section::Operation(name, kind) => budget.table(name, *kind).table,
    }
}

/// The table in this file. A table replaces the one that judged so far, so a new one begins as that.
fn own_table<'d>(
    document: &'d mut DocumentMut,
    section: &Section,
    judged: &Table,
) -> &'d mut dyn TableLike {
    let path: Vec<&str> = match section {
        Section::Connect => vec!["connect"],
        Section::Background => vec!["background"],
        Section::Operation(name, None) => vec!["operation", name],
        Section::Operation(name, Some(kind)) => vec!["operation", name, "error", kind.as_str()],
    };
    let mut item = document.as_item_mut();
    for key in path {
        let table = item.as_table_like_mut().expect("a budget that was read has tables there");
        item = table.entry(key).or_insert_with(|| {
            let mut parent = Edited::new();
            parent.set_implicit(true);
            Item::Table(parent)
        });
    }
    if let Item::Table(table) = item {
        table.set_implicit(false);
    }
    let table = item.as_table_like_mut().expect("a budget that was read has tables there");
    for (rpc, row) in &judged.rows {
        if !table.contains_key(rpc) {
            set(table, rpc, row.limit);
        }
    }
    table
}

/// Keeps the comment behind a value, and what a row says beside its limit.
fn set(table: &mut dyn TableLike, rpc: &str, limit: Limit) {
    let item = table.entry(rpc).or_insert(Item::None);
    match item.as_table_like_mut() {
        Some(row) => {
            let (key, other, limit) = match limit {
                Limit::Exactly(line) => ("exactly", "at_most", Limit::AtMost(line)),
                limit => ("at_most", "exactly", limit),
            };
            row.remove(other);
            replace(row.entry(key).or_insert(Item::None), limit);
        }
        None => replace(item, limit),
    }
}

fn replace(item: &mut Item, limit: Limit) {
    let mut value = written(limit);
    if let Item::Value(old) = item {
        *value.decor_mut() = old.decor().clone();
    }
    *item = Item::Value(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::ErrorKind;
    use run_record::Rpcs;

    const FILE: &str = "\
# ours, and dear to us
schema = 1
client = \"c\"
base = \"floor\"

# an exec asks first
[operation.exec]
\"Containers/Get\" = 2 # twice, for now
\"Tasks/Exec\" = 1
\"Tasks/Start\" = 1
";

    fn rpcs(counts: &[(&str, u64)]) -> Rpcs {
        counts.iter().map(|(rpc, count)| ((*rpc).to_owned(), *count)).collect()
    }

    fn saw(name: &str, kind: Option<ErrorKind>, n: u64, counts: &[(&str, u64)]) -> Observed {
        let section = Section::Operation(name.to_owned(), kind);
        [(section, Spending { steps: vec![(n, rpcs(counts))] })].into()
    }

    fn budget(text: &str) -> Budget {
        Budget::parse("c.toml", text).unwrap()
    }

    fn rows(text: &str, name: &str, kind: Option<ErrorKind>) -> Vec<String> {
        let table = budget(text).table(name, kind).table;
        table.rows.iter().map(|(rpc, row)| format!("{rpc} {}", row.limit)).collect()
    }

    #[test]
    fn accept_raises_what_was_exceeded_and_keeps_every_comment() {
        let calls = [("Containers/Get", 3), ("Tasks/Exec", 1), ("Tasks/Start", 1)];
        let (text, changes) = accept(FILE, &budget(FILE), &saw("exec", None, 1, &calls));
        assert_eq!(text, FILE.replace("= 2 # twice", "= 3 # twice"));
        assert_eq!(changes.len(), 1);
        assert_eq!((changes[0].was.as_str(), changes[0].is.as_str()), ("2", "3"));
    }

    #[test]
    fn accept_writes_a_new_table_with_what_the_base_allowed() {
        let seen = saw("pause", None, 1, &[("Tasks/Pause", 1), ("Tasks/Get", 1)]);
        let (text, _) = accept(FILE, &budget(FILE), &seen);
        assert!(text.starts_with(FILE), "{text}");
        assert_eq!(rows(&text, "pause", None), ["Tasks/Get 1", "Tasks/Pause 1"]);
    }

    #[test]
    fn accept_gives_an_error_a_table_of_its_own() {
        let seen = saw("exec", Some(ErrorKind::NotFound), 1, &[("Tasks/Get", 1)]);
        let (text, _) = accept(FILE, &budget(FILE), &seen);
        let kind = Some(ErrorKind::NotFound);
        let success = ["Containers/Get 2", "Tasks/Exec 1", "Tasks/Start 1"];
        assert_eq!(rows(&text, "exec", None), success, "{text}");
        let failure = ["Containers/Get 2", "Tasks/Exec 1", "Tasks/Get 1", "Tasks/Start 1"];
        assert_eq!(rows(&text, "exec", kind), failure, "{text}");
    }

    #[test]
    fn accept_begins_as_the_base_where_only_an_error_stands_in_the_file() {
        let file = format!("{}[operation.exec.error.not-found]\n", begin("c"));
        let (text, _) = accept(&file, &budget(&file), &saw("exec", None, 1, &[("Tasks/Get", 1)]));
        assert_eq!(rows(&text, "exec", None), ["Tasks/Exec 1", "Tasks/Get 1", "Tasks/Start 1"]);
        assert_eq!(rows(&text, "exec", Some(ErrorKind::NotFound)), [""; 0]);
    }

    #[test]
    fn a_table_in_braces_is_changed_between_them() {
        let file = "schema = 1\nclient = \"c\"\n[operation]\n\
                    exec = { \"Tasks/Exec\" = 1, error = { unknown = {} } } # one line\n";
        let accepted =
            |kind| accept(file, &budget(file), &saw("exec", kind, 1, &[("Tasks/Exec", 2)])).0;
        assert_eq!(accepted(None), file.replace("= 1, error", "= 2, error"));
        let unknown = "unknown = { \"Tasks/Exec\" = 2 }";
        assert_eq!(accepted(Some(ErrorKind::Unknown)), file.replace("unknown = {}", unknown));
        let kind = Some(ErrorKind::NotFound);
        let text = accepted(kind);
        assert_eq!(rows(&text, "exec", kind), ["Tasks/Exec 2"], "{text}");
        assert_eq!((text.lines().count(), text.ends_with("} # one line\n")), (4, true), "{text}");
    }

    #[test]
    fn counts_that_grow_with_the_containers_are_written_as_such() {
        let seen = saw("restore", None, 3, &[("Containers/Get", 3), ("Tasks/Get", 6)]);
        let (text, _) = accept(FILE, &budget(FILE), &seen);
        let rows = rows(&text, "restore", None);
        assert!(rows.contains(&"Tasks/Get 2*n".to_owned()), "{rows:?}");
    }

    #[test]
    fn tighten_lowers_what_was_not_used_and_leaves_what_did_not_occur() {
        let calls = [("Containers/Get", 1), ("Tasks/Exec", 1), ("Tasks/Start", 1)];
        let (text, changes) = tighten(FILE, &budget(FILE), &saw("exec", None, 1, &calls));
        assert_eq!(text, FILE.replace("= 2 # twice", "= 1 # twice"));
        assert_eq!(changes.len(), 1);
        let (text, changes) = tighten(FILE, &budget(FILE), &Observed::new());
        assert_eq!((text.as_str(), changes.len()), (FILE, 0));
    }

    #[test]
    fn a_row_keeps_what_it_says_beside_its_limit() {
        let row = |limit: &str| {
            let row = format!("\"Tasks/Get\" = {{ {limit} }} # we know\n");
            format!("{}[operation.exec]\n{row}", begin("c"))
        };
        let seen = |count| saw("exec", None, 1, &[("Tasks/Get", count)]);
        let file = row("at_most = 2, on_excess = \"warn\"");
        let (text, _) = accept(&file, &budget(&file), &seen(3));
        assert_eq!(text, row("at_most = 3, on_excess = \"warn\""));
        let file = row("on_excess = \"off\", exactly = 2");
        let (text, _) = accept(&file, &budget(&file), &seen(3));
        assert_eq!(text, row("on_excess = \"off\", at_most = 3"));
    }

    #[test]
    fn tighten_leaves_what_would_allow_more_for_other_n() {
        let file = format!("{}[operation.restore]\n\"Tasks/Get\" = 4\n", begin("c"));
        let restore = Section::Operation("restore".to_owned(), None);
        let steps = vec![(2, rpcs(&[("Tasks/Get", 2)])), (4, rpcs(&[("Tasks/Get", 4)]))];
        let seen = [(restore, Spending { steps })].into();
        assert_eq!(tighten(&file, &budget(&file), &seen), (file.clone(), vec![]));
    }

    #[test]
    fn what_was_accepted_needs_no_second_time() {
        let seen = saw("delete", None, 1, &[("Tasks/Get", 2), ("Containers/Delete", 1)]);
        let text = begin("new");
        let (text, _) = accept(&text, &budget(&text), &seen);
        let (again, changes) = accept(&text, &budget(&text), &seen);
        assert_eq!((again, changes), (text, Vec::new()));
    }
}
