//! Is what arrived what had been recorded?

use super::super::node::Node;
use super::super::recording::{self, Kind, Message};
use super::super::script::{exception, unboxed};
use super::super::thing::thing_of;
use super::Replay;
use rpyc::error::Error;
use rpyc::protocol::{Name, Op, Request, Threads};
use rpyc::value::{Text, Value};

impl<'r> Replay<'r> {
    pub(super) fn check_request(&mut self, message: &Message, request: &Request) {
        let at = self.at(message);
        let (handler, args) = message.request();
        let args: Vec<Node> = args.items()[1].items().iter().map(unboxed).collect();
        assert_eq!(Node::Id(thing_of(&request.target).label.clone()), args[0], "{at}");
        let threads = message.threads.as_ref().map_or(Threads::default(), |(symbols, numbers)| Threads {
            from: numbers[0],
            to: recording::thread_number(&symbols[1]),
        });
        assert_eq!(request.id.threads(), threads, "{at}");
        let nodes =
            |replay: &mut Replay<'r>, values: &[Value]| values.iter().map(|v| replay.node(v)).collect::<Vec<_>>();
        let keywords = |replay: &mut Replay<'r>, keywords: &[(Text, Value)]| {
            let pair =
                |(name, value): &(Text, Value)| Node::Tuple(vec![Node::Str(name.to_string()), replay.node(value)]);
            Node::Tuple(keywords.iter().map(pair).collect())
        };
        let none = Node::Tuple(Vec::new());
        match (&request.op, handler) {
            (Op::GetAttr(name), 4) | (Op::DelAttr(name), 5) => self.check_name(&at, name, request, &args[1]),
            (Op::SetAttr(name, value), 6) => {
                self.check_name(&at, name, request, &args[1]);
                assert_eq!(self.node(value), args[2], "{at}");
            }
            (Op::Call { args: values, keywords: named }, 7) => {
                assert_eq!(nodes(self, values), args[1].items(), "{at}");
                assert_eq!(&keywords(self, named), args.get(2).unwrap_or(&none), "{at}");
            }
            (Op::CallAttr { name, args: values, keywords: named }, 8) => {
                self.check_name(&at, name, request, &args[1]);
                assert_eq!(nodes(self, values), args[2].items(), "{at}");
                assert_eq!(&keywords(self, named), args.get(3).unwrap_or(&none), "{at}");
            }
            (Op::Repr, 9) | (Op::Str, 10) | (Op::Hash, 12) | (Op::Dir, 13) => {}
            (Op::Compare { op, other }, 11) => {
                assert_eq!(op.name(), args[2].as_text(), "{at}");
                assert_eq!(self.node(other), args[1], "{at}");
            }
            (Op::BuffIter { count }, 17) => assert_eq!(*count as i64, args[1].as_int(), "{at}"),
            (Op::OldSlicing(slicing), 18) => {
                let rpyc::protocol::Slicing { attempt, fallback, start, stop, args: rest } = &**slicing;
                self.check_name(&at, attempt.as_ref().expect("allowed"), request, &args[1]);
                match fallback {
                    Ok(name) if self.style.dynamic => self.check_name(&at, name, request, &args[2]),
                    Err(missing) if !self.style.dynamic => assert!(missing.is_builtin("AttributeError"), "{at}"),
                    other => panic!("{at}: {other:?}"),
                }
                assert_eq!(nodes(self, &[start.clone(), stop.clone()]), args[3..5], "{at}");
                assert_eq!(nodes(self, rest), args[5].items(), "{at}");
            }
            // What Python's __exit__ gets of it is at most "None or not" (wire.md 6).
            (Op::CallAttr { name, args: values, keywords: named }, 19) => {
                self.check_name(&at, name, request, &Node::Str("__exit__".into()));
                assert!(named.is_empty(), "{at}");
                assert_eq!(nodes(self, values), [args[1].clone(), args[1].clone(), Node::None], "{at}");
            }
            (op, _) => panic!("{at}: {op:?}"),
        }
    }

    fn check_name(&self, at: &str, name: &Name, request: &Request, asked: &Node) {
        let asked = match asked {
            Node::Bytes(bytes) => std::str::from_utf8(bytes).expect("UTF-8"),
            other => other.as_text(),
        };
        let shape = request.target.shape();
        let (found, exposed) = match name {
            Name::Own(name) => return assert_eq!(name.as_str(), asked, "{at}"),
            Name::Member(index) => (
                shape.member_name(*index).expect("a member").as_str(),
                shape.member(format!("exposed_{asked}").as_bytes()).is_some(),
            ),
            Name::Dynamic(name) => (name.as_str(), thing_of(&request.target).has(&format!("exposed_{asked}"))),
        };
        let wanted = if exposed { format!("exposed_{asked}") } else { asked.to_owned() };
        assert_eq!(found, wanted, "{at}");
    }

    pub(super) fn check_outcome(&mut self, message: &Message, outcome: Result<Value, Error>) {
        let at = self.at(message);
        match (message.kind, outcome) {
            (Kind::Reply, Ok(value)) => assert_eq!(self.node(&value), unboxed(&message.body), "{at}"),
            (Kind::Exception, Err(Error::Remote(raised))) => {
                let expected = exception(&message.body, &|symbol| self.known(symbol));
                assert_eq!((&raised.module, &raised.name), (&expected.module, &expected.name), "{at}");
                assert_eq!(raised.args, expected.args, "{at}");
                assert_eq!(raised.attributes, expected.attributes, "{at}");
                assert_eq!(raised.traceback, expected.traceback, "{at}");
            }
            (_, other) => panic!("{at}: {other:?}"),
        }
    }
}
