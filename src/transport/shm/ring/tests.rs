//! Tests the ring: both sides in one process, and a side that writes anything.

use super::super::kernel::Memory;
use super::*;
use std::thread;
use std::time::Duration;

/// Numbers that look random, the same in each run.
pub(in super::super) struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

impl Shared {
    /// Writes anything at a random place, most often near the beginning.
    pub(in super::super) fn spoil(&self, dice: &mut Dice) {
        let slot = &self.slots[dice.below(4) * dice.below(SLOTS / 3)];
        let tags = [0, 1 << 16 | 5, 1 << 16 | 0xff01, 1 << 16 | 0xff02, 2 << 16 | 60, 1 << 16 | 61, 1 << 16, u32::MAX];
        match dice.below(8) {
            0 => slot.rest[dice.below(7)].store(dice.next(), Ordering::Release),
            1 => slot.first.store(dice.below(200) as u32, Ordering::Release),
            2 => slot.tag.store(dice.next() as u32, Ordering::Release),
            3 => self.taken.0.store(dice.below(300) as u64, Ordering::Release),
            4 => self.taken.0.store(dice.next(), Ordering::Release),
            5 => self.invite(dice.below(2) == 1),
            _ => slot.tag.store(tags[dice.below(tags.len())], Ordering::Release),
        }
    }

    fn set_tag(&self, at: usize, tag: u32) {
        self.slots[at].tag.store(tag, Ordering::Release);
    }
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 7 + i / 60) as u8).collect()
}

fn memory() -> Memory {
    Memory::create().unwrap().0
}

#[test]
fn the_memory_is_four_pages() {
    assert_eq!(size_of::<Shared>(), 16 << 10);
    assert_eq!(size_of::<Slot>(), 64);
    assert!(memory().is_known());
}

#[test]
fn lengths_around_the_limits_go_through() {
    let shared = memory();
    let (mut writer, mut reader) = (Writer::new(), Reader::new());
    // Often enough to wrap around.
    for round in 0..5 {
        for size in [1, 3, 4, 5, ROOM - 1, ROOM, ROOM + 1, 2 * ROOM, 1000, (SLOTS - 1) * ROOM] {
            for parts in [1, 2, 5] {
                let data = pattern(size);
                let bufs: Vec<_> = data.chunks(size.div_ceil(parts)).map(IoSlice::new).collect();
                assert!(writer.has_room(&shared, size).unwrap(), "{size}");
                writer.write(&shared, &bufs);
                assert_eq!(reader.available(&shared), size);
                let mut got = b"+".to_vec();
                let max = [usize::MAX, 1, 7, 61, 1000][round];
                while got.len() <= size {
                    let before = got.len();
                    let n = reader.read(&shared, &mut got, max).unwrap();
                    assert!(n > 0 && n <= max && got.len() == before + n);
                }
                assert_eq!(&got[1..], data);
                assert_eq!(reader.look(&shared).unwrap(), Found::Nothing);
                reader.tell(&shared);
                assert!(writer.is_drained(&shared).unwrap());
            }
        }
    }
}

#[test]
fn a_full_ring_has_no_room_until_the_reader_tells() {
    let shared = memory();
    let (mut writer, mut reader) = (Writer::new(), Reader::new());
    assert!(!writer.has_room(&shared, SLOTS * ROOM).unwrap(), "one slot is for leaving");
    assert!(!writer.has_room(&shared, usize::MAX).unwrap());
    let mut count = 0;
    while writer.has_room(&shared, 1).unwrap() {
        writer.write(&shared, &[IoSlice::new(b"x")]);
        count += 1;
    }
    assert_eq!(count, SLOTS - 1);
    writer.leave(&shared, 77);
    let mut got = Vec::new();
    assert_eq!(reader.read(&shared, &mut got, 3).unwrap(), 3);
    assert!(!writer.has_room(&shared, 1).unwrap(), "a few are not told");
    reader.tell(&shared);
    assert!(writer.has_room(&shared, 2 * ROOM).unwrap());
    assert!(!writer.has_room(&shared, 2 * ROOM + 1).unwrap());
    assert_eq!(reader.read(&shared, &mut got, usize::MAX).unwrap(), count - 3);
    assert_eq!(reader.look(&shared).unwrap(), Found::Leave(77));
    reader.pass(&shared);
    writer.come_back(&shared, u64::MAX);
    assert_eq!(reader.look(&shared).unwrap(), Found::Return(u64::MAX));
}

