package rpyc

import (
	"context"
	"reflect"
	"strings"
	"sync"
	"time"
)

// Connecter is implemented by services that are notified of new connections. OnConnect runs before the first call of
// the peer. If it returns an error, the connection is refused. It is not exposed to peers.
type Connecter interface {
	OnConnect(conn *Conn) error
}

// Disconnecter is implemented by services that are notified of the end of connections. Calls may still be running;
// their contexts have ended. OnDisconnect is not exposed to peers.
type Disconnecter interface {
	OnDisconnect(conn *Conn)
}

// local is a Go value that peers have by reference. It is kept while a peer holds it.
type local struct {
	token  uint64
	value  any // the value that was sent
	key    any // identifies the value
	class  *class
	fn     *function // of functions
	made   *Function
	handle uint64 // of functions and remote objects, while they are being sent
	pins   int    // number of encodings that contain it
	lent   bool   // the library has it
}

// lentClass is a class in the form of this connection.
type lentClass struct {
	token  uint64
	class  *class
	handle *classHandle
	shared bool // by all connections
}

// lentTokens holds the tokens of the values that any connection has exported. A value has the same token on all
// connections. A peer that receives it over several of them, and passes it on, has one object.
var lentTokens struct {
	sync.Mutex
	of map[any]*lentToken
}

type lentToken struct {
	token       uint64
	connections int
}

func takeToken(key any) uint64 {
	lentTokens.Lock()
	defer lentTokens.Unlock()
	known := lentTokens.of[key]
	if known == nil {
		if lentTokens.of == nil {
			lentTokens.of = map[any]*lentToken{}
		}
		known = &lentToken{token: newToken()}
		lentTokens.of[key] = known
	}
	known.connections++
	return known.token
}

func dropToken(key any) {
	lentTokens.Lock()
	defer lentTokens.Unlock()
	known := lentTokens.of[key]
	if known.connections--; known.connections == 0 {
		delete(lentTokens.of, key)
	}
}

// pin finds or makes the local of a value and keeps it until unpin.
func (c *conn) pin(value any) (*local, error) {
	own := &local{value: value, key: value}
	var other uint64 // handle of an object of another connection
	switch v := value.(type) {
	case *Function:
		own.fn, own.made = v.function, v
	case *Object:
		// An object of another connection. It must not refer to own: the finalizer of a cycle never runs.
		own.value = &passed{v}
		handle, err := v.hold()
		if err != nil {
			return nil, err
		}
		defer v.letGo()
		other = handle
	default:
		reflected := reflect.ValueOf(value)
		if reflected.Kind() == reflect.Func {
			made, err := plainFunc(reflected)
			if err != nil {
				return nil, err
			}
			own.fn, own.made, own.key = made.function, made, made
			break
		}
		class, err := classFor(reflected.Type())
		if err != nil {
			return nil, err
		}
		own.class = class
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.byValue[own.key]
	if other != 0 && known == nil && c.core != nil {
		// The peer already has it, by another handle.
		token, _ := c.core.standInToken(other)
		known = c.locals[token]
	}
	if known != nil {
		own = known
	} else {
		own.token = takeToken(own.key)
		c.locals[own.token] = own
		c.byValue[own.key] = own
	}
	own.pins++
	return own, nil
}

// lendable returns the form of an exported value in packed values: a handle, or the address of its class.
func (c *conn) lendable(own *local) (handle, class uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return 0, 0, err
	}
	if own.fn != nil {
		if own.handle == 0 {
			own.handle, err = c.core.function(own.token, own.made)
		}
		return own.handle, 0, err
	}
	if on, ok := own.value.(*passed); ok {
		if own.handle == 0 {
			target, err := on.object.hold()
			if err != nil {
				return 0, 0, err
			}
			defer on.object.letGo()
			own.handle, err = c.core.standIn(own.token, target)
			return own.handle, 0, err
		}
		return own.handle, 0, nil
	}
	known, err := c.lentClass(own.class)
	if err != nil {
		return 0, 0, err
	}
	return 0, known.handle.address(), nil
}

// classSelf returns the handle of a class as an object.
func (c *conn) classSelf(of *class) (uint64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.usable(); err != nil {
		return 0, err
	}
	known, err := c.lentClass(of)
	if err != nil {
		return 0, err
	}
	return known.handle.self()
}

