//! What the mock keeps on disk: blobs, unfinished blobs, and the directories of snapshots, laid
//! out as containerd lays them out.

mod apply;
mod archive;
mod blobs;
mod compression;
mod difference;
mod layers;
mod root;
mod scope;
mod tree;

/// The digest of the tar inside a layer, as a label of the layer's blob.
pub(crate) const UNCOMPRESSED: &str = "containerd.io/uncompressed";

pub(crate) use apply::{Applied, apply};
pub(crate) use archive::{Archive, DockerEntry, DockerImage, Writer, read as read_archive};
pub(crate) use blobs::Spooled;
pub(crate) use compression::Packing;
pub(crate) use difference::difference;
pub(crate) use root::Store;
