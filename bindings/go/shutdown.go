package rpyc

import (
	"context"
	"encoding/binary"
	"net"
	"syscall"
	"time"
	"unsafe"
)

const (
	// settled is the time without input after which a connection that is being shut down is idle.
	settled = 100 * time.Millisecond
	// lookEvery is the interval of looks at the connections.
	lookEvery = 5 * time.Millisecond
)

// Shutdown stops the server gracefully, as that of net/http does. Serve accepts no more connections; every request that
// was received is answered, and each connection is closed as soon as it is idle: all its requests are answered, the
// replies have been received by the peer's system, and nothing arrives. Then Serve and Shutdown return nil. Handshakes
// and authentications that are in progress are waited for too.
//
// When ctx ends first, the remaining connections are closed and Shutdown returns the error of ctx. The contexts of their
// calls end; the callers find the end of the stream (ErrClosed, Python: EOFError).
//
// A method of the service must not wait for Shutdown, which waits for the method.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining = true
	listeners := make([]net.Listener, 0, len(s.listeners))
	for listener := range s.listeners {
		listeners = append(listeners, listener)
	}
	s.mu.Unlock()
	for _, listener := range listeners {
		listener.Close()
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	seen := map[*conn]look{}
	for {
		s.mu.Lock()
		over := s.active == 0 && len(s.listeners) == 0
		conns := make([]*conn, 0, len(s.conns))
		for c := range s.conns {
			conns = append(conns, c)
		}
		s.mu.Unlock()
		if over {
			return nil
		}
		for _, c := range conns {
			seen[c] = c.endIfIdle(seen[c])
		}
		select {
		case <-ctx.Done():
			s.abort()
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// arrive registers a listener, or counts a connection. It returns false if the server accepts no more.
func (s *Server) arrive(listener net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining {
		return false
	}
	if listener != nil {
		s.listeners[listener] = true
	} else {
		s.active++
	}
	return true
}

func (s *Server) depart() {
	s.mu.Lock()
	s.active--
	s.mu.Unlock()
}

// look is what Shutdown has found on a connection, and since when.
type look struct {
	received uint64
	since    time.Time // zero if it was busy
}

// endIfIdle ends the connection if it has been idle since the last look for long enough.
func (c *conn) endIfIdle(last look) look {
	c.mu.Lock()
	now := look{c.received, time.Now()}
	select {
	case <-c.ready:
	default:
		now.since = time.Time{}
	}
	switch {
	case c.core == nil || c.quit:
		c.mu.Unlock()
		return now
	case c.serving > 0 || c.sending || c.core.outgoing() > 0 || c.core.hasMessage() || c.frames.partial() || onItsWay(c.network):
		now.since = time.Time{}
	case last.received == now.received && !last.since.IsZero() && !now.since.IsZero():
		if now.since.Sub(last.since) >= settled {
			// What arrives from now on is not executed.
			c.quit, c.closing = true, true
			c.fail(nil)
			c.mu.Unlock()
			hangUp(c.network)
			return now
		}
		now.since = last.since
	}
	c.mu.Unlock()
	return now
}

// onItsWay reports whether input waits to be read, or the peer's system has not received all that was sent, which would
// be lost if the stream were closed.
func onItsWay(stream net.Conn) bool {
	if secure, ok := stream.(*tlsStream); ok {
		stream = secure.NetConn()
	}
	tcp, ok := stream.(*net.TCPConn)
	if !ok {
		return false
	}
	var in, out int32
	if raw, err := tcp.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCINQ, uintptr(unsafe.Pointer(&in)))
			syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&out)))
		})
	}
	return in > 0 || out > 0
}

// frames finds out whether a message has begun to arrive and is not complete.
type frames struct {
	header [4]byte // the received part of an incomplete header
	known  int
	left   int64 // bytes until the next message
}

func (f *frames) partial() bool { return f.known > 0 || f.left > 0 }

func (f *frames) add(data []byte) {
	for len(data) > 0 {
		if f.left > 0 {
			n := int64(len(data))
			if n > f.left {
				n = f.left
			}
			f.left -= n
			data = data[n:]
			continue
		}
		n := copy(f.header[f.known:], data)
		f.known += n
		data = data[n:]
		if f.known == len(f.header) {
			// A byte of flags before the body, and a newline after it.
			f.known, f.left = 0, int64(binary.BigEndian.Uint32(f.header[:]))+2
		}
	}
}
