//! What the mock reads of a runtime spec: what is run, and with which terminal.

use prost_types::Any;
use serde::Deserialize;

use super::Failure;
use crate::Profile;

/// The words of a command.
pub(crate) type Argv = Vec<String>;

#[derive(Debug, Default, Deserialize)]
struct Spec {
    process: Option<Process>,
    root: Option<Root>,
}

#[derive(Debug, Default, Deserialize)]
struct Process {
    #[serde(default)]
    args: Argv,
}

#[derive(Debug, Default, Deserialize)]
struct Root {
    #[serde(default)]
    path: String,
}

fn create_failed(profile: Profile, what: &str) -> Failure {
    Failure::shim(profile, format!("failed to create shim task: OCI runtime create failed: {what}"))
}

/// The command of a container's init process. `mounted`: the request brings a root file system.
pub(crate) fn init_argv(
    profile: Profile,
    spec: Option<&Any>,
    mounted: bool,
) -> Result<Argv, Failure> {
    let bytes = spec.map(|any| any.value.as_slice()).unwrap_or_default();
    let spec: Spec = serde_json::from_slice(bytes).map_err(|_| {
        let first = bytes.first().map_or(' ', |byte| char::from(*byte));
        let what = format!("invalid character {first:?} looking for beginning of value");
        Failure::shim(profile, format!("failed to start shim: {what}"))
    })?;
    let argv = spec.process.map(|process| process.args).unwrap_or_default();
    if argv.is_empty() {
        return Err(create_failed(
            profile,
            "runc create failed: process property must not be empty",
        ));
    }
    let relative = spec.root.is_none_or(|root| !root.path.starts_with('/'));
    if relative && !mounted {
        return Err(missing_binary(profile, &argv[0]));
    }
    Ok(argv)
}

/// The error of an init process whose binary is not there.
pub(crate) fn missing_binary(profile: Profile, binary: &str) -> Failure {
    create_failed(profile, &format!("runc create failed: {}", no_such_file(binary)))
}

/// How runc words it.
pub(crate) fn no_such_file(binary: &str) -> String {
    let cause = if binary.contains('/') {
        format!("stat {binary}: no such file or directory")
    } else {
        "executable file not found in $PATH".to_owned()
    };
    format!("unable to start container process: exec: {binary:?}: {cause}")
}

/// The command of an exec. The JSON is read whatever the payload's type is called.
pub(crate) fn exec_argv(profile: Profile, spec: Option<&Any>) -> Result<Argv, Failure> {
    // Without any payload the real shim crashes; a mock must not.
    let spec = spec.ok_or_else(|| Failure::invalid("exec spec must be set"))?;
    let process: Process = serde_json::from_slice(&spec.value).map_err(|_| {
        let first = spec.value.first().map_or(' ', |byte| char::from(*byte));
        let what = format!("invalid character {first:?} looking for beginning of value");
        Failure::shim(profile, what)
    })?;
    Ok(process.args)
}
