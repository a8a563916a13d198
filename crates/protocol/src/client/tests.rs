use super::*;
use crate::session::{Chunk, Session};
use proptest::prelude::*;

fn whole(messages: &Messages, id: MessageId) -> Vec<u8> {
    let mut bytes = vec![0; messages.message_bytes() + 1];
    assert_eq!(messages.write(id, 0, &mut bytes), messages.message_bytes());
    bytes.truncate(messages.message_bytes());
    bytes
}

/// What a server sends back.
fn answer(wire: Wire, stream: &[u8]) -> Vec<u8> {
    let mut session = Session::new(wire);
    let mut chunk = Chunk::new(stream.len());
    chunk.space()[..stream.len()].copy_from_slice(stream);
    chunk.fill(stream.len());
    let mut reply = Vec::new();
    while let Some(step) = session.next(&mut chunk).unwrap() {
        reply.extend_from_slice(step.reply);
        if let Some(work) = step.work {
            reply.extend_from_slice(work.finish().reply());
        }
    }
    reply
}

fn speakable() -> impl Strategy<Value = (Wire, Workload)> {
    let parsed = |text: &str| Just((Wire::Framed, text.parse().unwrap()));
    prop_oneof![
        Just((Wire::Raw, Workload::Echo)),
        parsed("echo"),
        parsed("discard"),
        parsed("cpu:7"),
        parsed("wait:5ms"),
        parsed("echo:40%,cpu:1:20%,cpu:2:20%,block:1us:20%"),
    ]
}

proptest! {
    #[test]
    fn pieces_are_written_and_recognised_at_any_offset(
        (wire, workload) in speakable(),
        payload_bytes in 0_u32..200,
        connection in any::<u32>(),
        batches in 0_u32..1000,
        cut in 0_usize..230,
        flipped in any::<prop::sample::Index>(),
    ) {
        let messages = Messages::new(wire, &workload, payload_bytes, 3).unwrap();
        // The last of a batch, which is answered.
        let sequence = batches * messages.batch() + messages.batch() - 1;
        let id = MessageId { connection, sequence };
        let bytes = whole(&messages, id);

        let tail_from = cut.min(bytes.len());
        let mut tail = vec![0; bytes.len() - tail_from];
        prop_assert_eq!(messages.write(id, tail_from, &mut tail), tail.len());
        prop_assert_eq!(&tail[..], &bytes[tail_from..]);

        let reply = answer(wire, &bytes);
        prop_assert_eq!(reply.len(), messages.reply_bytes(id));
        let (head, tail) = reply.split_at(cut.min(reply.len()));
        prop_assert!(messages.matches(id, 0, head));
        prop_assert!(messages.matches(id, head.len(), tail));
        let mut wrong = reply.clone();
        let at = flipped.index(wrong.len());
        wrong[at] ^= 1;
        prop_assert!(!messages.matches(id, 0, &wrong));
    }
}

#[test]
fn the_last_of_a_batch_is_answered_and_the_others_are_not() {
    let messages = Messages::new(Wire::Framed, &Workload::Discard, 5, 3).unwrap();
    let id = |sequence| MessageId {
        connection: 1,
        sequence,
    };
    let stream: Vec<u8> = (0..3).flat_map(|i| whole(&messages, id(i))).collect();
    let reply = answer(Wire::Framed, &stream);
    assert_eq!(reply.len(), messages.reply_bytes(id(2)));
    assert!(messages.matches(id(2), 0, &reply));
}

#[test]
fn another_requests_reply_is_not_taken() {
    for workload in ["echo", "cpu:5", "wait:5us"] {
        let workload = workload.parse().unwrap();
        let messages = Messages::new(Wire::Framed, &workload, 8, 1).unwrap();
        let id = |connection, sequence| MessageId {
            connection,
            sequence,
        };
        let reply = answer(Wire::Framed, &whole(&messages, id(1, 1)));
        assert!(messages.matches(id(1, 1), 0, &reply));
        assert!(!messages.matches(id(1, 2), 0, &reply));
        assert!(!messages.matches(id(2, 1), 0, &reply));
    }
}

#[test]
fn another_seed_deals_messages_otherwise_and_keeps_the_shares() {
    let mix = "echo:90%,wait:1ms:10%".parse().unwrap();
    let waits = |seed| {
        let messages = Messages::new(Wire::Framed, &mix, 8, 1)
            .unwrap()
            .mixed_by(seed);
        (0..10_000)
            .map(|sequence| {
                let id = MessageId {
                    connection: 3,
                    sequence,
                };
                messages.takes_at_least_us(id) == 1_000
            })
            .collect::<Vec<bool>>()
    };
    let (one, same, other) = (waits(1), waits(1), waits(2));
    assert!(one == same && one != other);
    for of in [one, other] {
        let count = of.into_iter().filter(|waits| *waits).count();
        assert!((900..1_100).contains(&count), "{count}");
    }
}

#[test]
fn a_mix_has_its_shares_on_every_connection() {
    let mix = "echo:69%,wait:1ms:30%,cpu:3:1%".parse().unwrap();
    let messages = Messages::new(Wire::Framed, &mix, 8, 1).unwrap();
    for connection in [0, 1, u32::MAX] {
        let mut counts = [0; 5];
        for sequence in 0..100_000 {
            let id = MessageId {
                connection,
                sequence,
            };
            let mut header = [0; HEADER_BYTES];
            messages.write(id, 0, &mut header);
            counts[Header::decode(&header).unwrap().kind as usize] += 1;
        }
        let [echo, discard, cpu, wait, block] = counts;
        assert!((68_500..69_500).contains(&echo), "{counts:?}");
        assert!((29_500..30_500).contains(&wait), "{counts:?}");
        assert!((850..1_150).contains(&cpu), "{counts:?}");
        assert_eq!((discard, block), (0, 0));
    }
}

#[test]
fn the_longest_computations_have_few_payloads() {
    let digests = |workload: &str, payload_bytes| {
        let workload = workload.parse().unwrap();
        let messages = Messages::new(Wire::Framed, &workload, payload_bytes, 1).unwrap();
        messages.parts[0].digests.len()
    };
    assert_eq!(digests("cpu:1", 8), PATTERN_STARTS);
    assert_eq!(digests("cpu:1000", 8), 500);
    assert_eq!(digests("cpu:1", 1 << 20), 30);
    assert_eq!(digests("cpu:200000", 8), 4);
}

#[test]
fn the_raw_wire_refuses_what_it_can_not_say() {
    for workload in ["discard", "cpu:5", "echo:99%,wait:1ms:1%"] {
        let workload = workload.parse().unwrap();
        let error = Messages::new(Wire::Raw, &workload, 8, 1).unwrap_err();
        assert!(error.to_string().contains("use the framed wire"), "{error}");
    }
}

/// S. Vigna's reference implementation with seed 0.
#[test]
fn what_looks_random_is_splitmix64() {
    assert_eq!(
        [0, 1, 2].map(scatter),
        [
            0xe220_a839_7b1d_cdaf,
            0x6e78_9e6a_a1b9_65f4,
            0x06c4_5d18_8009_454f
        ]
    );
}