// unpin ends the use of values by an encoding.
func (c *conn) unpin(owns []*local) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, own := range owns {
		own.pins--
		if own.pins == 0 && own.handle != 0 {
			freeObject(own.handle)
			own.handle = 0
		}
		c.forgetUnheld(own)
	}
}

// forgetUnheld drops a value that neither the peer nor an encoding holds. The lock is held.
func (c *conn) forgetUnheld(own *local) {
	if own.pins > 0 || own.lent || c.locals[own.token] != own {
		return
	}
	delete(c.locals, own.token)
	dropToken(own.key)
	if c.byValue[own.key] == own {
		delete(c.byValue, own.key)
	}
}

func isHashable(key any) bool { return key != nil && reflect.TypeOf(key).Comparable() }

// released handles the event that a value is no longer held by any peer. The lock is held.
func (c *conn) released(token uint64) {
	if own := c.locals[token]; own != nil {
		own.lent = false
		c.forgetUnheld(own)
	}
}

// forgetLent drops all exported values. The lock is held.
func (c *conn) forgetLent() {
	for _, own := range c.locals {
		dropToken(own.key)
		if own.handle != 0 {
			freeObject(own.handle)
			own.handle = 0 // an encoding that contains it may end later
		}
	}
	for _, lent := range c.classes {
		if !lent.shared {
			lent.handle.free()
		}
	}
	c.locals, c.byValue, c.classes = map[uint64]*local{}, map[any]*local{}, map[*class]*lentClass{}
}

// ownByToken returns a local value that came back. The lock is held.
func (c *conn) ownByToken(token uint64) any {
	own := c.locals[token]
	if own == nil {
		return nil
	}
	if on, ok := own.value.(*passed); ok {
		return on.object
	}
	return own.value
}

// methodByToken returns a local method that came back: a Function bound to its object, or nil if the library made the
// method. The lock is held.
func (c *conn) methodByToken(token uint64, name string) *Function {
	own := c.locals[token]
	if own == nil || own.class == nil {
		return nil
	}
	for i := range own.class.members {
		if m := &own.class.members[i]; m.name == name && m.call != nil {
			return boundMethod(own.value, m)
		}
	}
	return nil
}

// ownClass returns a local class that came back; nil if the handle is of something else. The lock is held.
func (c *conn) ownClass(handle uint64) any {
	for of, lent := range c.classes {
		if self, err := lent.handle.self(); err == nil && sameObject(self, handle) {
			return of.object
		}
	}
	return nil
}

// sharedClasses are the classes that belong to no session.
var sharedClasses struct {
	sync.Mutex
	known map[*class]*lentClass
	same  map[*class]*classHandle // identifies the classes of several sessions as one
}

// lentClass registers a class with the library. The lock is held.
func (c *conn) lentClass(of *class) (*lentClass, error) {
	if known := c.classes[of]; known != nil {
		return known, nil
	}
	lent, err := c.newLentClass(of)
	if err == nil {
		c.classes[of] = lent
	}
	return lent, err
}

func (c *conn) newLentClass(of *class) (*lentClass, error) {
	if !of.callable() {
		sharedClasses.Lock()
		defer sharedClasses.Unlock()
		return sharedClass(of)
	}
	made := &lentClass{class: of}
	if of.construct != nil {
		c.lastID++
		made.token = c.lastID
	}
	var base *classHandle
	if of.base != nil {
		lent, err := c.lentClass(of.base)
		if err != nil {
			return nil, err
		}
		base = lent.handle
	}
	same, err := sameClass(of)
	if err != nil {
		return nil, err
	}
	made.handle, err = newClass(c.core, made.token, of, base, same)
	return made, err
}

// sameClass returns the class that identifies the classes of all sessions for one Go class.
func sameClass(of *class) (*classHandle, error) {
	sharedClasses.Lock()
	defer sharedClasses.Unlock()
	if known := sharedClasses.same[of]; known != nil {
		return known, nil
	}
	made, err := newClass(nil, 0, &class{goType: of.goType, module: of.module, name: of.name}, nil, nil)
	if err != nil {
		return nil, err
	}
	if sharedClasses.same == nil {
		sharedClasses.same = map[*class]*classHandle{}
	}
	sharedClasses.same[of] = made
	return made, nil
}

