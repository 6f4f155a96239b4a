//! Compressed layers: by media type whether they may be, by their first bytes how they are.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use tonic::Code;

use crate::state::Failure;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

const OCI: &str = "application/vnd.oci.image.layer.";
const DOCKER: &str = "application/vnd.docker.image.rootfs.";

/// How a layer of some media type is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    /// A tar, whatever it begins with.
    Tar,
    /// A tar that may be compressed: its first bytes tell.
    Told,
}

impl Packing {
    /// Of what can be applied.
    pub(crate) fn of(media_type: &str) -> Result<Self, Failure> {
        Self::of_layer(media_type).ok_or_else(|| {
            let what = format!(
                "failed to get stream processor for {media_type}: no processor for media-type"
            );
            Failure::plain(Code::Unknown, what)
        })
    }

    /// `None`: no layer.
    fn of_layer(media_type: &str) -> Option<Self> {
        let docker = media_type.strip_prefix(DOCKER);
        let docker = docker.and_then(|kind| kind.strip_prefix("foreign.").or(Some(kind)));
        if let Some("diff.tar" | "diff.tar.gzip" | "diff.tar.zstd") = docker {
            return Some(Self::Told);
        }
        let oci = media_type.strip_prefix(OCI)?;
        match oci.strip_prefix("nondistributable.").unwrap_or(oci) {
            "v1.tar" => Some(Self::Tar),
            "v1.tar+gzip" | "v1.tar+zstd" => Some(Self::Told),
            _ => None,
        }
    }
}

/// The tar inside.
pub(super) fn plain(file: File, packing: Packing) -> io::Result<Box<dyn Read>> {
    let mut file = BufReader::new(file);
    if packing == Packing::Tar {
        return Ok(Box::new(file));
    }
    let begin = file.fill_buf()?;
    if begin.starts_with(&GZIP) {
        return Ok(Box::new(flate2::bufread::MultiGzDecoder::new(file)));
    }
    if begin.starts_with(&ZSTD) {
        return Ok(Box::new(zstd::stream::read::Decoder::with_buffer(file)?));
    }
    Ok(Box::new(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_layers_have_a_packing() {
        for (kind, packing) in [
            ("application/vnd.oci.image.layer.v1.tar", Some(Packing::Tar)),
            ("application/vnd.oci.image.layer.v1.tar+gzip", Some(Packing::Told)),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", Some(Packing::Told)),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", Some(Packing::Told)),
            ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Some(Packing::Told)),
            ("application/vnd.oci.image.manifest.v1+json", None),
            ("foo/bar", None),
        ] {
            assert_eq!(Packing::of_layer(kind), packing, "{kind}");
        }
    }
}
