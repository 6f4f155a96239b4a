//! Images in one file: a tar of blobs, in the layout of OCI or as `docker save` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use tar::{EntryType, Header};
use tonic::Code;

use crate::state::{BlobDescriptor, Failure, Index, OCI_INDEX};

const LAYOUT: &str = "oci-layout";
const LAYOUT_VERSION: &str = "1.0.0";
const INDEX: &str = "index.json";
const DOCKER: &str = "manifest.json";
/// Lists that are larger are cut off, and then are none.
const LIST_BYTES_MAX: u64 = 20 << 20;

/// What an archive turned out to be.
#[derive(Debug)]
pub(crate) enum Archive {
    Oci { index: BlobDescriptor },
    Docker { images: Vec<DockerImage> },
}

/// An image in docker's list.
#[derive(Debug)]
pub(crate) struct DockerImage {
    pub(crate) config: BlobDescriptor,
    pub(crate) tags: Vec<String>,
    pub(crate) layers: Vec<BlobDescriptor>,
}

/// The same, as it is written: paths in the archive.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct DockerEntry {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Layout {
    image_layout_version: String,
}

fn unknown(what: impl Into<String>) -> Failure {
    Failure::plain(Code::Unknown, what)
}

/// What was found on the way through the tar.
#[derive(Debug, Default)]
struct Found {
    layout: Option<Layout>,
    docker: Option<Vec<DockerEntry>>,
    blobs: BTreeMap<String, BlobDescriptor>,
    links: BTreeMap<String, String>,
}

/// Reads an archive; each file in it that is no list is given to `write`. Blocks.
pub(crate) fn read(
    archive: File,
    mut write: impl FnMut(&mut dyn Read) -> Result<BlobDescriptor, Failure>,
) -> Result<Archive, Failure> {
    let invalid = |_: io::Error| unknown("archive/tar: invalid tar header");
    let mut tar = tar::Archive::new(BufReader::new(archive));
    let mut found = Found::default();
    for entry in tar.entries().map_err(invalid)? {
        let mut entry = entry.map_err(invalid)?;
        let path = cleaned(&entry.path().map_err(invalid)?);
        match entry.header().entry_type() {
            EntryType::Symlink => {
                if let Some(to) = entry.link_name().map_err(invalid)? {
                    let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
                    found.links.insert(path.clone(), cleaned(&folder.join(to)));
                }
            }
            EntryType::Regular => match path.as_str() {
                LAYOUT => found.layout = Some(json(&mut entry, LAYOUT, "oci layout")?),
                DOCKER => found.docker = json(&mut entry, DOCKER, "manifest")?,
                _ => {
                    let blob = write(&mut entry)?;
                    found.blobs.insert(path, blob);
                }
            },
            _ => {}
        }
    }
    found.told()
}

fn json<T: serde::de::DeserializeOwned>(
    from: &mut dyn Read,
    name: &str,
    what: &str,
) -> Result<T, Failure> {
    let read = serde_json::from_reader(from.take(LIST_BYTES_MAX));
    read.map_err(|error| unknown(format!("untar {what} {name:?}: {error}")))
}

/// A path without detours. It names nothing but an entry of the archive.
fn cleaned(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    parts.join("/")
}

impl Found {
    fn told(self) -> Result<Archive, Failure> {
        if let Some(Layout { image_layout_version: version }) = &self.layout
            && !version.is_empty()
        {
            if version != LAYOUT_VERSION {
                return Err(unknown(format!("unsupported OCI version {version}")));
            }
            let index = self.blobs.get(INDEX).ok_or_else(|| {
                unknown(format!("missing index.json in OCI layout {LAYOUT_VERSION}"))
            })?;
            let media_type = OCI_INDEX.to_owned();
            return Ok(Archive::Oci { index: BlobDescriptor { media_type, ..index.clone() } });
        }
        let entries = self.docker.as_ref();
        let entries = entries.ok_or_else(|| unknown("unrecognized image format"))?;
        let images = entries.iter().map(|entry| self.image(entry)).collect::<Result<_, _>>()?;
        Ok(Archive::Docker { images })
    }

