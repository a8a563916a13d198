//! Which program, or which text, something is.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// Its SHA-256, in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
