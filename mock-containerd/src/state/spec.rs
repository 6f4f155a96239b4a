//! What the mock reads of a runtime spec: what is run, and in which setting.

use containerd_client::types::Mount;
use prost_types::Any;
use serde::Deserialize;
use tonic::Code;

use super::rootfs::Rootfs;
use super::{Failure, go_json};
use crate::Profile;
use crate::processes::{Setting, Size, User};

/// The words of a command.
pub(crate) type Argv = Vec<String>;

/// A process that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) argv: Argv,
    pub(crate) setting: Setting,
}

/// Go takes `null` for whatever is left out, so all is optional.
#[derive(Debug, Default, Deserialize)]
struct Spec {
    process: Option<Process>,
    root: Option<Root>,
    hostname: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    args: Option<Argv>,
    env: Option<Vec<String>>,
    cwd: Option<String>,
    user: Option<Account>,
    terminal: Option<bool>,
    console_size: Option<ConsoleSize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Account {
    uid: u32,
    gid: u32,
    additional_gids: Option<Vec<u32>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConsoleSize {
    height: u32,
    width: u32,
}

#[derive(Debug, Default, Deserialize)]
struct Root {
    path: Option<String>,
}

impl Process {
    fn wanted(self, hostname: &str, is_init: bool, root: &Rootfs) -> Wanted {
        let user = self.user.unwrap_or_default();
        let size = self.console_size.unwrap_or_default();
        let mut env = self.env.unwrap_or_default();
        // runc looks it up when the spec does not say it.
        if !env.iter().any(|line| line.starts_with("HOME=")) {
            env.push(format!("HOME={}", root.home(user.uid)));
        }
        let setting = Setting {
            env,
            cwd: self.cwd.unwrap_or_default(),
            hostname: hostname.to_owned(),
            user: User {
                uid: user.uid,
                gid: user.gid,
                more_gids: user.additional_gids.unwrap_or_default(),
            },
            terminal: self.terminal.unwrap_or_default(),
            size: Size { rows: size.height, columns: size.width },
            is_init,
        };
        Wanted { argv: self.args.unwrap_or_default(), setting }
    }
}

fn create_failed(profile: Profile, what: &str) -> Failure {
    Failure::shim(profile, format!("failed to create shim task: OCI runtime create failed: {what}"))
}

/// Without one of its own it is the host's.
fn hostname(spec: Option<String>) -> String {
    spec.filter(|name| !name.is_empty())
        .unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
}

/// A container's init process. `mounts`: the root file system that the request brings; `terminal`: it
/// wants one.
pub(crate) fn init(
    profile: Profile,
    spec: Option<&Any>,
    mounts: &[Mount],
    terminal: bool,
) -> Result<Wanted, Failure> {
    let bytes = spec.map(|any| any.value.as_slice()).unwrap_or_default();
    let spec: Spec = serde_json::from_slice(bytes).map_err(|_| {
        let what = go_json::error_in(bytes);
        // The daemon of 1.6 reads the spec itself; later ones leave it to the shim's own start.
        Failure::plain(
            Code::Unknown,
            match profile {
                Profile::V1_6 => format!("failed to start shim: {what}"),
                _ => format!(
                    "failed to start shim: start failed: io.containerd.runc.v2: {what}: exit \
                     status 1"
                ),
            },
        )
    })?;
    let process = spec.process.unwrap_or_default();
    let root = spec.root.and_then(|root| root.path).unwrap_or_default();
    let wanted = process.wanted(&hostname(spec.hostname), true, &Rootfs::of(&root, mounts));
    let Some(binary) = wanted.argv.first() else {
        return Err(create_failed(
            profile,
            "runc create failed: process property must not be empty",
        ));
    };
    match (wanted.setting.terminal, terminal) {
        (true, false) => {
            let what = "cannot allocate tty if runc will detach without setting console socket";
            return Err(create_failed(profile, &format!("runc create failed: {what}")));
        }
        (false, true) => {
            let what = "cannot use console socket if runc will not detach or allocate tty";
            return Err(create_failed(profile, &format!("runc create failed: {what}")));
        }
        _ => {}
    }
    if !root.starts_with('/') && mounts.is_empty() {
        return Err(missing_binary(profile, binary));
    }
    Ok(wanted)
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

/// An exec, in the container of a spec. The JSON is read whatever the payload's type is called, and
/// the request alone says whether there is a terminal.
pub(crate) fn exec(
    profile: Profile,
    container: Option<&Any>,
    payload: Option<&Any>,
    mounts: &[Mount],
    terminal: bool,
) -> Result<Wanted, Failure> {
    // Without any payload the real shim crashes; a mock must not.
    let payload = payload.ok_or_else(|| Failure::invalid("exec spec must be set"))?;
    let process: Process = serde_json::from_slice(&payload.value)
        .map_err(|_| Failure::shim(profile, go_json::error_in(&payload.value)))?;
    let bytes = container.map(|any| any.value.as_slice()).unwrap_or_default();
    // It was read when the task was created, and may have been replaced since.
    let spec: Spec = serde_json::from_slice(bytes).unwrap_or_default();
    let root = spec.root.and_then(|root| root.path).unwrap_or_default();
    let mut wanted = process.wanted(&hostname(spec.hostname), false, &Rootfs::of(&root, mounts));
    wanted.setting.terminal = terminal;
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn payload(json: &str) -> Any {
        Any { type_url: String::new(), value: json.as_bytes().to_vec() }
    }

    #[test]
    fn a_setting_is_what_the_spec_says() {
        let spec = r#"{"hostname": "box", "root": {"path": "/nosuch"}, "process": {
            "args": ["env"], "env": ["A=1"], "cwd": "/tmp", "terminal": true,
            "user": {"uid": 5, "gid": 6, "additionalGids": [7]},
            "consoleSize": {"height": 24, "width": 80}}}"#;
        let wanted = init(Profile::V1_6, Some(&payload(spec)), &[], true).unwrap();
        let setting = Setting {
            env: vec!["A=1".to_owned(), "HOME=/".to_owned()],
            cwd: "/tmp".to_owned(),
            hostname: "box".to_owned(),
            user: User { uid: 5, gid: 6, more_gids: vec![7] },
            terminal: true,
            size: Size { rows: 24, columns: 80 },
            is_init: true,
        };
        assert_eq!(wanted, Wanted { argv: vec!["env".to_owned()], setting });
    }

    #[test]
    fn a_terminal_must_be_in_both_spec_and_request() {
        let refused = |spec: bool, request: bool| {
            let spec = format!(
                r#"{{"root": {{"path": "/"}}, "process": {{"args": ["true"], "terminal": {spec}}}}}"#
            );
            init(Profile::V2_1, Some(&payload(&spec)), &[], request).unwrap_err().message
        };
        let wording = "failed to create shim task: OCI runtime create failed: runc create failed: ";
        let allocate = "cannot allocate tty if runc will detach without setting console socket";
        let socket = "cannot use console socket if runc will not detach or allocate tty";
        assert_eq!(refused(true, false), format!("{wording}{allocate}"));
        assert_eq!(refused(false, true), format!("{wording}{socket}"));
    }

    proptest! {
        #[test]
        fn no_spec_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let spec = Any { type_url: String::new(), value: bytes };
            let _ = init(Profile::V1_6, Some(&spec), &[], false);
            let _ = exec(Profile::V1_6, None, Some(&spec), &[], false);
        }
    }
}