    fn image(&self, entry: &DockerEntry) -> Result<DockerImage, Failure> {
        let config = self.blob(&entry.config);
        let config =
            config.ok_or_else(|| unknown(format!("image config {:?} not found", entry.config)))?;
        let layers = entry.layers.iter().map(|layer| {
            self.blob(layer).ok_or_else(|| {
                unknown(format!("failed to resolve layers: layer {layer:?} not found"))
            })
        });
        Ok(DockerImage {
            config,
            tags: entry.repo_tags.clone().unwrap_or_default(),
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    /// Layers that are equal are links to one of them.
    fn blob(&self, path: &str) -> Option<BlobDescriptor> {
        let path = self.links.get(path).map_or(path, String::as_str);
        self.blobs.get(path).cloned()
    }
}

impl DockerEntry {
    /// Of a manifest's children: the configuration comes first.
    pub(crate) fn new(children: &[BlobDescriptor]) -> Self {
        let path = |blob: &BlobDescriptor| blob_path(&blob.digest);
        Self {
            config: children.first().map(path).unwrap_or_default(),
            repo_tags: None,
            layers: children.iter().skip(1).map(path).collect(),
        }
    }

    pub(crate) fn tag(&mut self, name: &str) {
        self.repo_tags.get_or_insert_default().push(name.to_owned());
    }
}

fn blob_path(digest: &str) -> String {
    format!("blobs/{}", digest.replacen(':', "/", 1))
}

/// Writes an archive, without anybody's times and owners in it.
pub(crate) struct Writer {
    tar: tar::Builder<File>,
    folders: BTreeSet<String>,
}

impl Writer {
    pub(crate) fn new() -> io::Result<Self> {
        let tar = tar::Builder::new(tempfile::tempfile()?);
        Ok(Self { tar, folders: BTreeSet::new() })
    }

    fn append(&mut self, path: &str, mode: u32, size: u64, from: impl Read) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_mode(mode);
        header.set_size(size);
        if path.ends_with('/') {
            header.set_entry_type(EntryType::Directory);
        }
        self.tar.append_data(&mut header, path, from)
    }

    fn folder(&mut self, path: &str) -> io::Result<()> {
        if self.folders.insert(path.to_owned()) {
            self.append(path, 0o755, 0, io::empty())?;
        }
        Ok(())
    }

    pub(crate) fn blob(&mut self, digest: &str, blob: File) -> io::Result<()> {
        let path = blob_path(digest);
        self.folder("blobs/")?;
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(&format!("{folder}/"))?;
        }
        let size = blob.metadata()?.len();
        self.append(&path, 0o444, size, blob)
    }

    fn list(&mut self, path: &str, mode: u32, list: &impl Serialize) -> io::Result<()> {
        let bytes = serde_json::to_vec(list)?;
        self.append(path, mode, bytes.len() as u64, bytes.as_slice())
    }

    pub(crate) fn index(&mut self, index: &Index) -> io::Result<()> {
        self.list(INDEX, 0o644, index)
    }

    /// What docker needs to load it.
    pub(crate) fn docker(&mut self, entries: &[DockerEntry]) -> io::Result<()> {
        self.list(DOCKER, 0o644, &entries)
    }

    /// The archive, to be read from its beginning.
    pub(crate) fn finish(mut self) -> io::Result<File> {
        let layout = Layout { image_layout_version: LAYOUT_VERSION.to_owned() };
        self.list(LAYOUT, 0o444, &layout)?;
        let mut file = self.tar.into_inner()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Write;

    fn read_all(bytes: &[u8]) -> Result<Archive, Failure> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        read(file, |blob| {
            let read = io::copy(blob, &mut io::sink());
            read.map_err(|error| unknown(error.to_string()))?;
            Ok(BlobDescriptor::default())
        })
    }

    #[test]
    fn what_is_no_archive_is_told_in_containerds_words() {
        let refused = |bytes: &[u8]| read_all(bytes).unwrap_err().message;
        assert_eq!(refused(b""), "unrecognized image format");
        assert_eq!(refused(&b"junk".repeat(1000)), "archive/tar: invalid tar header");
        let mut empty = Writer::new().unwrap().finish().unwrap();
        let mut bytes = Vec::new();
        empty.read_to_end(&mut bytes).unwrap();
        assert_eq!(refused(&bytes), "missing index.json in OCI layout 1.0.0");
    }

    #[test]
    fn a_path_with_detours_is_the_same_entry() {
        assert_eq!(cleaned(Path::new("./blobs//sha256/../sha256/a")), "blobs/sha256/a");
        assert_eq!(cleaned(Path::new("/../../etc/passwd")), "etc/passwd");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let _ = read_all(&bytes);
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..2048_usize, byte: u8, cut in 0..3000_usize) {
            let mut writer = Writer::new().unwrap();
            writer.blob("sha256:aa", tempfile::tempfile().unwrap()).unwrap();
            writer.index(&Index::default()).unwrap();
            let mut bytes = Vec::new();
            writer.finish().unwrap().read_to_end(&mut bytes).unwrap();
            bytes[at] = byte;
            bytes.truncate(cut.max(at + 1));
            let _ = read_all(&bytes);
        }
    }
}
