//! The same peer, and a bare session whose application answers in any order, keeps, passes on and asks.

use super::peer::Peer;
use super::{config, is_older};
use rpyc::error::Exception;
use rpyc::objects::{Class, Definition};
use rpyc::protocol::Body;
use rpyc::session::{self, Access, Asked, Asks, Event, Session};
use rpyc::value::{Local, Reference, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The number of the root; those of other objects are greater.
const ROOT: u64 = 1;
/// So many objects are made at most.
const OBJECTS: usize = 40;

struct App {
    bare: Arc<Session>,
    peer: Peer,
    class: Arc<Class>,
    /// Calls that are not answered yet.
    owed: Vec<Asked>,
    /// Calls whose answer is that of a request, by its token.
    passed_on: BTreeMap<u64, Box<Asked>>,
    kept: Vec<Value>,
    waiting: BTreeSet<u64>,
    token: u64,
    /// Objects that live.
    living: BTreeSet<u64>,
    number: u64,
    /// What is said now may be of a dialect that the peer never showed.
    leaving: bool,
}

fn class(bare: &Session, name: &str, token: u64) -> Arc<Class> {
    let names: BTreeSet<&str> = super::vocabulary::of_type(name).iter().map(|(name, _)| *name).collect();
    let names = names.into_iter().filter(|name| !matches!(*name, "inner" | "exposed_keep"));
    let methods = names.enumerate().map(|(at, name)| {
        let name = if name.starts_with("__") { name.to_owned() } else { format!("exposed_{name}") };
        session::member(&name, None, at as u64, Access::Method { signature: None })
    });
    let property = Access::Property { get: true, set: true, del: true };
    let members = methods.chain([session::member("exposed_inner", None, 1000, property)]).collect();
    let construct = Some(session::construct(token, bare.queue()));
    Class::new(Definition { name: name.into(), members, construct, ..Definition::default() }).expect("a right class")
}

pub fn session(data: &[u8]) {
    let Some((&flags, data)) = data.split_first() else { return };
    let bare = Session::new(config(flags), false).expect("a session");
    let root = session::root(bare.queue(), &class(&bare, "EverythingService", 0), ROOT).expect("a root");
    bare.set_root(root).expect("it is open");
    let class = class(&bare, "Thing", 7);
    let mut app = App {
        peer: Peer::new(data, is_older(flags)),
        bare,
        class,
        owed: Vec::new(),
        passed_on: BTreeMap::new(),
        kept: Vec::new(),
        waiting: BTreeSet::new(),
        token: 0,
        living: BTreeSet::from([ROOT]),
        number: ROOT,
        leaving: false,
    };
    while app.turn() && app.peer.go_on() {}
    app.settle();
    if !app.bare.is_closed() && flags & 64 == 0 {
        app.end_in_order();
    }
    app.end();
}

impl App {
    /// Takes what the session has to say, and all events. False: it is over.
    fn turn(&mut self) -> bool {
        loop {
            let said = self.peer.take_out();
            if !said.is_empty() && self.bare.feed(&said).is_err() {
                return false;
            }
            if self.peer.over {
                let _ = self.bare.end_of_stream();
            }
            let event = self.bare.next_event();
            self.hear();
            match event {
                Ok(Some(Event::Request(asked))) => self.serve(asked),
                Ok(Some(Event::Reply { token, outcome, .. })) => self.replied(token, outcome.map_err(|_| ())),
                Ok(Some(Event::Released(number))) => assert!(self.living.remove(&number), "{number} is released twice"),
                Ok(Some(Event::Send)) => {}
                Ok(Some(Event::Closed(_))) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    fn hear(&mut self) {
        let said = self.bare.outgoing(|bytes| (bytes.len(), bytes.to_vec())).unwrap_or_default();
        if !self.leaving {
            self.peer.receive(&said);
        }
    }

    fn replied(&mut self, token: u64, outcome: Result<Value, ()>) {
        assert!(self.waiting.remove(&token), "request {token} is answered twice");
        match (self.passed_on.remove(&token), outcome) {
            (Some(mut asked), Ok(value)) => drop(asked.call.reply(value)),
            (Some(mut asked), Err(())) => drop(asked.call.raise(Exception::builtin("ValueError", "no"))),
            (None, Ok(value)) if self.kept.len() < 20 => self.kept.push(value),
            _ => {}
        }
    }

    fn object(&mut self) -> Value {
        // One that lives, or a new one.
        let number = match self.living.len() < OBJECTS && self.peer.source.below(2) == 0 {
            true => {
                self.number += 1;
                self.number
            }
            false => self.living.iter().copied().find(|number| *number > ROOT).unwrap_or(self.number + 1),
        };
        self.number = self.number.max(number);
        self.living.insert(number);
        match session::object(self.bare.queue(), &self.class, number) {
            Ok(object) => Value::Ref(Reference::Local(object)),
            Err(_) => Value::None,
        }
    }

    fn value(&mut self, asked: &Asked) -> Value {
        let last = asked.call.args().last().cloned().unwrap_or_default();
        match self.peer.source.below(8) {
            0 => Value::tuple(asked.call.args().to_vec()),
            1 | 2 => self.object(),
            3 => Value::List(asked.call.args().into()),
            4 => Value::Ref(Reference::Local(self.class.as_object() as Arc<dyn Local>)),
            5 => self.kept.last().cloned().unwrap_or_default(),
            6 => Value::Bool(true),
            _ => last,
        }
    }

    fn serve(&mut self, mut asked: Box<Asked>) {
        if let Asks::Construct = asked.asks {
            let object = self.object();
            return drop(asked.call.reply(object));
        }
        if let Asks::Exists = asked.asks {
            return drop(asked.call.reply(Value::Bool(true)));
        }
        match self.peer.source.below(8) {
            0 if self.owed.len() < 30 => self.owed.push(*asked),
            1 => drop(asked.call.raise(Exception::stop_iteration())),
            2 => drop(asked), // it is answered with a RuntimeError
            3 | 4 => self.pass_on(asked),
            5 => {
                self.kept.extend(asked.call.args().iter().take(20usize.saturating_sub(self.kept.len())).cloned());
                drop(asked.call.reply(Value::None));
            }
            6 if !self.owed.is_empty() => {
                let at = self.peer.source.below(self.owed.len());
                let mut other = self.owed.swap_remove(at);
                let value = self.value(&asked);
                drop((other.call.reply(value), asked.call.reply(Value::None)));
            }
            _ => {
                let value = self.value(&asked);
                drop(asked.call.reply(value));
            }
        }
    }

    /// Asks something of an object of the peer, and answers with what comes of it.
    fn pass_on(&mut self, mut asked: Box<Asked>) {
        let known = asked.call.args().iter().chain(&self.kept).find_map(|value| match value {
            Value::Ref(Reference::Remote(proxy)) => Some(proxy.clone()),
            _ => None,
        });
        let Some(proxy) = known else { return drop(asked.call.reply(Value::None)) };
        let this = Value::Ref(Reference::Remote(proxy.clone()));
        let args = asked.call.args().to_vec();
        let raw = [this, Value::Int(5)];
        let body = match self.peer.source.below(6) {
            0 | 1 => Body::Call { target: &proxy, args: &args, keywords: &[] },
            2 => Body::CallAttr { target: &proxy, name: "again", args: &args, keywords: &[] },
            3 => Body::Inspect { target: &proxy },
            4 => Body::Raw { handler: 17, args: &raw },
            _ => Body::Raw { handler: 12, args: &raw[..1] },
        };
        self.token += 1;
        match self.bare.request(body, self.token, None) {
            Ok(_) => {
                self.waiting.insert(self.token);
                self.passed_on.insert(self.token, asked);
            }
            Err(_) => drop(asked.call.raise(Exception::builtin("ValueError", "it cannot be asked"))),
        }
    }

    /// Answers all that is owed, until nobody has anything to say.
    fn settle(&mut self) {
        while self.turn() {
            let owed = std::mem::take(&mut self.owed);
            if !self.peer.go_on() && owed.is_empty() {
                self.turn();
                return;
            }
            for mut asked in owed.into_iter().rev() {
                let _ = asked.call.reply(Value::None);
            }
        }
    }

    /// All is given back, and then nothing is left on either side.
    fn end_in_order(&mut self) {
        for _ in 0..100 {
            self.kept.clear();
            self.peer.release_all();
            self.settle();
            if self.bare.is_closed() {
                return;
            }
        }
        assert!(self.passed_on.is_empty() && self.waiting.is_empty(), "not all requests of ours are answered");
        assert_eq!((self.peer.waits_for(), self.peer.holds()), (0, 0), "not everything is answered");
        assert!(self.peer.lent() == 0 || self.peer.overlong, "objects are still held");
        assert!(self.living.iter().all(|number| *number == ROOT), "objects are not released: {:?}", self.living);
    }

    /// Each request of ours has one end, whatever happened.
    fn end(mut self) {
        self.leaving = true;
        let _ = self.bare.close();
        let _ = self.bare.end_of_stream();
        self.turn();
        drop(std::mem::take(&mut self.owed));
        self.turn();
        assert!(self.waiting.is_empty(), "requests without an answer at the end: {:?}", self.waiting);
    }
}
