//! A tar as it passes by: what each entry is.

use std::path::{Component, Path, PathBuf};
use std::{fmt, io};

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, BufReader};

use super::gunzip::Gunzip;
use crate::wire::Doing;
use crate::{Error, Kind};

const GZIP: &[u8] = &[0x1f, 0x8b];

/// An OCI image layout in a tar, as `docker save` (25 and later), `skopeo copy … oci-archive:`,
/// `buildah push … oci-archive:` and `ctr images export` write it; packed with gzip or not.
pub struct Archive {
    source: Source,
    pub(super) name: Option<String>,
}

enum Source {
    File(PathBuf),
    Reader(Box<dyn AsyncRead + Send + Unpin>),
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("source", &self.shown()).finish_non_exhaustive()
    }
}

impl Archive {
    /// A file. It is opened when it is imported.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { source: Source::File(path.into()), name: None }
    }

    /// Whatever can be read. It is read once, from here to the end of the tar.
    pub fn from_reader(reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self { source: Source::Reader(Box::new(reader)), name: None }
    }

    /// Names the image, whatever the archive calls it. Only for archives that hold one image.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    pub(super) fn shown(&self) -> String {
        match &self.source {
            Source::File(path) => path.display().to_string(),
            Source::Reader(_) => "the archive".to_owned(),
        }
    }

    pub(super) async fn open(
        self,
        doing: &Doing<'_>,
    ) -> Result<Box<dyn AsyncBufRead + Send + Unpin>, Error> {
        let reader: Box<dyn AsyncRead + Send + Unpin> = match self.source {
            Source::Reader(reader) => reader,
            Source::File(path) => {
                let opened = tokio::fs::File::open(path).await;
                Box::new(opened.map_err(|error| {
                    Error::caused(doing, Kind::NotFound, error.to_string(), error)
                })?)
            }
        };
        let mut reader = BufReader::new(reader);
        let head = reader.fill_buf().await;
        let head = head.map_err(|error| unreadable(doing, error))?;
        if head.starts_with(GZIP) {
            return Ok(Box::new(BufReader::new(Gunzip::new(reader))));
        }
        Ok(Box::new(reader))
    }
}

pub(super) fn unreadable(doing: &Doing<'_>, error: io::Error) -> Error {
    Error::caused(doing, Kind::InvalidArgument, format!("it cannot be read: {error}"), error)
}

/// What an entry of an image layout is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// `index.json`.
    Index,
    /// A blob, with its digest.
    Blob(String),
    /// Nothing that is needed.
    Other,
}

impl Part {
    /// By its path, with or without `./` before it.
    pub(super) fn of(path: &Path) -> Self {
        let mut names = Vec::new();
        for component in path.components() {
            match component {
                Component::CurDir => {}
                Component::Normal(name) => names.push(name.to_str().unwrap_or_default()),
                _ => return Self::Other,
            }
        }
        match names[..] {
            ["index.json"] => Self::Index,
            ["blobs", algorithm, hex] if is_digest(algorithm, hex) => {
                Self::Blob(format!("{algorithm}:{hex}"))
            }
            _ => Self::Other,
        }
    }
}

fn is_digest(algorithm: &str, hex: &str) -> bool {
    let digits = match algorithm {
        "sha256" => 64,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == digits && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(path: &str) -> Part {
        Part::of(Path::new(path))
    }

    #[test]
    fn parts_are_known_by_their_paths() {
        let hex = "0123456789abcdef".repeat(4);
        assert_eq!(part("index.json"), Part::Index);
        assert_eq!(part("./index.json"), Part::Index);
        assert_eq!(part(&format!("./blobs/sha256/{hex}")), Part::Blob(format!("sha256:{hex}")));
        for other in ["oci-layout", "manifest.json", "blobs", "blobs/sha256", "x/index.json"] {
            assert_eq!(part(other), Part::Other, "{other}");
        }
        for wrong in ["../blobs/sha256", "/blobs/sha256", "blobs/md5", "blobs/sha512"] {
            assert_eq!(part(&format!("{wrong}/{hex}")), Part::Other, "{wrong}");
        }
        assert_eq!(part(&format!("blobs/sha256/{}", hex.to_uppercase())), Part::Other);
    }

    proptest! {
        #[test]
        fn whatever_is_taken_for_a_blob_has_a_digest(path in r"(\./)?(blobs/)?(sha256|sha512|.{0,8})/([0-9a-f]{64}|[0-9a-f]{128}|.{0,80})") {
            if let Part::Blob(digest) = part(&path) {
                let (algorithm, hex) = digest.split_once(':').unwrap();
                prop_assert!(is_digest(algorithm, hex));
                prop_assert!(path.ends_with(hex));
            }
        }
    }
}
