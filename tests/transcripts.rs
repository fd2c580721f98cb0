//! The recorded sessions of Python peers, played with our session on either side.

mod support;

use rpyc::config::{Config, Dialect};
use rpyc::error::Error;
use rpyc::protocol::{Body, Event, Protocol};
use std::sync::Arc;
use support::masks;
use support::node::{Node, tuple};
use support::recording::{self, Kind, Recording, Side, directory, frame, load};
use support::replay::{NoWrap, Style, replay};
use support::thing::{Thing, shape};

/// Both sides, in every style. Everything that our side said in the recording is compared.
fn play(name: &str) {
    for us in [Side::Server, Side::Client] {
        let mut recording = load(name);
        masks::names(&mut recording, us);
        let said = recording.frames.iter().filter(|frame| frame.from == us && frame.message.is_some()).count();
        // Python's DEL of an object that it never got (see the masks).
        let unsaid = usize::from(name == "h_isinstance" && us == Side::Server);
        for (raw, dynamic, piece, strangers) in [
            (false, false, usize::MAX, false),
            (true, false, 1, true),
            (false, true, 7, false),
            (true, true, 1000, true),
        ] {
            assert_eq!(replay(&recording, us, Style { raw, dynamic, piece, strangers }), said - unsaid);
        }
    }
}

macro_rules! transcripts {
    ($($name:ident $(= $file:literal)?),* $(,)?) => {
        const PLAYED: &[&str] = &[$(file_name!($name $($file)?)),*];
        $(
            #[test]
            #[allow(non_snake_case)]
            fn $name() {
                play(file_name!($name $($file)?));
            }
        )*
    };
}

macro_rules! file_name {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:ident $file:literal) => {
        $file
    };
}

transcripts! {
    a_basic,
    b_callback,
    c_iteration,
    d_async,
    e_classic_duplex,
    e_classic_master_only,
    e_classic_slave,
    f_lifecycle,
    g_context,
    h_isinstance,
    i_large,
    j_denied,
    k_bind_threads,
    k_bind_threads_5 = "k_bind_threads_5.3.1",
    l_server_calls,
    m_operators,
    n_exceptions,
    n_exceptions_custom,
    o_teleport,
    p_raw_errors,
    q_no_close,
    z_legacy,
    z_legacy_4_1 = "z_legacy_4.1.5",
    z_legacy_5_3 = "z_legacy_5.3.1",
}

const REFUSED: &[&str] = &["z_legacy_3.4.4", "z_legacy_4.0.2"];

#[test]
fn every_recording_is_played() {
    let mut found: Vec<String> = std::fs::read_dir(directory())
        .expect("recordings")
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| name.strip_suffix(".json").expect("json").to_owned())
        .collect();
    found.sort();
    let mut known = [PLAYED, REFUSED].concat();
    known.sort();
    assert_eq!(found, known);
}

#[test]
fn every_mask_is_needed() {
    let mut needed = std::collections::BTreeMap::new();
    for recording in PLAYED.iter().map(|name| load(name)) {
        for us in [Side::Server, Side::Client] {
            let all = || recording.frames.iter().filter_map(|frame| Some((frame.from, frame.message.as_ref()?)));
            for (_, message) in all().filter(|(from, _)| *from == us) {
                let asks = |m: &&recording::Message| m.kind == Kind::Request && m.seq == message.seq;
                let asked = all().filter(|(from, _)| *from != us).map(|(_, m)| m).find(asks);
                let asked = asked.filter(|_| message.kind != Kind::Request);
                let said = masks::Said { recording: &recording, us, message, asked, by_session: true, dynamic: false };
                for (what, differs) in masks::differences(&said) {
                    *needed.entry(what).or_insert(false) |= differs;
                }
            }
        }
    }
    assert_eq!(needed.len(), 9);
    assert!(needed.values().all(|needed| *needed), "{needed:?}");
}

const TOO_OLD: &str =
    "the peer speaks the dialect of rpyc 3.x or 4.0, whose references have another form; rpyc 4.1 or later is needed";

fn says_too_old(session: &mut Protocol<i64>) {
    match session.next_event() {
        Some(Event::Closed(Error::Dialect(text))) => assert_eq!(text, TOO_OLD),
        Some(Event::Closed(error)) => panic!("{error:?}"),
        _ => panic!("nothing noticed"),
    }
    assert!(session.outgoing().is_empty(), "a CLOSE in a dialect that the peer does not speak");
    assert!(session.is_closed() && session.next_event().is_none());
}

