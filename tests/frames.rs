//! Frames: every recorded one in every fragmentation, and compression both ways.

use rpyc::codec::brine::{Sink, decode, put_bytes_blob};
use rpyc::codec::frame::{Compression, FrameError, Incoming, Outgoing, Target};
use rpyc::config::Limits;
use rpyc::value::{Blob, Value};
use serde::Deserialize;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::io::{IoSlice, Read, Write};

/// A recorded frame and its payload.
struct Recorded {
    name: String,
    frame: Vec<u8>,
    payload: Vec<u8>,
}

fn unhex(hex: &str) -> Vec<u8> {
    assert!(hex.len() % 2 == 0);
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn noise(seed: &str, size: usize) -> Vec<u8> {
    let block = |n: u64| Sha256::new().chain_update(seed).chain_update(n.to_be_bytes()).finalize();
    (0..).flat_map(block).take(size).collect()
}

/// Random numbers, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

fn zlib(payload: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(payload).unwrap();
    encoder.finish().unwrap()
}

fn unzlib(body: &[u8]) -> Vec<u8> {
    let mut payload = Vec::new();
    flate2::read::ZlibDecoder::new(body).read_to_end(&mut payload).unwrap();
    payload
}

fn frame(body: &[u8], compressed: u8) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&length, &[compressed][..], body, b"\n"].concat()
}

/// All recorded frames, those that are too long to be in the files made again from their recipe.
fn recorded() -> Vec<Recorded> {
    let mut all = Vec::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sessions");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let session = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let file = std::fs::read(&path).unwrap();
        let mut json = serde_json::Deserializer::from_slice(&file);
        json.disable_recursion_limit();
        let recording = Json::deserialize(&mut json).unwrap();
        let mut frames: Vec<Recorded> = Vec::new();
        for entry in recording["frames"].as_array().unwrap() {
            let name = format!("{session} {}", entry["n"]);
            if entry.get("event").is_some() {
                continue;
            }
            let Some(hex) = entry["hex"].as_str() else {
                let frame = long_frame(name, entry, &frames);
                frames.push(frame);
                continue;
            };
            let frame = unhex(hex);
            let payload = match entry["payload_hex"].as_str() {
                Some(payload) => unhex(payload),
                None => frame[5..frame.len() - 1].to_vec(),
            };
            frames.push(Recorded { name, frame, payload });
        }
        all.append(&mut frames);
    }
    assert!(all.len() > 1300, "only {}", all.len());
    all
}

/// A frame that is recorded by a recipe: 1 MiB of noise as argument or result. The payload is the recorded one to the
/// bit; its zlib stream, which depends on the build of zlib, is our own.
fn long_frame(name: String, entry: &Json, before: &[Recorded]) -> Recorded {
    let field = |field: &str| entry[field].as_str().unwrap();
    assert!(field("note").contains("noise('rpyc-large', 1048576)"), "{name}");
    let noise = noise("rpyc-large", 1 << 20);
    // Two messages earlier stands the same with other bytes and the number before.
    let like = &before[before.len() - 2].payload;
    let header = like.windows(4).position(|w| w[..2] == [0x0f, 0] && w[2] == 0).unwrap();
    let size = u32::from_be_bytes(like[header + 1..header + 5].try_into().unwrap()) as usize;
    let mut payload = like[..=header].to_vec();
    payload[2] += 1;
    payload.extend((noise.len() as u32).to_be_bytes());
    payload.extend(noise);
    payload.extend(&like[header + 5 + size..]);
    assert_eq!(payload.len() as u64, entry["payload_size"].as_u64().unwrap(), "{name}");
    assert_eq!(hex(&Sha256::digest(&payload)), field("payload_sha256"), "{name}");
    Recorded { name, frame: frame(&zlib(&payload, 0), 1), payload }
}

/// The next payload; the frame must be there.
fn next(incoming: &mut Incoming, name: &str) -> Vec<u8> {
    assert!(incoming.has_whole_frame(), "{name}");
    let payload = incoming.next_frame().unwrap_or_else(|e| panic!("{name}: {e}")).expect(name);
    incoming.bytes(&payload).to_vec()
}

