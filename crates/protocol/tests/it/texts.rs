//! What people write: the last that is taken, and the first that is refused.

use protocol::{
    client::{Mix, Part, Workload, WorkloadError},
    endpoint::{Endpoint, UNIX_PATH_MAX},
    http::{Body, Expect, Field, HttpTextError, RequestLine},
    wire::{Kind, Wire},
};
use std::{net::SocketAddr, path::Path};

#[test]
fn wires_have_names_and_two_are_the_contracts() {
    for (wire, word, is_of_contract) in [
        (Wire::Framed, "framed", true),
        (Wire::Raw, "raw", true),
        (Wire::Http1, "http1", false),
        (Wire::Websocket, "websocket", false),
    ] {
        assert_eq!((wire.word(), wire.is_of_contract()), (word, is_of_contract));
        assert_eq!(word.parse(), Ok(wire));
        assert_eq!(serde_json::to_string(&wire).unwrap(), format!("{word:?}"));
    }
    let error = "tls".parse::<Wire>().unwrap_err().to_string();
    assert!(error.contains("no wire \"tls\""), "{error}");
}

#[test]
fn an_endpoint_is_an_address_or_a_path() {
    let addr = SocketAddr::from(([192, 0, 2, 1], 80));
    let tcp = Endpoint::from(addr);
    assert_eq!((tcp.tcp(), tcp.path()), (Some(addr), None));
    assert_eq!(tcp.http_host(), "192.0.2.1:80");
    let unix: Endpoint = "unix:/run/x.sock".parse().unwrap();
    assert_eq!(
        (unix.tcp(), unix.path()),
        (None, Some(Path::new("/run/x.sock")))
    );
    assert_eq!(unix.http_host(), "localhost");
    let longest = format!("unix:{}", "x".repeat(UNIX_PATH_MAX));
    assert_eq!(longest.parse::<Endpoint>().unwrap().to_string(), longest);
}

#[test]
fn posts_puts_and_patches_have_a_body() {
    for (method, has_body) in [
        ("GET", false),
        ("DELETE", false),
        ("POST", true),
        ("PUT", true),
        ("PATCH", true),
    ] {
        let line: RequestLine = format!("{method} /").parse().unwrap();
        assert_eq!(line.has_body(), has_body, "{method}");
    }
}

#[test]
fn lines_and_fields_may_have_8192_bytes() {
    let line = |bytes: usize| format!("GET /{}", "x".repeat(bytes - 5)).parse::<RequestLine>();
    assert!(line(8192).is_ok());
    assert_eq!(line(8193), Err(HttpTextError::TooLong));
    let field = |bytes: usize| format!("a:{}", "x".repeat(bytes - 2)).parse::<Field>();
    assert!(field(8192).is_ok());
    assert_eq!(field(8193), Err(HttpTextError::TooLong));
}

#[test]
fn a_request_line_has_no_fragment_and_a_method_without_blanks() {
    for wrong in [" /", "GET /a#b", "GE T /", "G-T /", "GET  /"] {
        let error = HttpTextError::RequestLine;
        assert_eq!(wrong.parse::<RequestLine>(), Err(error), "{wrong:?}");
    }
}

#[test]
fn a_field_is_a_token_and_a_value_in_ascii() {
    for right in ["X-_.~!: y", "a1:", "a: b c", "a: ()<>@"] {
        assert!(right.parse::<Field>().is_ok(), "{right:?}");
    }
    for wrong in [":", "a(: y", "é: y", "a: b\tc", "a: \u{1}"] {
        assert_eq!(
            wrong.parse::<Field>(),
            Err(HttpTextError::Field),
            "{wrong:?}"
        );
    }
    for own in ["Content-Length", "UPGRADE", "Expect", "transfer-encoding"] {
        let error = HttpTextError::OwnField(own.to_owned());
        assert_eq!(format!("{own}: 1").parse::<Field>(), Err(error));
    }
}

#[test]
fn a_reply_is_expected_once_for_each_thing() {
    for (text, status, body) in [
        ("status=200", Some(200), Body::Same),
        ("status=599,body=any", Some(599), Body::Any),
        ("body=echo,status=204", Some(204), Body::Echo),
        ("body-length=12", None, Body::Length(12)),
        ("body=same", None, Body::Same),
    ] {
        assert_eq!(text.parse(), Ok(Expect { status, body }), "{text}");
    }
    for wrong in [
        "status=199",
        "status=600",
        "status=200,status=200",
        "body=any,body=any",
        "body-length=1,body-length=1",
        "body-length=same",
        "length=1",
    ] {
        assert_eq!(
            wrong.parse::<Expect>(),
            Err(HttpTextError::Expect),
            "{wrong}"
        );
    }
}

#[test]
fn a_mix_has_up_to_16_parts_with_a_share_each() {
    let of = |parts: usize| {
        let mut texts = vec!["wait:0us:1%".to_owned(); parts - 1];
        texts.push(format!("echo:{}%", 101 - parts));
        texts.join(",").parse::<Workload>()
    };
    assert!(of(16).is_ok());
    assert_eq!(of(17), Err(WorkloadError::Parts(17)));

    let part = |kind, argument, share_ppm| Part {
        kind,
        argument,
        share_ppm,
    };
    let all = part(Kind::Echo, 0, 1_000_000);
    for (wrong, said) in [
        (part(Kind::Discard, 0, 1), "discard can't be part"),
        (part(Kind::Cpu, 0, 1), "takes 1 to 1000000 hashes"),
        (part(Kind::Echo, 1, 1), "takes no argument"),
        (part(Kind::Wait, 5, 0), "has no share"),
        (part(Kind::Wait, 5, 1), "the shares are 100.0001 % together"),
    ] {
        let error = Mix::new(vec![all, wrong]).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(Mix::new(vec![all]).unwrap().parts(), [all]);
}

#[test]
fn shares_have_up_to_four_decimals_and_times_three_units() {
    for text in [
        "echo:99.9999%,wait:1s:0.0001%",
        "echo:50%,block:999us:50%",
        "wait:1001ms",
        "block:1000001us",
        "cpu:1000000",
        "wait:10s",
    ] {
        assert_eq!(text.parse::<Workload>().unwrap().to_string(), text);
    }
    for wrong in [
        "echo:99.99999%,wait:1s:0.00001%",
        "echo:0%,wait:1s:100%",
        "echo:50",
        "echo:+50%,wait:1s:50%",
        "echo:5.x%,wait:1s:94.9%",
        "echo:x.5%,wait:1s:94.5%",
        "wait:1s:50%:50%",
    ] {
        let error = wrong.parse::<Workload>().unwrap_err();
        assert!(matches!(error, WorkloadError::Share(_)), "{wrong}: {error}");
    }
}

/// It has a way of its own, which is the fast one.
#[test]
fn echoes_alone_are_no_mix() {
    for text in ["echo", " echo ", "echo:100%"] {
        assert_eq!(text.parse(), Ok(Workload::Echo), "{text}");
    }
}
