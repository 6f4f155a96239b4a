//! Arguments and results of operations on images, for drivers with the capability `images`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::ContainerId;

/// Arguments of `import`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// A tar of an OCI image layout; an absolute path.
    pub archive: PathBuf,
}

/// Arguments that name an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageTarget {
    /// Its name.
    pub image: String,
}

/// Arguments of `create-from-image`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateFromImage {
    /// The new container's id.
    pub container: ContainerId,
    /// Which image, unpacked: the container gets a writable snapshot of its own on it.
    pub image: String,
    /// What its init process runs; what the image says when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
}

/// Arguments of `remove-image`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveImage {
    /// Its name.
    pub image: String,
    /// Whether what it alone has held is to be gone with it.
    #[serde(default)]
    pub sync: bool,
}

/// Names of images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageNames {
    /// Sorted.
    pub images: Vec<String>,
}

/// An image that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFound {
    /// What its name stands for: `sha256:` and 64 digits.
    pub digest: String,
}
