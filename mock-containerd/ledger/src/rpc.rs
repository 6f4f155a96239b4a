//! The name of a gRPC method.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// A full method name, `/containerd.services.tasks.v1.Tasks/Exec`. The set is open: whatever a
/// client calls has a name, whether anybody serves it or not.
///
/// ```
/// use rpc_ledger::Rpc;
///
/// let exec = Rpc::from_path("/containerd.services.tasks.v1.Tasks/Exec");
/// assert_eq!(exec.short(), "Tasks/Exec");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rpc(Arc<str>);

impl Rpc {
    /// Takes a request's path as it is.
    pub fn from_path(path: &str) -> Self {
        Self(path.into())
    }

    /// The path.
    pub fn path(&self) -> &str {
        &self.0
    }

    /// The full service name, `containerd.services.tasks.v1.Tasks`.
    pub fn service(&self) -> &str {
        let path = self.0.strip_prefix('/').unwrap_or(&self.0);
        path.rsplit_once('/').map_or(path, |(service, _)| service)
    }

    /// The method's own name, `Exec`.
    pub fn method(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(_, method)| method)
    }

    /// What people read and budgets list: `Tasks/Exec`.
    pub fn short(&self) -> String {
        let service = self.service();
        let last = service.rsplit_once('.').map_or(service, |(_, last)| last);
        format!("{last}/{}", self.method())
    }
}

/// Maps by name can be asked with a path.
impl Borrow<str> for Rpc {
    fn borrow(&self) -> &str {
        self.path()
    }
}

impl fmt::Display for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_parts_of_a_full_method_name_are_told_apart() {
        let rpc = Rpc::from_path("/containerd.services.tasks.v1.Tasks/Exec");
        assert_eq!(rpc.service(), "containerd.services.tasks.v1.Tasks");
        assert_eq!(rpc.method(), "Exec");
        assert_eq!(rpc.to_string(), "Tasks/Exec");
    }

    #[test]
    fn a_service_without_a_package_is_its_own_short_name() {
        assert_eq!(Rpc::from_path("/Health/Check").short(), "Health/Check");
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in ".{0,60}") {
            let rpc = Rpc::from_path(&path);
            let _ = (rpc.service(), rpc.method(), rpc.short());
            prop_assert_eq!(rpc.path(), path);
        }
    }
}
