//! Bodies that come in chunks: RFC 9112, section 7.1. A pure function from bytes to bytes, with
//! what has to be remembered where the network cut them.

use crate::{error::ReplyError, limits::HEAD_BYTES_MAX};

/// Sizes have so many digits at most, zeros before them included.
const DIGITS_MAX: u8 = 64;

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunks {
    state: State,
    /// Bytes of this chunk's extension, or of all trailers.
    beside: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a chunk's size.
    Size {
        digits: u8,
        value: u32,
    },
    /// After a size, up to the end of its line.
    Extension {
        value: u32,
    },
    /// In the line's end.
    SizeEnd {
        value: u32,
    },
    Data {
        left: u32,
    },
    /// After the data.
    DataEnd,
    DataEndLine,
    /// At the start of a line of trailers.
    Trailers,
    InTrailer,
    TrailerEnd,
    LastEnd,
    Over,
}

impl Chunks {
    /// None has come yet.
    pub const START: Self = Self {
        state: State::Size {
            digits: 0,
            value: 0,
        },
        beside: 0,
    };

    /// Whether the last chunk has come, with what follows it.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Hands over each part of the body; returns how many bytes belong to the chunks: all, unless
    /// they are over.
    ///
    /// # Errors
    /// These are no chunks, or `take` refuses a part.
    pub fn decode(
        &mut self,
        bytes: &[u8],
        mut take: impl FnMut(&[u8]) -> Result<(), ReplyError>,
    ) -> Result<usize, ReplyError> {
        let mut at = 0;
        while at < bytes.len() && self.state != State::Over {
            if let State::Data { left } = &mut self.state {
                let length = (bytes.len() - at).min(*left as usize);
                take(&bytes[at..at + length])?;
                at += length;
                *left -= length as u32;
                if *left == 0 {
                    self.state = State::DataEnd;
                }
            } else {
                self.state = self.after(bytes[at])?;
                at += 1;
            }
        }
        Ok(at)
    }

    /// One byte further, outside of data.
    fn after(&mut self, byte: u8) -> Result<State, ReplyError> {
        Ok(match (self.state, byte) {
            (State::Size { digits, value }, byte) if byte.is_ascii_hexdigit() => {
                // From 4 GiB on it is beyond every bound.
                if digits == DIGITS_MAX || value >> 28 != 0 {
                    return Err(ReplyError::Chunk);
                }
                let digit = (byte as char).to_digit(16).unwrap_or_default();
                State::Size {
                    digits: digits + 1,
                    value: value << 4 | digit,
                }
            }
            (State::Size { digits: 1.., value }, b'\r') => State::SizeEnd { value },
            (State::Size { digits: 1.., value }, b';' | b' ' | b'\t') => {
                self.beside = 0;
                State::Extension { value }
            }
            (State::Extension { value }, b'\r') => State::SizeEnd { value },
            (State::SizeEnd { value: 0 }, b'\n') => {
                self.beside = 0;
                State::Trailers
            }
            (State::SizeEnd { value }, b'\n') => State::Data { left: value },
            (State::DataEnd, b'\r') => State::DataEndLine,
            (State::DataEndLine, b'\n') => State::Size {
                digits: 0,
                value: 0,
            },
            (State::Trailers, b'\r') => State::LastEnd,
            (State::LastEnd, b'\n') => State::Over,
            (State::InTrailer, b'\r') => State::TrailerEnd,
            (State::TrailerEnd, b'\n') => State::Trailers,
            (state @ State::Extension { .. }, byte) if byte != b'\n' => self.beside(state)?,
            (State::Trailers | State::InTrailer, byte) if byte != b'\n' => {
                self.beside(State::InTrailer)?
            }
            _ => return Err(ReplyError::Chunk),
        })
    }

    fn beside(&mut self, state: State) -> Result<State, ReplyError> {
        self.beside += 1;
        match self.beside as usize <= HEAD_BYTES_MAX {
            true => Ok(state),
            false => Err(ReplyError::HeadTooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The body, and how many bytes its chunks took.
    fn decoded(pieces: &[&[u8]]) -> Result<Option<(Vec<u8>, usize)>, ReplyError> {
        let (mut chunks, mut body, mut taken) = (Chunks::START, Vec::new(), 0);
        for piece in pieces {
            taken += chunks.decode(piece, |part| {
                body.extend_from_slice(part);
                Ok(())
            })?;
        }
        Ok(chunks.is_over().then_some((body, taken)))
    }

    #[test]
    fn chunks_become_a_body() {
        let whole = b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\nTrailer: z\r\n\r\nnext";
        let body = Ok(Some((b"abc0123456789".to_vec(), whole.len() - 4)));
        assert_eq!(decoded(&[whole]), body);
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(decoded(&bytes), body);
        assert_eq!(decoded(&[&whole[..20]]), Ok(None));
        let zeros = b"0000000003\r\nabc\r\n00\r\n\r\n";
        assert_eq!(decoded(&[zeros]), Ok(Some((b"abc".to_vec(), zeros.len()))));
    }

    #[test]
    fn garbage_is_no_chunk() {
        for garbage in [
            "x",
            "\r\n",
            "3\n",
            "3\r\nabcd\r\n",
            "-1\r\n",
            "123456789\r\n",
            "0\r\n\n",
        ] {
            assert_eq!(
                decoded(&[garbage.as_bytes()]),
                Err(ReplyError::Chunk),
                "{garbage:?}"
            );
        }
        let zeros = "0".repeat(100);
        assert_eq!(decoded(&[zeros.as_bytes()]), Err(ReplyError::Chunk));
        let endless = format!("0\r\n{}", "x".repeat(HEAD_BYTES_MAX + 1));
        assert_eq!(decoded(&[endless.as_bytes()]), Err(ReplyError::HeadTooLong));
    }

    proptest! {
        #[test]
        fn it_doesnt_matter_where_bytes_are_cut(
            bytes in prop::collection::vec(prop::sample::select(b"0012aF;x\r\n\r\n".to_vec()), 0..60),
            at in any::<prop::sample::Index>(),
        ) {
            let (one, other) = bytes.split_at(at.index(bytes.len() + 1));
            prop_assert_eq!(decoded(&[&bytes]), decoded(&[one, other]));
        }
    }
}
