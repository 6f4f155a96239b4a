//! Methods that change nothing: what may change their answer, and which one tells of many at once. The
//! one place that says so; what is not listed is taken for a write.

/// A method that changes nothing, by its short name.
struct Read {
    rpc: &'static str,
    /// The services whose writes may change what it answers.
    changed_by: &'static [&'static str],
    /// What tells of all at once, where this one tells of one.
    list: Option<&'static str>,
}

const fn read(rpc: &'static str, changed_by: &'static [&'static str]) -> Read {
    Read { rpc, changed_by, list: None }
}

const fn one_of(rpc: &'static str, service: &'static [&'static str], list: &'static str) -> Read {
    Read { rpc, changed_by: service, list: Some(list) }
}

const CONTAINERS: &[&str] = &["Containers"];
const TASKS: &[&str] = &["Tasks"];
const NAMESPACES: &[&str] = &["Namespaces"];
/// Garbage is collected with what refers to it.
const STORED: &[&str] = &["Containers", "Content", "Diff", "Images", "Leases", "Snapshots"];

const READS: [Read; 17] = [
    one_of("Containers/Get", CONTAINERS, "Containers/ListStream"),
    read("Containers/List", CONTAINERS),
    read("Containers/ListStream", CONTAINERS),
    read("Content/Info", STORED),
    read("Content/Read", STORED),
    one_of("Images/Get", STORED, "Images/List"),
    read("Images/List", STORED),
    read("Leases/List", STORED),
    read("Leases/ListResources", STORED),
    one_of("Namespaces/Get", NAMESPACES, "Namespaces/List"),
    read("Namespaces/List", NAMESPACES),
    one_of("Tasks/Get", TASKS, "Tasks/List"),
    read("Tasks/List", TASKS),
    read("Tasks/ListPids", TASKS),
    // It has filters: one call may tell of one or of all.
    one_of("Tasks/Metrics", TASKS, "Tasks/Metrics"),
    read("Snapshots/Stat", STORED),
    read("Version/Version", &[]),
];

/// Services that change nothing beyond what is said above. Others may change anything.
const KNOWN: [&str; 9] = [
    "Containers",
    "Content",
    "Diff",
    "Events",
    "Images",
    "Leases",
    "Namespaces",
    "Snapshots",
    "Tasks",
];

fn find(rpc: &str) -> Option<&'static Read> {
    READS.iter().find(|read| read.rpc == rpc)
}

/// Whether a method, by its short name, changes nothing.
pub fn reads(rpc: &str) -> bool {
    find(rpc).is_some()
}

/// The method that tells of all at once what this one tells of one.
pub fn list_of(rpc: &str) -> Option<&'static str> {
    find(rpc)?.list
}

/// Whether a write may change what a read answers; both by their short names.
pub(crate) fn may_change(write: &str, read: &str) -> bool {
    let service = write.split('/').next().unwrap_or(write);
    let known = KNOWN.contains(&service);
    !known || find(read).is_none_or(|read| read.changed_by.contains(&service))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tells_of_many_is_itself_a_read() {
        for one in &READS {
            assert!(one.list.is_none_or(reads), "{}", one.rpc);
            assert!(one.changed_by.iter().all(|service| KNOWN.contains(service)), "{}", one.rpc);
        }
    }

    #[test]
    fn a_write_touches_its_own_and_one_of_an_unknown_service_touches_all() {
        assert!(may_change("Tasks/Kill", "Tasks/Get"));
        assert!(!may_change("Tasks/Kill", "Containers/Get"));
        assert!(!may_change("Events/Publish", "Tasks/List"));
        assert!(may_change("Containers/Delete", "Images/List"));
        assert!(may_change("Transfer/Transfer", "Containers/Get"));
        assert!(!may_change("Containers/Create", "Version/Version"));
    }
}
