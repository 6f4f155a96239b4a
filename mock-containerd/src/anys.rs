//! Messages that travel inside of an `Any`: which types a daemon knows.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use prost::{Message, Name};
use prost_types::{Any, DescriptorProto, FileDescriptorSet};
use tonic::Code;

use crate::Profile;
use crate::state::Failure;
use crate::stubs::DESCRIPTORS;

/// Full names of all messages of containerd's API, and of what it imports.
static MESSAGES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let set = FileDescriptorSet::decode(DESCRIPTORS)
        .expect("the build script wrote the descriptors that are embedded here");
    let mut names = BTreeSet::new();
    for file in &set.file {
        collect(file.package(), &file.message_type, &mut names);
    }
    names
});

fn collect(within: &str, messages: &[DescriptorProto], names: &mut BTreeSet<String>) {
    for message in messages {
        let name = format!("{within}.{}", message.name());
        collect(&name, &message.nested_type, names);
        names.insert(name);
    }
}

/// The name of a type that is known, without what may stand before it.
pub(crate) fn known(type_url: &str) -> Result<&str, Failure> {
    let name = bare(type_url);
    if MESSAGES.contains(name) {
        return Ok(name);
    }
    Err(Failure::plain(Code::Unknown, format!("type with url {type_url}: not found")))
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