/// The client's messages as a client of that age sends them: in place of an object's id it has what it
/// took for the id in our answer, which was the name.
fn with_names_for_ids(body: &Node, name: &str) -> Node {
    match body {
        Node::Id(symbol) if symbol.starts_with('S') => Node::Str(name.into()),
        Node::Id(_) => Node::Int("150000000000000".into()),
        Node::Tuple(items) => tuple(items.iter().map(|item| with_names_for_ids(item, name)).collect::<Vec<_>>()),
        other => other.clone(),
    }
}

fn client_frames(recording: &Recording) -> impl Iterator<Item = &recording::Message> {
    recording.frames.iter().filter(|frame| frame.from == Side::Client).filter_map(|frame| frame.message.as_ref())
}

#[test]
fn clients_before_4_1_are_recognised() {
    let name = "demo_peer.DemoService";
    for recording in REFUSED.iter().map(|name| load(name)) {
        for as_recorded in [true, false] {
            let root = Thing::new("root", &Arc::new(shape(name, &["exposed_add"])));
            let mut session = Protocol::<i64>::new(Config::default(), Some(root), Arc::new(NoWrap));
            let mut frames = client_frames(&recording);
            session.incoming().push(&frames.next().expect("GETROOT").frame);
            assert!(session.next_event().is_none());
            assert_eq!(session.dialect(), Dialect::V5);
            let answered = session.outgoing().len();
            assert!(answered > 0, "GETROOT looks the same in both");
            session.outgoing().advance(answered);
            let inspect = frames.next().expect("INSPECT");
            assert_eq!(inspect.request().0, 16);
            if as_recorded {
                session.incoming().push(&inspect.frame);
            } else {
                let body = with_names_for_ids(&inspect.body, name);
                session.incoming().push(&frame(&recording::close(Kind::Request, &Node::Int("1".into()), &body, false)));
            }
            says_too_old(&mut session);
        }
    }
}

/// Whatever such a client says first about an object gives it away, not only INSPECT.
#[test]
fn any_reference_of_a_client_before_4_1_is_recognised() {
    let mut seen = 0;
    for recording in REFUSED.iter().map(|name| load(name)) {
        for message in client_frames(&recording).filter(|message| message.kind == Kind::Request) {
            let references = format!("{:?}", message.body).contains("Tuple([Int(\"3\"), Id(")
                || format!("{:?}", message.body).contains("Tuple([Int(\"4\"), Tuple([Id(");
            if !references {
                continue;
            }
            let mut session = Protocol::<i64>::new(Config::default(), None, Arc::new(NoWrap));
            session.incoming().push(&message.frame);
            says_too_old(&mut session);
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

#[test]
fn servers_before_4_1_are_recognised() {
    for recording in REFUSED.iter().map(|name| load(name)) {
        let config = Config { dialect: Dialect::V5, ..Config::default() };
        let mut session = Protocol::<i64>::new(config, None, Arc::new(NoWrap));
        assert_eq!(session.request(Body::Raw { handler: 3, args: &[] }, 0).unwrap(), 0);
        let sent = session.outgoing().len();
        session.outgoing().advance(sent);
        let answer = recording.frames.iter().find(|frame| frame.from == Side::Server).unwrap();
        session.incoming().push(&answer.message.as_ref().unwrap().frame);
        says_too_old(&mut session);
    }
}

/// A server before 6.0 that gets a message of 6.0 answers with CLOSE in its own envelope (wire.md 15).
#[test]
fn servers_before_6_are_told_apart_from_the_first_byte() {
    for name in ["z_legacy_3.4.4", "z_legacy_4.0.2", "z_legacy_4.1.5", "z_legacy_5.3.1"] {
        let recording = load(name);
        let mut session = Protocol::<i64>::new(Config::default(), None, Arc::new(NoWrap));
        session.request(Body::Raw { handler: 3, args: &[] }, 0).unwrap();
        let sent = session.outgoing().len();
        session.outgoing().advance(sent);
        let close = client_frames(&recording).find(|m| m.kind == Kind::Request && m.request().0 == 2).expect("CLOSE");
        session.incoming().push(&close.frame);
        match session.next_event() {
            Some(Event::Closed(Error::Dialect(text))) => assert!(text.contains("rpyc 5.3 and older"), "{text}"),
            _ => panic!("{name}"),
        }
        assert!(session.outgoing().is_empty());
    }
}
