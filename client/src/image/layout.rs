//! What an archive says is in it: images, by name.

use std::collections::BTreeMap;

use super::manifest::{Descriptor, Index};

const IMAGE_NAME: &str = "io.containerd.image.name";
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The images that an `index.json` names, with their targets. A whole name goes before a reference,
/// and a name that was given before both.
pub(super) fn images(
    index: &[u8],
    given: Option<&str>,
) -> Result<BTreeMap<String, Descriptor>, String> {
    let index: Index =
        serde_json::from_slice(index).map_err(|error| format!("its index.json: {error}"))?;
    if index.manifests.is_empty() {
        return Err("it holds no image".to_owned());
    }
    if let (Some(name), [_, _, ..]) = (given, &index.manifests[..]) {
        let count = index.manifests.len();
        return Err(format!("it holds {count} images, which cannot all be named {name}"));
    }
    let mut images = BTreeMap::new();
    for target in index.manifests {
        let told = |annotation| target.annotations.get(annotation).map(String::as_str);
        let name = given.or_else(|| told(IMAGE_NAME)).or_else(|| told(REF_NAME));
        let Some(name) = name.filter(|name| !name.is_empty()) else {
            return Err(format!("it does not name its image {}: give a name", target.digest));
        };
        let name = name.to_owned();
        if let Some(other) = images.insert(name.clone(), target) {
            return Err(format!("two of its images are named {name}: {} is one", other.digest));
        }
    }
    Ok(images)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn index(names: &[Value]) -> Vec<u8> {
        let manifests: Vec<Value> = names
            .iter()
            .enumerate()
            .map(|(at, names)| json!({"digest": format!("sha256:{at}"), "size": 1, "annotations": names}))
            .collect();
        json!({"schemaVersion": 2, "manifests": manifests}).to_string().into_bytes()
    }

    fn named(index: &[u8], given: Option<&str>) -> Result<Vec<String>, String> {
        images(index, given).map(|images| images.into_keys().collect())
    }

    #[test]
    fn a_name_that_is_given_goes_before_a_whole_one_and_that_before_a_reference() {
        let both = index(&[json!({IMAGE_NAME: "docker.io/library/a:1", REF_NAME: "1"})]);
        assert_eq!(named(&both, Some("mine")).unwrap(), ["mine"]);
        assert_eq!(named(&both, None).unwrap(), ["docker.io/library/a:1"]);
        assert_eq!(named(&index(&[json!({REF_NAME: "1"})]), None).unwrap(), ["1"]);
    }

    #[test]
    fn what_cannot_be_named_is_refused_with_why() {
        let refusals = [
            named(b"{", None),
            named(&index(&[]), None),
            named(&index(&[json!({})]), None),
            named(&index(&[json!({REF_NAME: ""})]), None),
            named(&index(&[json!({REF_NAME: "a"}), json!({REF_NAME: "a"})]), None),
            named(&index(&[json!({REF_NAME: "a"}), json!({REF_NAME: "b"})]), Some("mine")),
        ];
        let told: Vec<String> = refusals.into_iter().map(|told| told.unwrap_err()).collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        its index.json: EOF while parsing an object at line 1 column 1
        it holds no image
        it does not name its image sha256:0: give a name
        it does not name its image sha256:0: give a name
        two of its images are named a: sha256:0 is one
        it holds 2 images, which cannot all be named mine
        ");
    }
}
