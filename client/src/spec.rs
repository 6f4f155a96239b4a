//! The runtime spec of a container, and of an exec: no more than runc needs on the host's own
//! programs, and containerd's own defaults for what comes out of an image.

use prost_types::Any;
use serde_json::{Value, json};

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The root of a task that brings its mounts, in its bundle.
const MOUNTED_ROOT: &str = "rootfs";

/// As containerd gives them to whatever comes from an image.
const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];
const MASKED: [&str; 10] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/sys/firmware",
    "/proc/scsi",
];
const READ_ONLY: [&str; 5] =
    ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// What a process is.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<String>,
    pub(crate) cwd: String,
    pub(crate) user: (u32, u32),
    pub(crate) terminal: bool,
}

impl Default for Run {
    fn default() -> Self {
        let (args, env, cwd) = (Vec::new(), vec![PATH.to_owned()], "/".to_owned());
        Self { args, env, cwd, user: (0, 0), terminal: false }
    }
}

pub(crate) fn payload(kind: &str, value: &Value) -> Any {
    Any {
        type_url: format!("types.containerd.io/opencontainers/runtime-spec/1/{kind}"),
        value: value.to_string().into_bytes(),
    }
}

/// The payload of an exec.
pub fn process_payload(args: &[String], terminal: bool) -> Any {
    let run = Run { args: args.to_vec(), terminal, ..Run::default() };
    payload("Process", &run.process())
}

fn mount(at: &str, kind: &str, source: &str, options: &[&str]) -> Value {
    json!({"destination": at, "type": kind, "source": source, "options": options})
}

fn namespaces() -> Value {
    json!(["pid", "ipc", "uts", "mount", "network"].map(|kind| json!({"type": kind})))
}

impl Run {
    /// Sets `NAME=value`, instead of what the name stood for.
    pub(crate) fn set(&mut self, variable: &str) {
        let name = |variable: &str| variable.split('=').next().map(str::to_owned);
        self.env.retain(|other| name(other) != name(variable));
        self.env.push(variable.to_owned());
    }

    fn process(&self) -> Value {
        json!({
            "terminal": self.terminal,
            "user": {"uid": self.user.0, "gid": self.user.1},
            "args": self.args,
            "env": self.env,
            "cwd": self.cwd,
        })
    }

    /// The payload of a record whose root is a directory of the host.
    pub(crate) fn on_folder(&self, path: &str, cgroup: &str) -> Any {
        let pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"];
        let spec = json!({
            "ociVersion": "1.0.2",
            "process": self.process(),
            "root": {"path": path, "readonly": true},
            "mounts": [
                mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
                mount("/dev", "tmpfs", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
                mount("/dev/pts", "devpts", "devpts", &pts),
            ],
            "linux": {"cgroupsPath": cgroup, "namespaces": namespaces()},
        });
        payload("Spec", &spec)
    }

    /// The payload of a record whose root is mounted when its task is created.
    pub(crate) fn on_image(&self, cgroup: &str) -> Any {
        let mut process = self.process();
        process["noNewPrivileges"] = json!(true);
        process["capabilities"] =
            json!({"bounding": CAPABILITIES, "permitted": CAPABILITIES, "effective": CAPABILITIES});
        process["rlimits"] = json!([{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}]);
        let spec = json!({
            "ociVersion": "1.0.2",
            "process": process,
            "root": {"path": MOUNTED_ROOT},
            "mounts": image_mounts(),
            "linux": {
                "cgroupsPath": cgroup,
                "namespaces": namespaces(),
                "resources": {"devices": [{"allow": false, "access": "rwm"}]},
                "maskedPaths": MASKED,
                "readonlyPaths": READ_ONLY,
            },
        });
        payload("Spec", &spec)
    }
}

fn image_mounts() -> Vec<Value> {
    let memory = ["nosuid", "strictatime", "mode=755", "size=65536k"];
    let pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"];
    let shared = ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"];
    vec![
        mount("/proc", "proc", "proc", &["nosuid", "noexec", "nodev"]),
        mount("/dev", "tmpfs", "tmpfs", &memory),
        mount("/dev/pts", "devpts", "devpts", &pts),
        mount("/dev/shm", "tmpfs", "shm", &shared),
        mount("/dev/mqueue", "mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        mount("/sys", "sysfs", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        mount("/run", "tmpfs", "tmpfs", &memory),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_replaces_one_of_the_same_name_and_no_other() {
        let mut run = Run { env: vec!["A=1".into(), "AB=2".into()], ..Run::default() };
        run.set("A=3=4");
        assert_eq!(run.env, ["AB=2", "A=3=4"]);
    }

    #[test]
    fn what_comes_from_an_image_is_confined_as_containerd_confines_it() {
        let run = Run { args: vec!["sh".into()], user: (7, 8), ..Run::default() };
        let spec = run.on_image("/laconic/n/c");
        assert_eq!(spec.type_url, "types.containerd.io/opencontainers/runtime-spec/1/Spec");
        let spec: Value = serde_json::from_slice(&spec.value).unwrap();
        assert_eq!(spec["root"], json!({"path": "rootfs"}));
        assert_eq!(spec["process"]["user"], json!({"uid": 7, "gid": 8}));
        assert_eq!(spec["process"]["capabilities"]["effective"].as_array().unwrap().len(), 14);
        assert_eq!(spec["linux"]["resources"]["devices"][0]["allow"], json!(false));
    }
}
