//! HTTP/1.1 in all ways, whole and in pieces.

#![allow(
    clippy::unwrap_used,
    reason = "a test that can't go on fails, and says where"
)]

mod common;

use common::{id, requests, take_all};
use proptest::prelude::*;
use protocol::{
    http::{Field, HttpRequest, RequestLine},
    wire::Wire,
};
use wires::{At, Replies, Requests, error::ReplyError};

fn asking(line: &str, expect: &str) -> Requests {
    let http = HttpRequest {
        line: line.parse::<RequestLine>().unwrap(),
        fields: vec!["Accept: */*".parse::<Field>().unwrap()],
        expect: expect.parse().unwrap(),
    };
    requests(Wire::Http1, 11, http)
}

/// How many replies are right, and what then was wrong, where the stream comes in pieces.
fn held(requests: &Requests, pieces: &[&[u8]]) -> (u32, Option<ReplyError>) {
    take_all(requests, &mut Replies::default(), 100, pieces)
}

fn wrong(expect: &str, reply: &str) -> Option<ReplyError> {
    held(&asking("GET /", expect), &[reply.as_bytes()]).1
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
const CHUNKED: &str =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n";
const INTERIM: &str = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";

#[test]
fn a_request_is_what_a_server_expects() {
    let written = |requests: &Requests, sequence| {
        let mut bytes = vec![0; requests.request_bytes()];
        let (mut from, mut left) = (0, bytes.as_mut_slice());
        while !left.is_empty() {
            let room = left.len().min(9);
            let some = requests.write(id(sequence), from, &mut left[..room]);
            (from, left) = (from + some, &mut left[some..]);
        }
        bytes
    };
    let get = written(&asking("GET /a?b", "body=same"), 0);
    let text = "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:80\r\nAccept: */*\r\n\r\n";
    assert_eq!(String::from_utf8(get).unwrap(), text);
    let post = String::from_utf8(written(&asking("POST /", "body=same"), 0)).unwrap();
    assert!(
        post.ends_with("Content-Length: 11\r\n\r\nabcdefghijk"),
        "{post}"
    );

    let echo = asking("POST /", "body=echo");
    let bodies = [0, 1].map(|i| written(&echo, i)[echo.request_bytes() - 11..].to_vec());
    assert_ne!(bodies[0], bodies[1]);
    let reply = |body: &[u8]| [b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n", body].concat();
    let (first, second) = (reply(&bodies[0]), reply(&bodies[1]));
    assert_eq!(held(&echo, &[&first, &second]), (2, None));
    assert_eq!(held(&echo, &[&first, &first]), (1, Some(ReplyError::Body)));
}

#[test]
fn right_replies_are_counted_however_their_length_is_said() {
    let requests = asking("GET /", "body=same");
    let stream = [OK, OK, CHUNKED, INTERIM, INTERIM, CHUNKED, OK].concat();
    assert_eq!(held(&requests, &[stream.as_bytes()]), (5, None));
    let none = "HTTP/1.1 204 No Content\r\n\r\n";
    assert_eq!(wrong("status=204", none), None);
    let head = asking("HEAD /", "body=same");
    let reply = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n";
    assert_eq!(
        held(&head, &[reply.as_bytes(), reply.as_bytes()]),
        (2, None)
    );
}

#[test]
fn each_fault_has_a_kind_of_its_own() {
    let reply = |head: &str| format!("HTTP/1.1 {head}\r\n\r\n").replace('|', "\r\n");
    let long = "x".repeat(1 << 20);
    for (expect, stream, error) in [
        (
            "body=same",
            format!("{OK}{}", OK.replace("abc", "abd")),
            ReplyError::Body,
        ),
        (
            "body=same",
            format!("{CHUNKED}{}", CHUNKED.replace("bc", "bd")),
            ReplyError::Body,
        ),
        (
            "body=same",
            format!("{OK}{}", OK.replace("3\r\n\r\nabc", "2\r\n\r\nab")),
            ReplyError::BodyLength,
        ),
        (
            "body=same",
            format!("{OK}{}", OK.replace("3\r\n\r\nabc", "4\r\n\r\nabcd")),
            ReplyError::BodyLength,
        ),
        // Longer, and something else: wherever it is cut.
        (
            "body=same",
            format!("{OK}{}", OK.replace("3\r\n\r\nabc", "4\r\n\r\nxyzw")),
            ReplyError::Body,
        ),
        ("body-length=4", OK.to_owned(), ReplyError::BodyLength),
        ("status=204", OK.to_owned(), ReplyError::Status(200)),
        (
            "body=same",
            reply("302 Found|Location: /|Content-Length: 0"),
            ReplyError::Status(302),
        ),
        (
            "body=same",
            reply("500 Oh|Content-Length: 0"),
            ReplyError::Status(500),
        ),
        (
            "body=same",
            reply("101 Switching Protocols|Upgrade: x"),
            ReplyError::Status(101),
        ),
        ("body=same", reply("200 OK"), ReplyError::NoLength),
        (
            "body=same",
            reply("200 OK|Content-Length: 17000000"),
            ReplyError::BodyTooLong,
        ),
        (
            "body=same",
            reply("200 OK|Connection: close|Content-Length: 0"),
            ReplyError::Closes,
        ),
        (
            "body=same",
            reply("200 OK|Transfer-Encoding: chunked||zzz"),
            ReplyError::Chunk,
        ),
        (
            "body=same",
            format!("HTTP/1.1 200 OK\r\nX: {long}"),
            ReplyError::HeadTooLong,
        ),
        (
            "body=same",
            reply(&format!("200 OK|X: {long}")),
            ReplyError::HeadTooLong,
        ),
        // By one byte.
        (
            "body=same",
            reply(&format!("200 OK|X: {}", "x".repeat((1 << 16) + 1 - 24))),
            ReplyError::HeadTooLong,
        ),
        (
            "body=same",
            "GET / HTTP/1.1".to_owned(),
            ReplyError::NotHttp,
        ),
        ("body=same", format!("{OK}\0"), ReplyError::NotHttp),
    ] {
        let shown = &stream[..stream.len().min(80)];
        assert_eq!(wrong(expect, &stream), Some(error), "{shown:?}");
        let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
        let found = held(&asking("GET /", expect), &bytes).1;
        assert_eq!(found, Some(error), "{shown:?}, byte by byte");
    }
    let texts = [301, 500, 404].map(|status| ReplyError::Status(status).to_string());
    assert_eq!(
        texts,
        [
            "HTTP status 301 (a redirect)",
            "HTTP status 500 (the server failed)",
            "HTTP status 404"
        ]
    );
}

/// On two connections, of which the one that was first has a shorter body.
#[test]
fn a_body_that_began_before_the_first_was_whole_is_held_against_it() {
    let requests = asking("GET /", "body=same");
    let mut replies = Replies::default();
    let mut take = |index, offset, bytes: &[u8]| {
        let at = At {
            index,
            id: id(0),
            offset,
            is_asked: true,
        };
        let taken = requests.take(&mut replies, at, bytes)?;
        Ok::<usize, ReplyError>(taken.bytes)
    };
    let (most, last) = OK.as_bytes().split_at(OK.len() - 1);
    let first = take(1, 0, most).unwrap();
    let long = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}",
        "x".repeat(100)
    );
    let other = take(2, 0, long.as_bytes()).unwrap();
    take(1, first, last).unwrap();
    let rest = "x".repeat(100);
    assert_eq!(take(2, other, rest.as_bytes()), Err(ReplyError::BodyLength));
}

#[test]
fn a_reply_without_a_request_is_one_that_nobody_asked_for() {
    let requests = asking("GET /", "body=same");
    let at = At {
        index: 0,
        id: id(0),
        offset: 0,
        is_asked: false,
    };
    let taken = requests.take(&mut Replies::default(), at, OK.as_bytes());
    assert_eq!(taken, Err(ReplyError::Unasked));
}

fn some_stream() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        4 => prop::sample::select(vec![OK, CHUNKED, INTERIM]).prop_map(|s| s.as_bytes().to_vec()),
        1 => prop::sample::select(vec![&OK[..20], &CHUNKED[..60], "\r\n", "HTTP/1.1 200"])
            .prop_map(|s| s.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn it_doesnt_matter_where_the_network_cuts(
        stream in some_stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        ends.extend([0, stream.len()]);
        ends.sort_unstable();
        let pieces: Vec<&[u8]> = ends.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect();
        let whole = held(&asking("GET /", "body=same"), &[&stream]);
        prop_assert_eq!(held(&asking("GET /", "body=same"), &pieces), whole);
    }
}
