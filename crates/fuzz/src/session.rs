//! What a server reads.

use crate::steering::Steering;
use protocol::{
    session::{Chunk, Session},
    wire::Wire,
};

/// Of one request.
const HASHES_MAX: u32 = 16;

/// What came of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    replies: Vec<u8>,
    requests: u64,
    responses: u64,
    end: Option<End>,
}

/// Why nothing more is read of a stream.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// It left the wire's rules.
    Malformed,
    /// It asks for more work than there is time for here.
    TooMuchWork,
}

/// A stream of bytes that claims to be requests comes to the same whether it arrives whole or in
/// pieces; no session answers more than it was asked.
pub fn framed(input: &[u8]) {
    let pieces = Steering::new(input).pieces();
    let whole = pieces.concat();
    let seen = served(Wire::Framed, &pieces);
    assert_eq!(seen, served(Wire::Framed, &[&whole]));
    assert!(seen.responses <= seen.requests);
}

/// On the raw wire everything comes back.
pub fn raw(input: &[u8]) {
    let pieces = Steering::new(input).pieces();
    let seen = served(Wire::Raw, &pieces);
    assert_eq!(seen.replies, pieces.concat());
    assert_eq!(seen.end, None);
}

fn served(wire: Wire, pieces: &[&[u8]]) -> Seen {
    let (mut session, mut seen) = (Session::new(wire), Seen::default());
    for piece in pieces {
        let mut chunk = Chunk::new(piece.len());
        chunk.space()[..piece.len()].copy_from_slice(piece);
        chunk.fill(piece.len());
        if let Err(end) = understand(&mut session, &mut chunk, &mut seen) {
            seen.end = Some(end);
            break;
        }
    }
    seen
}

fn understand(session: &mut Session, chunk: &mut Chunk, seen: &mut Seen) -> Result<(), End> {
    while let Some(step) = session.next(chunk).map_err(|_| End::Malformed)? {
        seen.replies.extend_from_slice(step.reply);
        seen.requests += u64::from(step.requests);
        seen.responses += u64::from(step.responses);
        if let Some(mut work) = step.work {
            work.task();
            if !work.hash(HASHES_MAX) {
                return Err(End::TooMuchWork);
            }
            let finished = work.finish();
            seen.replies.extend_from_slice(finished.reply());
            seen.responses += 1;
            let mut rest = finished.into_rest();
            understand(session, &mut rest, seen)?;
        }
    }
    Ok(())
}
