//! `containerd.events.Sandbox*`: their protos have no service, and so no types in containerd-client.

use prost::{Message, Name};
use prost_types::Timestamp;

const PACKAGE: &str = "containerd.events";

#[derive(Clone, PartialEq, Message)]
pub(super) struct SandboxCreate {
    #[prost(string, tag = "1")]
    pub(super) sandbox_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SandboxStart {
    #[prost(string, tag = "1")]
    pub(super) sandbox_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SandboxExit {
    #[prost(string, tag = "1")]
    pub(super) sandbox_id: String,
    #[prost(uint32, tag = "2")]
    pub(super) exit_status: u32,
    #[prost(message, optional, tag = "3")]
    pub(super) exited_at: Option<Timestamp>,
}

impl Name for SandboxCreate {
    const NAME: &'static str = "SandboxCreate";
    const PACKAGE: &'static str = PACKAGE;
}

impl Name for SandboxStart {
    const NAME: &'static str = "SandboxStart";
    const PACKAGE: &'static str = PACKAGE;
}

impl Name for SandboxExit {
    const NAME: &'static str = "SandboxExit";
    const PACKAGE: &'static str = PACKAGE;
}
