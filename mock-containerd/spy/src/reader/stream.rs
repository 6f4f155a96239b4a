//! One HTTP/2 stream: one gRPC call.

use rpc_ledger::{Call, Code, Opening, Rpc};

type Fields = [(Vec<u8>, Vec<u8>)];

fn field<'f>(fields: &'f Fields, name: &str) -> Option<&'f [u8]> {
    let found = fields.iter().find(|(have, _)| have == name.as_bytes());
    found.map(|(_, value)| value.as_slice())
}

fn text(fields: &Fields, name: &str) -> Option<String> {
    field(fields, name).map(|value| String::from_utf8_lossy(value).into_owned())
}

/// How the call begins that these request headers open.
pub(super) fn opening(fields: &Fields) -> Opening {
    Opening {
        namespace: text(fields, "containerd-namespace"),
        traceparent: text(fields, "traceparent"),
        ..Opening::of(Rpc::from_path(&text(fields, ":path").unwrap_or_default()))
    }
}

/// What the server's headers or trailers say of the call's end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It goes on.
    Nothing,
    /// It ended with this status.
    Status(Code),
    /// It ended without one.
    Broken,
}

/// Reads a block that the server sent.
pub(super) fn said(fields: &Fields, ends_stream: bool) -> Said {
    if let Some(status) = field(fields, "grpc-status") {
        return Said::Status(Code::from_header(status).unwrap_or(Code::new(2)));
    }
    let http = field(fields, ":status")
        .and_then(|status| std::str::from_utf8(status).ok()?.parse::<u16>().ok());
    match http {
        Some(status) if !(100..=200).contains(&status) => Said::Status(Code::from_http(status)),
        _ if ends_stream => Said::Broken,
        _ => Said::Nothing,
    }
}

/// Ends a call as the server's block says, or gives it back.
pub(super) fn end(call: Call, said: Said) -> Option<Call> {
    match said {
        Said::Nothing => return Some(call),
        Said::Status(code) => call.finish(code),
        Said::Broken => call.broken(),
    }
    None
}