fn nothing_yet(incoming: &mut Incoming, name: &str) {
    assert!(!incoming.has_whole_frame(), "{name}");
    assert!(incoming.next_frame().unwrap().is_none(), "{name}");
    assert_eq!(incoming.is_mid_frame(), incoming.buffered() > 0, "{name}");
}

/// Everything that waits, and that it is as long as it says.
fn sent(outgoing: &Outgoing) -> Vec<u8> {
    let mut slices = [IoSlice::new(&[]); 64];
    let used = outgoing.slices(&mut slices);
    let bytes: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.to_vec()).collect();
    assert!(used == 64 || bytes.len() == outgoing.len());
    bytes
}

const PLAIN: Compression = Compression { enabled: false, threshold: 3000, level: 1 };
const ZIPPED: Compression = Compression { enabled: true, threshold: 3000, level: 1 };

fn framed(payload: &[u8], compression: &Compression) -> Vec<u8> {
    let mut outgoing = Outgoing::new();
    let mark = outgoing.begin_frame();
    outgoing.put(payload);
    outgoing.end_frame(mark, compression).unwrap();
    sent(&outgoing)
}

#[test]
fn recorded_frames_in_two_pieces() {
    let mut incoming = Incoming::new(&Limits::default());
    for Recorded { name, frame, payload } in recorded().iter().filter(|r| r.frame.len() <= 16 * 1024) {
        for cut in 0..=frame.len() {
            incoming.push(&frame[..cut]);
            if cut < frame.len() {
                nothing_yet(&mut incoming, name);
                assert_eq!(incoming.buffered(), cut, "{name}");
                incoming.push(&frame[cut..]);
            }
            assert_eq!(next(&mut incoming, name), *payload, "{name} cut at {cut}");
            nothing_yet(&mut incoming, name);
            assert_eq!(incoming.buffered(), 0, "{name}");
        }
    }
}

#[test]
fn recorded_long_frames_byte_by_byte_and_in_random_pieces() {
    let mut incoming = Incoming::new(&Limits::default());
    let mut dice = Dice(0x5eed);
    let long: Vec<_> = recorded().into_iter().filter(|r| r.frame.len() > 16 * 1024).collect();
    assert_eq!(long.len(), 2);
    for Recorded { name, frame, payload } in &long {
        for (at, byte) in frame.iter().enumerate() {
            assert!(!incoming.has_whole_frame(), "{name} at {at}");
            incoming.push(&[*byte]);
        }
        assert_eq!(next(&mut incoming, name), *payload, "{name}");
        for _ in 0..40 {
            let mut rest = frame.as_slice();
            let most = [2, 100, 5000, 70_000, 2 << 20][dice.below(5)];
            while !rest.is_empty() {
                nothing_yet(&mut incoming, name);
                let (now, later) = rest.split_at((1 + dice.below(most)).min(rest.len()));
                incoming.push(now);
                rest = later;
            }
            assert_eq!(next(&mut incoming, name), *payload, "{name}");
        }
    }
}

#[test]
fn all_recorded_frames_in_one_stream() {
    let all = recorded();
    let stream: Vec<u8> = all.iter().flat_map(|r| r.frame.clone()).collect();
    let mut dice = Dice(7);
    for most in [1, 3, 64, 1500, 65_536, usize::MAX] {
        let mut incoming = Incoming::new(&Limits::default());
        let mut expected = all.iter();
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            // As a transport does it: into the spare capacity, and no more than asked for.
            let Target { buffer: target, max, .. } = incoming.target();
            assert!(target.capacity() - target.len() >= max && max > 0);
            let size = (1 + dice.below(most)).min(max).min(rest.len());
            target.extend_from_slice(&rest[..size]);
            incoming.received(size);
            rest = &rest[size..];
            while let Some(payload) = incoming.next_frame().unwrap() {
                let recorded = expected.next().unwrap();
                assert!(incoming.bytes(&payload) == recorded.payload, "{}", recorded.name);
            }
        }
        assert!(expected.next().is_none());
        assert!(!incoming.is_mid_frame());
    }
}

