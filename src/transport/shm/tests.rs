//! Tests both ends together, and one end with a peer that breaks the rules.

use super::kernel::{SEALS, memory_file};
use super::ring::tests::Dice;
use super::*;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::thread;

fn sockets() -> (Socket, Socket) {
    let (left, right) = UnixStream::pair().unwrap();
    (left.into(), right.into())
}

fn stream(socket: Socket) -> Stream {
    Stream::new(socket, false, "here".into(), "there".into()).unwrap()
}

fn ends() -> (Link, Link) {
    let (left, right) = sockets();
    (Link::client(stream(left)), Link::server(stream(right)))
}

fn send(link: &Link, bytes: &[u8]) {
    assert_eq!(link.send(&[IoSlice::new(bytes)]).unwrap(), bytes.len());
}

fn recv(link: &Link, count: usize) -> Vec<u8> {
    let mut got = Vec::new();
    while got.len() < count {
        let most = count - got.len();
        match link.recv(&mut got, most, true) {
            Ok(0) => panic!("the end after {} bytes", got.len()),
            Ok(_) => {}
            Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
        }
    }
    got
}

/// Makes two links that both send through rings.
fn in_rings() -> (Link, Link) {
    let (left, right) = ends();
    for (from, to) in [(&left, &right), (&right, &left), (&left, &right), (&right, &left)] {
        to.await_input(Duration::from_millis(1));
        send(from, b"word");
        assert_eq!(recv(to, 4), b"word");
    }
    assert!(sends_by_ring(&left) && sends_by_ring(&right));
    (left, right)
}

fn sends_by_ring(link: &Link) -> bool {
    lock(&link.writing).is_in_ring()
}

fn nothing_comes(link: &Link) {
    assert_eq!(link.recv(&mut Vec::new(), 9, false).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn what_does_not_fit_goes_over_the_socket_and_then_the_ring_is_used_again() {
    let (left, right) = in_rings();
    let large: Vec<u8> = (0..100_000).map(|i| (i % 251) as u8).collect();
    for _ in 0..20 {
        send(&left, b"before");
        send(&left, &large);
        assert!(!sends_by_ring(&left));
        send(&left, b"after");
        let got = recv(&right, large.len() + 11);
        assert!(got.starts_with(b"before") && got.ends_with(b"after") && got[6..100_006] == large);
        right.await_input(Duration::from_millis(1));
        send(&left, b"small");
        assert!(sends_by_ring(&left));
        assert_eq!(recv(&right, 5), b"small");
        nothing_comes(&right);
    }
}

#[test]
fn mixed_sizes_keep_their_order_however_the_reader_waits() {
    let (left, right) = in_rings();
    let sizes = || {
        let mut dice = Dice(5);
        (0..600).map(move |_| if dice.below(40) == 0 { 1 + dice.below(40_000) } else { 1 + dice.below(300) })
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for (number, size) in sizes().enumerate() {
                let data = vec![number as u8; size];
                let mut rest = &data[..];
                while !rest.is_empty() {
                    match left.send(&[IoSlice::new(rest)]) {
                        Ok(n) => rest = &rest[n..],
                        Err(e) if e.kind() == ErrorKind::WouldBlock => {
                            left.poll(false, true, Some(Duration::from_secs(9))).unwrap();
                        }
                        Err(e) => panic!("{e}"),
                    }
                }
            }
        });
        let mut dice = Dice(6);
        for (number, size) in sizes().enumerate() {
            let mut got = Vec::new();
            while got.len() < size {
                match dice.below(4) {
                    0 => assert!(right.poll(true, false, Some(Duration::from_secs(9))).unwrap().read),
                    1 => right.await_input(Duration::from_secs(9)),
                    2 => drop(right.spin(Duration::from_micros(50))),
                    _ => {}
                }
                let (wait, before) = (dice.below(2) == 0, got.len());
                let mut room = vec![0; dice.below(50)];
                room.truncate(size - before - 1);
                let max = size - before - room.len();
                match right.recv_into(&mut room, &mut got, max, wait) {
                    Ok(n) => {
                        assert!(n > 0);
                        let behind = got.split_off(before);
                        got.extend_from_slice(&room[..n.min(room.len())]);
                        got.extend(behind);
                        assert_eq!(got.len(), before + n);
                    }
                    Err(e) => assert_eq!(e.kind(), ErrorKind::WouldBlock),
                }
            }
            assert!(got.len() == size && got.iter().all(|byte| *byte == number as u8), "message {number}");
        }
        nothing_comes(&right);
    });
}

#[test]
fn whoever_wants_the_descriptor_gets_everything_over_the_socket() {
    let (left, right) = in_rings();
    send(&left, b"hidden");
    let fd = right.fileno().unwrap();
    assert!(right.holds_input());
    assert_eq!(recv(&right, 6), b"hidden");
    assert!(!right.holds_input());
    // A wake-up byte may still be there.
    nothing_comes(&right);
    let readable = || {
        let mut polled = [libc::pollfd { fd, events: libc::POLLIN, revents: 0 }];
        sys::poll_once(&mut polled, Some(Duration::ZERO)).unwrap();
        polled[0].revents != 0
    };
    for _ in 0..3 {
        assert!(!readable());
        send(&left, b"shown");
        assert!(readable() && !sends_by_ring(&left));
        let mut got = Vec::new();
        assert_eq!(right.recv(&mut got, 3, false).unwrap(), 3);
        assert!(readable());
        assert_eq!(recv(&right, 2), b"wn");
        nothing_comes(&right);
    }
    // The other direction is not affected.
    left.await_input(Duration::from_millis(1));
    send(&right, b"x");
    assert!(sends_by_ring(&right));
}

