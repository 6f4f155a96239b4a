//! What the mock keeps on disk: blobs, unfinished blobs, and the directories of snapshots, laid
//! out as containerd lays them out.

mod apply;
mod blobs;
mod compression;
mod difference;
mod layers;
mod root;
mod tree;

pub(crate) use apply::{Applied, apply};
pub(crate) use compression::Packing;
pub(crate) use difference::difference;
pub(crate) use root::Store;
