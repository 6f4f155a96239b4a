//! The runtime spec of a container, and of an exec: no more than runc needs.

use prost_types::Any;
use serde_json::{Value, json};

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What a container runs, and on which root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec<'s> {
    /// The init's command.
    pub args: &'s [String],
    /// The root file system.
    pub rootfs: &'s str,
    /// Whether the init has a terminal.
    pub terminal: bool,
    /// Where its cgroup stands, below each hierarchy's root.
    pub cgroup: String,
}

fn process(args: &[String], terminal: bool) -> Value {
    json!({
        "terminal": terminal,
        "user": {"uid": 0, "gid": 0},
        "args": args,
        "env": [PATH],
        "cwd": "/",
    })
}

fn payload(kind: &str, value: &Value) -> Any {
    Any {
        type_url: format!("types.containerd.io/opencontainers/runtime-spec/1/{kind}"),
        value: value.to_string().into_bytes(),
    }
}

/// The payload of an exec.
pub fn process_payload(args: &[String], terminal: bool) -> Any {
    payload("Process", &process(args, terminal))
}

impl Spec<'_> {
    /// The payload of a container record.
    pub fn payload(&self) -> Any {
        let mount = |at: &str, kind: &str, options: &[&str]| json!({"destination": at, "type": kind, "source": kind, "options": options});
        let spec = json!({
            "ociVersion": "1.0.2",
            "process": process(self.args, self.terminal),
            "root": {"path": self.rootfs, "readonly": true},
            "mounts": [
                mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
                mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
                mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
            ],
            "linux": {
                "cgroupsPath": self.cgroup,
                "namespaces": [
                    {"type": "pid"}, {"type": "ipc"}, {"type": "uts"},
                    {"type": "mount"}, {"type": "network"},
                ],
            },
        });
        payload("Spec", &spec)
    }
}
