//! Both halves of the wire without a network: a request's bytes, cut where it suits, and their reply.
//!
//! `cargo run -p protocol --example echo_in_memory`

use protocol::{
    client::{MessageId, Messages, Workload},
    session::{Chunk, Session},
    wire::{Malformed, Wire},
};

/// Bytes that the network delivers at once.
const PIECE_BYTES: usize = 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let messages = Messages::new(Wire::Framed, &Workload::Echo, 64, 1)?;
    let id = MessageId {
        connection: 7,
        sequence: 0,
    };
    let mut request = vec![0; messages.message_bytes()];
    messages.write(id, 0, &mut request);

    let reply = serve(&request)?;
    println!(
        "{} bytes asked, {} bytes answered, {}",
        request.len(),
        reply.len(),
        match messages.matches(id, 0, &reply) {
            true => "as they should be",
            false => "and they are wrong",
        }
    );
    Ok(())
}

/// What a server does for one connection: it reads, understands, and sends what there is to send.
fn serve(request: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut session = Session::new(Wire::Framed);
    let mut chunk = Chunk::new(PIECE_BYTES);
    let mut sent = Vec::new();
    for piece in request.chunks(PIECE_BYTES) {
        chunk.space()[..piece.len()].copy_from_slice(piece);
        chunk.fill(piece.len());
        while let Some(step) = session.next(&mut chunk)? {
            sent.extend_from_slice(step.reply);
        }
    }
    Ok(sent)
}
