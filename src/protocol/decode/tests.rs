//! Tests the decoder with streams of both dialects, of other protocols and with changed bytes.

use super::*;
use crate::codec::brine::{self, Sink};

fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes().to_vec();
    frame.push(0);
    frame.extend_from_slice(payload);
    frame.push(b'\n');
    frame
}

fn boxed(out: &mut Vec<u8>, label: i64) {
    boxing::put_label(out, label);
}

/// Makes the body of `add(40, 2)` on an object of the receiver.
fn call() -> Vec<u8> {
    let mut out = Vec::new();
    brine::put_tuple_header(&mut out, 2);
    brine::put_int(&mut out, Handler::CallAttr as i64);
    boxed(&mut out, boxing::TUPLE);
    brine::put_tuple_header(&mut out, 4);
    boxed(&mut out, boxing::LOCAL_REF);
    brine::put_tuple_header(&mut out, 3);
    brine::put_str(&mut out, b"interop.Root");
    brine::put_int(&mut out, 5);
    brine::put_int(&mut out, 7);
    boxed(&mut out, boxing::VALUE);
    brine::put_str(&mut out, b"add");
    boxed(&mut out, boxing::VALUE);
    brine::put_tuple_header(&mut out, 2);
    brine::put_int(&mut out, 40);
    brine::put_int(&mut out, 2);
    out.put(&boxing::NO_KEYWORDS);
    out
}

fn in_dialect(dialect: Dialect, kind: u8, sequence: i64, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    match dialect {
        Dialect::V5 => {
            brine::put_tuple_header(&mut out, 3);
            brine::put_int(&mut out, kind.into());
        }
        _ => {
            out.put_byte(kind);
            brine::put_tuple_header(&mut out, 2);
        }
    }
    brine::put_int(&mut out, sequence);
    out.put(body);
    out
}

#[test]
fn calls_in_both_dialects_byte_by_byte() {
    for dialect in [Dialect::V5, Dialect::V6] {
        let stream = frame(&in_dialect(dialect, 1, 1000, &call())).repeat(2);
        let mut decoder = Decoder::new();
        let mut got = Vec::new();
        for byte in &stream {
            decoder.feed(&[*byte]);
            got.extend(decoder.next_message());
        }
        let [first, second] = &got[..] else { panic!("{got:?}") };
        assert_eq!((first.kind, first.dialect, first.sequence), (DecodedKind::Request, dialect, Some(1000)));
        assert_eq!((first.handler, first.handler_name()), (Some(8), "CALLATTR"));
        assert_eq!(first.text, "CALLATTR your interop.Root#7 'add' (40, 2)");
        assert_eq!((first.offset, first.size * 2, &first.fault), (0, stream.len(), &None));
        assert_eq!(second.offset, first.size as u64);
    }
}

#[test]
fn replies_objects_and_exceptions() {
    let mut reply = Vec::new();
    boxed(&mut reply, boxing::TUPLE);
    brine::put_tuple_header(&mut reply, 2);
    boxed(&mut reply, boxing::REMOTE_REF);
    brine::put_tuple_header(&mut reply, 3);
    brine::put_str(&mut reply, b"m.C");
    brine::put_int(&mut reply, 9);
    brine::put_int(&mut reply, 0);
    boxed(&mut reply, boxing::VALUE);
    brine::put_str(&mut reply, "x".repeat(1000).as_bytes());
    let mut error = Vec::new();
    let exception = crate::error::Exception::builtin("ValueError", "bad");
    vinegar::put_exception(&mut error, &exception, &crate::config::Config::default(), Dialect::V6);
    let mut threads = 77u64.to_be_bytes().to_vec();
    threads.extend(78u64.to_be_bytes());
    threads.extend(in_dialect(Dialect::V6, 3, 4, &error));
    let mut decoder = Decoder::new();
    decoder.set_width(20);
    decoder.feed(&[frame(&in_dialect(Dialect::V6, 2, 3, &reply)), frame(&threads)].concat());
    let reply = decoder.next_message().unwrap();
    assert_eq!(reply.text, "(my class m.C#9, 'xxxxxxxxxxxxxxxxxxx... (1002 characters))");
    let raised = decoder.next_message().unwrap();
    assert_eq!((raised.kind, raised.threads, &raised.fault), (DecodedKind::Exception, Some((77, 78)), &None));
    assert_eq!(raised.text, "ValueError: bad");
}

#[test]
fn names_of_types_cannot_move_the_cursor() {
    let mut reply = Vec::new();
    boxed(&mut reply, boxing::REMOTE_REF);
    brine::put_tuple_header(&mut reply, 3);
    brine::put_str(&mut reply, "m.\u{1b}[2J\n\u{e9}".as_bytes());
    brine::put_int(&mut reply, 9);
    brine::put_int(&mut reply, 8);
    let message = decoded(&frame(&in_dialect(Dialect::V6, 2, 3, &reply)));
    assert_eq!(message.text, "my m.\\x1b[2J\\x0a\u{e9}#8");
}

fn compressed(payload: &[u8]) -> Vec<u8> {
    let mut body = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut body, payload).unwrap();
    let mut out = frame(&body.finish().unwrap());
    out[4] = 1;
    out
}

fn decoded(stream: &[u8]) -> Decoded {
    let mut decoder = Decoder::new();
    decoder.feed(stream);
    decoder.next_message().unwrap()
}