/// What is only buffered, and decoded later, is the same.
#[test]
fn frames_that_wait() {
    let all = recorded();
    let mut incoming = Incoming::new(&Limits::default());
    let stream: Vec<u8> = all.iter().flat_map(|r| r.frame.clone()).collect();
    incoming.push(&stream);
    assert_eq!(incoming.buffered(), stream.len());
    for Recorded { name, payload, .. } in &all {
        assert!(next(&mut incoming, name) == *payload, "{name}");
    }
    nothing_yet(&mut incoming, "the end");
    assert_eq!(incoming.buffered(), 0);
    let Target { buffer: target, max, .. } = incoming.target();
    assert!(max > 0 && target.capacity() <= 256 * 1024, "{} are kept", target.capacity());
}

#[test]
fn recorded_payloads_are_framed_as_python_does() {
    for Recorded { name, frame, payload } in recorded() {
        let ours = framed(&payload, &ZIPPED);
        if frame[4] == 0 {
            assert!(ours == frame, "{name}");
        } else if ours[4] == 0 {
            // Python compresses even what gets longer by it.
            assert!(payload.len() < frame.len() - 6 && ours[5..ours.len() - 1] == payload, "{name}");
        } else {
            assert!(unzlib(&ours[5..ours.len() - 1]) == payload, "{name}");
        }
    }
}

#[test]
fn the_threshold_is_compressed_above_not_at() {
    for size in [0, 1, 2999, 3000, 3001, 3002, 100_000] {
        let payload = b"abcd".iter().copied().cycle().take(size).collect::<Vec<_>>();
        assert_eq!(framed(&payload, &PLAIN), frame(&payload, 0));
        let ours = framed(&payload, &ZIPPED);
        assert_eq!(ours[4], u8::from(size > 3000), "{size}");
        assert_eq!(ours.len(), 6 + u32::from_be_bytes(ours[..4].try_into().unwrap()) as usize);
        if size > 3000 {
            assert!(ours.len() < size / 10);
            assert_eq!(unzlib(&ours[5..ours.len() - 1]), payload);
        } else {
            assert_eq!(ours, frame(&payload, 0));
        }
        let mut incoming = Incoming::default();
        incoming.push(&ours);
        if size > 0 {
            assert_eq!(next(&mut incoming, "ours"), payload);
        }
        nothing_yet(&mut incoming, "after ours");
    }
}

#[test]
fn thresholds_and_levels_can_be_set() {
    let payload = b"some text, some text, some other text. ".repeat(50);
    for level in 0..=12 {
        let ours = framed(&payload, &Compression { enabled: true, threshold: 100, level });
        assert_eq!(ours[4], u8::from(level > 0), "level {level}: kept only when it is shorter");
        let body = &ours[5..ours.len() - 1];
        assert_eq!(if level > 0 { unzlib(body) } else { body.to_vec() }, payload);
    }
    let none = Compression { enabled: true, threshold: 0, level: 1 };
    assert_eq!(framed(b"x", &none), frame(b"x", 0), "it would be longer");
}

#[test]
fn noise_is_not_compressed() {
    for size in [3001, 8192, 8193, 16_384, 1 << 20] {
        let payload = noise("incompressible", size);
        assert!(framed(&payload, &ZIPPED) == frame(&payload, 0), "{size}");
    }
    // With each zero the stream gets about a byte shorter than the payload; equally long is not shorter.
    for zeros in 0..400 {
        let payload = [noise("incompressible", 3100), vec![0; zeros]].concat();
        let ours = framed(&payload, &ZIPPED);
        assert!(ours[4] == 0 || ours.len() < payload.len() + 6, "{zeros}");
    }
    // Text at the beginning alone is a reason to try, and one to send what came out if it is shorter.
    let mixed = [b"text ".repeat(2000), noise("incompressible", 40_000)].concat();
    let ours = framed(&mixed, &ZIPPED);
    assert_eq!(ours[4], 1);
    assert!(unzlib(&ours[5..ours.len() - 1]) == mixed);
}