#[test]
fn the_end_comes_after_all_that_was_written() {
    for how in 0..3 {
        let (left, right) = in_rings();
        send(&left, b"last words");
        match how {
            0 => left.shutdown(),
            1 => left.end_sending(),
            _ => drop(left),
        }
        assert_eq!(recv(&right, 10), b"last words");
        for wait in [true, false] {
            assert_eq!(right.recv(&mut Vec::new(), 9, wait).unwrap(), 0);
        }
    }
    let (left, right) = in_rings();
    left.end_sending();
    assert_eq!(left.send(&[IoSlice::new(b"x")]).unwrap_err().kind(), ErrorKind::BrokenPipe);
    send(&right, b"still");
    assert_eq!(recv(&left, 5), b"still");
}

#[test]
fn a_peer_that_goes_is_noticed_by_who_sleeps() {
    for _ in 0..3 {
        let (left, right) = in_rings();
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut got = Vec::new();
                loop {
                    match right.recv(&mut got, 9, true) {
                        Err(e) if e.kind() == ErrorKind::WouldBlock => {}
                        other => break other.unwrap(),
                    }
                }
            });
            thread::sleep(Duration::from_millis(5));
            // As when it is killed: the socket ends, and nothing is written to the memory.
            left.stream.shutdown();
            assert_eq!(reader.join().unwrap(), 0);
        });
    }
}

// ---------------------------------------------------------------- strange descriptors

const SIZE: i64 = 16 << 10;

#[test]
fn descriptors_of_other_things_are_refused_and_closed() {
    let (mut reader, writer) = UnixStream::pair().unwrap();
    let things: [(&str, OwnedFd); 8] = [
        ("socket", writer.into()),
        ("null", File::open("/dev/null").unwrap().into()),
        ("not sealed", memory_file(SIZE, 0)),
        ("may shrink", memory_file(SIZE, libc::F_SEAL_GROW | libc::F_SEAL_SEAL)),
        ("too small", memory_file(SIZE - 1, SEALS)),
        ("too large", memory_file(SIZE * 2, SEALS)),
        ("zeros", memory_file(SIZE, SEALS)),
        ("read only", memory_file(SIZE, SEALS | libc::F_SEAL_WRITE)),
    ];
    for (what, fd) in things {
        let (theirs, ours) = sockets();
        let server = Link::server(stream(ours));
        assert_eq!(kernel::send_with(&theirs, &[IoSlice::new(b"hello")], &fd).unwrap(), 5);
        drop(fd);
        assert_eq!(recv(&server, 5), b"hello", "{what}");
        assert!(server.is_plain(), "{what}");
        send(&server, b"answer");
        let mut answer = [0; 64];
        let (n, handed) = kernel::recv_with(&theirs, &mut answer).unwrap();
        assert!(&answer[..n] == b"answer" && handed.fds.is_empty(), "{what}");
    }
    assert_eq!(reader.read(&mut [0; 1]).unwrap(), 0, "it was kept open");
}

#[test]
fn two_descriptors_and_late_ones_are_refused() {
    let (memory, fd) = Memory::create().unwrap();
    // A server that sent first offers nothing.
    let (theirs, ours) = sockets();
    let server = Link::server(stream(ours));
    send(&server, b"first");
    kernel::send_with(&theirs, &[IoSlice::new(b"hello")], &fd).unwrap();
    assert_eq!(recv(&server, 5), b"hello");
    assert!(server.is_plain());

    // Not sent with the first byte.
    let (mut theirs, ours) = sockets();
    let server = Link::server(stream(ours));
    theirs.write_all(b"x").unwrap();
    assert_eq!(recv(&server, 1), b"x");
    kernel::send_with(&theirs, &[IoSlice::new(b"hello")], &fd).unwrap();
    assert_eq!(recv(&server, 5), b"hello");
    assert!(server.is_plain());

    // A client whose server sends another descriptor continues to read where the server writes.
    let (ours, theirs) = sockets();
    let client = Link::client(stream(ours));
    send(&client, b"hello");
    let mut room = [0; 64];
    let (_, handed) = kernel::recv_with(&theirs, &mut room).unwrap();
    let their_memory = Memory::accept(&handed.fds[0]).unwrap();
    let null = File::open("/dev/null").unwrap().into();
    kernel::send_with(&theirs, &[IoSlice::new(b"hi")], &null).unwrap();
    assert_eq!(recv(&client, 2), b"hi");
    assert!(!client.is_plain());
    let mut writer = ring::Writer::new();
    writer.come_back(&their_memory, 2);
    writer.write(&their_memory, &[IoSlice::new(b"by the ring")]);
    assert_eq!(recv(&client, 11), b"by the ring");
    send(&client, b"by the socket");
    assert_eq!(kernel::recv_with(&theirs, &mut room).unwrap().0, 13);
    drop(memory);
}

