use super::*;
use crate::{wire::DIGEST_BYTES, work::chained_digest};
use proptest::prelude::*;

/// What a whole stream came to, however it was cut.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    replies: Vec<u8>,
    requests: u32,
    responses: u32,
    malformed: Option<Malformed>,
}

impl Outcome {
    /// Works through a chunk, and through what work has taken along.
    fn take(&mut self, session: &mut Session, chunk: &mut Chunk) -> Result<(), Malformed> {
        let mut rest;
        let mut chunk = chunk;
        while let Some(step) = session.next(chunk)? {
            assert!(step.requests > 0 || !step.reply.is_empty(), "no progress");
            self.replies.extend_from_slice(step.reply);
            self.requests += step.requests;
            self.responses += step.responses;
            if let Some(work) = step.work {
                assert!(step.reply.is_empty() && step.responses == 0);
                assert!(session.next(chunk)?.is_none(), "the work was overtaken");
                let finished = work.finish();
                self.replies.extend_from_slice(finished.reply());
                self.responses += 1;
                rest = finished.into_rest();
                chunk = &mut rest;
            }
        }
        Ok(())
    }
}

fn run(wire: Wire, stream: &[u8], cuts: &[usize]) -> Outcome {
    let mut session = Session::new(wire);
    let mut chunk = Chunk::new(stream.len());
    let mut outcome = Outcome::default();
    let mut rest = stream;
    let mut cuts = cuts.iter().cycle();
    while !rest.is_empty() {
        let length = cuts
            .next()
            .map_or(rest.len(), |&cut| cut.clamp(1, rest.len()));
        let (piece, after) = rest.split_at(length);
        rest = after;
        chunk.space()[..length].copy_from_slice(piece);
        chunk.fill(length);
        if let Err(malformed) = outcome.take(&mut session, &mut chunk) {
            outcome.malformed = Some(malformed);
            return outcome;
        }
    }
    outcome
}

/// A request: kind, argument, id, payload.
type Request = (Kind, u32, u64, Vec<u8>);

fn frame((kind, argument, id, payload): &Request) -> Vec<u8> {
    let header = Header {
        kind: *kind,
        payload_bytes: payload.len() as u32,
        id: *id,
        argument: *argument,
    };
    [&header.encode()[..], payload].concat()
}

fn reply(request: &Request) -> Vec<u8> {
    let (kind, argument, id, payload) = request;
    match kind {
        Kind::Discard => Vec::new(),
        Kind::Cpu => {
            let digest = chained_digest(payload, *argument);
            frame(&(*kind, *argument, *id, digest.into()))
        }
        Kind::Echo | Kind::Wait | Kind::Block => frame(request),
    }
}

fn request() -> impl Strategy<Value = Request> {
    let kind = prop_oneof![
        2 => Just(Kind::Echo),
        2 => Just(Kind::Discard),
        1 => Just(Kind::Cpu),
        1 => Just(Kind::Wait),
        1 => Just(Kind::Block),
    ];
    let argument = kind.prop_flat_map(|kind| {
        let most = if kind == Kind::Cpu { 3 } else { u32::MAX };
        let arguments = kind.arguments();
        (Just(kind), *arguments.start()..=most.min(*arguments.end()))
    });
    let payload = prop::collection::vec(any::<u8>(), 0..90);
    (argument, any::<u64>(), payload)
        .prop_map(|((kind, argument), id, payload)| (kind, argument, id, payload))
}

/// Pieces that come near to requests, so that not every stream ends at its first byte.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let small = prop_oneof![4 => 0_u8..3, 1 => any::<u8>()];
    let header = (
        request(),
        0..HEADER_BYTES,
        prop_oneof![9 => Just(0), 1 => any::<u8>()],
    );
    prop_oneof![
        prop::collection::vec(small, 1..30),
        header.prop_map(|(request, at, flip)| {
            let mut bytes = frame(&request);
            // A `cpu` request's argument stays: a million hashes would take long.
            if at < 16 {
                bytes[at] ^= flip;
            }
            bytes
        }),
    ]
}

proptest! {
    #[test]
    fn any_cutting_of_a_valid_stream_gives_the_same_requests(
        requests in prop::collection::vec(request(), 0..12),
        cuts in prop::collection::vec(1_usize..70, 1..8),
    ) {
        let stream: Vec<u8> = requests.iter().flat_map(frame).collect();
        let expected = Outcome {
            replies: requests.iter().flat_map(reply).collect(),
            requests: requests.len() as u32,
            responses: requests.iter().filter(|(kind, ..)| *kind != Kind::Discard).count() as u32,
            malformed: None,
        };
        prop_assert_eq!(&run(Wire::Framed, &stream, &[stream.len().max(1)]), &expected);
        prop_assert_eq!(&run(Wire::Framed, &stream, &cuts), &expected);
    }

    #[test]
    fn any_bytes_end_in_requests_or_in_a_defined_error(
        stream in prop::collection::vec(garbage(), 0..40),
        cuts in prop::collection::vec(1_usize..70, 1..8),
    ) {
        let stream = stream.concat();
        let cut = run(Wire::Framed, &stream, &cuts);
        prop_assert_eq!(&cut, &run(Wire::Framed, &stream, &[stream.len().max(1)]));
        // A reply is its request, or a digest where there may have been no payload.
        let digests = cut.responses as usize * DIGEST_BYTES;
        prop_assert!(cut.replies.len() <= stream.len() + digests);
    }

    #[test]
    fn a_raw_session_echoes_every_byte(
        stream in prop::collection::vec(any::<u8>(), 0..400),
        cuts in prop::collection::vec(1_usize..70, 1..8),
    ) {
        prop_assert_eq!(run(Wire::Raw, &stream, &cuts).replies, stream);
    }
}

#[test]
fn requests_before_a_malformed_header_are_answered() {
    let mut stream = frame(&(Kind::Echo, 0, 1, b"first".to_vec()));
    stream.extend(frame(&(Kind::Wait, 5, 2, b"second".to_vec())));
    let answered = stream.clone();
    stream.extend([9; HEADER_BYTES]);
    let outcome = run(Wire::Framed, &stream, &[]);
    assert_eq!(outcome.replies, answered);
    assert_eq!(outcome.malformed, Some(Malformed::Version(9)));
}

#[test]
fn an_idle_session_is_small_and_owns_no_heap() {
    assert!(size_of::<Session>() <= 32);
    let idle = |state: &State| !matches!(state, State::Gathering(_));
    let mut session = Session::new(Wire::Framed);
    assert!(idle(&session.0));
    // Idle again after work.
    let stream = frame(&(Kind::Block, 5, 2, b"done".to_vec()));
    let mut chunk = Chunk::new(stream.len());
    chunk.space().copy_from_slice(&stream);
    chunk.fill(stream.len());
    let step = session.next(&mut chunk).unwrap();
    assert!(step.is_some_and(|step| step.work.is_some()));
    assert!(idle(&session.0));
}

/// To copy what is left at each of many small requests would take time that grows with the square of
/// their number.
#[test]
fn a_rest_is_handed_on_whole_and_takes_no_memory_when_it_is_empty() {
    let mut chunk = Chunk::new(10);
    chunk.fill(10);
    let mut rest = chunk.part_with_rest();
    assert_eq!(rest.end - rest.start, 10);
    rest.start = 4;
    let place = rest.buffer.as_ptr();
    let mut next = rest.part_with_rest();
    assert_eq!((next.buffer.as_ptr(), next.start, next.end), (place, 4, 10));
    next.start = next.end;
    assert!(next.part_with_rest().buffer.is_empty());
}
