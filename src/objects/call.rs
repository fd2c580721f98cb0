//! A call that is being served: the interface for reading its arguments and answering it.

use super::class::{Member, MemberKind, Object};
use super::deadline;
use super::peer::Peer;
use super::signature::Signature;
use crate::error::{Error, Exception, Result};
use crate::protocol::{Due, Keywords, RequestId, Threads};
use crate::value::{Text, Value};
use std::sync::Arc;

/// The destination of an answer.
pub enum Answer {
    Peer {
        peer: Arc<dyn Peer>,
        id: RequestId,
    },
    /// A local receiver, which reports whether it accepted the answer.
    Then {
        run: Box<dyn FnOnce(Result<Value, Exception>) -> Result<()> + Send>,
        /// When the final receiver stops waiting.
        due: Due,
    },
}

impl Answer {
    pub fn then(due: Due, f: impl FnOnce(Result<Value, Exception>) + Send + 'static) -> Answer {
        Answer::through(due, move |outcome| {
            f(outcome);
            Ok(())
        })
    }

    /// A receiver that can fail to pass the answer on.
    pub fn through(due: Due, f: impl FnOnce(Result<Value, Exception>) -> Result<()> + Send + 'static) -> Answer {
        Answer::Then { run: Box::new(f), due }
    }

    /// When the final receiver stops waiting, if known.
    pub fn due(&self) -> Due {
        match self {
            Answer::Peer { id, .. } => id.due(),
            Answer::Then { due, .. } => *due,
        }
    }

    #[inline]
    pub fn give(self, result: Result<Value, Exception>) -> Result<()> {
        match self {
            Answer::Peer { peer, id } => peer.answer(&id, result),
            Answer::Then { run, .. } => run(result),
        }
    }

    pub fn peer(&self) -> Option<&Arc<dyn Peer>> {
        match self {
            Answer::Peer { peer, .. } => Some(peer),
            Answer::Then { .. } => None,
        }
    }
}

/// A call of a peer to a local object. Its holder must answer it.
pub struct Call {
    answer: Option<Answer>,
    object: Arc<Object>,
    member: Option<Arc<Member>>,
    args: Vec<Value>,
    keywords: Keywords,
    origin: Origin,
}

/// The calling peer, even if its answer is first passed elsewhere. Dropped last: the end of the connection sees either
/// that the call holds nothing any more, or that it has not ended yet.
struct Origin(Option<Arc<dyn Peer>>);

impl Drop for Origin {
    fn drop(&mut self) {
        if let Some(peer) = &self.0 {
            if peer.is_closed() {
                peer.collect();
            }
        }
    }
}

impl Call {
    pub(super) fn new(
        answer: Answer,
        origin: Option<Arc<dyn Peer>>,
        object: Arc<Object>,
        member: Option<Arc<Member>>,
        args: Vec<Value>,
        keywords: Keywords,
    ) -> Call {
        Call { answer: Some(answer), object, member, args, keywords, origin: Origin(origin) }
    }

    /// The same call to a member of another object.
    pub(super) fn turned_to(mut self, object: Arc<Object>, member: Option<Arc<Member>>) -> Call {
        (self.object, self.member) = (object, member);
        self
    }

    /// A request to an object that is not for one of its members.
    pub fn question(answer: Answer, object: Arc<Object>, args: Vec<Value>) -> Call {
        Call::new(answer, None, object, None, args, Vec::new())
    }

    /// A request to an object of another peer. Its name is that of a member that the object may not have.
    pub fn forwarded(answer: Answer, object: Arc<Object>, name: Member, args: Vec<Value>, keywords: Keywords) -> Call {
        Call::new(answer, None, object, Some(Arc::new(name)), args, keywords)
    }

    pub(super) fn signature(&self) -> Option<&Signature> {
        match &self.member.as_ref()?.kind {
            MemberKind::Method { signature, .. } => signature.as_ref(),
            _ => None,
        }
    }

