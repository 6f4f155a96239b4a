//! Changing labels by a field mask. An empty value is stored as absent.

use std::collections::HashMap;

use super::Mask;

/// Labels as messages carry them.
pub(crate) type Labels = HashMap<String, String>;

/// Changes what the mask names; an empty mask replaces all. `Err`: a field that is no label.
pub(super) fn update(current: &mut Labels, given: &Labels, mask: &Mask) -> Result<(), String> {
    if mask.is_empty() {
        given.clone_into(current);
    }
    for field in mask {
        match field.strip_prefix("labels.") {
            Some(label) => update_one(current, given, label),
            None if field == "labels" => given.clone_into(current),
            None => return Err(field.clone()),
        }
    }
    current.retain(|_, value| !value.is_empty());
    Ok(())
}

/// Sets one label to what is given, which may be nothing.
pub(super) fn update_one(current: &mut Labels, given: &Labels, label: &str) {
    match given.get(label) {
        Some(value) => current.insert(label.to_owned(), value.clone()),
        None => current.remove(label),
    };
}
