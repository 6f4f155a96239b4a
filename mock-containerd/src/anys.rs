//! Messages that travel inside of an `Any`: which types a daemon knows.

use prost::{Message, Name};
use prost_types::Any;
use tonic::Code;

use crate::Profile;
use crate::state::Failure;
use crate::stubs::POOL;

/// The name of a type that is known, without what may stand before it.
pub(crate) fn known(type_url: &str) -> Result<&str, Failure> {
    let name = bare(type_url);
    match POOL.get_message_by_name(name) {
        Some(_) => Ok(name),
        None => Err(unknown(type_url)),
    }
}

/// What is said of a type that nobody has registered.
pub(crate) fn unknown(type_url: &str) -> Failure {
    Failure::plain(Code::Unknown, format!("type with url {type_url}: not found"))
}

/// The name of a type, without what may stand before it.
pub(crate) fn bare(type_url: &str) -> &str {
    type_url.rsplit('/').next().unwrap_or_default()
}

/// The inside of an `Any`.
pub(crate) fn inside<M: Message + Name + Default>(
    profile: Profile,
    any: &Any,
) -> Result<M, Failure> {
    crate::reread::decode(profile, &any.value).map_err(|cause| Failure::plain(Code::Unknown, cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_their_name_behind_the_last_slash() {
        let name = "containerd.types.transfer.ImageStore";
        assert_eq!(known(name), Ok(name));
        assert_eq!(known(&format!("type.googleapis.com/{name}")), Ok(name));
        assert_eq!(known("a").unwrap_err().message, "type with url a: not found");
    }
}
