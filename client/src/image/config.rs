//! How an image wants to be run.

use serde::Deserialize;

/// The configuration of an image, as far as running it goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Written")]
pub struct ImageConfig {
    /// Its environment, as `NAME=value`.
    pub env: Vec<String>,
    /// What is run; `cmd` follows as its arguments.
    pub entrypoint: Vec<String>,
    /// The arguments when the user gives none.
    pub cmd: Vec<String>,
    /// The working directory.
    pub working_dir: String,
    /// `user`, `uid`, `user:group` or `uid:gid`; empty: root.
    pub user: String,
    /// The signal that asks it to end, for example `SIGQUIT`; empty: SIGTERM.
    pub stop_signal: String,
    /// The digests of its layers' tars, lowest first.
    pub diff_ids: Vec<String>,
}

/// As it stands in JSON: every part may be absent, and Go writes null for what is empty.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    config: Option<Run>,
    #[serde(default)]
    rootfs: Option<Layers>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Run {
    env: Option<Vec<String>>,
    entrypoint: Option<Vec<String>>,
    cmd: Option<Vec<String>>,
    working_dir: Option<String>,
    user: Option<String>,
    stop_signal: Option<String>,
}

#[derive(Deserialize)]
struct Layers {
    #[serde(default)]
    diff_ids: Option<Vec<String>>,
}

impl From<Written> for ImageConfig {
    fn from(written: Written) -> Self {
        let run = written.config.unwrap_or_default();
        let diff_ids = written.rootfs.and_then(|layers| layers.diff_ids).unwrap_or_default();
        Self {
            env: run.env.unwrap_or_default(),
            entrypoint: run.entrypoint.unwrap_or_default(),
            cmd: run.cmd.unwrap_or_default(),
            working_dir: run.working_dir.unwrap_or_default(),
            user: run.user.unwrap_or_default(),
            stop_signal: run.stop_signal.unwrap_or_default(),
            diff_ids,
        }
    }
}

impl ImageConfig {
    /// The command: the entry point, then what was given, or else the image's own arguments.
    pub fn args(&self, given: &[String]) -> Vec<String> {
        let rest = if given.is_empty() { &self.cmd } else { given };
        self.entrypoint.iter().chain(rest).cloned().collect()
    }

    /// The user by number, with the group, which is 0 when it is not said; `None` when only the image's own `/etc/passwd` knows.
    pub fn user_ids(&self) -> Option<(u32, u32)> {
        let (user, group) = self.user.split_once(':').unwrap_or((&self.user, ""));
        let number = |text: &str| match text {
            "" | "root" => Some(0),
            text => text.parse().ok(),
        };
        Some((number(user)?, number(group)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> ImageConfig {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn what_is_absent_or_null_is_empty() {
        assert_eq!(config("{}"), ImageConfig::default());
        let nulls = r#"{"config":{"Env":null,"Cmd":null,"User":null},"rootfs":{"diff_ids":null}}"#;
        assert_eq!(config(nulls), ImageConfig::default());
        assert_eq!(config(r#"{"config":null,"rootfs":null}"#), ImageConfig::default());
    }

    #[test]
    fn arguments_that_are_given_stand_behind_the_entry_point() {
        let image = config(r#"{"config":{"Entrypoint":["run"],"Cmd":["-a","-b"]}}"#);
        assert_eq!(image.args(&[]), ["run", "-a", "-b"]);
        assert_eq!(image.args(&["-c".to_owned()]), ["run", "-c"]);
    }

    #[test]
    fn users_are_numbers_or_root_or_not_known_here() {
        let ids = |user: &str| ImageConfig { user: user.into(), ..Default::default() }.user_ids();
        assert_eq!(ids(""), Some((0, 0)));
        assert_eq!(ids("root"), Some((0, 0)));
        assert_eq!(ids("1000"), Some((1000, 0)));
        assert_eq!(ids("1000:100"), Some((1000, 100)));
        assert_eq!(ids("nobody"), None);
        assert_eq!(ids("1000:staff"), None);
        assert_eq!(ids("-1"), None);
    }
}
