//! What is asked of servers that speak HTTP, as far as options say it.

use crate::refusal::Refusal;
use protocol::{
    client::Workload,
    http::{Body, Expect, HttpRequest},
    wire::{RAW_PREFIX_BYTES, Wire},
};

/// The request; `None` on a wire that has none. Workload and payload are those of options and scenario.
///
/// # Errors
/// What doesn't fit each other, with the way out.
pub(crate) fn request_on(
    wire: Wire,
    asked: Option<HttpRequest>,
    workload: &Workload,
    payload_bytes: Option<u32>,
) -> Result<Option<HttpRequest>, Refusal> {
    if wire.is_of_contract() {
        return match asked {
            None => Ok(None),
            Some(_) => Err(Refusal::new(format!(
                "--http, --http-header and --expect are for --wire http1 or websocket, and this run \
                 speaks {}",
                wire.word()
            ))),
        };
    }
    if *workload != Workload::Echo {
        return Err(Refusal::new(format!(
            "--workload {workload}, or a scenario of it: on the {} wire the path says what a server does: --http",
            wire.word()
        )));
    }
    let request = asked.unwrap_or_default();
    let method = &request.line.method;
    if wire == Wire::Websocket {
        return match method == "GET" && request.expect == Expect::default() {
            true => Ok(Some(request)),
            false => Err(Refusal::new(
                "--wire websocket: it begins with a GET, and each message comes back as it is; \
                 --http 'GET /path' without --expect",
            )),
        };
    }
    match (request.line.has_body(), payload_bytes) {
        (false, Some(bytes)) => Err(Refusal::new(format!(
            "--payload {bytes}, or a scenario's payload_bytes: a {method} has no body; --http 'POST /path' has one"
        ))),
        (false, None) if request.expect.body == Body::Echo => Err(Refusal::new(format!(
            "--expect body=echo: a {method} has no body to send back; --http 'POST /path' has one"
        ))),
        (true, Some(bytes))
            if request.expect.body == Body::Echo && (bytes as usize) < RAW_PREFIX_BYTES =>
        {
            Err(Refusal::new(format!(
                "--payload {bytes}: a body that is told from others has {RAW_PREFIX_BYTES} bytes \
                 at least"
            )))
        }
        _ => Ok(Some(request)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::http::RequestLine;

    #[test]
    fn what_does_not_fit_is_refused_with_a_way_out() {
        let of = |line: &str, expect: &str| {
            Some(HttpRequest {
                line: line.parse::<RequestLine>().unwrap(),
                fields: Vec::new(),
                expect: expect.parse::<Expect>().unwrap(),
            })
        };
        let echo = &Workload::Echo;
        let refused = |wire, http, payload_bytes| {
            let refusal = request_on(wire, http, echo, payload_bytes).unwrap_err();
            refusal.to_string()
        };
        let plain = of("GET /x", "body=same");
        for asked in [plain.clone(), None] {
            assert!(
                request_on(Wire::Http1, asked, echo, None)
                    .unwrap()
                    .is_some()
            );
        }
        assert!(refused(Wire::Raw, plain, None).contains("--wire http1"));
        let small = of("POST /", "body=echo");
        assert!(refused(Wire::Http1, small, Some(7)).contains("8 bytes"));
        for (expect, bytes) in [("body=echo", None), ("body=same", Some(9))] {
            let get = of("GET /", expect);
            assert!(refused(Wire::Http1, get, bytes).contains("'POST /path'"));
        }
        let post = of("POST /", "body=same");
        assert!(refused(Wire::Websocket, post, None).contains("'GET /path'"));
        let work = request_on(Wire::Http1, None, &Workload::Discard, None).unwrap_err();
        assert!(work.to_string().contains("--http"));
    }
}