    /// The called object; for a function, the object with its state.
    #[inline]
    pub fn object(&self) -> &Arc<Object> {
        &self.object
    }

    /// The arguments. If the method has a signature, one for each parameter.
    #[inline]
    pub fn args(&self) -> &[Value] {
        &self.args
    }

    pub(super) fn args_mut(&mut self) -> &mut Vec<Value> {
        &mut self.args
    }

    /// The ids of the threads, if the peers send them.
    pub(super) fn threads(&self) -> Threads {
        match &self.answer {
            Some(Answer::Peer { id, .. }) => id.threads(),
            _ => Threads::default(),
        }
    }

    /// The keywords, if the method has no signature.
    pub fn keywords(&self) -> &[(Text, Value)] {
        &self.keywords
    }

    /// The method's name; empty for an object's own access rules.
    pub fn name(&self) -> &str {
        self.member.as_ref().map_or("", |member| member.name.as_str())
    }

    /// The name of an argument in error messages: "add() argument 'b'".
    pub fn argument_name(&self, index: usize) -> String {
        let name = self.signature().map_or("", Signature::name);
        let name = if name.is_empty() { self.name() } else { name };
        match self.signature().and_then(|s| s.parameter_name(index)) {
            Some(parameter) => format!("{name}() argument '{parameter}'"),
            None => format!("{name}() argument {}", index + 1),
        }
    }

    /// The calling peer; None for calls within this process.
    pub fn peer(&self) -> Option<&Arc<dyn Peer>> {
        self.origin.0.as_ref().or_else(|| self.answer.as_ref().and_then(Answer::peer))
    }

    pub fn is_answered(&self) -> bool {
        self.answer.is_none()
    }

    /// When the caller stops waiting, if known and not answered yet.
    pub fn due(&self) -> Due {
        self.answer.as_ref().map_or(Due::NEVER, Answer::due)
    }

    /// The remaining milliseconds of the caller; None if unknown.
    pub fn time_left(&self) -> Option<u64> {
        deadline::left(self.due())
    }

    /// Returns whether nobody waits for the answer: the deadline has passed, the connection or its stream has ended.
    pub fn is_cancelled(&self) -> bool {
        deadline::has_passed(self.due()) || self.peer().is_some_and(|peer| peer.is_abandoned())
    }

    #[inline]
    fn give(&mut self, result: Result<Value, Exception>) -> Result<()> {
        match self.answer.take() {
            Some(Answer::Peer { peer, id }) => {
                let given = peer.answer(&id, result);
                if self.origin.0.is_none() {
                    self.origin.0 = Some(peer);
                }
                given
            }
            Some(answer) => answer.give(result),
            None => Err(Error::State("the call already has a result".into())),
        }
    }

    #[inline]
    pub fn reply(&mut self, value: Value) -> Result<()> {
        self.give(Ok(value))
    }

    /// Returns a value or raises an exception.
    #[inline]
    pub fn finish(&mut self, outcome: Result<Value, Exception>) -> Result<()> {
        match outcome {
            Ok(value) => self.reply(value),
            Err(exception) => self.raise(exception),
        }
    }

    /// The names of class and method, if they have any.
    fn place(&self) -> String {
        match (self.object.class().shape().class_name(), self.name()) {
            ("function", name) => name.to_owned(),
            (class, "") => format!("the access rules of {class}"),
            (class, name) => format!("{class}.{name}"),
        }
    }

    pub fn raise(&mut self, mut exception: Exception) -> Result<()> {
        exception.construct();
        if exception.traceback.as_bytes().is_empty() {
            let text = format!(
                "Traceback (most recent call last):\n  In {}, native code (librpyc)\n{}\n",
                self.place(),
                exception.summary()
            );
            exception.traceback = Text::from(text);
        }
        self.give(Err(exception))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if self.answer.is_some() {
            let text = match self.name() {
                "" => format!("{} returned without a result", self.place()),
                name => format!("{name}() returned without a result"),
            };
            let _ = self.raise(Exception::builtin("RuntimeError", text));
        }
    }
}
