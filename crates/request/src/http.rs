//! What is asked of servers that speak HTTP, as far as options say it.

use crate::{options::Options, refusal::Refusal};
use protocol::{
    client::Workload,
    http::{Body, Expect, HttpRequest},
    wire::{RAW_PREFIX_BYTES, Wire},
};

/// The request; `None` on a wire that has none.
///
/// # Errors
/// Options that don't fit each other, with the way out.
pub(crate) fn request_on(wire: Wire, options: &Options) -> Result<Option<HttpRequest>, Refusal> {
    let asked = options.http.clone();
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
    if let Some(workload) = options.workload.as_ref().filter(|w| **w != Workload::Echo) {
        return Err(Refusal::new(format!(
            "--workload {workload}: on the {} wire the path says what a server does: --http",
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
    match (request.line.has_body(), options.payload_bytes) {
        (false, Some(bytes)) => Err(Refusal::new(format!(
            "--payload {bytes}: a {method} has no body; --http 'POST /path' has one"
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
        let of = |line: &str, expect: &str, payload_bytes| Options {
            http: Some(HttpRequest {
                line: line.parse::<RequestLine>().unwrap(),
                fields: Vec::new(),
                expect: expect.parse::<Expect>().unwrap(),
            }),
            payload_bytes,
            ..Options::default()
        };
        let refused = |wire, options: Options| request_on(wire, &options).unwrap_err().to_string();
        let plain = of("GET /x", "body=same", None);
        assert!(request_on(Wire::Http1, &plain).unwrap().is_some());
        assert!(
            request_on(Wire::Http1, &Options::default())
                .unwrap()
                .is_some()
        );
        assert!(refused(Wire::Raw, plain).contains("--wire http1"));
        let small = of("POST /", "body=echo", Some(7));
        assert!(refused(Wire::Http1, small).contains("8 bytes"));
        for (expect, bytes) in [("body=echo", None), ("body=same", Some(9))] {
            let options = of("GET /", expect, bytes);
            assert!(refused(Wire::Http1, options).contains("'POST /path'"));
        }
        let post = of("POST /", "body=same", None);
        assert!(refused(Wire::Websocket, post).contains("'GET /path'"));
        let work = Options {
            workload: Some(Workload::Discard),
            ..Options::default()
        };
        assert!(refused(Wire::Http1, work).contains("--http"));
    }
}
