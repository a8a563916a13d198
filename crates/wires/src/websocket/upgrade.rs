//! How a connection becomes a WebSocket: RFC 6455, section 4.

use crate::{error::ReplyError, limits::FIELDS_MAX};
use httparse::{EMPTY_HEADER, Response, Status};
use protocol::{generator::Plan, http::HttpRequest};
use std::fmt::Write as _;

/// The key of the RFC's example, and its answer. A key has to differ from request to request so that
/// no cache between answers for the server; here is none, and the server has to compute it all the
/// same.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// What asks for it. No extension is offered, so that bytes stay what they are.
pub(crate) fn request(plan: &Plan) -> Box<[u8]> {
    let HttpRequest { line, fields, .. } = plan.http.clone().unwrap_or_default();
    let mut text = format!("{line} HTTP/1.1\r\n");
    if !fields.iter().any(|f| f.name.eq_ignore_ascii_case("host")) {
        let _ = write!(text, "Host: {}\r\n", plan.target.http_host());
    }
    text.push_str("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n");
    let _ = write!(text, "Sec-WebSocket-Key: {KEY}\r\n");
    for field in fields {
        let _ = write!(text, "{}: {}\r\n", field.name, field.value);
    }
    text.push_str("\r\n");
    text.into_bytes().into()
}

/// The protocols that it offers, of which a server may choose one.
pub(crate) fn offered_protocols(plan: &Plan) -> Vec<String> {
    let fields = plan.http.iter().flat_map(|http| &http.fields);
    let fields = fields.filter(|field| field.name.eq_ignore_ascii_case("sec-websocket-protocol"));
    let words = fields.flat_map(|field| field.value.split(','));
    words.map(|word| word.trim().to_owned()).collect()
}

/// Whether a head, which ends with its empty line, is the right answer to a request that offers these
/// protocols.
///
/// # Errors
/// It isn't.
pub(crate) fn check(head: &[u8], offered_protocols: &[String]) -> Result<(), ReplyError> {
    let mut fields = [EMPTY_HEADER; FIELDS_MAX];
    let mut response = Response::new(&mut fields);
    match response.parse(head) {
        Ok(Status::Complete(_)) => {}
        Err(httparse::Error::TooManyHeaders) => return Err(ReplyError::Fields),
        Ok(Status::Partial) | Err(_) => return Err(ReplyError::Head),
    }
    match response.code {
        Some(101) => {}
        Some(status) => return Err(ReplyError::Status(status)),
        None => return Err(ReplyError::Head),
    }
    let values = |name: &str| {
        let fields = response.headers.iter();
        let named = fields.filter(move |field| field.name.eq_ignore_ascii_case(name));
        named.map(|field| field.value).collect::<Vec<_>>()
    };
    let says = |name, word: &[u8]| {
        let values = values(name);
        let mut words = values
            .iter()
            .flat_map(|value| value.split(|&byte| byte == b','));
        words.any(|one| one.trim_ascii().eq_ignore_ascii_case(word))
    };
    if !says("upgrade", b"websocket") || !says("connection", b"upgrade") {
        return Err(ReplyError::NotUpgraded);
    }
    if values("sec-websocket-accept") != [ACCEPT] {
        return Err(ReplyError::WrongAccept);
    }
    let is_offered = |chosen: &[u8]| offered_protocols.iter().any(|of| of.as_bytes() == chosen);
    let has_chosen_well = match values("sec-websocket-protocol")[..] {
        [] => true,
        [chosen] => is_offered(chosen),
        _ => false,
    };
    match has_chosen_well && values("sec-websocket-extensions").is_empty() {
        true => Ok(()),
        false => Err(ReplyError::Extension),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_answer_upgrades() {
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\n\
            Connection: keep-alive, Upgrade\r\n\
            Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
        assert_eq!(check(answer.as_bytes(), &[]), Ok(()));
        let choosing = |protocols: &str, offered: &[&str]| {
            let fields = protocols.replace(' ', "\r\nSec-WebSocket-Protocol: ");
            let chosen = answer.replace("\r\n\r\n", &format!("{fields}\r\n\r\n"));
            let offered: Vec<String> = offered.iter().map(|of| (*of).to_owned()).collect();
            check(chosen.as_bytes(), &offered)
        };
        assert_eq!(choosing(" x", &["y", "x"]), Ok(()));
        assert_eq!(choosing("", &["x"]), Ok(()));
        for (chosen, offered) in [(" x", &[][..]), (" x", &["y"]), (" x y", &["x", "y"])] {
            assert_eq!(choosing(chosen, offered), Err(ReplyError::Extension));
        }
        for (from, to, error) in [
            ("101", "200", ReplyError::Status(200)),
            ("WebSocket", "h2c", ReplyError::NotUpgraded),
            (", Upgrade", "", ReplyError::NotUpgraded),
            ("s3pP", "S3pP", ReplyError::WrongAccept),
            (
                "\r\n\r\n",
                "\r\nSec-WebSocket-Extensions: x\r\n\r\n",
                ReplyError::Extension,
            ),
            ("HTTP", "ICY", ReplyError::Head),
        ] {
            assert_eq!(
                check(answer.replace(from, to).as_bytes(), &[]),
                Err(error),
                "{to}"
            );
        }
    }
}
