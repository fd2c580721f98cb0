//! The handle types of the header. What one stands for is said by its `Handle`, in its chapter; functions of other chapters
//! name it without knowing that.

/// An error: a status, a message, and the exception if a peer raised one. Unique.
pub struct rpyc_error {
    _opaque: (),
}

/// A value: plain data, or a reference to an object. Shared and immutable.
pub struct rpyc_value {
    _opaque: (),
}

/// An object: one of a peer, or one of this process that peers can use. Shared.
pub struct rpyc_object {
    _opaque: (),
}

/// Options for connections and servers, which copy them. Unique.
pub struct rpyc_config {
    _opaque: (),
}

/// A connection to one peer, in both directions. Shared; freeing the application's last handle closes it.
pub struct rpyc_connection {
    _opaque: (),
}

/// A client of one address, which connects again when its connection has ended. Shared.
pub struct rpyc_client {
    _opaque: (),
}

/// An attempt to connect that never blocks, for event loops. Shared.
pub struct rpyc_connecting {
    _opaque: (),
}

/// Threads that serve a connection in the background, like RPyC's BgServingThread. Shared; freeing the last handle
/// stops them.
pub struct rpyc_serving {
    _opaque: (),
}

/// A byte stream in both directions, before a connection uses it. Unique.
pub struct rpyc_transport {
    _opaque: (),
}

/// The authentication of one peer, on the raw stream before the first frame. Borrowed by its callback.
pub struct rpyc_authentication {
    _opaque: (),
}

/// The result of an asynchronous request, before or after its reply. Shared.
pub struct rpyc_async_result {
    _opaque: (),
}

/// A method of an object, encoded once for many calls. Shared.
pub struct rpyc_prepared {
    _opaque: (),
}

/// Calls that are sent together. Shared.
pub struct rpyc_batch {
    _opaque: (),
}

/// Memory of the application that receives one bytes reply at a time, without a copy. Shared.
pub struct rpyc_buffer {
    _opaque: (),
}

/// An iteration over all items of a container or iterator, fetched in growing chunks. Unique.
pub struct rpyc_iterator {
    _opaque: (),
}

/// A call from a peer that is being served. Borrowed by its callback, or, if deferred, unique.
pub struct rpyc_call {
    _opaque: (),
}

/// A class: the methods of a service or of objects. Shared; it can itself be sent, see rpyc_class_object().
pub struct rpyc_class {
    _opaque: (),
}

/// A queue of calls. Threads of the library read the peers' requests and queue them. The application runs them in a
/// thread of its own when the queue's descriptor becomes readable. Shared; after the last handle is freed, callers get
/// an error.
pub struct rpyc_queue {
    _opaque: (),
}

/// A server: it listens at an address and serves each connection in a thread of its own, or all connections in a pool
/// of threads (pool_threads). One more thread reads for connections with long-running calls. Shared.
pub struct rpyc_server {
    _opaque: (),
}

/// Decodes one direction of a connection, message by message, for tracing and for tests. It needs no peer, accepts
/// both dialects and either direction, and never fails: data that is not RPyC is returned as garbage. Unique.
pub struct rpyc_decoder {
    _opaque: (),
}

/// A connection as a state machine: bytes are fed, and output and events are taken. It has no socket, no clock and no
/// thread, and calls no callbacks. For applications that do their own I/O, and for bindings of other languages.
///
/// Its functions may be called from any thread; they are serialized. The application must keep the order of the bytes
/// that it feeds, and of the output that it takes and sends.
pub struct rpyc_session {
    _opaque: (),
}

/// The master of a classic server, like Python's rpyc.classic.connect(). Shared.
///
/// A classic server has no access control: a client can run any code there. Modules and the namespace are fetched
/// once.
pub struct rpyc_classic {
    _opaque: (),
}

/// A classic server's standard streams, redirected to this process. Any thread may use it, but it has one owner.
pub struct rpyc_redirection {
    _opaque: (),
}
