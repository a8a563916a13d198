//! The generator's messages, and which replies it takes.

use protocol::{
    client::{MessageId, Messages, Workload},
    session::{Chunk, Session, Step},
    wire::{HEADER_BYTES, Header, Kind, Wire},
    work::Task,
};
use std::time::Duration;

fn messages(workload: &str, payload_bytes: u32, batch: u32) -> Messages {
    let workload: Workload = workload.parse().unwrap();
    Messages::new(Wire::Framed, &workload, payload_bytes, batch).unwrap()
}

fn whole(messages: &Messages, id: MessageId) -> Vec<u8> {
    let mut bytes = vec![0; messages.message_bytes()];
    assert_eq!(messages.write(id, 0, &mut bytes), bytes.len());
    bytes
}

fn id(connection: u32, sequence: u32) -> MessageId {
    MessageId {
        connection,
        sequence,
    }
}

#[test]
fn only_discards_come_in_batches() {
    for (workload, batch, batches) in [
        ("discard", 3, [0, 0, 0, 1, 1, 1, 2]),
        ("discard", 1, [0, 1, 2, 3, 4, 5, 6]),
        ("discard", 0, [0, 1, 2, 3, 4, 5, 6]),
        ("echo", 3, [0, 1, 2, 3, 4, 5, 6]),
        ("cpu:1", 3, [0, 1, 2, 3, 4, 5, 6]),
    ] {
        let messages = messages(workload, 8, batch);
        let of: Vec<u32> = (0..7).map(|sequence| messages.batch_of(sequence)).collect();
        assert_eq!(of, batches, "{workload} {batch}");
        // The one that is answered is the last before the next batch.
        for sequence in 0..6 {
            let bytes = whole(&messages, id(0, sequence));
            let (header, _) = Header::first_frame(&bytes).unwrap().unwrap();
            let last = batches[sequence as usize + 1] > batches[sequence as usize];
            assert_eq!(header.kind == Kind::Discard, !last, "{workload} {sequence}");
        }
    }
}

#[test]
fn a_reply_of_up_to_4096_bytes_is_compared_whole_and_of_longer_ones_each_sixteenth() {
    for (payload_bytes, sequence, is_seen) in [
        (4096, 1, true),
        (4097, 1, false),
        (4097, 15, false),
        (4097, 16, true),
        (4097, 0, true),
    ] {
        let messages = messages("echo", payload_bytes, 1);
        let mut reply = whole(&messages, id(7, sequence));
        assert!(messages.matches(id(7, sequence), 0, &reply));
        *reply.last_mut().unwrap() ^= 1;
        let is_right = messages.matches(id(7, sequence), 0, &reply);
        assert_eq!(!is_right, is_seen, "{payload_bytes} {sequence}");
        // The header is compared in any case.
        reply[8] ^= 1;
        assert!(!messages.matches(id(7, sequence), 0, &reply));
    }
}

/// Of each second message of a discard, whose numbers are all odd, as many are compared.
#[test]
fn of_long_echoes_that_close_a_batch_each_sixteenth_is_compared() {
    let messages = messages("discard", 4097, 2);
    let is_seen = |sequence: &u32| {
        let mut reply = whole(&messages, id(7, *sequence));
        *reply.last_mut().unwrap() ^= 1;
        !messages.matches(id(7, *sequence), 0, &reply)
    };
    let answered = (0..128).map(|batch| 2 * batch + 1);
    let seen: Vec<u32> = answered.filter(is_seen).collect();
    assert_eq!(seen, [1, 33, 65, 97, 129, 161, 193, 225]);
}

#[test]
fn neighbours_have_different_ids_and_payloads() {
    for workload in ["echo", "wait:5us", "cpu:1"] {
        let messages = messages(workload, 64, 1);
        let of = |connection, sequence| {
            let bytes = whole(&messages, id(connection, sequence));
            let (header, frame) = Header::first_frame(&bytes).unwrap().unwrap();
            (header.id, frame[HEADER_BYTES..].to_vec())
        };
        // The last two: where a connection's number has the bits that a sequence is spread to.
        for connection in [0, 1, 1 << 16, u32::MAX] {
            for sequence in [0, 1, 77, u32::MAX - 1] {
                let (id, payload) = of(connection, sequence);
                for other in [of(connection, sequence + 1), of(connection ^ 1, sequence)] {
                    let at = format!("{workload}, {connection}, {sequence}");
                    assert!(id != other.0 && payload != other.1, "{at}");
                }
            }
        }
    }
}

