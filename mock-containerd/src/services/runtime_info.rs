//! What the plugin of tasks tells of a runtime, when `PluginInfo` is asked for it.

use containerd_client::types::{RuntimeInfo, RuntimeRequest, RuntimeVersion};
use prost::Name;
use prost_types::Any;
use tonic::{Code, Status};

use crate::anys::{bare, known};
use crate::reread::{self, Cause};
use crate::state::Failure;
use crate::world::World;

/// What runc 1.1 says that it can: `runc features`, as a shim passes it on.
const FEATURES: &str = include_str!("features.json");
const FEATURES_TYPE: &str = "types.containerd.io/opencontainers/runtime-spec/1/features/Features";
/// The plugin that can be asked for more.
const TASKS: (&str, &str) = ("io.containerd.runtime.v2", "task");

/// Whether options of a request can be read, before it is looked which plugin is asked.
pub(super) fn check(world: &World, options: &Any) -> Result<(), Status> {
    let unread = |what: String| {
        Failure::plain(Code::Unknown, format!("failed to unmarshal plugin info Options: {what}"))
    };
    known(&options.type_url).map_err(|failure| unread(failure.message))?;
    if bare(&options.type_url) == RuntimeRequest::full_name() {
        request(world, options).map_err(|cause| unread(cause.into_owned()))?;
    }
    Ok(())
}

fn request(world: &World, options: &Any) -> Result<RuntimeRequest, Cause> {
    reread::decode(world.profile(), &options.value)
}

/// The answer of a plugin to options that can be read.
pub(super) fn of_plugin(
    world: &World,
    (kind, id): (&str, &str),
    options: &Any,
) -> Result<Any, Failure> {
    let refused = |code, what: String| Failure::plain(code, what);
    let unimplemented = |what: String| refused(Code::Unimplemented, what + ": not implemented");
    if (kind, id) != TASKS {
        return Err(unimplemented("plugin does not provided extra information".to_owned()));
    }
    let name = bare(&options.type_url);
    if name != RuntimeRequest::full_name() {
        let package = name.rsplit('.').nth(1).unwrap_or_default();
        let message = name.rsplit('.').next().unwrap_or_default();
        return Err(unimplemented(format!("unknown request type *{package}.{message}")));
    }
    let request =
        request(world, options).map_err(|cause| refused(Code::Unknown, cause.into_owned()))?;
    let version = world.change(|state| {
        state.find_runtime(&request.runtime_path)?;
        state.check_runtime_options(request.options.as_ref())?;
        Ok::<_, Failure>(state.profile.version())
    })?;
    let info = RuntimeInfo {
        name: request.runtime_path,
        version: Some(RuntimeVersion { version: version.to_owned(), revision: String::new() }),
        options: request.options,
        features: Some(Any {
            type_url: FEATURES_TYPE.to_owned(),
            value: FEATURES.trim_end().as_bytes().to_vec(),
        }),
        ..RuntimeInfo::default()
    };
    Ok(containerd_client::to_any(&info))
}
