package rpyc

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"net"
	"strconv"
	"time"
)

// WithTLS sets the configuration for "tls://" addresses. Dial verifies the server with its RootCAs, or those of the
// system, for the host of the address or its ServerName. A Server needs its Certificates or GetCertificate, and verifies
// clients by its ClientAuth and ClientCAs. To change certificates while a Server runs, set GetCertificate or
// GetConfigForClient. The options tls_... of WithConfig have no effect in Go.
//
// The configuration is copied. A Server sends no session tickets, because stock RPyC clients hang after them.
func WithTLS(config *tls.Config) Option {
	return func(o *options) { o.tls = config.Clone() }
}

// TLS returns the state of the connection's TLS, with the peer's certificates. ok is false for a connection without.
func (c *Conn) TLS() (state tls.ConnectionState, ok bool) {
	stream, ok := c.conn.network.(*tlsStream)
	if !ok {
		return state, false
	}
	return stream.ConnectionState(), true
}

// hangUp ends a stream at once. Close of a tls.Conn first sends close_notify, and waits for a lock that Read holds while it
// answers a request for new keys to a peer that receives nothing.
func hangUp(stream net.Conn) error {
	switch secure := stream.(type) {
	case *tls.Conn:
		return secure.NetConn().Close()
	case *tlsStream:
		return secure.NetConn().Close()
	}
	return stream.Close()
}

// handshakeLimit returns the option handshake_timeout.
func (o *options) handshakeLimit() time.Duration {
	text, given := o.config["handshake_timeout"]
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && seconds < 1e9 {
		return time.Duration(seconds * float64(time.Second))
	}
	if given {
		return 1 << 62 // "none"
	}
	return 10 * time.Second
}

// connect opens a stream. For TLS, it includes the handshake.
func (o *options) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if network != "tls" {
		return o.dial(ctx, network, address)
	}
	stream, err := o.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{}
	if o.tls != nil {
		config = o.tls.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	secure := tls.Client(stream, config)
	limited, cancel := context.WithTimeout(ctx, o.handshakeLimit())
	defer cancel()
	if err := secure.HandshakeContext(limited); err != nil {
		stream.Close()
		return nil, err
	}
	return secure, nil
}

// secureServer adds TLS to an accepted stream. The handshake is still to be done.
func (o *options) secureServer(stream net.Conn) net.Conn {
	config := o.tls.Clone()
	config.SessionTicketsDisabled = true
	if inner := config.GetConfigForClient; inner != nil {
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := inner(hello)
			if chosen != nil {
				chosen = chosen.Clone()
				chosen.SessionTicketsDisabled = true
			}
			return chosen, err
		}
	}
	return tls.Server(stream, config)
}

// handshake completes the handshake of an accepted stream, if it has one, within the option handshake_timeout. It ends
// with the server.
func (s *Server) handshake(stream net.Conn) error {
	secure, ok := stream.(*tls.Conn)
	if !ok {
		return nil
	}
	below := secure.NetConn()
	s.mu.Lock()
	ended := s.ended
	s.shaking[below] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.shaking, below)
		s.mu.Unlock()
	}()
	if ended {
		return problemf(ErrClosed, "the server has ended")
	}
	limited, cancel := context.WithTimeout(context.Background(), s.options.handshakeLimit())
	defer cancel()
	return secure.HandshakeContext(limited)
}

// tlsListener accepts streams with TLS.
type tlsListener struct {
	net.Listener
	options *options
}

func (l *tlsListener) Accept() (net.Conn, error) {
	stream, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.options.secureServer(stream), nil
}

// tlsStream writes each message in records of its own. A stock peer that has decrypted a record polls its socket for
// the next message, and would not see one in the same record.
type tlsStream struct {
	*tls.Conn
	header [4]byte
	known  int   // number of bytes of header
	left   int64 // bytes until the next message, if the header is complete
}

// around is the size of the flag before a body and the newline after it.
const around = 2

func (s *tlsStream) Write(data []byte) (int, error) {
	written := 0
	for len(data) > 0 {
		end := s.next(data)
		n, err := s.Conn.Write(data[:end])
		written += n
		if err != nil {
			return written, err
		}
		data = data[end:]
	}
	return written, nil
}

// next returns the number of bytes of data that belong to the first message in it.
func (s *tlsStream) next(data []byte) int {
	end := 0
	for s.known < len(s.header) && end < len(data) {
		s.header[s.known] = data[end]
		s.known++
		end++
		if s.known == len(s.header) {
			s.left = int64(binary.BigEndian.Uint32(s.header[:])) + around
		}
	}
	if s.known == len(s.header) {
		more := int64(len(data) - end)
		if more > s.left {
			more = s.left
		}
		s.left -= more
		end += int(more)
		if s.left == 0 {
			s.known = 0
		}
	}
	return end
}
