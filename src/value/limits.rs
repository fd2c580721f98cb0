//! Limits on memory and work that a peer can cause.

/// Bounds on what a peer can make us hold or do.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Levels of nesting in a value.
    pub depth: usize,
    /// Digits of an integer; CPython's own default.
    pub digits: usize,
    /// Items of all tuples and sets of one message.
    pub items: usize,
    /// Bytes of memory that the values of one message take.
    pub memory: usize,
    /// Bytes of one string or byte string.
    pub bytes: usize,
    /// Bytes of a frame's body as announced.
    pub frame: usize,
    /// Bytes of a frame's body after decompression.
    pub inflated: usize,
    /// Live objects exported to the peer.
    pub exports: usize,
    /// Live objects imported from the peer.
    pub imports: usize,
    /// Local requests that wait for a reply.
    pub pending: usize,
    /// Requests of the peer that are being served at once, nested ones included.
    pub serving: usize,
    /// Bytes received but not yet decoded, and bytes that wait to be sent.
    pub buffered: usize,
    /// Bytes that may wait to be sent on a connection of an event loop before no more is taken on.
    pub queued: usize,
    /// Bytes of memory that all connections of one configuration take together; 0: all there is.
    pub total: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            depth: 128,
            digits: 4300,
            items: 1 << 24,
            memory: 512 << 20,
            bytes: 256 << 20,
            frame: 256 << 20,
            inflated: 256 << 20,
            exports: 1 << 24,
            imports: 1 << 24,
            pending: 1 << 20,
            serving: 256,
            buffered: 64 << 20,
            queued: 1 << 20,
            total: 0,
        }
    }
}
