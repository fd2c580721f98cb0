//! Implements replies that are received into memory of the application.

use super::envelope::Kind;
use super::{Core, Event, Protocol, boxing};
use crate::codec::brine;
use crate::codec::frame::{Destination, Direct, Expected, fill};
use crate::config::Dialect;

/// Changes to destinations while a thread has taken the received bytes, and unused destinations.
#[derive(Default)]
pub(super) struct Destinations {
    /// There is work to do when the bytes are put back.
    waiting: bool,
    expected: Vec<Expected>,
    forgotten: Vec<i64>,
    /// Destinations that were not needed. Dropping them may run code of the application.
    spent: Vec<Box<dyn Destination>>,
}

impl Destinations {
    fn spend(&mut self, destination: Box<dyn Destination>) {
        let mut destination = destination;
        destination.give_up();
        self.spent.push(destination);
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

impl<T> Protocol<T> {
    /// Makes the reply to a request be received into `destination`, or copied to it, if it is bytes and fits.
    pub fn receive_into(&mut self, seq: i64, destination: Box<dyn Destination>) {
        let expected =
            Expected::new(seq, self.core.beginning_of_reply(seq), self.core.config.limits.bytes, destination);
        match &mut self.incoming {
            Some(incoming) => incoming.expect(expected),
            None => {
                self.destinations.expected.push(expected);
                self.destinations.waiting = true;
            }
        }
    }

    /// Removes a destination, unless receiving into it has begun.
    pub(super) fn forget_destination(&mut self, seq: i64) {
        let Some(incoming) = &mut self.incoming else {
            self.destinations.forgotten.push(seq);
            self.destinations.waiting = true;
            return;
        };
        if let Some(destination) = incoming.take_destination(seq) {
            self.destinations.spend(destination);
        }
    }

    /// Called when the received bytes have been put back.
    #[cold]
    pub(super) fn catch_up(&mut self) {
        self.destinations.waiting = false;
        let expected = std::mem::take(&mut self.destinations.expected);
        expected.into_iter().for_each(|expected| self.incoming().expect(expected));
        for seq in std::mem::take(&mut self.destinations.forgotten) {
            self.forget_destination(seq);
        }
        if self.is_closed() {
            self.give_up_destinations();
        }
    }

    /// Called when nothing will be received any more.
    pub(super) fn give_up_destinations(&mut self) {
        let destinations = match &mut self.incoming {
            Some(incoming) => incoming.take_destinations(),
            None => {
                self.destinations.waiting = true;
                std::mem::take(&mut self.destinations.expected).into_iter().map(Expected::into_destination).collect()
            }
        };
        destinations.into_iter().for_each(|destination| self.destinations.spend(destination));
    }

    /// Copies a reply that was not received directly, if it fits.
    #[cold]
    pub(super) fn settle_destination(&mut self, event: Event<T>) -> Event<T> {
        let Event::Reply { seq, token, outcome } = event else { return event };
        let Some(destination) = self.incoming().take_destination(seq) else {
            return Event::Reply { seq, token, outcome };
        };
        let (outcome, left) = match outcome {
            Ok(value) => {
                let (value, left) = fill(destination, value);
                (Ok(value), left)
            }
            Err(error) => (Err(error), Some(destination)),
        };
        left.into_iter().for_each(|destination| self.destinations.spend(destination));
        Event::Reply { seq, token, outcome }
    }

    /// Makes the event for a reply that was received into its destination.
    #[cold]
    pub(super) fn direct_reply(&mut self, direct: Direct) -> Option<Event<T>> {
        let seq = direct.key;
        match self.core.pending.remove(seq).flatten() {
            Some(token) => Some(Event::Reply { seq, token, outcome: Ok(direct.into_value()) }),
            None => {
                self.destinations.spend(direct.into_destination());
                None
            }
        }
    }

    /// Takes the destinations that were not needed, to be dropped without a lock.
    pub fn take_destinations(&mut self) -> Vec<Box<dyn Destination>> {
        std::mem::take(&mut self.destinations.spent)
    }
}

impl<T> Core<T> {
    /// Returns the beginning of a long bytes reply, up to its length. Empty if it is not known.
    fn beginning_of_reply(&self, seq: i64) -> Vec<u8> {
        let mut beginning = Vec::new();
        if self.config.bind_threads {
            // The peer may reply from any of its threads.
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
