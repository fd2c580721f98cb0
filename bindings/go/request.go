package rpyc

import (
	"context"
	"runtime"
	"strings"
	"time"
)

// question is a request to the peer, before it is sent.
type question struct {
	handler int32
	object  *Object
	name    string
	args    []any
	raw     bool // the arguments are complete and sent unchanged
}

// asked is a request that was sent.
type asked struct {
	question
	token   uint64
	waiting *pending
}

// ask sends a request and waits for its reply.
func (c *conn) ask(ctx context.Context, handler int32, object *Object, name string, args ...any) (any, error) {
	return c.await(ctx, question{handler: handler, object: object, name: name, args: args})
}

func (c *conn) await(ctx context.Context, q question) (any, error) {
	ctx, cancel := c.limited(ctx)
	defer cancel()
	a, err := c.begin(ctx, q)
	if err != nil {
		return nil, err
	}
	return c.wait(ctx, a)
}

// limited returns a context with the connection's timeout, if the given one has no deadline.
func (c *conn) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.options.timeout > 0 {
		if _, limited := ctx.Deadline(); !limited {
			return context.WithTimeout(ctx, c.options.timeout)
		}
	}
	return ctx, func() {}
}

// begin sends a request.
func (c *conn) begin(ctx context.Context, q question) (asked, error) {
	if err := ctx.Err(); err != nil {
		return asked{}, c.interrupted(err, q)
	}
	if c.accepted {
		c.waitForDialect(ctx)
	}
	return c.send(ctx, q)
}

// wait waits for the reply. A serial call gives up its turn meanwhile.
func (c *conn) wait(ctx context.Context, a asked) (any, error) {
	defer giveUpTurn(ctx)()
	select {
	case answer := <-a.waiting.reply:
		return answer.value, answer.err
	case <-ctx.Done():
	}
	c.mu.Lock()
	if c.pending[a.token] == a.waiting {
		delete(c.pending, a.token)
		if c.core != nil {
			c.core.forget(a.waiting.sequence)
		}
		c.mu.Unlock()
		return nil, c.interrupted(ctx.Err(), a.question)
	}
	c.mu.Unlock()
	answer := <-a.waiting.reply // it arrived at the last moment
	return answer.value, answer.err
}

// send encodes a request and adds it to the output for the writer.
func (c *conn) send(ctx context.Context, q question) (asked, error) {
	e := encoder{conn: c, ctx: ctx, buf: make([]byte, 0, 128)}
	defer e.done()
	var err error
	if q.raw {
		err = e.sequence(packedTuple, q.args)
	} else {
		err = e.arguments(q.args)
	}
	if err != nil {
		return asked{}, err
	}
	var handle uint64
	if q.object != nil {
		if handle, err = q.object.hold(); err != nil {
			return asked{}, c.whyNot(err)
		}
		e.objects = append(e.objects, q.object)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		if q.asksObject() {
			err = staleBecause(err)
		}
		return asked{}, err
	}
	if c.stopNext {
		c.stopNext = false
		return asked{}, problemf(ErrInterrupted, "interrupted before a request was sent to %s", c.name)
	}
	c.lastID++
	a := asked{q, c.lastID, &pending{reply: make(chan reply, 1)}}
	if q.raw {
		a.waiting.sequence, err = c.core.request(a.token, q.handler, e.buf, timeLeft(ctx))
	} else {
		a.waiting.sequence, err = c.core.ask(a.token, q.handler, handle, q.name, e.buf, timeLeft(ctx))
	}
	if err != nil {
		return asked{}, err
	}
	e.lent()
	c.pending[a.token] = a.waiting
	if a.waiting.sequence < 0 {
		c.events(false) // the library has replied itself
	}
	c.signal()
	return a, nil
}

// timeLeft returns the remaining milliseconds of a context, rounded up; -1 if it has no deadline.
func timeLeft(ctx context.Context) int64 {
	deadline, limited := ctx.Deadline()
	if !limited {
		return -1
	}
	if left := time.Until(deadline); left > 0 {
		return int64((left-1)/time.Millisecond) + 1
	}
	return 0
}

// whyNot returns the end of the connection as the reason why an object, such as the root, cannot be used any more.
func (c *conn) whyNot(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if over := c.usable(); over != nil {
		return staleBecause(over)
	}
	return err
}

// asksObject reports whether an object of the peer is asked, and not the connection.
func (q *question) asksObject() bool {
	if q.raw && len(q.args) > 0 {
		_, ok := q.args[0].(*Object)
		return ok
	}
	return q.object != nil
}

// stale returns the error of an object whose connection has ended; nil while it is open.
func (c *conn) stale() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if over := c.usable(); over != nil {
		return staleBecause(over)
	}
	return nil
}

func staleBecause(over error) error {
	text := strings.TrimPrefix(over.Error(), "rpyc: ")
	return &problem{ErrStale, "rpyc: the object's connection has ended: " + text, over}
}

// usable returns the reason why the connection cannot be used any more. The lock is held.
func (c *conn) usable() error {
	switch {
	case c.err != nil:
		return c.err
	case c.core == nil || c.closing:
		return ErrClosed
	}
	return nil
}

// interrupted returns the error for a wait that the caller's context ended.
func (c *conn) interrupted(cause error, q question) error {
	what := "the request"
	switch {
	case q.handler == handleCallAttr && q.name != "":
		what = q.name + "()"
	case q.name != "":
		what = q.name
	}
	if cause == context.DeadlineExceeded {
		return &problem{ErrTimeout, "rpyc: " + what + " on " + c.name + " did not reply in time; it may still be running", cause}
	}
	return &problem{cause, "rpyc: " + what + " on " + c.name + ": " + cause.Error(), cause}
}

// waitForDialect waits a short time for a peer that has not sent anything, so its version is unknown.
func (c *conn) waitForDialect(ctx context.Context) {
	select {
	case <-c.heard:
		return
	default:
	}
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-c.heard:
	case <-timer.C:
	case <-ctx.Done():
	case <-c.ended:
	}
}

// Interrupt ends the wait of all requests on this connection that have no reply yet, including those of Futures. If
// there are none, the next request is not sent. Each of them fails with ErrInterrupted. The connection stays open; the
// peer is not notified, and late replies are dropped. Use it for Ctrl-C in a program that has no context at hand. To
// end a single request, cancel its context.
func (c *Conn) Interrupt() {
	c.conn.interrupt()
	runtime.KeepAlive(c)
}

func (c *conn) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopNext = len(c.pending) == 0 && c.core != nil
	for token, waiting := range c.pending {
		delete(c.pending, token)
		if c.core != nil {
			c.core.forget(waiting.sequence)
		}
		waiting.reply <- reply{err: problemf(ErrInterrupted, "the wait for %s was interrupted; the request may still be running", c.name)}
	}
}

// Request sends a raw request of the protocol, like Python's conn.sync_request(handler, *args), and returns the reply.
// The handlers have the numbers of RPyC's consts.py, which are RPYC_HANDLE_... in rpyc.h: 8 is CALLATTR, whose args are
// the object, the name, a tuple of arguments and a tuple of pairs of keywords. The methods of Conn and Object cover the
// usual requests.
func (c *Conn) Request(ctx context.Context, handler int, args ...any) (any, error) {
	if handler < -1<<31 || handler >= 1<<31 {
		return nil, problemf(ErrRange, "unknown handler %d", handler)
	}
	value, err := c.conn.await(ctx, question{handler: int32(handler), raw: true, args: args})
	runtime.KeepAlive(c)
	return value, err
}
