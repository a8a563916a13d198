//! The one place that reads: no more than a bound.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// The longest text, in bytes: what a kernel says of 8,192 CPUs fits well.
const TEXT_BYTES_MAX: u64 = 16 << 20;

/// What a file says; bytes that are no UTF-8 become `�`.
///
/// # Errors
/// It can't be read, or is longer than 16 MiB: half of a text would have wrong numbers.
pub fn text(path: impl AsRef<Path>) -> io::Result<String> {
    text_of(File::open(path)?)
}

/// The same of whatever gives bytes.
///
/// # Errors
/// As [`text`].
pub fn text_of(bytes: impl Read) -> io::Result<String> {
    let mut read = Vec::new();
    bytes.take(TEXT_BYTES_MAX + 1).read_to_end(&mut read)?;
    if read.len() as u64 > TEXT_BYTES_MAX {
        let why = format!("it is longer than {TEXT_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(String::from_utf8_lossy(&read).into_owned())
}

/// The number that a file holds; `None` where there is no such file, or something else in it.
pub fn number(path: impl AsRef<Path>) -> Option<u64> {
    text(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_end_is_an_error() {
        let error = text_of(io::repeat(b'1')).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(text("/dev/zero").unwrap_err().kind(), error.kind());
    }

    #[test]
    fn a_file_of_one_number_is_that_number() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let says = |text: &[u8]| {
            std::fs::write(file.path(), text).unwrap();
            number(file.path())
        };
        assert_eq!(says(b"12\n"), Some(12));
        for nothing in [&b"max\n"[..], b"", b"-1\n", b"\xff"] {
            assert_eq!(says(nothing), None);
        }
        assert_eq!(number("/no/such/file"), None);
    }
}
