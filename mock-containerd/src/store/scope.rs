//! Paths within a folder that stands for `/`: links are followed as if there were nothing outside.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

/// As many as Linux follows.
const LINKS_MAX: usize = 40;

/// Where a path leads below `root`. What lies there need not exist; `root` itself is never left, be it
/// by `..`, by an absolute link, or by one that climbs.
pub(super) fn within(root: &Path, path: &Path) -> io::Result<PathBuf> {
    let mut at = PathBuf::new();
    let mut rest: Vec<Step> = steps(path);
    let mut links = 0;
    while let Some(step) = rest.pop() {
        match step {
            Step::Root => at.clear(),
            Step::Up => drop(at.pop()),
            Step::Into(name) => {
                at.push(name);
                // What is no link, or not there, is taken as it is.
                let Ok(target) = std::fs::read_link(root.join(&at)) else { continue };
                links += 1;
                if links > LINKS_MAX {
                    let what = format!("{}: too many links", path.display());
                    return Err(io::Error::other(what));
                }
                at.pop();
                rest.extend(steps(&target));
            }
        }
    }
    Ok(root.join(at))
}

enum Step {
    Root,
    Up,
    Into(OsString),
}

/// The last one first: it is taken off from the end.
fn steps(path: &Path) -> Vec<Step> {
    let steps = path.components().rev().filter_map(|component| match component {
        Component::RootDir => Some(Step::Root),
        Component::ParentDir => Some(Step::Up),
        Component::Normal(name) => Some(Step::Into(name.to_owned())),
        Component::CurDir | Component::Prefix(_) => None,
    });
    steps.collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn links_lead_to_what_they_mean_inside_of_the_root() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("usr/bin")).unwrap();
        symlink("/usr/bin", root.join("bin")).unwrap();
        symlink("../../../..", root.join("usr/up")).unwrap();
        symlink("round", root.join("round")).unwrap();
        for (path, leads_to) in [
            ("bin/sh", "usr/bin/sh"),
            ("usr/up/etc", "etc"),
            ("../../x/./y", "x/y"),
            ("/usr/bin/../up/bin", "usr/bin"),
        ] {
            assert_eq!(within(root, Path::new(path)).unwrap(), root.join(leads_to), "{path}");
        }
        let endless = within(root, Path::new("round/x")).unwrap_err();
        assert_eq!(endless.to_string(), "round/x: too many links");
    }

    proptest! {
        #[test]
        fn no_path_leads_out(
            links in proptest::collection::vec(("[a-c]", "/?((\\.\\.|[a-c])/){0,3}[a-c.]{1,2}"), 0..4),
            path in "/?((\\.\\.|[a-c])/){0,5}[a-c]",
        ) {
            let folder = tempfile::tempdir().unwrap();
            for (name, target) in links {
                let _ = symlink(target, folder.path().join(name));
            }
            if let Ok(found) = within(folder.path(), Path::new(&path)) {
                let below = found.strip_prefix(folder.path()).expect("it lies below the root");
                let normal = |part| matches!(part, Component::Normal(_));
                prop_assert!(below.components().all(normal), "{}", found.display());
            }
        }
    }
}
