package rpyc

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// A peer of one dialect fails at the first message of the other. One dialect is therefore tried first, and after a
// delay the other one on a second connection. The connection on which a reply arrives is kept.
// src/connection/dialing.rs does the same.

// patience is the time to wait for the first reply before the other dialect is tried. Twice the time that connecting
// took is added.
const patience = 300 * time.Millisecond

// pause is the delay before the next attempt if a second connection could not be made.
const pause = time.Second

// olderPeers holds addresses that used the dialect of RPyC 4.1 to 5.3, as a hint for the next call. Each address has
// one slot; another address with the same slot replaces it.
var (
	olderPeers [256]atomic.Uint64
	olderSeed  = maphash.MakeSeed()
)

func olderPeer(addr string) (place *atomic.Uint64, digest uint64) {
	digest = maphash.String(olderSeed, addr) | 1
	return &olderPeers[digest>>1%uint64(len(olderPeers))], digest
}

// dialing is one call of Dial.
type dialing struct {
	addr, network, address string
	options                options
	asking                 chan time.Duration // a request was sent, and how long connecting took
	answers                chan answer        // one for each attempt
}

// answer is the outcome of an attempt.
type answer struct {
	dialect, heard int
	conn           *conn  // its root is requested; not started yet
	begun          []byte // bytes already read
	asked          asked
	unconnected    bool // no connection could be made
	err            error
}

func otherDialect(dialect int) int { return 11 - dialect }

// find connects, twice if necessary, and returns the connection on which the peer replied.
func (d *dialing) find(ctx context.Context) (answer, error) {
	d.asking, d.answers = make(chan time.Duration), make(chan answer, 2)
	place, digest := olderPeer(d.addr)
	first := 6
	if place.Load() == digest {
		first = 5
	}
	found, err := d.race(ctx, first)
	if err == nil && found.dialect == 5 {
		place.Store(digest)
	} else {
		place.CompareAndSwap(digest, 0)
	}
	return found, err
}

func (d *dialing) race(ctx context.Context, first int) (answer, error) {
	trying, cancel := context.WithCancel(ctx)
	tried, running, heard := map[int]bool{}, 0, 0
	try := func(dialect int) {
		tried[dialect] = true
		running++
		go func() { d.answers <- d.attempt(trying, dialect) }()
	}
	defer func() {
		cancel()
		go func(running int) {
			for ; running > 0; running-- {
				lost := <-d.answers
				lost.discard()
			}
		}(running)
	}()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var late <-chan time.Time
	var failed error
	try(first)
	for running > 0 {
		select {
		case connecting := <-d.asking:
			if len(tried) == 1 && heard == 0 {
				timer.Reset(patience + 2*connecting)
				late = timer.C
			}
		case <-late:
			late = nil
			try(otherDialect(first))
		case got := <-d.answers:
			running--
			switch {
			case got.unconnected && got.dialect != first && heard == 0:
				// The first attempt may still get a reply, or the server may accept a second connection later.
				delete(tried, got.dialect)
				timer.Reset(pause)
				late = timer.C
			case got.err != nil:
				if failed == nil || heard != 0 {
					failed = got.err
				}
			case got.heard == got.dialect:
				return got, nil
			default:
				got.discard()
				heard, late = got.heard, nil
				if !tried[heard] {
					try(heard)
				}
			}
		}
	}
	if cause := ctx.Err(); cause != nil && errors.Is(failed, net.ErrClosed) {
		kind := cause
		if cause == context.DeadlineExceeded {
			kind = ErrTimeout
		}
		return answer{}, &problem{kind, "rpyc: " + d.addr + " did not reply in time", cause}
	}
	if heard == 0 || failed != nil && (errors.Is(failed, ErrDialect) || errors.Is(failed, ErrProtocol) || errors.Is(failed, ErrAuthentication)) {
		return answer{}, failed
	}
	why := "it replied in a different dialect on each connection"
	if failed != nil {
		why = "it could not be reached again after an attempt in the other one (" + failed.Error() + ")"
	}
	return answer{}, problemf(ErrDialect, "%s speaks the dialect of %s, but %s; set it: WithConfig(\"dialect\", \"%d\")",
		d.addr, map[int]string{5: "RPyC 5.3 and older", 6: "RPyC 6.0 and later"}[heard], why, heard)
}

