//! How calls are refused that no service takes: unknown services and methods, bodies that do not
//! decode, messages that are too large. The server below words them in its own way; here they get
//! the words, and the code, of the version that is played.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use http::{HeaderMap, HeaderName, Response};
use prost::Message;
use rpc_ledger::Rpc;
use tonic::server::NamedService;
use tonic::{Code, Status};

use crate::Profile;
use crate::methods::SINCE_1_7;
use crate::reread::{CUT_OFF, MALFORMED, NOT_UTF_8};
use crate::services::Health;
use crate::stubs::POOL;

/// Messages over this are taken by none, and sent by none.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// What the codec says before the cause, which has the words of the version already.
pub(crate) const UNREAD: &str = "unread message: ";
/// What the server below says, and what no service of ours says: the first of services that are not
/// containerd's own, and have another codec.
const UNDECODED: &str = "failed to decode Protobuf message: ";
const TOO_LARGE: &str = "Error, decoded message length too large: found ";

// Parsed once, and not for each call.
static STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Read once, for all mocks of a process.
static SERVED: LazyLock<Served> = LazyLock::new(Served::read);

/// What the descriptors say of services.
#[derive(Debug)]
struct Served {
    /// Paths of methods whose answers, or requests, are streams.
    streaming: BTreeSet<String>,
    services: BTreeSet<String>,
}

impl Served {
    fn read() -> Self {
        let mut streaming = BTreeSet::new();
        let mut services = BTreeSet::from([Health::NAME.to_owned()]);
        for service in POOL.services() {
            let name = service.full_name();
            for method in service.methods() {
                if method.is_client_streaming() || method.is_server_streaming() {
                    streaming.insert(format!("/{name}/{}", method.name()));
                }
            }
            services.insert(name.to_owned());
        }
        Self { streaming, services }
    }
}

/// Words refusals.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusals {
    profile: Profile,
}

impl Refusals {
    pub(crate) fn new(profile: Profile) -> Self {
        Self { profile }
    }

    pub(crate) fn profile(self) -> Profile {
        self.profile
    }

    /// Words a response anew, if it is such a refusal. What was called is asked for only then.
    pub(crate) fn word<B>(self, rpc: impl FnOnce() -> Rpc, response: &mut Response<B>) {
        let headers = response.headers_mut();
        // Only what is refused at once has its status here; all others pay for this look alone.
        let Some(code) = headers.get(&STATUS) else { return };
        let status = match code.as_bytes() {
            b"12" if !headers.contains_key("grpc-message") => self.unknown(rpc().path()),
            b"11" | b"13" => {
                let Some(status) = Status::from_header_map(headers) else { return };
                let streaming = SERVED.streaming.contains(rpc().path());
                let Some(status) = unread(self.profile, &status, streaming) else { return };
                status
            }
            _ => return,
        };
        enter(headers, &status);
    }

    fn unknown(self, path: &str) -> Status {
        let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.rsplit_once('/'))
        else {
            let code = match self.profile {
                Profile::V1_6 => Code::ResourceExhausted,
                _ => Code::Unimplemented,
            };
            return Status::new(code, format!("malformed method name: {path:?}"));
        };
        Status::unimplemented(if self.serves(service) {
            format!("unknown method {method} for service {service}")
        } else {
            format!("unknown service {service}")
        })
    }

    fn serves(self, service: &str) -> bool {
        let absent = self.profile == Profile::V1_6 && SINCE_1_7.contains(&service);
        !absent && SERVED.services.contains(service)
    }
}

/// What is said of a request that could not be read. `None`: the status tells of something else.
pub(crate) fn unread(profile: Profile, status: &Status, streaming: bool) -> Option<Status> {
    let message = status.message();
    if let Some(rest) = message.strip_prefix(TOO_LARGE) {
        let size = rest.split(' ').next().unwrap_or_default();
        let what =
            format!("grpc: received message larger than max ({size} vs. {MESSAGE_BYTES_MAX})");
        return Some(Status::resource_exhausted(what));
    }
    let cause = match message.strip_prefix(UNREAD) {
        Some(cause) => cause,
        None => beside(profile, message.strip_prefix(UNDECODED)?),
    };
    Some(Status::internal(match (profile, streaming) {
        (_, false) => format!("grpc: error unmarshalling request: {cause}"),
        (Profile::V1_6, true) => format!("grpc: failed to unmarshal the received message {cause}"),
        (_, true) => format!("grpc: failed to unmarshal the received message: {cause}"),
    }))
}

/// Why a body of such a service does not decode.
fn beside(profile: Profile, cause: &str) -> &'static str {
    match profile {
        Profile::V1_6 if cause.contains("UTF-8") => {
            "proto: field \"grpc.health.v1.HealthCheckRequest.service\" contains invalid UTF-8"
        }
        _ if cause.contains("UTF-8") => NOT_UTF_8,
        Profile::V1_6 => CUT_OFF,
        Profile::V1_7 | Profile::V2_1 => MALFORMED,
    }
}

/// Refuses to send what is too large.
pub(crate) fn sendable<M: Message>(message: M) -> Result<M, Status> {
    let size = message.encoded_len();
    if size > MESSAGE_BYTES_MAX {
        return Err(Status::resource_exhausted(format!(
            "grpc: trying to send message larger than max ({size} vs. {MESSAGE_BYTES_MAX})"
        )));
    }
    Ok(message)
}

fn enter(headers: &mut HeaderMap, status: &Status) {
    headers.remove("grpc-message");
    // What it says comes from a path, or is made here: whatever cannot stand in a header is
    // percent-encoded by this.
    let _ = status.add_header(headers);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_status_of_a_service_is_left_alone() {
        let status = Status::internal("failed to do something");
        assert!(unread(Profile::V2_1, &status, false).is_none());
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in ".{0,40}") {
            let refusals = Refusals::new(Profile::V1_6);
            let _ = refusals.unknown(&path);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = unread(Profile::V1_6, &Status::internal(format!("{UNDECODED}{text}")), true);
        }
    }
}