#[test]
fn a_server_that_hands_over_nothing_is_spoken_to_over_the_socket() {
    let (ours, mut theirs) = sockets();
    let client = Link::client(stream(ours));
    assert!(!client.is_plain());
    send(&client, b"hello");
    // As a stock peer receives.
    let mut room = [0; 64];
    assert_eq!(theirs.read(&mut room).unwrap(), 5);
    theirs.write_all(b"hi").unwrap();
    assert_eq!(recv(&client, 2), b"hi");
    assert!(client.is_plain() && client.own().is_none());
    send(&client, b"more");
    assert_eq!(theirs.read(&mut room).unwrap(), 4);
    drop(theirs);
    assert_eq!(client.recv(&mut room.to_vec(), 9, true).unwrap(), 0);
}

// ---------------------------------------------------------------- hostile contents

/// Makes a client whose server is the test: its socket, the client's ring, and the ring that the client writes to.
fn hostile() -> (Link, Socket, Memory, Memory) {
    let (ours, theirs) = sockets();
    let client = Link::client(stream(ours));
    send(&client, b"hello");
    let mut room = [0; 64];
    let (_, handed) = kernel::recv_with(&theirs, &mut room).unwrap();
    let (memory, fd) = Memory::create().unwrap();
    kernel::send_with(&theirs, &[IoSlice::new(b"hi")], &fd).unwrap();
    assert_eq!(recv(&client, 2), b"hi");
    let into_client = Memory::accept(&handed.fds[0]).unwrap();
    (client, theirs, into_client, memory)
}

#[test]
fn what_cannot_be_ends_the_connection() {
    type Wrong = fn(&mut ring::Writer, &Memory);
    let cases: [(&str, Wrong); 5] = [
        ("bytes while the socket has the stream", |writer, ring| writer.write(ring, &[IoSlice::new(b"x")])),
        ("left while it was left", |writer, ring| writer.leave(ring, 2)),
        ("a return into the past", |writer, ring| writer.come_back(ring, 1)),
        ("left in the past", |writer, ring| {
            writer.come_back(ring, 2);
            writer.leave(ring, 1);
        }),
        ("two returns", |writer, ring| {
            writer.come_back(ring, 2);
            writer.come_back(ring, 2);
        }),
    ];
    for (what, wrong) in cases {
        let (client, mut theirs, ring, _memory) = hostile();
        wrong(&mut ring::Writer::new(), &ring);
        let _ = theirs.write_all(b"xx");
        let result = (0..10).find_map(|_| client.recv(&mut Vec::new(), 1, false).err()).unwrap();
        assert_eq!(result.kind(), ErrorKind::InvalidData, "{what}");
        assert_eq!(client.send(&[IoSlice::new(b"x")]).unwrap_err().kind(), ErrorKind::BrokenPipe, "{what}");
        assert!(client.poll(true, false, None).unwrap().read, "{what}");
        assert!(client.failure().unwrap().to_string().starts_with("the shared memory is broken: "), "{what}");
    }
}

#[test]
fn a_reader_that_lies_ends_the_connection() {
    let (client, _theirs, _ring, memory) = hostile();
    memory.invite(true);
    send(&client, b"x");
    assert!(sends_by_ring(&client));
    let mut dice = Dice(3);
    let failed = (0..10_000).find_map(|_| {
        memory.spoil(&mut dice);
        client.send(&[IoSlice::new(b"0123456789")]).err()
    });
    assert!(matches!(failed.unwrap().kind(), ErrorKind::InvalidData | ErrorKind::WouldBlock | ErrorKind::BrokenPipe));
}

#[test]
fn random_contents_do_no_more_than_end_the_connection() {
    let mut dice = Dice(17);
    for _ in 0..150 {
        let (client, mut theirs, ring, memory) = hostile();
        let mut writer = ring::Writer::new();
        if dice.below(2) == 0 {
            writer.come_back(&ring, 2);
        }
        let mut received = Vec::new();
        for _ in 0..40 {
            match dice.below(6) {
                0 => ring.spoil(&mut dice),
                1 => memory.spoil(&mut dice),
                2 => writer.write(&ring, &[IoSlice::new(&[1; 200])]),
                3 => drop(client.send(&[IoSlice::new(&[2; 300])])),
                4 => writer.leave(&ring, 2 + dice.below(3) as u64),
                _ => drop(theirs.write(&[3; 3])),
            }
            match dice.below(3) {
                0 => drop(client.poll(true, true, Some(Duration::ZERO))),
                1 => drop(client.spin(Duration::from_micros(1))),
                _ => drop((client.available(), client.holds_input())),
            }
            if client.recv(&mut received, 1 + dice.below(500), false).is_err_and(|e| e.kind() == ErrorKind::InvalidData)
            {
                break;
            }
        }
        assert!(received.len() < 1 << 16);
    }
}