/// Long blobs stand by reference; nothing of that can be seen from outside.
#[test]
fn blobs_by_reference() {
    let long = Blob::from(noise("long", 100_000));
    let short = Blob::from(noise("short", 15_000));
    let empty = Blob::default();
    let mut outgoing = Outgoing::new();
    let (mut copied, mut long_ones) = (Vec::new(), 0);
    for round in 0..60 {
        let blobs = [&long, &long, &short, &empty, &long];
        let (before, blobs) = (round % 3, &blobs[..round % 6]);
        let mark = outgoing.begin_frame();
        let mut payload = Vec::new();
        for n in 0..before {
            outgoing.put_byte(n as u8);
            payload.push(n as u8);
        }
        for blob in blobs {
            put_bytes_blob(&mut outgoing, blob);
            put_bytes_blob(&mut payload, blob);
            long_ones += usize::from(blob.len() == long.len());
        }
        outgoing.end_frame(mark, &PLAIN).unwrap();
        copied.extend(frame(&payload, 0));
        assert_eq!(outgoing.len(), copied.len());
    }
    let referred = |slice: &IoSlice<'_>| long.as_ptr_range().contains(&slice.as_ptr());
    let mut slices = [IoSlice::new(&[]); 256];
    let used = outgoing.slices(&mut slices);
    assert_eq!(slices[..used].iter().filter(|s| referred(s)).count(), long_ones);

    let mut dice = Dice(99);
    let mut received: Vec<u8> = Vec::new();
    while !outgoing.is_empty() {
        let mut slices = [IoSlice::new(&[]); 3];
        let used = outgoing.slices(&mut slices[..1 + dice.below(3)]);
        assert!(used > 0 && slices[..used].iter().all(|slice| !slice.is_empty()));
        let offered: Vec<u8> = slices[..used].iter().flat_map(|slice| slice.to_vec()).collect();
        let taken = dice.below(offered.len() + 1);
        received.extend(&offered[..taken]);
        outgoing.advance(taken);
        assert_eq!(received.len() + outgoing.len(), copied.len());
    }
    assert!(received == copied);
}

#[test]
fn blobs_by_reference_are_compressed_too() {
    let text = Blob::from(b"compressible ".repeat(10_000));
    let mut outgoing = Outgoing::new();
    outgoing.put(b"before");
    let mark = outgoing.begin_frame();
    let mut payload = Vec::new();
    for _ in 0..3 {
        put_bytes_blob(&mut outgoing, &text);
        put_bytes_blob(&mut payload, &text);
    }
    outgoing.end_frame(mark, &ZIPPED).unwrap();
    outgoing.put(b"after");
    let all = sent(&outgoing);
    assert!(all.starts_with(b"before") && all.ends_with(b"\nafter") && all[6 + 4] == 1);
    assert!(unzlib(&all[6 + 5..all.len() - 6]) == payload);
}

/// Samples are taken of the whole, wherever its parts lie.
#[test]
fn one_blob_of_noise_does_not_keep_others_from_being_compressed() {
    let (noise, text) = (Blob::from(noise("first", 16_384)), Blob::from(b"text".repeat(4096)));
    let mut outgoing = Outgoing::new();
    let mark = outgoing.begin_frame();
    outgoing.put_blob(&noise);
    (0..50).for_each(|_| outgoing.put_blob(&text));
    outgoing.end_frame(mark, &ZIPPED).unwrap();
    let ours = sent(&outgoing);
    assert_eq!(ours[4], 1);
    assert!(unzlib(&ours[5..ours.len() - 1]) == [&noise[..], &text.repeat(50)].concat());
}

