//! Connections that a kernel takes no more of, or only a part, and frames that are none.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

use model_kit::{Chunk, Closed, Connection, Reply, run_blocking};
use protocol::{
    client::{MessageId, Messages, Workload},
    wire::{HEADER_BYTES, Kind, Wire},
};
use std::io;

fn requests(messages: &Messages, n: u32) -> Vec<u8> {
    let mut bytes = vec![0; messages.message_bytes() * n as usize];
    for (sequence, slot) in (0..).zip(bytes.chunks_mut(messages.message_bytes())) {
        messages.write(
            MessageId {
                connection: 0,
                sequence,
            },
            0,
            slot,
        );
    }
    bytes
}

#[test]
fn what_the_kernel_does_not_take_is_kept_in_order() {
    let messages = Messages::new(Wire::Framed, &Workload::Echo, 30, 1).unwrap();
    let stream = requests(&messages, 3);
    let mut chunk = Chunk::new(stream.len());
    chunk.space().copy_from_slice(&stream);
    let mut connection = Connection::open(Wire::Framed);
    let mut sent = Vec::new();
    let mut room = 70;
    connection
        .answer(&mut chunk, stream.len(), |bytes| {
            if room == 0 {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(room);
            room -= taken;
            sent.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        })
        .unwrap();
    assert_eq!(sent.len(), 70);
    connection
        .resend(|bytes| {
            sent.extend_from_slice(bytes);
            Ok(bytes.len())
        })
        .unwrap();
    assert!(connection.unsent().is_empty());
    assert_eq!(sent, stream);
}

/// Three echoes and a header that is none, answered by a kernel that takes nothing yet.
fn cut_off_by_a_malformed_frame() -> (Connection, Vec<u8>) {
    let messages = Messages::new(Wire::Framed, &Workload::Echo, 30, 1).unwrap();
    let echoes = requests(&messages, 3);
    let mut chunk = Chunk::new(echoes.len() + HEADER_BYTES);
    chunk.space()[..echoes.len()].copy_from_slice(&echoes);
    chunk.space()[echoes.len()..].fill(0xff);
    let mut connection = Connection::open(Wire::Framed);
    let answered = connection.answer(&mut chunk, echoes.len() + HEADER_BYTES, |_| {
        Err(io::ErrorKind::WouldBlock.into())
    });
    assert!(matches!(answered, Ok(None)));
    assert_eq!(connection.unsent(), echoes);
    (connection, echoes)
}

#[test]
fn a_malformed_frame_is_told_when_what_came_before_it_has_been_sent() {
    let (mut connection, echoes) = cut_off_by_a_malformed_frame();
    let (mut sent, mut room) = (Vec::new(), 70);
    let mut send = |bytes: &[u8]| {
        let taken = bytes.len().min(std::mem::take(&mut room));
        sent.extend_from_slice(&bytes[..taken]);
        match taken {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(taken),
        }
    };
    connection.resend(&mut send).unwrap();
    assert_eq!(connection.unsent(), &echoes[70..]);
    let over = connection.resend(|bytes| Ok(bytes.len()));
    assert!(matches!(over, Err(Closed::Malformed(_))));

    let (mut connection, _) = cut_off_by_a_malformed_frame();
    let over = connection.sent_all();
    assert!(matches!(over, Err(Closed::Malformed(_))));
}

#[test]
fn work_is_handed_out_one_by_one_and_what_follows_waits() {
    let workload = "cpu:3".parse().unwrap();
    let messages = Messages::new(Wire::Framed, &workload, 30, 1).unwrap();
    let stream = requests(&messages, 3);
    let mut chunk = Chunk::new(stream.len());
    chunk.space().copy_from_slice(&stream);
    let mut connection = Connection::open(Wire::Framed);
    let mut replies = Vec::new();
    let mut send = |reply: &[u8]| {
        replies.push(reply.to_vec());
        Ok(reply.len())
    };
    let mut next = connection.answer(&mut chunk, stream.len(), &mut send);
    let mut works = 0;
    while let Some(work) = next.unwrap() {
        works += 1;
        next = connection.resume(run_blocking(work), &mut send);
    }
    assert_eq!(works, 3);
    for (sequence, reply) in (0..).zip(&replies) {
        let id = MessageId {
            connection: 0,
            sequence,
        };
        assert_eq!(reply.len(), messages.reply_bytes(id));
        assert!(messages.matches(id, 0, reply));
    }
    assert_eq!(replies.len(), 3);
}

#[test]
fn end_of_input_closes() {
    let mut connection = Connection::open(Wire::Framed);
    let closed = connection.answer(&mut Chunk::new(8), 0, |bytes| Ok(bytes.len()));
    assert!(matches!(closed, Err(Closed::ByClient)));
}

#[test]
fn a_reply_that_is_taken_back_is_sent_before_all_else_and_then_the_end_comes() {
    let messages = Messages::new(Wire::Framed, &Workload::Echo, 30, 1).unwrap();
    let mut stream = requests(&messages, 2);
    let whole = stream.clone();
    stream.extend([0xff; HEADER_BYTES]);
    let mut chunk = Chunk::new(stream.len());
    chunk.space().copy_from_slice(&stream);
    let mut connection = Connection::open(Wire::Framed);
    let mut first = Vec::new();
    let answered = connection.answer(&mut chunk, stream.len(), |reply| {
        first = reply.to_vec();
        Ok(reply.len())
    });
    assert!(matches!(answered, Err(Closed::Malformed(_))));
    connection.take_back(&first);
    assert!(matches!(connection.end_later(answered), Ok(None)));
    assert_eq!(connection.unsent(), whole);
    assert!(matches!(connection.sent_all(), Err(Closed::Malformed(_))));
}

#[test]
fn what_is_read_whole_is_sent_as_it_came_and_what_is_cut_is_sent_all_the_same() {
    let messages = Messages::new(Wire::Framed, &Workload::Echo, 30, 1).unwrap();
    let stream = requests(&messages, 3);
    for cut in 1..stream.len() {
        let mut connection = Connection::open(Wire::Framed);
        let mut sent = Vec::new();
        for read in [&stream[..cut], &stream[cut..]] {
            let (reply, next) = connection.answer_read(read);
            assert!(matches!(next, Ok(None)));
            match reply {
                Reply::Nothing => {}
                Reply::AsItCame => sent.extend_from_slice(read),
                Reply::Gathered(bytes) => sent.extend(bytes),
            }
        }
        assert_eq!(sent, stream, "cut at {cut}");
    }
    let mut connection = Connection::open(Wire::Framed);
    assert_eq!(connection.answer_read(&stream).0, Reply::AsItCame);
}

#[test]
fn nothing_is_sent_for_what_takes_no_reply() {
    let messages = Messages::new(Wire::Framed, &Workload::Echo, 30, 1).unwrap();
    let mut discard = requests(&messages, 1);
    discard[1] = Kind::Discard as u8;
    let mut connection = Connection::open(Wire::Framed);
    let (reply, next) = connection.answer_read(&discard);
    assert!(reply == Reply::Nothing && matches!(next, Ok(None)));
    let (reply, next) = connection.answer_read(&[]);
    assert!(reply == Reply::Nothing && matches!(next, Err(Closed::ByClient)));
}
