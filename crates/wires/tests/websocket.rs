//! WebSockets in all ways, whole and in pieces.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use proptest::prelude::*;
use protocol::{
    client::{MessageId, Workload},
    generator::{Load, Plan},
    http::HttpRequest,
    wire::Wire,
};
use std::net::SocketAddr;
use wires::{After, At, Replies, Requests, error::ReplyError};

/// What stands for a close without a code.
const NO_CODE: u16 = 1005;

fn requests(payload_bytes: u32) -> Requests {
    Requests::of_plan(&Plan {
        target: SocketAddr::from(([127, 0, 0, 1], 80)),
        wire: Wire::Websocket,
        workload: Workload::Echo,
        payload_bytes,
        http: Some(HttpRequest::default()),
        load: Load::Closed { outstanding: 1 },
        threads: 1,
        cpus: Vec::new(),
        process: 0,
        processes: 1,
        connections_max: 1,
        sources: None,
        reply_deadline_us: 1,
        interval_us: 1,
        read_late_us: 0,
        closes_in_order: false,
    })
    .unwrap()
}

fn id(sequence: u32) -> MessageId {
    MessageId {
        connection: 3,
        sequence,
    }
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
    let requests = requests(20);
    let (mut replies, mut whole, mut offset) = (Replies::default(), 0, 0);
    for piece in pieces {
        let mut rest = *piece;
        while !rest.is_empty() {
            let at = At {
                index: 5,
                id: id(whole),
                offset,
                is_asked: whole < 2,
            };
            let taken = match requests.take(&mut replies, at, rest) {
                Ok(taken) => taken,
                Err(error) => return (whole, Some(error), None),
            };
            rest = &rest[taken.bytes..];
            match taken.after {
                After::Whole => (whole, offset) = (whole + 1, 0),
                After::Between => offset = 0,
                After::Part => offset += taken.bytes,
            }
            assert!(taken.bytes > 0 && (rest.is_empty() || offset == 0));
        }
    }
    (whole, None, replies.pong(5))
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
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
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
