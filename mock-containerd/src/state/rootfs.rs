//! Where the files of a container are: for what runc reads there.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use containerd_client::types::Mount;

/// As much as is read of a file in there.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Folders that lie over each other, the uppermost first.
#[derive(Debug)]
pub(super) struct Rootfs {
    layers: Vec<PathBuf>,
}

impl Rootfs {
    /// Of a spec's root, unless the request brings mounts to put there.
    pub(super) fn of(path: &str, mounts: &[Mount]) -> Self {
        if mounts.is_empty() {
            let is_there = path.starts_with('/');
            return Self { layers: is_there.then(|| PathBuf::from(path)).into_iter().collect() };
        }
        let mut layers = Vec::new();
        for mount in mounts {
            let folders = |option: &'static str| {
                let options = mount.options.iter();
                let named = options.filter_map(move |one| one.strip_prefix(option));
                named.flat_map(|paths| paths.split(':')).map(PathBuf::from)
            };
            match mount.r#type.as_str() {
                "overlay" => layers.extend(folders("upperdir=").chain(folders("lowerdir="))),
                _ => layers.push(PathBuf::from(&mount.source)),
            }
        }
        Self { layers }
    }

    /// What `etc/passwd` says of a user; `/` for one who does not stand there, as with runc.
    pub(super) fn home(&self, uid: u32) -> String {
        let uid = uid.to_string();
        let passwd = self.layers.iter().find_map(|layer| text(&layer.join("etc/passwd")));
        let passwd = passwd.unwrap_or_default();
        let mut users = passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let home = users.find(|user| user.get(2) == Some(&uid.as_str()));
        home.and_then(|user| user.get(5).map(|home| (*home).to_owned())).unwrap_or("/".to_owned())
    }
}

/// `None`: no such file.
fn text(path: &Path) -> Option<String> {
    // A pipe would wait for a writer.
    if !path.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_what_the_uppermost_passwd_says_and_else_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        for layer in ["upper", "lower"] {
            std::fs::create_dir_all(path.join(layer).join("etc")).unwrap();
        }
        let lower = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33::/var/www:/bin/sh\nshort:x:34\n";
        std::fs::write(path.join("lower/etc/passwd"), lower).unwrap();
        let (root, lower) = (path.to_str().unwrap(), path.join("lower"));
        let homes = |rootfs: Rootfs| [0, 33, 34, 35].map(|uid| rootfs.home(uid));
        assert_eq!(
            homes(Rootfs::of(lower.to_str().unwrap(), &[])),
            ["/root", "/var/www", "/", "/"]
        );
        assert_eq!(homes(Rootfs::of(root, &[])), ["/"; 4]);
        assert_eq!(homes(Rootfs::of("rootfs", &[])), ["/"; 4]);
        let options = vec![format!("upperdir={root}/upper"), format!("lowerdir={root}/lower")];
        let mount = Mount { r#type: "overlay".to_owned(), options, ..Mount::default() };
        assert_eq!(Rootfs::of("rootfs", &[mount]).home(33), "/var/www");
    }
}
