//! By which names an image is kept that is tagged, or comes out of an archive.

use containerd_client::types::transfer::{ImageReference, ImageStore};

use super::manifest::Descriptor;

const IMAGE_NAME: &str = "io.containerd.image.name";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The names of the whole: as asked for, whatever it calls itself.
pub(crate) fn names(store: &ImageStore, target: &Descriptor) -> Vec<String> {
    let given = Some(store.name.clone()).filter(|name| !name.is_empty());
    let complete = store.extra_references.iter().filter(|reference| !reference.is_prefix);
    let complete = complete.map(|reference| match reference.add_digest {
        true => format!("{}@{}", reference.name, target.digest),
        false => reference.name.clone(),
    });
    given.into_iter().chain(complete).collect()
}

/// The names of one image out of an archive: by its annotations, where a prefix takes them.
pub(crate) fn names_of_part(store: &ImageStore, part: &Descriptor) -> Vec<String> {
    let mut names = Vec::new();
    for reference in store.extra_references.iter().filter(|reference| reference.is_prefix) {
        let digested = || format!("{}@{}", reference.name, part.digest);
        match annotated(reference, part) {
            Some(name) => {
                names.push(name);
                if reference.add_digest && !reference.skip_named_digest {
                    names.push(digested());
                }
            }
            None if reference.add_digest => names.push(digested()),
            None => {}
        }
    }
    names
}

fn annotated(reference: &ImageReference, part: &Descriptor) -> Option<String> {
    let told = |name| part.annotations.get(name).filter(|value| !value.is_empty());
    if let Some(name) = told(IMAGE_NAME) {
        // A full name is taken as it is, or not at all.
        return prefixed(reference, name).filter(|taken| taken == name);
    }
    prefixed(reference, told(REF_NAME)?)
}

/// A name that is whole must begin with the prefix, unless any may be; a tag is put behind it.
fn prefixed(reference: &ImageReference, name: &str) -> Option<String> {
    let prefix = reference.name.as_str();
    if prefix.is_empty() {
        return None;
    }
    if !name.contains(['/', ':', '@']) {
        return Some(format!("{prefix}:{name}"));
    }
    let below = name.strip_prefix(prefix).is_some_and(|rest| {
        // `a/b` is no prefix of `a/bc`.
        rest.is_empty() || rest.starts_with(['/', ':', '@'])
    });
    (reference.allow_overwrite || below).then(|| name.to_owned())
}

/// Marks an image in an archive with its name.
pub(crate) fn annotate(part: &mut Descriptor, name: &str) {
    part.annotations.insert(IMAGE_NAME.to_owned(), name.to_owned());
    part.annotations.insert(REF_NAME.to_owned(), object(name).to_owned());
}

/// What stands behind the path of a name: a tag, or a digest with its `@`.
pub(crate) fn object(name: &str) -> &str {
    let path = name.find('/').unwrap_or(name.len());
    match name[path..].find([':', '@']).map(|at| path + at) {
        Some(at) if name[at..].starts_with(':') => &name[at + 1..],
        Some(at) => &name[at..],
        None => "",
    }
}

/// What docker calls `busy` is `docker.io/library/busy:latest`.
pub(crate) fn normalized(name: &str) -> String {
    let (first, rest) = name.split_once('/').unwrap_or(("", name));
    let host = first.contains(['.', ':']) || first == "localhost";
    let whole = match (host, first) {
        (true, _) => name.to_owned(),
        (false, "") => format!("docker.io/library/{rest}"),
        (false, _) => format!("docker.io/{name}"),
    };
    if object(&whole).is_empty() { format!("{whole}:latest") } else { whole }
}

/// The other way round, but for the tag.
pub(crate) fn familiar(name: &str) -> &str {
    let short = name.strip_prefix("docker.io/").unwrap_or(name);
    short.strip_prefix("library/").filter(|_| short.len() < name.len()).unwrap_or(short)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefix(name: &str) -> ImageReference {
        ImageReference { name: name.to_owned(), is_prefix: true, ..ImageReference::default() }
    }

    fn part(annotation: &str, value: &str) -> Descriptor {
        let annotations = [(annotation.to_owned(), value.to_owned())].into();
        Descriptor { digest: "sha256:d".to_owned(), annotations, ..Descriptor::default() }
    }

    fn named(reference: ImageReference, part: &Descriptor) -> Vec<String> {
        let extra_references = vec![reference];
        names_of_part(&ImageStore { extra_references, ..ImageStore::default() }, part)
    }

    #[test]
    fn a_tag_is_put_behind_the_prefix_and_a_name_must_begin_with_it() {
        assert_eq!(named(prefix("m.io/q"), &part(REF_NAME, "v9")), ["m.io/q:v9"]);
        assert_eq!(named(prefix("m.io/q"), &part(REF_NAME, "m.io/q:1")), ["m.io/q:1"]);
        assert!(named(prefix("m.io/q"), &part(REF_NAME, "m.io/qq:1")).is_empty());
        assert!(named(prefix("m.io/q"), &part(IMAGE_NAME, "v9")).is_empty());
    }

    #[test]
    fn a_digest_is_added_beside_or_instead_of_a_name() {
        let with = |skip_named_digest| ImageReference {
            add_digest: true,
            skip_named_digest,
            ..prefix("m.io/q")
        };
        let named_part = part(REF_NAME, "v9");
        assert_eq!(named(with(false), &named_part), ["m.io/q:v9", "m.io/q@sha256:d"]);
        assert_eq!(named(with(true), &named_part), ["m.io/q:v9"]);
        assert_eq!(named(with(true), &part("other", "x")), ["m.io/q@sha256:d"]);
    }

    #[test]
    fn docker_names_have_a_long_form_and_a_short_one() {
        for (short, long) in [
            ("busy:1", "docker.io/library/busy:1"),
            ("busy", "docker.io/library/busy:latest"),
            ("me/busy:1", "docker.io/me/busy:1"),
            ("x.io/y/z:2", "x.io/y/z:2"),
            ("localhost:5/y", "localhost:5/y:latest"),
        ] {
            assert_eq!(normalized(short), long);
        }
        assert_eq!(familiar("docker.io/library/busy:1"), "busy:1");
        assert_eq!(familiar("docker.io/me/busy:1"), "me/busy:1");
        assert_eq!(familiar("library/x:1"), "library/x:1");
    }

    proptest! {
        #[test]
        fn no_name_makes_it_panic(name in ".{0,30}", annotation in ".{0,30}") {
            let _ = (object(&name), normalized(&name), familiar(&name));
            let _ = named(prefix(&name), &part(REF_NAME, &annotation));
        }
    }
}
