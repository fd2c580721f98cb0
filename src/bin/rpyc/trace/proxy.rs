//! Forwards bytes between clients and a server unchanged, and reports them.

use super::circle;
use super::record::{CHUNK, Record, Side, What};
use rpyc::wire::{self, Address, Listener, Transport};
use std::io::{self, IoSlice};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// For connecting to the server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// For stopping the thread that accepts.
const STOPPING: Duration = Duration::from_secs(1);

pub enum Happening {
    Record(Record),
    /// A failure of the proxy itself.
    Trouble(String),
    Stop,
}

/// Sends the records of a connection. The receiver lives until the program ends.
#[derive(Clone)]
struct Witness {
    connection: u64,
    began: Instant,
    sender: SyncSender<Happening>,
}

impl Witness {
    fn tell(&self, what: What) {
        let at = since(self.began);
        let _ = self.sender.send(Happening::Record(Record { connection: self.connection, at, what }));
    }
}

pub fn since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The thread that accepts.
pub struct Proxy {
    listener: Weak<Listener>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Stops accepting. The file of a Unix socket is then removed, unless the thread is blocked.
    pub fn stop(&self) {
        if let Some(listener) = self.listener.upgrade() {
            listener.stop();
        }
        let began = Instant::now();
        while !self.accepting.is_finished() && began.elapsed() < STOPPING {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn spawn(run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("rpyc-trace".into()).stack_size(crate::signals::STACK).spawn(run)
}

/// Accepts in a new thread; each connection has two more.
pub fn start(listener: Listener, to: Address, began: Instant, sender: SyncSender<Happening>) -> io::Result<Proxy> {
    let listener = Arc::new(listener);
    let weak = Arc::downgrade(&listener);
    let accept = move || {
        let mut connection = 0;
        let own = listener.address().clone();
        loop {
            match listener.accept() {
                Ok(Some(client)) => {
                    connection += 1;
                    let witness = Witness { connection, began, sender: sender.clone() };
                    let (own, to, here, told) = (own.clone(), to.clone(), client.clone(), witness.clone());
                    if let Err(error) = spawn(move || join(here, &own, &to, told)) {
                        turn_away(&*client, &witness, error.to_string());
                    }
                }
                Ok(None) => return,
                // The listener has paused after the error and tries again.
                Err(error) => drop(sender.send(Happening::Trouble(format!("cannot accept: {error}")))),
            }
        }
    };
    Ok(Proxy { listener: weak, accepting: spawn(accept)? })
}

fn turn_away(client: &dyn Transport, witness: &Witness, why: String) {
    witness.tell(What::NotOpened { client: client.peer_name(), why });
    client.shutdown();
}

fn join(client: Arc<dyn Transport>, own: &Address, to: &Address, witness: Witness) {
    let server = match wire::connect(to, Some(CONNECT_TIMEOUT)) {
        Ok(server) if circle::is_own(own, &server.peer_name()) => {
            server.shutdown();
            return turn_away(&*client, &witness, format!("{to} is where the trace itself listens"));
        }
        Ok(server) => server,
        Err(error) => return turn_away(&*client, &witness, error.to_string()),
    };
    witness.tell(What::Opened { client: client.peer_name(), server: server.peer_name() });
    let back = {
        let (client, server, witness) = (client.clone(), server.clone(), witness.clone());
        spawn(move || pump(&*server, &*client, Side::Server, &witness))
    };
    match back {
        Ok(back) => {
            pump(&*client, &*server, Side::Client, &witness);
            // The thread cannot panic; if it did, nobody could be told.
            let _ = back.join();
        }
        Err(error) => {
            client.shutdown();
            server.shutdown();
            for from in [Side::Client, Side::Server] {
                witness.tell(What::Ended { from, why: format!("the trace has no thread for it: {error}") });
            }
        }
    }
}

/// Forwards one direction. The end of the stream is forwarded too, so that replies to earlier requests still arrive.
fn pump(from: &dyn Transport, to: &dyn Transport, side: Side, witness: &Witness) {
    let mut bytes = Vec::with_capacity(CHUNK);
    let why = loop {
        bytes.clear();
        match from.recv(&mut bytes, CHUNK, true) {
            Ok(0) => break String::new(),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => continue,
            Err(error) => break error.to_string(),
        }
        // Reported before it is forwarded, so that no reply is reported before its request.
        witness.tell(What::Data { from: side, bytes: bytes.clone() });
        if let Err(error) = send_all(to, &bytes) {
            from.shutdown();
            break format!("the {} takes nothing more: {error}", side.other().name());
        }
    };
    if why.is_empty() {
        to.end_sending();
    } else {
        to.shutdown();
    }
    witness.tell(What::Ended { from: side, why });
}

fn send_all(to: &dyn Transport, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match to.send(&[IoSlice::new(rest)]) {
            Ok(sent) => rest = rest.get(sent..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => drop(to.poll(false, true, None)?),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
