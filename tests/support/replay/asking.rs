//! What our side asks for in a recording.

use super::super::node::Node;
use super::super::recording::Message;
use super::super::script::{node_of, object_symbol, plain, references};
use super::{Asked, Replay};
use rpyc::protocol::Body;
use rpyc::value::{PeerClass, Proxy, Reference, Text, Value};
use std::sync::Arc;

impl<'r> Replay<'r> {
    /// A box as the value that our host would give to be sent.
    pub(super) fn value(&mut self, boxed: &Node) -> Value {
        let [label, content] = boxed.items() else { panic!("not a box: {boxed:?}") };
        match label.as_int() {
            1 => plain(content, &|symbol| self.known(symbol)),
            2 => Value::tuple(content.items().iter().map(|item| self.value(item)).collect()),
            3 => match object_symbol(content) {
                Some(symbol) => Value::Ref(Reference::Remote(self.proxies[symbol].clone())),
                None => self.made_up(content),
            },
            4 => self.host.object(content).value(),
            other => panic!("label {other}"),
        }
    }

    /// A reference to an object that was never lent. Nothing may come of its end, so it has none.
    fn made_up(&mut self, pack: &Node) -> Value {
        let home = self.session.releases().clone();
        let class = Arc::new(PeerClass::new("x.Y", &[0x51], false, &home));
        let proxy = Arc::new(Proxy::new(pack.encode().into(), class, 1));
        std::mem::forget(proxy.clone());
        Value::Ref(Reference::Remote(proxy))
    }

    /// Issues the recorded request of our side.
    pub(super) fn request(&mut self, message: &'r Message) {
        let at = self.at(message);
        let expected = self.expected(message, false).expect("something to say");
        let boxed = &message.request().1;
        let (handler, args) = (expected.items()[0].as_int(), &expected.items()[1]);
        let mut release = None;
        references(boxed, &mut |label, pack| {
            if let (15, 3, Some(symbol)) = (handler, label, object_symbol(pack)) {
                release = Some(symbol.to_owned());
            }
        });
        while let Some(symbol) =
            message.ids.keys().find(|id| !self.us.owns(id) && !self.their_numbers.contains_key(*id))
        {
            self.process(&format!("{at}: {symbol} is needed"));
        }
        let awaited = match (handler, release) {
            (15, Some(symbol)) => {
                let count = args.items()[1].items()[1].items()[1].as_int() as u64;
                while self.received.get(&symbol).is_none_or(|received| *received < count) {
                    self.process(&format!("{at}: {symbol} has not arrived {count} times"));
                }
                let proxy = self.proxies.remove(&symbol).unwrap_or_else(|| panic!("{at}: {symbol} is not held"));
                assert_eq!(Arc::strong_count(&proxy), 1, "{at}: {symbol} is held elsewhere");
                drop(proxy);
                self.received.remove(&symbol);
                self.session.send_releases();
                false
            }
            (2, _) => {
                self.closing = true;
                self.session.close();
                false
            }
            _ => {
                let body = self.value(args);
                let Value::Tuple(values) = &body else { panic!("{at}: no arguments") };
                let seq = self.send(handler, values, message.seq);
                assert_eq!(seq, message.seq, "{at}");
                true
            }
        };
        self.asked_by_us.insert(message.seq, Asked { message, awaited });
    }

    fn send(&mut self, handler: i64, values: &[Value], token: i64) -> i64 {
        let remote = |value: &Value| match value {
            Value::Ref(Reference::Remote(proxy)) => Some(proxy.clone()),
            _ => None,
        };
        let by_pack = |replay: &Self, pack: &Value| {
            let wanted = node_of(pack, &mut |_| unreachable!()).encode();
            replay.proxies.values().find(|proxy| *proxy.id_pack == *wanted).cloned()
        };
        let body = Body::Raw { handler, args: values };
        let sent = match (handler, values) {
            _ if self.style.raw => self.session.request(body, token),
            (7, [target, Value::Tuple(args), Value::Tuple(keywords)]) => {
                let (target, keywords) = (remote(target).expect("a target"), pairs(keywords));
                self.session.request(Body::Call { target: &target, args, keywords: &keywords }, token)
            }
            (8, [target, Value::Str(name), Value::Tuple(args), Value::Tuple(keywords)]) => {
                let (target, name, keywords) = (remote(target).expect("a target"), name.as_str(), pairs(keywords));
                self.session.request(Body::CallAttr { target: &target, name, args, keywords: &keywords }, token)
            }
            (16, [pack]) => match by_pack(self, pack) {
                Some(target) => self.session.request(Body::Inspect { target: &target }, token),
                None => self.session.request(body, token),
            },
            (20, [class, pack]) => {
                let (class, other) = (remote(class).expect("a class"), by_pack(self, pack).expect("an object"));
                self.session.request(Body::InstanceCheck { class: &class, other: &other.id_pack }, token)
            }
            _ => self.session.request(body, token),
        };
        sent.expect("a request")
    }
}

fn pairs(keywords: &[Value]) -> Vec<(Text, Value)> {
    let pair = |pair: &Value| match pair {
        Value::Tuple(pair) => match &**pair {
            [Value::Str(name), value] => (name.clone(), value.clone()),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    keywords.iter().map(pair).collect()
}
