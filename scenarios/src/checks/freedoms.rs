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
    /// Why it may be lost.
    pub reason: &'static str,
    /// Where that was seen, and how often.
    pub evidence: &'static str,
}

const FREEDOMS: [Freedom; 1] = [Freedom {
    version: "2.1",
    topic: "/tasks/delete",
    reason: "the shim ends before it has handed it on",
    evidence: "2.1.9 lost 5 of 45, under load up to a third; 1.6 and 1.7 none of 45; case C-437",
}];

impl Freedom {
    /// The freedom that a server has with an event, if it has one.
    pub fn with(server: &TargetRef, owed: &Owed) -> Option<&'static Self> {
        let fits =
            |freedom: &&Self| freedom.version == server.profile && freedom.topic == owed.topic;
        FREEDOMS.iter().find(fits).filter(|_| server.kind != "mock")
    }

    /// In words, of an event that did not come.
    pub fn words(&self) -> String {
        let Self { version, topic, reason, evidence } = self;
        format!("containerd {version} is free to lose {topic}: {reason} ({evidence})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driver_protocol::ContainerId;

    fn may_lose(kind: &str, profile: &str, topic: &'static str) -> bool {
        let (kind, profile) = (kind.to_owned(), profile.to_owned());
        let server = TargetRef { kind, version: format!("{profile}.9"), profile, asked: None };
        let owed = Owed { topic, container: ContainerId::new("c0"), exec: None };
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
}