// discard ends an attempt that was not selected. The application has not seen the connection.
func (a *answer) discard() {
	if a.conn != nil {
		hangUp(a.conn.network)
		a.conn.cancel()
		a.conn.core.free()
		a.conn = nil
	}
}

// attempt requests a peer's root in one dialect and reads until the peer's dialect is known.
func (d *dialing) attempt(ctx context.Context, dialect int) (a answer) {
	a.dialect = dialect
	began := time.Now()
	stream, err := d.options.connect(ctx, d.network, d.address)
	if err != nil {
		a.err, a.unconnected = err, true
		return a
	}
	o := d.options
	o.config = map[string]string{}
	for name, text := range d.options.config {
		o.config[name] = text
	}
	if dialect == 5 {
		o.config["dialect"] = "5"
	}
	if a.conn, a.err = newDialled(ctx, stream, &o); a.err != nil {
		return a
	}
	connecting := time.Since(began)
	a.conn.name = d.addr
	over, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ctx.Done():
			hangUp(stream)
		case <-over:
		}
	}()
	defer func() {
		close(over)
		<-watched
		if a.err != nil {
			a.discard()
		}
	}()
	if a.asked, a.err = a.conn.send(ctx, question{handler: handleGetRoot}); a.err != nil {
		return a
	}
	buf := make([]byte, 16<<10)
	for n, _ := a.conn.take(buf); n > 0; n, _ = a.conn.take(buf) {
		if _, err := stream.Write(buf[:n]); err != nil {
			break // reading returns earlier data first, then the end
		}
	}
	select {
	case d.asking <- connecting:
	case <-ctx.Done():
	}
	a.listen(stream, buf, o.config["bind_threads"])
	return a
}

// listen reads until the peer's dialect is known. Data that is not RPyC is an error.
func (a *answer) listen(stream net.Conn, buf []byte, bindThreads string) {
	skip := 0
	if bindThreads == "true" || bindThreads == "1" || bindThreads == "on" || bindThreads == "yes" {
		skip = 16
	}
	for {
		n, err := stream.Read(buf)
		a.begun = append(a.begun, buf[:n]...)
		var known bool
		if a.heard, known = firstWord(a.begun, skip); known && a.heard != 0 {
			return
		}
		if err == nil && !known && len(a.begun) <= 64<<10 {
			continue
		}
		if errors.Is(err, net.ErrClosed) {
			a.err = err
			return
		}
		// The session reports the error.
		c := a.conn.core
		if a.err = c.feed(a.begun); a.err == nil {
			c.endOfStream()
			var event event
			event, a.err = c.next()
			if a.err == nil && event.err != nil {
				a.err = event.err
			}
		}
		if a.err == nil {
			a.err = problemf(ErrClosed, "%s closed the connection", a.conn.name)
		}
		return
	}
}

// firstWord returns the dialect of the first message, once enough bytes have arrived; 0 for an unknown one.
func firstWord(data []byte, skip int) (dialect int, known bool) {
	for len(data) >= 5 {
		length, body := uint64(binary.BigEndian.Uint32(data)), data[5:]
		if length == 0 {
			if len(body) == 0 {
				return 0, false
			}
			data = body[1:]
			continue
		}
		whole := uint64(len(body)) >= length
		if whole {
			body = body[:length]
		}
		if data[4] != 0 {
			reader, err := zlib.NewReader(bytes.NewReader(body))
			if err != nil {
				return 0, whole || len(body) >= 2
			}
			text := make([]byte, skip+1)
			n, _ := io.ReadFull(reader, text)
			body = text[:n]
		}
		if len(body) <= skip {
			return 0, whole
		}
		switch body[skip] {
		case 1, 2, 3:
			return 6, true
		case 0x12, 0x14, 0x15:
			return 5, true
		}
		return 0, true
	}
	return 0, false
}
