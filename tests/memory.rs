//! What one small message can make us allocate, and what a connection holds on which nothing happens. The allocator counts, so
//! this file has its process to itself.

mod support;

use flate2::{Compress, Compression, FlushCompress, Status};
use rpyc::codec::pickle;
use rpyc::config::{Config, Limits};
use rpyc::objects::{Class, Definition, Service};
use rpyc::protocol::Event;
use rpyc::server::Server;
use rpyc::value::Value;
use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{IoSlice, Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::pair::session;

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// What malloc takes for so many bytes.
fn taken(layout: Layout) -> usize {
    (layout.size() + 8).next_multiple_of(16).max(32)
}

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(taken(layout), Ordering::Relaxed) + taken(layout);
        PEAK.fetch_max(now, Ordering::Relaxed);
        // SAFETY: as our caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(taken(layout), Ordering::Relaxed);
        // SAFETY: as our caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One measurement at a time.
static TURN: Mutex<()> = Mutex::new(());

/// A compressed frame of rpyc 6 with PING, whose argument is made of `count` units.
fn hostile(head: &[u8], count: u32, unit: impl Fn(u32, &mut Vec<u8>)) -> Vec<u8> {
    let mut payload = vec![0x01, 0x11, 0x50, 0x11, 0x51];
    payload.extend_from_slice(head);
    (0..count).for_each(|n| unit(n, &mut payload));
    let mut stream = Compress::new(Compression::best(), true);
    let mut body = Vec::with_capacity(payload.len() + 1024);
    assert_eq!(stream.compress_vec(&payload, &mut body, FlushCompress::Finish).unwrap(), Status::StreamEnd);
    let mut frame = (body.len() as u32).to_be_bytes().to_vec();
    frame.push(1);
    frame.append(&mut body);
    frame.push(b'\n');
    frame
}

/// A box by value of a tuple of one, which is a tuple of so many.
fn value_head(count: u32) -> Vec<u8> {
    [&[0x11, 0x51, 0x10, 0x15], &count.to_be_bytes()[..]].concat()
}

/// A box of a tuple of so many boxes.
fn boxes_head(count: u32) -> Vec<u8> {
    [&[0x11, 0x52, 0x15], &count.to_be_bytes()[..]].concat()
}

/// The most that was allocated at once while a message was received and answered.
fn peak(limits: &Limits, frame: &[u8]) -> (usize, Option<String>) {
    let mut receiver = session(Config { limits: limits.clone(), compress: false, ..Config::default() }, None);
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    receiver.incoming().push(frame);
    let event = receiver.next_event();
    let peak = PEAK.load(Ordering::Relaxed) - before;
    let refused = match event {
        Some(Event::Closed(other)) => panic!("{other:?}"),
        Some(_) => panic!("PING was given to the host"),
        None => {
            let mut slices = [IoSlice::new(&[]); 8];
            let used = receiver.outgoing().slices(&mut slices);
            let size: usize = slices[..used].iter().map(|slice| slice.len()).sum();
            // A refusal is short.
            let text = String::from_utf8_lossy(slices[0].get(..size.min(2000)).unwrap_or(&[])).into_owned();
            let refusal = text.find("the request was rejected").map(|at| text[at..].to_owned());
            assert!(refusal.is_some() || size > frame.len().min(64 << 10), "{size} bytes came back");
            refusal
        }
    };
    (peak, refused)
}

type Unit = fn(u32, &mut Vec<u8>);
const UNITS: [(&str, bool, Unit); 8] = [
    ("an int", false, |_, out| out.push(0x51)),
    ("an empty tuple", false, |_, out| out.push(0x02)),
    ("a tuple of one", false, |_, out| out.extend([0x10, 0x51])),
    ("tuples in tuples", false, |_, out| out.extend([0x10, 0x10, 0x10, 0x10, 0x02])),
    ("a slice", false, |_, out| out.extend([0x19, 0x12, 0x51, 0x51, 0x51])),
    ("a frozenset", false, |_, out| out.extend([0x1a, 0x12, 0x51, 0x52, 0x53])),
    ("a text of 31 bytes", false, |_, out| {
        out.extend([0x08, 0x0e, 31]);
        out.extend([b'x'; 31]);
    }),
    ("an object", true, |n, out| {
        // (REMOTE_REF, ("", 1, n)), each another one.
        out.extend([0x11, 0x54, 0x12, 0x08, 0x01, 0x51, 0x16, 10]);
        out.extend(format!("{}", 1_000_000_000 + n).bytes());
    }),
];

/// Every kind of value, in messages that inflate to all that is allowed: either it is within the limits, or it is
/// refused, and in both cases no more is allocated than they say.
#[test]
fn a_small_message_takes_what_the_limits_allow() {
    let _turn = TURN.lock().unwrap();
    const MIB: usize = 1 << 20;
    let limits = Limits { inflated: 8 * MIB, memory: 16 * MIB, ..Limits::default() };
    let mut refused = 0;
    for (what, boxed, unit) in UNITS {
        let mut one = Vec::new();
        unit(0, &mut one);
        for share in [8, 2, 1] {
            let count = ((8 * MIB / share - 64) / one.len()) as u32;
            let head = if boxed { boxes_head(count) } else { value_head(count) };
            let frame = hostile(&head, count, unit);
            let (peak, text) = peak(&limits, &frame);
            // What is received, what it inflates to (twice, while it grows), and what the values take.
            let allowed = frame.len() + 64 * 1024 + 2 * 8 * MIB + 16 * MIB;
            assert!(peak <= allowed, "{what}, {count} times: {peak} bytes for {} of the wire", frame.len());
            if let Some(text) = text {
                refused += 1;
                assert!(text.contains("max_memory"), "{what}: {text}");
            }
        }
    }
    assert!(refused >= UNITS.len(), "only {refused} were refused");
}

/// The defaults, with frames of less than 1 MiB.
#[test]
fn the_worst_case_of_the_defaults() {
    let _turn = TURN.lock().unwrap();
    let limits = Limits::default();
    // Bytes that fill the message up, and as many small tuples as fit.
    let count = (limits.memory / (48 + 2 * size_of::<Value>()) - 16) as u32;
    let fill = (limits.inflated - 2 * count as usize - 64) as u32;
    let frame = hostile(&[0x11, 0x51, 0x10, 0x11], count + 1, |n, out| match n {
        0 => {
            out.push(0x0f);
            out.extend(fill.to_be_bytes());
            out.resize(out.len() + fill as usize, 0);
            out.push(0x15);
            out.extend(count.to_be_bytes());
        }
        _ => out.extend([0x10, 0x51]),
    });
    assert!(frame.len() < 1 << 20, "{}", frame.len());
    let (peak, text) = peak(&limits, &frame);
    assert_eq!(text, None);
    assert!(peak > limits.inflated + limits.memory / 2, "{peak}");
    assert!(peak <= 2 * limits.inflated + limits.memory + (2 << 20), "{peak}");

    // Twice as many are refused, however small they are on the wire.
    let frame = hostile(&value_head(2 * count), 2 * count, |_, out| out.extend([0x10, 0x51]));
    let (peak, text) = self::peak(&limits, &frame);
    assert!(text.is_some_and(|text| text.contains("max_memory")));
    assert!(peak <= 2 * limits.inflated + limits.memory + (2 << 20), "{peak}");

    // What programs send passes: bytes of 64 MiB, and 64 MiB of floats.
    let bytes = 64 << 20;
    let head = [&[0x11, 0x51, 0x10, 0x0f], &(bytes as u32).to_be_bytes()[..]].concat();
    let frame = hostile(&head, bytes as u32, |_, out| out.push(7));
    assert_eq!(self::peak(&limits, &frame).1, None);
    let count = (bytes / 9) as u32;
    let frame = hostile(&value_head(count), count, |_, out| out.extend([0x18, 0, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(self::peak(&limits, &frame).1, None);
}

/// Opcodes that take a byte or a few, and make the reader keep far more. What is never in the value counts too.
#[test]
fn a_small_pickle_takes_what_the_limits_allow() {
    let _turn = TURN.lock().unwrap();
    const MIB: usize = 1 << 20;
    let limits = Limits { memory: 4 * MIB, ..Limits::default() };
    let put = |n: u32| [&b"r"[..], &n.to_le_bytes()].concat();
    let numbered = |n: u32| [&b"J"[..], &n.to_le_bytes()].concat();
    type Unit<'a> = &'a dyn Fn(u32) -> Vec<u8>;
    let cases: [(&str, &[u8], Unit<'_>, &[u8]); 19] = [
        ("lists", b"", &|_| b"]".to_vec(), b"."),
        ("lists in a list", b"](", &|_| b"]".to_vec(), b"e."),
        ("None", b"", &|_| b"N".to_vec(), b"."),
        ("None in a tuple", b"(", &|_| b"N".to_vec(), b"t."),
        ("None in a list, one by one", b"]", &|_| b"Na".to_vec(), b"."),
        ("memoized None", b"", &|_| b"N\x94".to_vec(), b"."),
        ("one None, memoized again and again", b"N", &|_| b"\x94".to_vec(), b"."),
        ("PUT", b"N", &|n| put(n), b"."),
        ("DUP", b"]", &|_| b"2".to_vec(), b"."),
        ("GET", b"Nq\0", &|_| b"h\0".to_vec(), b"."),
        ("marks", b"", &|_| b"(".to_vec(), b"."),
        ("tuples of one", b"(", &|_| b"N\x85".to_vec(), b"t."),
        ("thrown away", b"", &|_| b"]0".to_vec(), b"N."),
        ("dicts in a dict", b"}(", &|_| b"N}".to_vec(), b"u."),
        ("keys", b"}(", &|n| [&numbered(n)[..], b"N"].concat(), b"u."),
        ("keys, from a mark", b"(", &|n| [&numbered(n)[..], b"N"].concat(), b"d."),
        ("a frozenset", b"(", &|n| numbered(n), b"\x91."),
        ("ints of nine bytes", b"(", &|_| b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\x7f".to_vec(), b"t."),
        ("texts of 31 bytes", b"(", &|_| [&b"\x8c\x1f"[..], &[b'x'; 31]].concat(), b"t."),
    ];
    for (what, head, unit, tail) in cases {
        let mut refused = [false; 2];
        // Once far too many, then as many as pass.
        let mut count = 300_000;
        loop {
            let mut pickle = head.to_vec();
            (0..count).for_each(|n| pickle.extend(unit(n)));
            pickle.extend_from_slice(tail);
            let before = NOW.load(Ordering::Relaxed);
            PEAK.store(before, Ordering::Relaxed);
            let text = pickle::read(&pickle, &limits).err().map(|error| error.to_string());
            let peak = PEAK.load(Ordering::Relaxed) - before;
            assert!(peak <= 3 * limits.memory + 64 * 1024, "{what}, {count} times: {peak} bytes");
            match text.is_some_and(|text| text.contains("max_memory")) {
                true => refused[0] = true,
                false => {
                    refused[1] = true;
                    break;
                }
            }
            count = count / 4 * 3;
        }
        assert_eq!(refused, [true; 2], "{what}");
    }

    // A wide stack that is empty again is no pattern for what is made of it.
    let mut pickle = b"(".to_vec();
    pickle.resize(80_000, b'N');
    pickle.push(b'1');
    (0..1000).for_each(|_| pickle.extend_from_slice(b"N\x850(Nt0"));
    pickle.extend_from_slice(b"N.");
    let before = NOW.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    pickle::read(&pickle, &limits).unwrap();
    assert!(PEAK.load(Ordering::Relaxed) - before <= 3 * limits.memory);
}

/// A peer that has asked for the root of a server, and says nothing more.
fn quiet_peer(address: &str) -> TcpStream {
    const GET_ROOT: [u8; 14] = [0, 0, 0, 8, 0, 0x01, 0x11, 0x50, 0x11, 0x53, 0x11, 0x51, 0x02, b'\n'];
    let mut peer = TcpStream::connect(address).unwrap();
    peer.write_all(&GET_ROOT).unwrap();
    let mut header = [0; 5];
    peer.read_exact(&mut header).unwrap();
    let length = u32::from_be_bytes([header[0], header[1], header[2], header[3]]) as usize;
    peer.read_exact(&mut vec![0; length + 1]).unwrap();
    peer
}

/// What a server holds for a connection on which nothing has happened for a while, beside the stack of its thread.
#[test]
fn an_idle_connection_holds_little() {
    const MOST: usize = 3600;
    const COUNT: usize = 64;
    let _turn = TURN.lock().unwrap();
    let hooks = Service {
        aliases: Vec::new(),
        create: Box::new(|_| Box::new(())),
        on_connect: None,
        on_disconnect: None,
        shared: false,
    };
    let definition = Definition { name: "IdleService".into(), service: Some(hooks), ..Definition::default() };
    let service = Class::new(definition).unwrap();
    let server = Server::new(&"tcp://127.0.0.1:0".parse().unwrap(), &service, Config::default()).unwrap();
    server.start().unwrap();
    let address = server.address().strip_prefix("tcp://").unwrap().to_owned();
    let _first = [(); 8].map(|()| quiet_peer(&address));
    // Where these do not rest yet, more is held before, and less is found.
    std::thread::sleep(Duration::from_millis(2500));
    let before = NOW.load(Ordering::Relaxed);
    let _peers = [(); COUNT].map(|()| quiet_peer(&address));
    let each = || NOW.load(Ordering::Relaxed).saturating_sub(before) / COUNT;
    let active = each();
    for _ in 0..300 {
        if each() <= MOST {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("an idle connection holds {} bytes, one that has just been used {active}", each());
    assert!(each() <= MOST && active <= MOST + 4096, "{} bytes while idle, {active} before", each());
    server.stop(Duration::ZERO);
    server.join().unwrap();
}
