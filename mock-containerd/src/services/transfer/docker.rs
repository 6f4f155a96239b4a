//! An archive as `docker save` writes it: manifests are made of what its list of images says.

use std::io::{Read, Seek, SeekFrom};

use tonic::Code;

use super::blobs::Blobs;
use crate::state::{
    BlobDescriptor, Config, DOCKER_CONFIG, DOCKER_MANIFEST, Failure, Index, Labels, Manifest,
    OCI_INDEX, annotate, normalized,
};
use crate::store::{DockerImage, UNCOMPRESSED};

const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// Writes a manifest for each image, and an index of them all.
pub(super) fn index(
    blobs: &Blobs,
    images: Vec<DockerImage>,
    compress: bool,
) -> Result<BlobDescriptor, Failure> {
    let mut index = Index { schema_version: 2, ..Index::default() };
    for image in images {
        let platform = platform(blobs, &image)?;
        let manifest = manifest(blobs, &image, compress)?;
        let part = BlobDescriptor { platform, ..manifest };
        if image.tags.is_empty() {
            index.manifests.push(part.clone());
        }
        for tag in &image.tags {
            let mut part = part.clone();
            annotate(&mut part, &normalized(tag));
            index.manifests.push(part);
        }
    }
    let bytes = json(&index)?;
    let written = blobs.write(&mut bytes.as_slice(), Labels::new())?;
    Ok(BlobDescriptor { media_type: OCI_INDEX.to_owned(), ..written })
}

fn platform(blobs: &Blobs, image: &DockerImage) -> Result<Option<crate::state::Platform>, Failure> {
    let config: Config = serde_json::from_slice(&blobs.read(&image.config.digest)?)
        .map_err(|error| Failure::plain(Code::Unknown, error.to_string()))?;
    Ok(Some(config.platform).filter(|platform| !platform.os.is_empty()))
}

fn manifest(blobs: &Blobs, image: &DockerImage, compress: bool) -> Result<BlobDescriptor, Failure> {
    let layers = image.layers.iter().map(|layer| resolve(blobs, layer, compress));
    let config = BlobDescriptor { media_type: DOCKER_CONFIG.to_owned(), ..image.config.clone() };
    let manifest = Manifest {
        schema_version: 2,
        media_type: DOCKER_MANIFEST.to_owned(),
        config,
        layers: layers.collect::<Result<_, _>>()?,
    };
    let bytes = json(&manifest)?;
    let written = blobs.write(&mut bytes.as_slice(), Labels::new())?;
    Ok(BlobDescriptor { media_type: DOCKER_MANIFEST.to_owned(), ..written })
}

/// A layer that is compressed stays so; another one becomes so when that is asked for.
fn resolve(
    blobs: &Blobs,
    layer: &BlobDescriptor,
    compress: bool,
) -> Result<BlobDescriptor, Failure> {
    let failed = |error: std::io::Error| Failure::disk("cannot read a layer", &error);
    let mut file = blobs.open(&layer.digest)?;
    let mut begin = Vec::new();
    Read::by_ref(&mut file).take(2).read_to_end(&mut begin).map_err(failed)?;
    if begin == [0x1f, 0x8b] {
        return Ok(BlobDescriptor { media_type: LAYER_GZIP.to_owned(), ..layer.clone() });
    }
    if !compress {
        return Ok(BlobDescriptor { media_type: LAYER.to_owned(), ..layer.clone() });
    }
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut packed = flate2::read::GzEncoder::new(file, flate2::Compression::default());
    let labels = Labels::from([(UNCOMPRESSED.to_owned(), layer.digest.clone())]);
    let written = blobs.write(&mut packed, labels)?;
    Ok(BlobDescriptor { media_type: LAYER_GZIP.to_owned(), ..written })
}

fn json<T: serde::Serialize>(value: &T) -> Result<Vec<u8>, Failure> {
    let bytes = serde_json::to_vec(value);
    bytes.map_err(|error| {
        Failure::plain(
            Code::Internal,
            format!("mock: cannot write a list of images as JSON: {error}"),
        )
    })
}
