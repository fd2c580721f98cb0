//! Values and frames.

use rpyc::codec::brine::{self, Reader};
use rpyc::codec::frame::Incoming;
use rpyc::codec::{native, pickle};
use rpyc::config::Limits;
use rpyc::value::Value;

/// Small, so that they are reached.
pub fn limits() -> Limits {
    Limits {
        depth: 32,
        digits: 200,
        items: 4000,
        memory: 1 << 20,
        bytes: 1 << 16,
        frame: 1 << 17,
        inflated: 1 << 18,
        exports: 100,
        imports: 100,
        pending: 100,
        serving: 20,
        buffered: 1 << 18,
        queued: 1 << 18,
        total: 0,
    }
}

/// The same value, not only an equal one: 1 is not 1.0, and NaN is itself.
fn assert_same(one: &Value, other: &Value) {
    assert_eq!(one.repr(), other.repr());
}

pub fn brine(data: &[u8]) {
    let limits = limits();
    let mut reader = Reader::new(data, None, &limits);
    let skipped = reader.skip().map(|()| reader.position());
    let Ok(value) = brine::decode(data, &limits) else { return };
    assert_eq!(skipped.ok(), Some(data.len()), "skipping and reading disagree");
    let mut bytes = Vec::new();
    brine::put_value(&mut bytes, &value, &limits).expect("what was read can be written");
    assert!(bytes.len() <= data.len(), "not the shortest form");
    assert_same(&brine::decode(&bytes, &limits).expect("what was written can be read"), &value);
}

/// The first byte tells how large the pieces are that arrive.
pub fn frames(data: &[u8]) {
    let Some((&size, data)) = data.split_first() else { return };
    let limits = limits();
    let mut whole = Vec::new();
    for size in [usize::from(size).max(1), data.len().max(1)] {
        let mut incoming = Incoming::new(&limits);
        let (mut found, mut failed) = (Vec::new(), None);
        for piece in data.chunks(size) {
            incoming.push(piece);
            while failed.is_none() {
                match incoming.next_frame() {
                    Ok(Some(payload)) => found.push(incoming.bytes(&payload).to_vec()),
                    Ok(None) => break,
                    Err(e) => failed = Some(e.to_string()),
                }
            }
        }
        assert!(found.iter().all(|payload| payload.len() <= limits.inflated), "more than may come of a frame");
        whole.push((found, failed));
    }
    assert_eq!(whole[0], whole[1], "pieces and the whole are not the same");
}

/// The first byte tells in which protocol to write.
pub fn pickle(data: &[u8]) {
    let Some((&protocol, data)) = data.split_first() else { return };
    let limits = limits();
    let Ok(value) = pickle::read(data, &limits) else { return };
    let Ok(bytes) = pickle::write(&value, protocol % 6, 1 << 20) else { return };
    // Limits count differently when what stood in it once is written twice.
    let Ok(again) = pickle::read(&bytes, &limits) else { return };
    assert_same(&again, &value);
}

pub fn native(data: &[u8]) {
    const LEVELS: usize = 32;
    let limits = limits();
    let refer = |_: &Value| None;
    // A reference stands for None.
    let follow = |label: u8, _: &[u8]| (label % 2 == 0).then_some(Value::None);
    let Ok(value) = native::read(&mut Reader::new(data, None, &limits), &limits, LEVELS, &follow) else { return };
    let mut bytes = Vec::new();
    native::put(&mut bytes, &value, LEVELS, 0, true, &refer).expect("what was read can be written");
    let again = native::read(&mut Reader::new(&bytes, None, &limits), &limits, LEVELS, &follow);
    assert_same(&again.expect("what was written can be read"), &value);
}
