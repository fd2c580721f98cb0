package rpyc

import "context"

// Request sends a request of the protocol as it is, Python's conn.sync_request(handler, *args), and gives its answer.
// The handlers have the numbers of RPyC's consts.py, which are RPYC_HANDLE_... in rpyc.h: 8 is CALLATTR, with the object, the name,
// a tuple of arguments and a tuple of pairs of keywords as args. What the methods of Conn and Object do needs no Request.
func (c *Conn) Request(ctx context.Context, handler int, args ...any) (any, error) {
	if handler < -1<<31 || handler >= 1<<31 {
		return nil, problemf(ErrRange, "the handler %d is no number of one", handler)
	}
	value, err := c.conn.await(ctx, question{handler: int32(handler), raw: true, args: args})
	return value, err
}