#[test]
fn a_message_shows_as_a_whole() {
    let shared = memory();
    let data = pattern(400_000);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut writer, mut dice, mut rest) = (Writer::new(), Dice(7), &data[..]);
            while !rest.is_empty() {
                let (now, later) = rest.split_at((1 + dice.below(900)).min(rest.len()));
                while !writer.has_room(&shared, now.len()).unwrap() {
                    thread::sleep(Duration::from_micros(20));
                }
                writer.write(&shared, &[IoSlice::new(now)]);
                rest = later;
            }
        });
        let (mut reader, mut dice, mut at) = (Reader::new(), Dice(7), 0);
        while at < data.len() {
            let size = (1 + dice.below(900)).min(data.len() - at);
            while !shared.is_there(reader.place()) {
                reader.tell(&shared);
                thread::sleep(Duration::from_micros(20));
            }
            let mut got = Vec::new();
            assert_eq!(reader.read(&shared, &mut got, size).unwrap(), size, "a part of it showed");
            assert_eq!(got, &data[at..at + size]);
            at += size;
        }
    });
}

#[test]
fn wrong_laps_and_lengths_are_errors() {
    for (tag, what) in [
        (2 << 16 | 5, "another lap"),
        (0xffff << 16 | 5, "another lap"),
        (1 << 16, "invalid length"),
        (1 << 16 | 61, "invalid length"),
        (1 << 16 | 0xff00, "invalid length"),
        (1 << 16 | 0xff03, "invalid length"),
    ] {
        let shared = memory();
        shared.set_tag(0, tag);
        let mut reader = Reader::new();
        assert!(shared.is_there(reader.place()), "who waits is to see it");
        for error in [reader.look(&shared).unwrap_err(), reader.read(&shared, &mut Vec::new(), 9).unwrap_err()] {
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().contains(what), "{error}");
        }
        assert_eq!(reader.available(&shared), 0);
    }
    // The bytes before it are valid.
    let shared = memory();
    let (mut writer, mut reader) = (Writer::new(), Reader::new());
    writer.write(&shared, &[IoSlice::new(b"good")]);
    shared.set_tag(1, 7 << 16 | 1);
    let mut got = Vec::new();
    assert_eq!(reader.read(&shared, &mut got, 100).unwrap(), 4);
    assert!(reader.read(&shared, &mut got, 100).is_err());
    assert_eq!(got, b"good");
}

#[test]
fn laps_that_begin_anew_are_no_error() {
    let shared = memory();
    let (mut writer, mut reader) = (Writer::new(), Reader::new());
    for place in [&mut writer.place, &mut reader.place] {
        *place = Place { at: 0, lap: 0xfffe };
    }
    (0..SLOTS).for_each(|at| shared.set_tag(at, 0xfffd << 16 | 9));
    for round in 0..4 * SLOTS as u32 {
        assert_eq!(reader.look(&shared).unwrap(), Found::Nothing);
        assert!(writer.has_room(&shared, 4).unwrap());
        writer.write(&shared, &[IoSlice::new(&round.to_ne_bytes())]);
        let mut got = Vec::new();
        assert_eq!(reader.read(&shared, &mut got, 100).unwrap(), 4);
        assert_eq!(got, round.to_ne_bytes());
        reader.tell(&shared);
    }
}

#[test]
fn a_reader_that_lies_about_its_place_is_an_error() {
    for taken in [3, 252, u64::MAX] {
        let shared = memory();
        let mut writer = Writer::new();
        writer.write(&shared, &[IoSlice::new(&[0; 2 * ROOM])]);
        shared.taken.0.store(taken, Ordering::Release);
        assert!(writer.has_room(&shared, 1).unwrap(), "it is not asked yet");
        assert!(writer.is_drained(&shared).is_err());
    }
    let shared = memory();
    let mut writer = Writer::new();
    writer.write(&shared, &[IoSlice::new(&[0; 2 * ROOM])]);
    shared.taken.0.store(2, Ordering::Release);
    assert!(writer.is_drained(&shared).unwrap());
    shared.taken.0.store(1, Ordering::Release);
    assert!(writer.is_drained(&shared).is_err(), "it went back");
}

#[test]
fn nothing_that_a_peer_writes_is_more_than_an_error() {
    let mut dice = Dice(99);
    for _ in 0..300 {
        let shared = memory();
        let (mut writer, mut reader) = (Writer::new(), Reader::new());
        let mut got = Vec::new();
        for _ in 0..60 {
            shared.spoil(&mut dice);
            if dice.below(3) == 0 && matches!(writer.has_room(&shared, 100), Ok(true)) {
                writer.write(&shared, &[IoSlice::new(&[9; 100])]);
            }
            reader.available(&shared);
            match reader.look(&shared) {
                Ok(Found::Bytes(_)) => assert!(reader.read(&shared, &mut got, 1 + dice.below(99)).is_ok()),
                Ok(Found::Leave(_) | Found::Return(_)) => reader.pass(&shared),
                Ok(Found::Nothing) => reader.tell(&shared),
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::InvalidData),
            }
        }
        assert!(got.len() <= 60 * 99);
    }
}
