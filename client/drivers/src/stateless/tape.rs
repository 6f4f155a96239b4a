//! In which pieces Go's `archive/tar` and containerd's `archive.Apply` read a tar from a reader that
//! buffers nothing: each was a Content/Read of its own.

const BLOCK: u64 = 512;
/// Of what containerd copies files with.
const COPIED: u64 = 32 * 1024;

/// A tar while it is read.
#[derive(Debug, Default)]
pub(super) struct Tape {
    /// Of the present entry.
    left: u64,
    padding: u64,
    /// The first of the two empty blocks that end it was read.
    ending: bool,
    ended: bool,
}

impl Tape {
    /// How many bytes are read next; `None` at its end.
    pub(super) fn wants(&self) -> Option<u64> {
        match self {
            Self { ended: true, .. } => None,
            Self { left: left @ 1.., .. } => Some((*left).min(COPIED)),
            Self { padding: padding @ 1.., .. } => Some(*padding),
            Self { .. } => Some(BLOCK),
        }
    }

    /// They were read. An error says what is no tar.
    pub(super) fn read(&mut self, piece: &[u8]) -> Result<(), String> {
        let read = piece.len() as u64;
        if self.wants() != Some(read) {
            return Err(format!("it ends {read} bytes into a piece of {:?}", self.wants()));
        }
        if self.left > 0 {
            self.left -= read;
        } else if self.padding > 0 {
            self.padding = 0;
        } else if piece.iter().all(|byte| *byte == 0) {
            self.ended = std::mem::replace(&mut self.ending, true);
        } else {
            let header = tar::Header::from_byte_slice(piece);
            let size = header.entry_size().map_err(|error| error.to_string())?;
            (self.left, self.padding) = (size, (BLOCK - size % BLOCK) % BLOCK);
            self.ending = false;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tape(files: &[usize]) -> Vec<u8> {
        let mut made = tar::Builder::new(Vec::new());
        for (number, size) in files.iter().enumerate() {
            let mut header = tar::Header::new_gnu();
            header.set_size(*size as u64);
            made.append_data(&mut header, format!("f{number}"), vec![7; *size].as_slice()).unwrap();
        }
        made.into_inner().unwrap()
    }

    fn reads(tape: &[u8]) -> Result<Vec<u64>, String> {
        let (mut reading, mut at, mut reads) = (Tape::default(), 0, Vec::new());
        while let Some(wanted) = reading.wants() {
            let end = tape.len().min(at + wanted as usize);
            reading.read(&tape[at..end])?;
            at = end;
            reads.push(wanted);
        }
        Ok(reads)
    }

    /// So Go 1.19's `tar.NewReader` does it, seen over a reader that counts.
    #[test]
    fn a_header_a_piece_of_each_32_kib_and_the_padding_are_read_one_by_one() {
        assert_eq!(reads(&tape(&[])).unwrap(), [512, 512]);
        assert_eq!(reads(&tape(&[0, 512])).unwrap(), [512, 512, 512, 512, 512]);
        let long = [512, 32_768, 32_768, 10, 502, 512, 512];
        assert_eq!(reads(&tape(&[65_546])).unwrap(), long);
    }

    #[test]
    fn what_is_cut_off_or_no_tar_is_refused() {
        let whole = tape(&[1000]);
        assert!(reads(&whole[..700]).unwrap_err().contains("it ends 188 bytes into a piece"));
        assert!(reads(&[b'x'; 512]).is_err());
    }
}