// sharedClass makes a class that belongs to no session. The lock of sharedClasses is held.
func sharedClass(of *class) (*lentClass, error) {
	if known := sharedClasses.known[of]; known != nil {
		return known, nil
	}
	var base *classHandle
	if of.base != nil {
		lent, err := sharedClass(of.base)
		if err != nil {
			return nil, err
		}
		base = lent.handle
	}
	handle, err := newClass(nil, 0, of, base, nil)
	if err != nil {
		return nil, err
	}
	made := &lentClass{class: of, handle: handle, shared: true}
	if sharedClasses.known == nil {
		sharedClasses.known = map[*class]*lentClass{}
	}
	sharedClasses.known[of] = made
	return made, nil
}

// callable reports whether a class belongs to a session, because calls of it or of its bases are events of that
// session.
func (of *class) callable() bool {
	return of.construct != nil || of.base != nil && of.base.callable()
}

// offer makes the service the root object for the peer.
func (c *conn) offer(service any) error {
	if service == nil {
		return nil
	}
	own, err := c.pin(service)
	if err != nil {
		return err
	}
	if own.class == nil {
		return problemf(ErrType, "service: expected a pointer to a struct, got %T", service)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	lent, err := c.lentClass(own.class)
	if err != nil {
		return err
	}
	return c.core.setRoot(lent.handle, own.token)
}

// ---------------------------------------------------------------- calls of the peer

// served is a request of the peer that Go code handles.
type served struct {
	conn     *conn
	event    event
	function *function
	receiver any
	named    bool // an attribute is accessed by name
	args     any  // a tuple of the arguments and the keywords
	bad      error
	turn     *turn
	deadline time.Time // when the caller stops waiting; zero if unknown
}

// serve begins to handle a request. The lock is held.
func (c *conn) serve(event event) {
	s := &served{conn: c, event: event}
	s.args, s.bad = c.unpackArguments(event.packed)
	s.event.packed = nil
	if event.left >= 0 {
		s.deadline = time.Now().Add(time.Duration(event.left) * time.Millisecond)
	}
	s.find()
	// If calls of the two sides are nested, each call except the innermost waits for the other side. So these two
	// numbers bound the depth.
	if c.serving >= c.options.nesting && len(c.pending) >= c.options.nesting {
		s.bad = tooDeep(c.options.nesting)
	}
	c.serving++
	if c.turns != nil {
		s.turn = c.turns.enter()
	}
	go s.run()
}

// find finds the function that handles the request.
func (s *served) find() {
	c, event := s.conn, s.event
	if event.asks == asksConstruct {
		for _, lent := range c.classes {
			if lent.token == event.token && lent.class.construct != nil {
				s.function = lent.class.construct
			}
		}
		return
	}
	own := c.locals[event.token]
	switch {
	case own == nil:
	case event.asks == asksForward:
		s.receiver = own.value
	case own.fn != nil:
		s.function, s.receiver = own.fn, own.made.receiver
	case event.member == memberNone:
		s.receiver, s.named = own.value, true
	case event.member>>20 == own.class.serial && event.member&(1<<20-1) < uint64(len(own.class.members)):
		member := &own.class.members[event.member&(1<<20-1)]
		s.receiver = own.value
		s.function = map[int32]*function{asksCall: member.call, asksGet: member.get, asksSet: member.set, asksDel: member.del}[event.asks]
	}
}

func (s *served) run() {
	c := s.conn
	defer c.served()
	select {
	case <-c.ready:
	case <-c.ended:
	}
	ctx := c.ctx
	if s.turn != nil {
		s.turn.wait()
		defer s.turn.end()
		ctx = context.WithValue(ctx, turnKey{}, s.turn)
	}
	if c.ctx.Err() != nil {
		drop(s.event.call)
		return
	}
	if !s.deadline.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, s.deadline)
		defer cancel()
	}
	defer func() {
		if s.event.call != nil {
			drop(s.event.call) // its caller gets a RuntimeError
		}
		c.signal()
	}()
	err := guarded(func() error {
		result, err := s.call(ctx)
		if err != nil {
			return err
		}
		return s.answer(result)
	})
	// If an error cannot be raised, the error that says why is raised instead. If that fails too, no reply is possible.
	for tries := 0; tries < 2 && err != nil && s.event.call != nil; tries++ {
		cause := err
		err = guarded(func() error { return s.raise(cause) })
	}
}

func (c *conn) served() {
	c.mu.Lock()
	c.serving--
	c.mu.Unlock()
}

