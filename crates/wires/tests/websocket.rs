//! WebSockets in all ways, whole and in pieces.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use common::{INDEX, id, take_all};
use proptest::prelude::*;
use protocol::{http::HttpRequest, wire::Wire};
use wires::{After, At, Replies, Requests, error::ReplyError};

/// What stands for a close without a code.
const NO_CODE: u16 = 1005;

fn requests(payload_bytes: u32) -> Requests {
    common::requests(Wire::Websocket, payload_bytes, HttpRequest::default())
}

/// A server's frame.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len();
    let mut bytes = vec![first];
    match length {
        0..=125 => bytes.push(length as u8),
        126..=0xffff => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(payload);
    bytes
}

/// The message of a request, without its mask.
fn message(requests: &Requests, sequence: u32) -> Vec<u8> {
    let mut bytes = vec![0; requests.request_bytes()];
    assert_eq!(requests.write(id(sequence), 0, &mut bytes), bytes.len());
    let header_bytes = match bytes[1] & 0x7f {
        126 => 8,
        127 => 14,
        _ => 6,
    };
    let key: [u8; 4] = *bytes[..header_bytes].last_chunk().unwrap();
    let masked = bytes[header_bytes..].iter().zip(key.iter().cycle());
    masked.map(|(byte, key)| byte ^ key).collect()
}

/// How many replies are right, what then was wrong, and the last pong.
fn held(pieces: &[&[u8]]) -> (u32, Option<ReplyError>, Option<Box<[u8]>>) {
    let mut replies = Replies::default();
    let (whole, error) = take_all(&requests(20), &mut replies, 2, pieces);
    let pong = replies.pong(INDEX).filter(|_| error.is_none());
    (whole, error, pong)
}

fn reply(sequence: u32) -> Vec<u8> {
    frame(0x82, &message(&requests(20), sequence))
}

/// In three frames, with a ping between them.
fn fragmented(sequence: u32) -> Vec<u8> {
    let message = message(&requests(20), sequence);
    [
        frame(0x02, &message[..7]),
        frame(0x89, b"are you there?"),
        frame(0x00, &message[7..]),
        frame(0x80, b""),
    ]
    .concat()
}

#[test]
fn a_message_is_masked_and_comes_back_unmasked() {
    for payload_bytes in [8, 125, 126, 70_000] {
        let requests = requests(payload_bytes);
        let message = message(&requests, 0);
        assert_eq!(message.len(), payload_bytes as usize);
        let at = At {
            index: 0,
            id: id(0),
            offset: 0,
            is_asked: true,
        };
        let reply = frame(0x82, &message);
        let taken = requests.take(&mut Replies::default(), at, &reply).unwrap();
        assert_eq!((taken.bytes, taken.after), (reply.len(), After::Whole));
    }
}

#[test]
fn fragments_are_put_together_and_pings_answered() {
    let stream = [fragmented(0), reply(1)].concat();
    let (whole, error, pong) = held(&[&stream]);
    assert_eq!((whole, error), (2, None));
    let pong = pong.unwrap();
    assert_eq!((pong[0], pong[1]), (0x8a, 0x80 | 14));
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(held(&bytes).0, 2);
}

#[test]
fn each_fault_has_a_kind_of_its_own() {
    let message = message(&requests(20), 0);
    let mut flipped = message.clone();
    flipped[19] ^= 1;
    for (stream, error) in [
        (frame(0x82, &flipped), ReplyError::Message),
        (frame(0x82, &message[..19]), ReplyError::MessageLength),
        (frame(0x82, &[0; 21]), ReplyError::MessageLength),
        (frame(0x81, &message), ReplyError::Text),
        (frame(0xc2, &message), ReplyError::ReservedBits),
        (frame(0x80, &message), ReplyError::Frame),
        (
            [frame(0x02, &message[..7]), frame(0x82, &message[7..])].concat(),
            ReplyError::Frame,
        ),
        (
            frame(0x88, &1001_u16.to_be_bytes()),
            ReplyError::Closed(1001),
        ),
        (frame(0x88, b""), ReplyError::Closed(NO_CODE)),
        (vec![0x82, 0x80 | 20, 0, 0, 0, 0], ReplyError::Masked),
        ([reply(0), reply(1), reply(2)].concat(), ReplyError::Unasked),
        (
            vec![0x82, 127, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
            ReplyError::MessageLength,
        ),
    ] {
        assert_eq!(held(&[&stream]).1, Some(error), "{stream:?}");
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(held(&bytes).1, Some(error), "{stream:?}, byte by byte");
    }
}

#[test]
fn the_answer_to_an_upgrade_may_come_in_pieces() {
    let requests = requests(20);
    let greeting = String::from_utf8(requests.greeting().unwrap().to_vec()).unwrap();
    assert!(
        greeting.starts_with("GET / HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"),
        "{greeting}"
    );
    assert!(!greeting.contains("Extensions"), "{greeting}");
    // One of another kind may come before it.
    let answer = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
        HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nnext";
    for cut in 1..answer.len() {
        let (mut replies, mut end) = (Replies::default(), None);
        let mut before = 0;
        for piece in [&answer[..cut], &answer[cut..]] {
            if end.is_none() {
                let taken = requests.take_greeting(&mut replies, 9, piece).unwrap();
                end = taken.map(|bytes| before + bytes);
                before += piece.len();
            }
        }
        assert_eq!(end, Some(answer.len() - 4), "cut at {cut}");
    }
    // Nobody waits for an answer that never comes.
    let endless = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(100);
    let mut replies = Replies::default();
    let mut pieces = std::iter::repeat_n(endless.as_slice(), 1_000);
    let flood = pieces.find_map(|piece| requests.take_greeting(&mut replies, 9, piece).err());
    assert_eq!(flood, Some(ReplyError::Flood));
    let wrong = requests.take_greeting(&mut Replies::default(), 0, b"HTTP/1.1 400 No\r\n\r\n");
    assert_eq!(wrong, Err(ReplyError::Status(400)));
}

proptest! {
    #[test]
    fn it_doesnt_matter_where_the_network_cuts(
        parts in prop::collection::vec(0..6_u8, 0..6),
        noise in prop::collection::vec(any::<u8>(), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut sequence = 0;
        let mut stream: Vec<u8> = parts
            .into_iter()
            .flat_map(|part| {
                let asks = part < 2;
                sequence += u32::from(asks);
                match part {
                    0 => reply(sequence - 1),
                    1 => fragmented(sequence - 1),
                    2 => frame(0x89, b"x"),
                    3 => frame(0x8a, b""),
                    4 => frame(0x88, b""),
                    _ => frame(0x89, b""),
                }
            })
            .collect();
        stream.extend(noise);
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        ends.extend([0, stream.len()]);
        ends.sort_unstable();
        let pieces: Vec<&[u8]> = ends.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect();
        prop_assert_eq!(held(&pieces), held(&[&stream]));
    }
}
