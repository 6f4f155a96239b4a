//! What requests carry beside their message.

use http::HeaderName;
use tonic::metadata::MetadataMap;
use tonic::{Request, Status};

use crate::state::{Failure, check_identifier};

// Parsed once, and not for each call.
static NAMESPACE: HeaderName = HeaderName::from_static("containerd-namespace");

/// The namespace that a request names, if it names one. The first value counts.
pub(super) fn caller(metadata: &MetadataMap) -> Option<String> {
    let value = metadata.as_ref().get(&NAMESPACE)?.to_str().ok()?;
    (!value.is_empty()).then(|| value.to_owned())
}

/// The namespace that a request must name.
pub(super) fn namespace<T>(request: &Request<T>) -> Result<String, Failure> {
    let namespace = caller(request.metadata()).ok_or_else(Failure::no_namespace)?;
    check_identifier(&namespace)
        .map_err(|error| Failure::invalid(format!("namespace validation: {error}")))?;
    Ok(namespace)
}

/// Takes a request apart.
pub(super) fn taken<T>(request: Request<T>) -> Result<(String, T), Status> {
    Ok((namespace(&request)?, request.into_inner()))
}

/// The lease under which a request writes, if it names one.
pub(super) fn lease<T>(request: &Request<T>) -> Option<String> {
    let value = request.metadata().get("containerd-lease")?.to_str().ok()?;
    (!value.is_empty()).then(|| value.to_owned())
}
