//! The text of files that may be anybody's: no more of it than fits, and of nothing but files.

use crate::error::StoreError;
use flate2::read::GzDecoder;
use rustix::fs::OFlags;
use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The most that is read of one file, unpacked: fifty times the largest that was seen. A packed file
/// can promise a thousand times its size.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// The most that is read of one run.
const RUN_BYTES_MAX: u64 = 1 << 30;

/// What may still be read.
#[derive(Debug)]
pub(crate) struct Budget {
    of_file_bytes: u64,
    left_bytes: u64,
}

impl Budget {
    /// Of a run, with all its files.
    pub(crate) fn of_run() -> Self {
        Self {
            of_file_bytes: FILE_BYTES_MAX,
            left_bytes: RUN_BYTES_MAX,
        }
    }

    /// The text of a file, unpacked where its name says that it is packed.
    ///
    /// # Errors
    /// It can't be read or unpacked, is no file, or has more text than fits.
    pub(crate) fn text_of(&mut self, file: &Path) -> Result<String, StoreError> {
        let most = self.of_file_bytes.min(self.left_bytes);
        let text = read(file, most).map_err(|why| StoreError::Read {
            path: file.to_owned(),
            why,
        })?;
        let text = text.ok_or_else(|| StoreError::TooLarge {
            path: file.to_owned(),
            most_bytes: most,
        })?;
        self.left_bytes -= text.len() as u64;
        Ok(text)
    }
}

/// `None`: it has more.
fn read(file: &Path, most_bytes: u64) -> io::Result<Option<String>> {
    // A pipe without a writer would be waited for.
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits() as i32)
        .open(file)?;
    if !opened.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let is_packed = file.extension().is_some_and(|extension| extension == "gz");
    let bytes: &mut dyn Read = match is_packed {
        true => &mut GzDecoder::new(opened),
        false => &mut { opened },
    };
    let mut text = Vec::new();
    bytes.take(most_bytes + 1).read_to_end(&mut text)?;
    if text.len() as u64 > most_bytes {
        return Ok(None);
    }
    String::from_utf8(text).map(Some).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("it is no text from byte {at} on"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use std::{fs, io::Write as _};

    #[test]
    fn a_packed_file_that_unpacks_to_more_than_fits_is_called_that() {
        let directory = tempfile::tempdir().unwrap();
        let bomb = directory.path().join("epoll.trials.json.gz");
        let mut packed = GzEncoder::new(fs::File::create(&bomb).unwrap(), Compression::best());
        packed.write_all(&[b' '; 1_000_000]).unwrap();
        packed.finish().unwrap();
        assert!(fs::metadata(&bomb).unwrap().len() < 2_000);
        let budget = |of_file_bytes, left_bytes| Budget {
            of_file_bytes,
            left_bytes,
        };
        let error = budget(999_999, 9_000_000).text_of(&bomb).unwrap_err();
        assert!(error.to_string().contains("more than"), "{error}");
        // Twice is more than the run may have.
        let mut run = budget(1_000_000, 1_500_000);
        assert_eq!(run.text_of(&bomb).unwrap().len(), 1_000_000);
        assert!(matches!(
            run.text_of(&bomb),
            Err(StoreError::TooLarge { .. })
        ));
    }

    #[test]
    fn what_is_no_file_is_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        let pipe = directory.path().join("run.json");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        for path in [&*pipe, Path::new("/dev/zero"), directory.path()] {
            let error = Budget::of_run().text_of(path).unwrap_err().to_string();
            assert!(error.contains("it is no file"), "{error}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_called_that() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), b"ab\xff").unwrap();
        let error = Budget::of_run().text_of(file.path()).unwrap_err();
        assert!(error.to_string().contains("no text from byte 2"), "{error}");
    }
}
