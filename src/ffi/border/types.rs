//! The handle types of the header. What one stands for is said by its `Handle`, in its chapter; functions of other chapters
//! name it without knowing that.

/// What went wrong: a status, a message, and the exception if a peer raised one. Unique.
pub struct rpyc_error {
    _opaque: (),
}

/// A value: plain data, or a reference to an object. Shared and immutable.
pub struct rpyc_value {
    _opaque: (),
}

/// An object: one of a peer, or one of ours that peers can use. Shared.
pub struct rpyc_object {
    _opaque: (),
}

/// Settings for connections and servers, which copy them. Unique.
pub struct rpyc_config {
    _opaque: (),
}

/// A connection: one peer, both ways. Shared; the last handle of the user's that is freed closes it.
pub struct rpyc_connection {
    _opaque: (),
}

/// Threads that serve a connection in the background, as RPyC's BgServingThread. Shared; when the last handle is freed,
/// they stop.
pub struct rpyc_serving {
    _opaque: (),
}

/// A byte stream in both directions, before a connection uses it. Unique.
pub struct rpyc_transport {
    _opaque: (),
}

/// The answer to an asynchronous request, before or after it came. Shared.
pub struct rpyc_async_result {
    _opaque: (),
}

/// A method of an object, with both encoded once for the calls that follow. Shared.
pub struct rpyc_prepared {
    _opaque: (),
}

/// Calls that are sent together. Shared.
pub struct rpyc_batch {
    _opaque: (),
}

/// Memory of the application for one bytes answer at a time, received there without a copy. Shared.
pub struct rpyc_buffer {
    _opaque: (),
}

/// An iteration over all items of a container or iterator, fetched in growing chunks. Unique.
pub struct rpyc_iterator {
    _opaque: (),
}

/// A call that a peer made, while it is being served. Lent to its callback, or, deferred, unique.
pub struct rpyc_call {
    _opaque: (),
}

/// A class: the methods of a service or of objects. Shared; it can itself be sent, see rpyc_class_object.
pub struct rpyc_class {
    _opaque: (),
}

/// A queue of calls. Threads of the library read what peers ask and put it here; the application runs it in a thread of
/// its own, when the queue's descriptor becomes readable. Shared; when the last handle is freed, calls are refused.
pub struct rpyc_queue {
    _opaque: (),
}

/// A server: it listens at an address and serves each connection in a thread of its own. One more thread reads for
/// connections whose calls run long. Shared.
pub struct rpyc_server {
    _opaque: (),
}

/// Takes one direction of a connection apart, message by message, for tracing and for tests. It needs no peer, takes both
/// dialects and both directions, and never fails: what is not RPyC, it gives as garbage. Unique.
pub struct rpyc_decoder {
    _opaque: (),
}

/// One connection as a state machine: bytes go in, bytes and events come out. It has no socket, no clock and no thread, and
/// calls nobody. For applications that own their input and output, and for bindings of other languages.
///
/// Any of its functions may be called from any thread; they take turns. What must keep its order is the application's to
/// order: the bytes that it feeds, and those that it takes to send them.
pub struct rpyc_session {
    _opaque: (),
}

/// The master of a classic server: Python's rpyc.classic.connect(). Shared.
///
/// The server gives everything away: whoever can connect runs any code there. Modules and the namespace are fetched once.
pub struct rpyc_classic {
    _opaque: (),
}

/// The standard streams of a classic server, led to this side. Shared between threads, but has one owner.
pub struct rpyc_redirection {
    _opaque: (),
}