/// Of a thousand hashes the generator can't afford as many payloads as there are.
#[test]
fn few_payloads_have_their_digests_ready() {
    let messages = messages("cpu:1000", 8, 1);
    for sequence in 0..2_000 {
        let bytes = whole(&messages, id(1, sequence));
        let (header, frame) = Header::first_frame(&bytes).unwrap().unwrap();
        if sequence % 200 == 0 {
            let mut chunk = Chunk::new(frame.len());
            chunk.space().copy_from_slice(frame);
            chunk.fill(frame.len());
            let step = Session::new(Wire::Framed).next(&mut chunk).unwrap();
            let finished = step.unwrap().work.unwrap().finish();
            assert!(messages.matches(id(1, sequence), 0, finished.reply()));
        }
        assert_eq!(header.argument, 1000);
    }
}

#[test]
fn a_message_is_written_into_whatever_room_there_is() {
    let messages = messages("echo", 30, 1);
    let all = whole(&messages, id(3, 4));
    for room in 1..=all.len() {
        let mut pieces = Vec::new();
        while pieces.len() < all.len() {
            let mut out = vec![0; room];
            let written = messages.write(id(3, 4), pieces.len(), &mut out);
            assert_eq!(written, room.min(all.len() - pieces.len()));
            pieces.extend_from_slice(&out[..written]);
        }
        assert_eq!(pieces, all);
        assert_eq!(messages.write(id(3, 4), all.len(), &mut [0]), 0);
    }
}

/// What the server is told by one read of these requests.
fn read<'chunk>(chunk: &'chunk mut Chunk, requests: &[(Kind, u32, usize)]) -> Step<'chunk> {
    let frame = |&(kind, argument, payload_bytes): &(Kind, u32, usize)| {
        let header = Header {
            kind,
            payload_bytes: payload_bytes as u32,
            id: 1,
            argument,
        };
        [&header.encode()[..], &vec![5; payload_bytes]].concat()
    };
    let bytes: Vec<u8> = requests.iter().flat_map(frame).collect();
    chunk.space()[..bytes.len()].copy_from_slice(&bytes);
    chunk.fill(bytes.len());
    Session::new(Wire::Framed).next(chunk).unwrap().unwrap()
}

#[test]
fn work_says_what_has_to_be_done() {
    for (kind, argument, task) in [
        // 100 bytes and the padding are two blocks, each further digest is one.
        (Kind::Cpu, 5, Task::Cpu { blocks: 6 }),
        (Kind::Wait, 5, Task::Wait(Duration::from_micros(5))),
        (Kind::Block, 5, Task::Block(Duration::from_micros(5))),
    ] {
        let mut chunk = Chunk::new(HEADER_BYTES + 100);
        let step = read(&mut chunk, &[(kind, argument, 100)]);
        assert_eq!(step.work.unwrap().task(), task);
    }
}

#[test]
fn a_buffer_keeps_its_room_whatever_work_takes_along() {
    let requests = [(Kind::Wait, 0, 3), (Kind::Wait, 0, 4), (Kind::Echo, 0, 5)];
    let mut chunk = Chunk::new(200);
    let work = read(&mut chunk, &requests).work.unwrap();
    assert_eq!(chunk.space().len(), 200);
    let finished = work.finish();
    assert_eq!(finished.reply().len(), HEADER_BYTES + 3);

    let mut rest = finished.into_rest();
    let mut session = Session::new(Wire::Framed);
    let step = session.next(&mut rest).unwrap().unwrap();
    let finished = step.work.unwrap().finish();
    assert_eq!(finished.reply().len(), HEADER_BYTES + 4);
    let mut rest = finished.into_rest();
    let step = session.next(&mut rest).unwrap().unwrap();
    assert_eq!((step.reply.len(), step.responses), (HEADER_BYTES + 5, 1));

    assert_eq!(Chunk::new(0).space().len(), 1);
}

#[test]
fn more_than_fits_a_buffer_can_not_have_been_read() {
    let mut chunk = Chunk::new(8);
    chunk.fill(9);
    let step = Session::new(Wire::Raw).next(&mut chunk).unwrap().unwrap();
    assert_eq!(step.reply, [0; 8]);
}