#[test]
fn an_abandoned_frame_leaves_no_trace() {
    let long = Blob::from(noise("long", 100_000));
    let mut outgoing = Outgoing::new();
    let mark = outgoing.begin_frame();
    put_bytes_blob(&mut outgoing, &long);
    outgoing.abandon_frame(mark);
    assert!(outgoing.is_empty() && sent(&outgoing).is_empty());

    outgoing.put(b"one");
    outgoing.put_blob(&long);
    outgoing.advance(2);
    let before = sent(&outgoing);
    let mark = outgoing.begin_frame();
    outgoing.put(b"two");
    outgoing.put_blob(&long);
    outgoing.put_blob(&long);
    outgoing.abandon_frame(mark);
    assert!(sent(&outgoing) == before);
    let mark = outgoing.begin_frame();
    outgoing.put(b"three");
    outgoing.end_frame(mark, &PLAIN).unwrap();
    assert!(sent(&outgoing) == [before, frame(b"three", 0)].concat());
}

#[test]
fn a_frame_ends_at_4_gib() {
    let blob = Blob::from(vec![0; 64 << 20]);
    let mut outgoing = Outgoing::new();
    outgoing.put(b"before");
    for compression in [PLAIN, ZIPPED] {
        let mark = outgoing.begin_frame();
        (0..64).for_each(|_| outgoing.put_blob(&blob));
        let error = outgoing.end_frame(mark, &compression).unwrap_err();
        assert_eq!(error, FrameError::PayloadTooLong { size: 1 << 32 });
        assert_eq!(sent(&outgoing), b"before");
    }
}

#[test]
fn long_frames_are_refused_when_announced() {
    let limits = Limits { frame: 1000, ..Limits::default() };
    let mut incoming = Incoming::new(&limits);
    incoming.push(&frame(&[1; 1000], 0));
    assert_eq!(next(&mut incoming, "at the limit"), [1; 1000]);
    incoming.push(&[0, 0, 3, 0xe9]);
    nothing_yet(&mut incoming, "half a header");
    incoming.push(&[0]);
    assert!(incoming.has_whole_frame());
    assert_eq!(incoming.next_frame().unwrap_err(), FrameError::TooLong { size: 1001, limit: 1000 });
    assert_eq!(
        incoming.next_frame().unwrap_err().to_string(),
        "a frame of 1001 bytes exceeds the limit of 1000 (max_frame)"
    );
}

/// What a peer announces is not what it gets.
#[test]
fn memory_follows_what_has_arrived() {
    let mut incoming = Incoming::new(&Limits { frame: u32::MAX as usize, ..Limits::default() });
    incoming.push(&[0xff, 0xff, 0xff, 0xff, 0]);
    let mut arrived = 0;
    while arrived < 4 << 20 {
        let Target { buffer: target, max, .. } = incoming.target();
        assert!(target.capacity() <= 512 * 1024 + 3 * arrived, "{} for {arrived}", target.capacity());
        let size = max.min(10_000);
        target.extend_from_slice(&[0; 10_000][..size]);
        incoming.received(size);
        arrived += size;
    }
    nothing_yet(&mut incoming, "on the way");
    assert_eq!(incoming.buffered(), arrived + 5);
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let limits = Limits { inflated: 1_000_000, ..Limits::default() };
    for (size, fits) in [(999_999, true), (1_000_000, true), (1_000_001, false), (100_000_000, false)] {
        let bomb = frame(&zlib(&vec![0; size], 9), 1);
        let mut incoming = Incoming::new(&limits);
        incoming.push(&bomb);
        match incoming.next_frame() {
            Ok(payload) => assert!(fits && incoming.bytes(&payload.unwrap()) == vec![0; size]),
            Err(error) => assert!(!fits && error == FrameError::InflatesTooFar { limit: 1_000_000 }, "{error}"),
        }
    }
}

