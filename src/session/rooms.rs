//! Answers that go into memory of the host.

use super::envelope::Kind;
use super::{Core, Event, Session, boxing};
use crate::codec::brine;
use crate::codec::frame::{Direct, Expected, Room, fill};
use crate::config::Dialect;

/// What concerns them while a thread has the received bytes with it, and what is left of them.
#[derive(Default)]
pub(super) struct Rooms {
    /// There is something to be done when the bytes come back.
    waiting: bool,
    expected: Vec<Expected>,
    forgotten: Vec<i64>,
    /// Rooms that were not needed. Dropping them may run code of the host.
    spent: Vec<Box<dyn Room>>,
}

impl Rooms {
    fn spend(&mut self, room: Box<dyn Room>) {
        let mut room = room;
        room.give_up();
        self.spent.push(room);
    }

    #[inline]
    pub fn has_spent(&self) -> bool {
        !self.spent.is_empty()
    }

    #[inline]
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }
}

impl<T> Session<T> {
    /// Has the answer to a request of ours lie in `room` if it is bytes and fits: received there, or copied.
    pub fn receive_into(&mut self, seq: i64, room: Box<dyn Room>) {
        let expected = Expected::new(seq, self.core.beginning_of_reply(seq), self.core.config.limits.bytes, room);
        match &mut self.incoming {
            Some(incoming) => incoming.expect(expected),
            None => {
                self.rooms.expected.push(expected);
                self.rooms.waiting = true;
            }
        }
    }

    /// Nothing more is to be received into a room, unless that has begun.
    pub(super) fn forget_room(&mut self, seq: i64) {
        let Some(incoming) = &mut self.incoming else {
            self.rooms.forgotten.push(seq);
            self.rooms.waiting = true;
            return;
        };
        if let Some(room) = incoming.take_room(seq) {
            self.rooms.spend(room);
        }
    }

    /// The received bytes are back.
    #[cold]
    pub(super) fn catch_up(&mut self) {
        self.rooms.waiting = false;
        let expected = std::mem::take(&mut self.rooms.expected);
        expected.into_iter().for_each(|expected| self.incoming().expect(expected));
        for seq in std::mem::take(&mut self.rooms.forgotten) {
            self.forget_room(seq);
        }
        if self.is_closed() {
            self.give_up_rooms();
        }
    }

    /// Nothing will be received any more.
    pub(super) fn give_up_rooms(&mut self) {
        let rooms = match &mut self.incoming {
            Some(incoming) => incoming.take_rooms(),
            None => {
                self.rooms.waiting = true;
                std::mem::take(&mut self.rooms.expected).into_iter().map(Expected::into_room).collect()
            }
        };
        rooms.into_iter().for_each(|room| self.rooms.spend(room));
    }

    /// An answer that came otherwise: it is copied where it fits.
    #[cold]
    pub(super) fn settle_room(&mut self, event: Event<T>) -> Event<T> {
        let Event::Reply { seq, token, outcome } = event else { return event };
        let Some(room) = self.incoming().take_room(seq) else { return Event::Reply { seq, token, outcome } };
        let (outcome, left) = match outcome {
            Ok(value) => {
                let (value, left) = fill(room, value);
                (Ok(value), left)
            }
            Err(error) => (Err(error), Some(room)),
        };
        left.into_iter().for_each(|room| self.rooms.spend(room));
        Event::Reply { seq, token, outcome }
    }

    /// An answer that lies in its room.
    #[cold]
    pub(super) fn direct_reply(&mut self, direct: Direct) -> Option<Event<T>> {
        let seq = direct.key;
        match self.core.pending.remove(seq).flatten() {
            Some(token) => Some(Event::Reply { seq, token, outcome: Ok(direct.into_value()) }),
            None => {
                self.rooms.spend(direct.into_room());
                None
            }
        }
    }

    /// Rooms that were not needed, to be dropped by whoever holds no lock.
    pub fn take_rooms(&mut self) -> Vec<Box<dyn Room>> {
        std::mem::take(&mut self.rooms.spent)
    }
}

impl<T> Core<T> {
    /// How a reply of long bytes begins, up to their length; empty where that is not known.
    fn beginning_of_reply(&self, seq: i64) -> Vec<u8> {
        let mut beginning = Vec::new();
        if self.config.bind_threads {
            // Which of its threads the peer answers from is its own affair.
            return beginning;
        }
        match self.dialect {
            Dialect::V5 => {
                brine::put_tuple_header(&mut beginning, 3);
                brine::put_int(&mut beginning, Kind::Reply as i64);
            }
            _ => {
                beginning.push(Kind::Reply as u8);
                brine::put_tuple_header(&mut beginning, 2);
            }
        }
        brine::put_int(&mut beginning, seq);
        boxing::put_label(&mut beginning, boxing::VALUE);
        beginning.push(brine::tag::BYTES_L4);
        beginning
    }
}
