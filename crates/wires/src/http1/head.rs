//! The head of an HTTP/1.1 reply: from its bytes to what matters of it. Pure.

use crate::{error::ReplyError, limits::FIELDS_MAX};
use httparse::{EMPTY_HEADER, ParserConfig, Response, Status};

/// What a head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// From 100 to 999.
    pub status: u16,
    /// Where its body ends.
    pub length: Length,
    /// The server closes after this reply.
    pub closes: bool,
}

/// How long a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So many bytes.
    Known(u64),
    /// It comes in chunks, of which the last says so.
    Chunked,
    /// The head doesn't say: it ends with the connection.
    Unsaid,
}

/// Where a head ends that begins these bytes: after its empty line. `None`: not in them.
pub fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|&byte| byte == b'\n') {
        let next = from + at + 1;
        match bytes.get(next..)? {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => from = next,
        }
    }
    None
}

/// Understands a head, which ends with its empty line.
///
/// # Errors
/// It breaks the rules of RFC 9112, or has two lengths, even equal ones: where two readers may
/// differ, none is right.
pub fn parse(bytes: &[u8]) -> Result<Head, ReplyError> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut response = Response::new(&mut fields);
    match ParserConfig::default().parse_response(&mut response, bytes) {
        Ok(Status::Complete(end)) if end == bytes.len() => {}
        Err(httparse::Error::TooManyHeaders) => return Err(ReplyError::Fields),
        Err(httparse::Error::Version) => return Err(ReplyError::NotHttp),
        Ok(_) | Err(_) => return Err(ReplyError::Head),
    }
    let (Some(version), Some(status)) = (response.version, response.code) else {
        return Err(ReplyError::Head);
    };
    if status < 100 {
        return Err(ReplyError::Head);
    }
    let (mut length, mut closes, mut keeps) = (Length::Unsaid, false, false);
    for field in &*response.headers {
        if field.name.eq_ignore_ascii_case("content-length") {
            said_once(&mut length, Length::Known(number(field.value)?))?;
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            if !field.value.eq_ignore_ascii_case(b"chunked") {
                return Err(ReplyError::NoLength);
            }
            said_once(&mut length, Length::Chunked)?;
        } else if field.name.eq_ignore_ascii_case("connection") {
            let words = field.value.split(|&byte| byte == b',');
            for word in words.map(<[u8]>::trim_ascii) {
                closes |= word.eq_ignore_ascii_case(b"close");
                keeps |= word.eq_ignore_ascii_case(b"keep-alive");
            }
        }
    }
    Ok(Head {
        status,
        length,
        closes: closes || (version == 0 && !keeps),
    })
}

fn said_once(length: &mut Length, said: Length) -> Result<(), ReplyError> {
    if *length != Length::Unsaid {
        return Err(ReplyError::NoLength);
    }
    *length = said;
    Ok(())
}

/// Digits only: other parsers take a sign.
fn number(text: &[u8]) -> Result<u64, ReplyError> {
    if text.is_empty() || text.len() > 18 {
        return Err(ReplyError::NoLength);
    }
    text.iter().try_fold(0, |number, byte| match byte {
        b'0'..=b'9' => Ok(number * 10 + u64::from(byte - b'0')),
        _ => Err(ReplyError::NoLength),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &str) -> Result<Head, ReplyError> {
        parse(format!("{lines}\r\n\r\n").replace('|', "\r\n").as_bytes())
    }

    #[test]
    fn what_matters_of_a_head_is_found() {
        let known = |status, bytes, closes| {
            let length = Length::Known(bytes);
            Ok(Head {
                status,
                length,
                closes,
            })
        };
        assert_eq!(
            of("HTTP/1.1 200 OK|content-LENGTH: 12"),
            known(200, 12, false)
        );
        assert_eq!(
            of("HTTP/1.1 503 |Content-Length: 0|Connection: x, Close"),
            known(503, 0, true)
        );
        assert_eq!(of("HTTP/1.0 200 OK|Content-Length: 1"), known(200, 1, true));
        let kept = of("HTTP/1.0 200 OK|Content-Length: 1|Connection: keep-alive");
        assert_eq!(kept, known(200, 1, false));
        let chunked = of("HTTP/1.1 200 OK|Transfer-Encoding: Chunked").unwrap();
        assert_eq!(chunked.length, Length::Chunked);
        assert_eq!(of("HTTP/1.1 200 OK").unwrap().length, Length::Unsaid);
    }

    #[test]
    fn what_two_readers_may_take_for_different_lengths_is_refused() {
        for fields in [
            "Content-Length: 1|Content-Length: 2",
            "Content-Length: 1|Content-Length: 1",
            "Content-Length: +1",
            "Content-Length: 1, 1",
            "Content-Length: 99999999999999999999",
            "Content-Length:",
            "Content-Length: 1|Transfer-Encoding: chunked",
            "Transfer-Encoding: gzip, chunked",
        ] {
            let head = of(&format!("HTTP/1.1 200 OK|{fields}"));
            assert_eq!(head, Err(ReplyError::NoLength), "{fields}");
        }
        assert_eq!(of("HTTP/2 200 OK"), Err(ReplyError::NotHttp));
        for lines in [
            "HTTP/1.1 2x0 OK",
            "HTTP/1.1 200 OK|no colon",
            "HTTP/1.1 099 OK",
        ] {
            assert_eq!(of(lines), Err(ReplyError::Head), "{lines}");
        }
        let many = "|a: b".repeat(FIELDS_MAX + 1);
        assert_eq!(
            of(&format!("HTTP/1.1 200 OK{many}")),
            Err(ReplyError::Fields)
        );
    }

    #[test]
    fn a_head_ends_with_an_empty_line() {
        assert_eq!(end_of_head(b"a\r\n\r\nb"), Some(5));
        assert_eq!(end_of_head(b"a\nb\n\nc"), Some(5));
        for unfinished in ["", "a", "a\r\n", "a\r\n\r", "a\r\nb\r\n"] {
            assert_eq!(end_of_head(unfinished.as_bytes()), None, "{unfinished:?}");
        }
    }
}
