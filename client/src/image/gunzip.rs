//! What a gzip file holds, as it is read.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use flate2::write::MultiGzDecoder;
use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// So many bytes are unpacked at a time: to a thousand times as many at most, which are kept.
const PIECE_BYTES: usize = 1024;

pub(super) struct Gunzip<R> {
    from: R,
    decoder: MultiGzDecoder<Vec<u8>>,
    /// How much of what was unpacked has been read.
    read: usize,
    ended: bool,
}

impl<R> Gunzip<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, decoder: MultiGzDecoder::new(Vec::new()), read: 0, ended: false }
    }
}

impl<R: AsyncBufRead + Unpin> AsyncRead for Gunzip<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let unpacked = this.decoder.get_mut();
            let left = &unpacked[this.read..];
            if !left.is_empty() {
                let fits = left.len().min(into.remaining());
                into.put_slice(&left[..fits]);
                this.read += fits;
                return Poll::Ready(Ok(()));
            }
            unpacked.clear();
            this.read = 0;
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            let packed = ready!(Pin::new(&mut this.from).poll_fill_buf(context))?;
            if packed.is_empty() {
                // Fails for one that was cut off.
                this.decoder.try_finish()?;
                this.ended = true;
                continue;
            }
            let piece = packed.len().min(PIECE_BYTES);
            this.decoder.write_all(&packed[..piece])?;
            Pin::new(&mut this.from).consume(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, BufReader};

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    async fn unpacked(packed: &[u8], capacity: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Gunzip::new(BufReader::with_capacity(capacity, packed)).read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    #[tokio::test]
    async fn one_that_is_cut_off_or_falsified_is_an_error_and_several_are_one() {
        let (zeros, text) = (vec![0; 3 << 20], b"behind it".to_vec());
        let mut both = packed(&zeros);
        both.extend(packed(&text));
        assert_eq!(unpacked(&both, 8192).await.unwrap(), [zeros, text].concat());
        let whole = packed(b"something");
        for length in 1..whole.len() {
            assert!(unpacked(&whole[..length], 8192).await.is_err(), "{length}");
        }
        let mut other = whole.clone();
        let checksum = other.len() - 8;
        other[checksum] ^= 1;
        assert!(unpacked(&other, 8192).await.is_err());
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out(bytes in prop::collection::vec(any::<u8>(), 0..5000), capacity in 1usize..3000) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let out = runtime.block_on(unpacked(&packed(&bytes), capacity)).unwrap();
            prop_assert_eq!(out, bytes);
        }
    }
}