#[test]
fn little_that_holds_much() {
    let reply = |count: usize| {
        let mut reply = Vec::new();
        boxed(&mut reply, boxing::TUPLE);
        brine::put_tuple_header(&mut reply, count);
        for _ in 0..count {
            boxed(&mut reply, boxing::VALUE);
            brine::put_str(&mut reply, &[1; 200]);
        }
        in_dialect(Dialect::V6, 2, 3, &reply)
    };
    let many = decoded(&compressed(&reply(20_000)));
    assert_eq!((many.kind, &many.fault), (DecodedKind::Reply, &None));
    assert!(many.text.len() < 2 * LINE && many.text.ends_with(" ..."), "{}", many.text.len());
    let bomb = decoded(&compressed(&vec![0; INFLATED + 1]));
    assert_eq!((bomb.kind, bomb.payload), (DecodedKind::Garbage, 0));
    assert!(bomb.fault.unwrap().text.contains("holds over 67108864"));
}

/// Other protocols are recognized long before the length that they seem to announce is buffered.
#[test]
fn much_is_not_waited_for_unless_it_is_a_message() {
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    assert_eq!(decoded(hello).kind, DecodedKind::Garbage);
    assert_eq!(decoded(b"\x16\x03\x01\x02\x01\x01\x00\x01").kind, DecodedKind::Garbage);
    let large = frame(&in_dialect(Dialect::V6, 1, 1, &vec![0; 2 * LARGE]));
    let packed = [&[0, 0x20, 0, 0, 1], &[0x78, 0x01][..]].concat();
    for begin in [&large[..5], &large[..6], &large[..7], &large[..LARGE], &packed] {
        let mut decoder = Decoder::new();
        decoder.feed(begin);
        assert!(decoder.next_message().is_none());
    }
}

#[test]
fn lists_between_two_of_this_library() {
    let mut reply = Vec::new();
    boxed(&mut reply, boxing::NATIVE);
    let list = Value::List([Value::Int(1), Value::str("two")].into());
    native::put(&mut reply, &list, 10, 0, true, &|_| None).unwrap();
    let mut decoder = Decoder::new();
    decoder.feed(&frame(&in_dialect(Dialect::V6, 2, 3, &reply)));
    let message = decoder.next_message().unwrap();
    assert_eq!((message.text.as_str(), message.fault), ("native [1, 'two']", None));
}

#[test]
fn a_deadline_stands_beside_the_handler() {
    let limited = |first: &[u8]| [&[0x11, 0x11, 0x58][..], first, &call()[2..]].concat();
    let mut number = Vec::new();
    brine::put_int(&mut number, 30_000);
    let message = decoded(&frame(&in_dialect(Dialect::V6, 1, 1, &limited(&number))));
    assert_eq!((message.handler_name(), message.fault), ("CALLATTR", None));
    assert_eq!(message.text, "CALLATTR within 30000 ms your interop.Root#7 'add' (40, 2)");
    let mut number = Vec::new();
    brine::put_int(&mut number, -1);
    let message = decoded(&frame(&in_dialect(Dialect::V6, 1, 1, &limited(&number))));
    assert_eq!((message.handler, message.fault), (None, None));
    assert!(message.text.starts_with("(8, -1) "), "{}", message.text);
}

/// After any change, each byte of the stream belongs to one message.
#[test]
fn changed_streams_are_read_to_their_end() {
    let good = frame(&in_dialect(Dialect::V6, 1, 1, &call()));
    let stream = [&good[..], &good].concat();
    for at in 0..stream.len() {
        for mask in [1, 0x10, 0x80, 0xff] {
            let mut changed = stream.clone();
            changed[at] ^= mask;
            let mut decoder = Decoder::new();
            decoder.feed(&changed);
            decoder.end();
            let messages: Vec<Decoded> = std::iter::from_fn(|| decoder.next_message()).collect();
            let ordered = messages.is_sorted_by(|a, b| a.offset + a.size as u64 <= b.offset);
            assert!(ordered && messages.first().unwrap().offset == 0, "byte {at}, mask {mask}");
            let whole: usize = messages.iter().map(|message| message.size).sum();
            // A frame without content is skipped.
            assert!(whole <= stream.len() && whole + 6 * 3 >= stream.len(), "byte {at}, mask {mask}: {whole}");
        }
    }
}

#[test]
fn garbage_has_a_place_and_the_next_frame_is_read() {
    let good = frame(&in_dialect(Dialect::V6, 1, 1, &call()));
    let mut broken = in_dialect(Dialect::V6, 1, 2, &call());
    let at = broken.len() - 5;
    broken[at] = 0x07;
    let mut decoder = Decoder::new();
    decoder.feed(&[&frame(b"hello")[..], &frame(&broken), &good, b"\x00\x00"].concat());
    decoder.end();
    let hello = decoder.next_message().unwrap();
    let fault = hello.fault.unwrap();
    assert_eq!((hello.kind, fault.offset), (DecodedKind::Garbage, 5));
    assert!(fault.text.contains("0x68"), "{}", fault.text);
    let partly = decoder.next_message().unwrap();
    let fault = partly.fault.unwrap();
    assert_eq!((partly.kind, partly.sequence), (DecodedKind::Request, Some(2)));
    assert!(partly.text.starts_with("CALLATTR your interop.Root#7 'add'"), "{}", partly.text);
    assert!(fault.offset > partly.offset + 5 && fault.offset < partly.offset + partly.size as u64, "{fault:?}");
    assert_eq!(decoder.next_message().unwrap().fault, None);
    let cut = decoder.next_message().unwrap();
    assert_eq!((cut.kind, cut.size), (DecodedKind::Garbage, 2));
    assert!(decoder.next_message().is_none());
    decoder.feed(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(decoder.next_message().unwrap().kind, DecodedKind::Garbage);
    decoder.feed(&good);
    assert_eq!(decoder.next_message().unwrap().kind, DecodedKind::Garbage);
}
