//! Where a real server is free: events that it may lose, each with why and how often that was seen.
//! The mock has no such freedom: what it loses it was told to lose.

use run_record::TargetRef;

use super::Owed;

/// An event that servers of one version lose now and then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freedom {
    /// The version, as [`TargetRef::profile`] names it.
    pub version: &'static str,
    /// The event's topic.
    pub topic: &'static str,
    /// Only of tasks that never ran.
    pub never_ran: bool,
    /// Why it may be lost.
    pub reason: &'static str,
    /// Where that was seen, and how often.
    pub evidence: &'static str,
}

const FREEDOMS: [Freedom; 4] = [
    Freedom {
        version: "2.1",
        topic: "/tasks/delete",
        never_ran: false,
        reason: "the shim ends before it has handed it on",
        evidence: "2.1.9 lost 5 of 45, under load up to a third; 1.6 and 1.7 none of 45; case C-437",
    },
    Freedom {
        version: "1.7",
        topic: "/tasks/delete",
        never_ran: true,
        reason: "the shim ends before it has handed it on",
        evidence: "one was lost under heavy load, and not again in 5 plays of the same; cases C-229 and C-472",
    },
    Freedom {
        version: "1.7",
        topic: "/tasks/exit",
        never_ran: true,
        reason: "the shim ends before it has handed it on",
        evidence: "cases C-229 and C-472",
    },
    Freedom {
        version: "2.1",
        topic: "/tasks/exit",
        never_ran: true,
        reason: "the shim ends before it has handed it on",
        evidence: "cases C-229 and C-472",
    },
];

impl Freedom {
    /// The freedom that a server has with an event, if it has one.
    pub fn with(server: &TargetRef, owed: &Owed) -> Option<&'static Self> {
        let fits = |freedom: &&Self| {
            let same = freedom.version == server.profile && freedom.topic == owed.topic;
            same && (owed.never_ran || !freedom.never_ran)
        };
        FREEDOMS.iter().find(fits).filter(|_| server.kind != "mock")
    }

    /// In words, of an event that did not come.
    pub fn words(&self) -> String {
        let Self { version, topic, reason, evidence, .. } = self;
        format!("containerd {version} is free to lose {topic}: {reason} ({evidence})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::ContainerId;

    fn may_lose(kind: &str, profile: &str, topic: &'static str) -> bool {
        of_task(kind, profile, topic, false)
    }

    fn of_task(kind: &str, profile: &str, topic: &'static str, never_ran: bool) -> bool {
        let (kind, profile) = (kind.to_owned(), profile.to_owned());
        let server = TargetRef { kind, version: format!("{profile}.9"), profile, asked: None };
        let owed = Owed { topic, container: ContainerId::new("c0"), exec: None, never_ran };
        Freedom::with(&server, &owed).is_some()
    }

    #[test]
    fn a_real_containerd_2_1_alone_may_lose_the_deletion_of_a_task_and_nothing_else() {
        assert!(may_lose("real", "2.1", "/tasks/delete"));
        assert!(may_lose("address", "2.1", "/tasks/delete"));
        assert!(!may_lose("mock", "2.1", "/tasks/delete"));
        assert!(!may_lose("real", "1.7", "/tasks/delete"));
        assert!(!may_lose("real", "2.1", "/tasks/exit"));
    }

    #[test]
    fn of_a_task_that_never_ran_1_7_may_lose_the_deletion_too_and_1_6_may_not() {
        assert!(of_task("real", "1.7", "/tasks/delete", true));
        assert!(!of_task("real", "1.6", "/tasks/delete", true));
        assert!(!of_task("mock", "1.7", "/tasks/delete", true));
    }

    #[test]
    fn every_freedom_says_what_is_lost_by_whom_and_why_that_is_so() {
        for freedom in &FREEDOMS {
            let words = freedom.words();
            let Freedom { version, topic, reason, evidence, .. } = freedom;
            let all = [version, topic, reason, evidence];
            assert!(all.iter().all(|one| !one.is_empty() && words.contains(**one)), "{words}");
        }
    }
}