#[test]
fn zlib_streams_that_are_broken_or_followed_by_more() {
    let payload = [b"text ".repeat(100), noise("x", 500)].concat();
    let body = zlib(&payload, 6);
    let read = |body: &[u8]| {
        let mut incoming = Incoming::default();
        incoming.push(&frame(body, 1));
        incoming.next_frame().map(|payload| incoming.bytes(&payload.unwrap()).to_vec())
    };
    assert_eq!(read(&[&body[..], b"trailing"].concat()).unwrap(), payload);
    for end in 1..body.len() {
        assert!(matches!(read(&body[..end]), Err(FrameError::Zlib(_))), "cut at {end}");
    }
    let mut refused = 0;
    for at in 0..body.len() {
        for bit in 0..8 {
            let mut broken = body.clone();
            broken[at] ^= 1 << bit;
            match read(&broken) {
                // Bits of the header say how hard it was tried.
                Ok(same) => assert_eq!(same, payload),
                Err(FrameError::Zlib(_)) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
    }
    assert!(refused > body.len() * 8 - 16);
    assert!(matches!(read(b"not zlib"), Err(FrameError::Zlib(_))));
}

/// One broken frame does not spoil the stream object for good ones.
#[test]
fn after_a_broken_zlib_stream() {
    let payload = b"text ".repeat(1000);
    let mut incoming = Incoming::default();
    incoming.push(&frame(&zlib(&payload, 1)[..20], 1));
    incoming.push(&frame(&zlib(&payload, 1), 1));
    assert!(incoming.next_frame().is_err());
    assert_eq!(next(&mut incoming, "the second"), payload);
}

#[test]
fn empty_frames_are_passed_over_and_newlines_not_looked_at() {
    let nothing = [frame(b"", 0), frame(b"", 1), frame(&zlib(b"", 1), 1)].concat();
    let mut incoming = Incoming::default();
    incoming.push(&frame(b"", 0).repeat(1000));
    nothing_yet(&mut incoming, "a thousand empty frames");
    let mut other_end = frame(b"one", 0);
    *other_end.last_mut().unwrap() = 0xff;
    incoming.push(&[&nothing[..], &other_end, &nothing, &frame(&zlib(b"two", 1), 0xee), &nothing].concat());
    assert_eq!(next(&mut incoming, "one"), b"one");
    assert_eq!(next(&mut incoming, "two"), b"two");
    assert!(incoming.next_frame().unwrap().is_none());
    assert_eq!(incoming.buffered(), 0);
}

/// Long values share a large frame's memory, short ones do not keep it.
#[test]
fn long_values_are_not_copied() {
    let limits = Limits::default();
    let long = noise("long", 500_000);
    let mut outgoing = Outgoing::new();
    let mark = outgoing.begin_frame();
    rpyc::codec::brine::put_tuple_header(&mut outgoing, 3);
    put_bytes_blob(&mut outgoing, &Blob::copy(&long));
    put_bytes_blob(&mut outgoing, &Blob::copy(&long[..2000]));
    rpyc::codec::brine::put_str(&mut outgoing, "text".repeat(30_000).as_bytes());
    outgoing.end_frame(mark, &PLAIN).unwrap();
    let bytes = sent(&outgoing);

    let mut incoming = Incoming::new(&limits);
    incoming.push(&bytes);
    let payload = incoming.next_frame().unwrap().unwrap();
    let mut reader = incoming.reader(&payload, &limits);
    let value = reader.value().unwrap();
    reader.end().unwrap();
    assert_eq!(value, decode(incoming.bytes(&payload), &limits).unwrap());
    let shared = |bytes: &[u8]| incoming.bytes(&payload).as_ptr_range().contains(&bytes.as_ptr());
    match &value {
        Value::Tuple(items) => match &items[..] {
            [Value::Bytes(a), Value::Bytes(b), Value::Str(c)] => {
                assert!(shared(a) && !shared(b) && shared(c.as_bytes()));
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{}", other.type_name()),
    }
    drop(payload);
    incoming.push(&bytes);
    match value {
        Value::Tuple(items) => assert!(matches!(&items[0], Value::Bytes(a) if a.as_slice() == long)),
        other => panic!("{}", other.type_name()),
    }
}
