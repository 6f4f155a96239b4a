//! Registries: a mock reaches for no network, and answers as a daemon on a host without one.

use std::net::IpAddr;

use tonic::Code;

use super::blobs::Blobs;
use crate::state::{BlobDescriptor, BlobKind, Failure, object};

/// Where docker.io is served.
const DOCKER: (&str, &str) = ("docker.io", "registry-1.docker.io");

/// Pulling: the name is resolved first.
pub(in crate::services) fn unresolved(reference: &str) -> Failure {
    let what = match (reference, object(reference)) {
        ("", _) => "hostname required".to_owned(),
        (_, "") => "object required".to_owned(),
        (_, object) => {
            // Of a tag and a digest, the digest is asked for.
            let asked = object.rsplit('@').next().unwrap_or_default();
            asking(reference, &format!("manifests/{asked}"))
        }
    };
    Failure::plain(Code::Unknown, format!("failed to resolve image: {what}"))
}

/// Pushing: the first blob is looked for, to know whether it is there already. Blocks.
pub(super) fn unpushed(
    blobs: &Blobs,
    reference: &str,
    target: &BlobDescriptor,
) -> Result<Failure, Failure> {
    if !reference.contains('/') {
        let digest = &target.digest;
        let encoded = digest.split_once(':').map_or(digest.as_str(), |(_, encoded)| encoded);
        let what = format!(
            "parse \"dummy://{reference}@{digest}\": invalid port \":{encoded}\" after host"
        );
        return Ok(Failure::plain(Code::Unknown, what));
    }
    let mut first = target.clone();
    while let Some(child) = blobs.children(&first)?.into_iter().next() {
        first = child;
    }
    let kind = if first.kind() == BlobKind::Leaf { "blobs" } else { "manifests" };
    let what = asking(reference, &format!("{kind}/{}", first.digest));
    Ok(Failure::plain(Code::Unknown, what))
}

fn asking(reference: &str, what: &str) -> String {
    let (host, rest) = reference.split_once('/').unwrap_or((reference, ""));
    let path = rest.split([':', '@']).next().unwrap_or_default();
    let host = if host == DOCKER.0 { DOCKER.1 } else { host };
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "443"));
    let dialled = match name {
        "localhost" => format!("127.0.0.1:{port}: connect: connection refused"),
        address if address.parse::<IpAddr>().is_ok() => {
            format!("{address}:{port}: connect: connection refused")
        }
        name => format!("lookup {name}: no such host"),
    };
    let dial = if dialled.starts_with("lookup") { "dial tcp: " } else { "dial tcp " };
    format!("failed to do request: Head \"https://{host}/v2/{path}/{what}\": {dial}{dialled}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_not_found_and_an_address_refuses() {
        for (reference, end) in [
            (
                "docker.io/l/x:1",
                "Head \"https://registry-1.docker.io/v2/l/x/manifests/1\": dial tcp: \
              lookup registry-1.docker.io: no such host",
            ),
            (
                "127.0.0.1:1/a/b:t@sha256:d",
                "Head \"https://127.0.0.1:1/v2/a/b/manifests/sha256:d\": \
              dial tcp 127.0.0.1:1: connect: connection refused",
            ),
            ("", ": hostname required"),
            ("a.io/b", ": object required"),
        ] {
            let message = unresolved(reference).message;
            assert!(message.ends_with(end), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_reference_makes_it_panic(reference in ".{0,30}") {
            prop_assert!(!unresolved(&reference).message.is_empty());
        }
    }
}