func (s *served) call(ctx context.Context) (any, error) {
	if s.bad != nil {
		return nil, s.bad
	}
	if on, ok := s.receiver.(*passed); ok {
		return s.forward(ctx, on)
	}
	parts, _ := s.args.(Tuple)
	if args, ok := firstOf(parts).(Tuple); ok && s.named && len(args) > 0 {
		return s.byName(ctx, args)
	}
	if s.function == nil || len(parts) != 2 {
		return nil, Raise("AttributeError", "the attribute cannot be used")
	}
	args, _ := parts[0].(Tuple)
	if s.event.asks == asksConstruct {
		keywords, _ := parts[1].(Dict)
		bound, err := s.function.sig.bind(args, keywords)
		if err != nil {
			return nil, err
		}
		args = bound
	}
	result, err := s.function.call(ctx, s.receiver, args)
	if s.event.asks == asksGet {
		result = s.callable(result)
	}
	return result, err
}

func firstOf(parts Tuple) any {
	if len(parts) == 0 {
		return nil
	}
	return parts[0]
}

// answer sends a result. If it returns an error, the result cannot be sent; the call still exists if another reply is
// possible.
func (s *served) answer(result any) error {
	return s.send(func(e *encoder) error { return e.put(result) }, (*core).answer)
}

// raise sends an error as an exception.
func (s *served) raise(err error) error {
	exception := exceptionOf(err)
	pack := func(e *encoder) error {
		e.header(packedTuple, 2)
		if err := e.sequence(packedTuple, exception.args); err != nil {
			return err
		}
		e.header(packedDict, len(exception.attributes))
		for _, name := range sortedNames(exception.attributes) {
			if err := e.all(name, exception.attributes[name]); err != nil {
				return err
			}
		}
		return nil
	}
	return s.send(pack, func(c *core, call callHandle, packed []byte) error {
		return c.raise(call, exception.module, exception.name, strings.ToValidUTF8(exception.traceback, "\ufffd"), packed)
	})
}

func (s *served) send(pack func(*encoder) error, reply func(*core, callHandle, []byte) error) error {
	e := encoder{conn: s.conn, buf: make([]byte, 0, 64)}
	defer e.done()
	if err := pack(&e); err != nil {
		return err
	}
	s.conn.mu.Lock()
	defer s.conn.mu.Unlock()
	if s.conn.core == nil {
		return ErrClosed
	}
	call := s.event.call
	s.event.call = nil
	err := reply(s.conn.core, call, e.buf)
	if err == nil {
		e.lent()
	}
	// A reply can make the library continue its own work, such as iteration in chunks, and produce further events.
	if !s.conn.events(false) {
		hangUp(s.conn.network) // the reader ends the connection
	}
	return err
}

// ---------------------------------------------------------------- serial calls

// turnQueue runs calls one at a time, in the order in which they entered.
type turnQueue struct {
	mu      sync.Mutex
	busy    bool
	waiting []chan struct{}
}

// turn is the place of one call in a turnQueue.
type turn struct {
	queue *turnQueue
	mine  chan struct{} // closed when the call's turn begins
	mu    sync.Mutex    // held while the turn is taken back
	has   bool
	over  bool
}

type turnKey struct{}

func (q *turnQueue) enter() *turn { return &turn{queue: q, mine: q.line(false)} }

// line adds a place at the front or at the end.
func (q *turnQueue) line(front bool) chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	place := make(chan struct{})
	switch {
	case !q.busy:
		q.busy = true
		close(place)
	case front:
		q.waiting = append([]chan struct{}{place}, q.waiting...)
	default:
		q.waiting = append(q.waiting, place)
	}
	return place
}

func (q *turnQueue) next() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.busy = false
		return
	}
	close(q.waiting[0])
	q.waiting = q.waiting[1:]
}

func (t *turn) wait() {
	<-t.mine
	t.has = true
}

func (t *turn) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	if t.has {
		t.has = false
		t.queue.next()
	}
}

// giveUpTurn lets other calls run while the call of this context waits. The returned function takes the turn back.
func giveUpTurn(ctx context.Context) func() {
	t, ok := ctx.Value(turnKey{}).(*turn)
	if !ok {
		return func() {}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.has {
		t.has = false
		t.queue.next()
	}
	return t.takeBack
}

func (t *turn) takeBack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over || t.has {
		return
	}
	<-t.queue.line(true)
	t.has = true
}
