//! What a generator reads: replies, on every wire.

use crate::steering::Steering;
use protocol::{client::MessageId, generator::Plan, http::HttpRequest, wire::Wire};
use std::net::SocketAddr;
use wires::{After, At, Replies, Requests};

/// Requests that are asked on the connection.
const ASKED: u32 = 3;

/// Of the only connection.
const INDEX: usize = 0;

/// How many replies were whole and right, and whether all of the stream could be one.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    whole: u32,
    is_right: bool,
}

/// Replies to framed requests.
pub fn framed(input: &[u8]) {
    held_alike(Wire::Framed, input);
}

/// Replies to raw messages.
pub fn raw(input: &[u8]) {
    held_alike(Wire::Raw, input);
}

/// Replies in HTTP, of which any status and body is expected, the same body, or an echo.
pub fn http1(input: &[u8]) {
    held_alike(Wire::Http1, input);
}

/// Frames of a WebSocket's server, behind its handshake or without.
pub fn websocket(input: &[u8]) {
    held_alike(Wire::Websocket, input);
}

/// The handshake of a WebSocket's server.
pub fn greeting(input: &[u8]) {
    let requests = requests(Wire::Websocket, HttpRequest::default());
    let mut replies = Replies::default();
    for piece in Steering::new(input).pieces() {
        match requests.take_greeting(&mut replies, INDEX, piece) {
            Ok(None) => {}
            Ok(Some(bytes)) => return assert!(bytes <= piece.len()),
            Err(_) => return,
        }
    }
}

/// What comes in pieces is held as what comes whole; of anything else the first reply would have to be
/// right, which a wrong byte at its beginning shows.
fn held_alike(wire: Wire, input: &[u8]) {
    let mut steering = Steering::new(input);
    let expect =
        ["status=200,body=any", "body=same", "body=echo"][usize::from(steering.byte()) % 3];
    let request = HttpRequest {
        expect: expect.parse().unwrap_or_default(),
        ..HttpRequest::default()
    };
    let requests = requests(wire, request);
    // Right replies now and then, or nothing would ever get past the first byte.
    let mut stream = Vec::new();
    if wire != Wire::Http1 && steering.byte().is_multiple_of(2) {
        stream = right_reply(wire, &requests);
    }
    let pieces = steering.pieces();
    let first = stream.clone();
    let mut all: Vec<&[u8]> = vec![&first];
    all.extend(&pieces);
    stream.extend(pieces.concat());
    assert_eq!(held(&requests, &all), held(&requests, &[&stream]));
}

/// The echo of the first request.
fn right_reply(wire: Wire, requests: &Requests) -> Vec<u8> {
    let mut bytes = vec![0; requests.request_bytes()];
    let id = MessageId {
        connection: 1,
        sequence: 0,
    };
    requests.write(id, 0, &mut bytes);
    if wire != Wire::Websocket {
        return bytes;
    }
    // Unmasked, as a server sends it: two bytes of header, four of mask.
    let (head, message) = bytes.split_at(6);
    let key = &head[2..];
    let message = message.iter().zip(key.iter().cycle());
    let length = head[1] & 0x7f;
    let unmasked = message.map(|(byte, key)| byte ^ key);
    [head[0], length].into_iter().chain(unmasked).collect()
}

fn held(requests: &Requests, pieces: &[&[u8]]) -> Held {
    let mut replies = Replies::default();
    let (mut whole, mut offset) = (0, 0);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let Ok(taken) = requests.take(&mut replies, at(whole, offset), rest) else {
                return Held {
                    whole,
                    is_right: false,
                };
            };
            assert!(taken.bytes > 0 && taken.bytes <= rest.len());
            rest = &rest[taken.bytes..];
            match taken.after {
                After::Whole => (whole, offset) = (whole + 1, 0),
                After::Between => offset = 0,
                After::Part => offset += taken.bytes,
            }
            assert!(rest.is_empty() || offset == 0, "a part is all that came");
            replies.pong(INDEX);
        }
    }
    Held {
        whole,
        is_right: true,
    }
}

fn at(sequence: u32, offset: usize) -> At {
    At {
        index: INDEX,
        id: MessageId {
            connection: 1,
            sequence,
        },
        offset,
        is_asked: sequence < ASKED,
    }
}

fn requests(wire: Wire, request: HttpRequest) -> Requests {
    let plan = Plan {
        wire,
        payload_bytes: 20,
        http: Some(request),
        ..Plan::least(SocketAddr::from(([127, 0, 0, 1], 80)))
    };
    Requests::of_plan(&plan).expect("every wire can say an echo")
}
