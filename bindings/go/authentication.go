package rpyc

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// ErrAuthentication means that the peer did not authenticate itself, or that it refused this side.
var ErrAuthentication = errors.New("rpyc: authentication failed")

// Authenticator proves who the peer is, on the raw stream before the first frame. It returns the credentials, which
// Conn.Credentials returns; an error refuses the peer. It must not read more than its part of the stream, so it must
// not use a bufio.Reader. The stream is closed when the time is over; see WithAuthenticator. server tells whether this
// side accepted the stream.
type Authenticator func(stream net.Conn, server bool) (credentials any, err error)

// WithAuthenticator authenticates the peer of every connection, on a Server and with Dial and NewConn. The last
// authenticator that is set counts. On a server, handshake_timeout limits the time (10 s), and until it has ended the
// connection counts as one without a message; see Server. When dialling, the time is that of the context, and at most
// connect_timeout (10 s). A panic refuses the peer.
func WithAuthenticator(authenticator Authenticator) Option {
	return func(o *options) { o.authenticator = authenticator }
}

// WithSecret authenticates both sides by a shared secret of at least 16 bytes, as rpyc_config_set_secret does in C and
// examples-c/peers/secret.py in Python. Over plain TCP it protects only the opening.
func WithSecret(secret []byte) Option {
	key := append([]byte(nil), secret...)
	return WithAuthenticator(func(stream net.Conn, server bool) (any, error) {
		if len(key) < 16 {
			return nil, fmt.Errorf("secret: expected at least 16 bytes, got %d", len(key))
		}
		var err error
		if server {
			err = serveSecret(stream, key)
		} else {
			err = connectSecret(stream, key)
		}
		return Dict{{Key: "authentication", Value: "secret"}}, err
	})
}

// WithUnixPeers accepts peers of Unix sockets whose effective user id is in uids, or whose effective group id is in
// gids. Peers of other streams are refused. The credentials are a Dict with uid, gid and pid.
func WithUnixPeers(uids, gids []uint32) Option {
	return WithAuthenticator(func(stream net.Conn, _ bool) (any, error) {
		unix, ok := stream.(*net.UnixConn)
		if !ok {
			return nil, errors.New("the peer is not at a Unix socket")
		}
		raw, err := unix.SyscallConn()
		if err != nil {
			return nil, err
		}
		var peer *syscall.Ucred
		var failed error
		if err := raw.Control(func(fd uintptr) {
			peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
		}); err != nil {
			return nil, err
		}
		if failed != nil {
			return nil, fmt.Errorf("no credentials of the peer: %w", failed)
		}
		if !contains(uids, peer.Uid) && !contains(gids, peer.Gid) {
			return nil, fmt.Errorf("neither user %d nor group %d is allowed", peer.Uid, peer.Gid)
		}
		return Dict{{Key: "uid", Value: int64(peer.Uid)}, {Key: "gid", Value: int64(peer.Gid)}, {Key: "pid", Value: int64(peer.Pid)}}, nil
	})
}

func contains(ids []uint32, id uint32) bool {
	for _, other := range ids {
		if other == id {
			return true
		}
	}
	return false
}

// Credentials returns what the authenticator returned for the peer; nil without one.
func (c *Conn) Credentials() any { return c.conn.options.credentials }

// AuthenticationFailures returns the number of connections that the server closed because the authentication of the
// peer failed or took too long.
func (s *Server) AuthenticationFailures() uint64 { return s.refused.Load() }

// admit authenticates the peer of an accepted stream. The end of the server ends it.
func (s *Server) admit(o *options, stream net.Conn) error {
	if o.authenticator == nil {
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.mu.Lock()
	if s.ended {
		cancel()
	}
	s.admitting[stream] = cancel
	s.mu.Unlock()
	err := o.admit(ctx, stream, true)
	s.mu.Lock()
	delete(s.admitting, stream)
	ended := s.ended
	s.mu.Unlock()
	if err != nil && !ended {
		s.refused.Add(1)
	}
	return err
}

// admit authenticates the peer of a new stream, and stores its credentials in the options of the connection.
func (o *options) admit(ctx context.Context, stream net.Conn, server bool) error {
	if o.authenticator == nil {
		return nil
	}
	option := "connect_timeout"
	if server {
		option = "handshake_timeout"
	}
	var over atomic.Bool
	end := func() {
		over.Store(true)
		hangUp(stream)
	}
	if limit, limited := o.seconds(option, 10*time.Second); limited {
		timer := time.AfterFunc(limit, end)
		defer timer.Stop()
	}
	stopped, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ctx.Done():
			end()
		case <-stopped:
		}
	}()
	var credentials any
	err := guarded(func() (err error) {
		credentials, err = o.authenticator(stream, server)
		return err
	})
	close(stopped)
	<-watched
	name := addressOf(stream.RemoteAddr())
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		return &problem{ErrTimeout, "rpyc: " + name + ": the authentication has not ended in time", ctx.Err()}
	case ctx.Err() != nil:
		return ctx.Err()
	case over.Load():
		return problemf(ErrTimeout, "%s: the authentication has not ended in time (%s)", name, option)
	case err != nil:
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			err = fmt.Errorf("the peer ended the stream during the authentication: %w", err)
		}
		return &problem{ErrAuthentication, "rpyc: " + name + ": authentication failed: " + err.Error(), err}
	}
	o.credentials = credentials
	return nil
}

// seconds returns an option that is a number of seconds; false if it is "none".
func (o *options) seconds(name string, usual time.Duration) (time.Duration, bool) {
	text, given := o.config[name]
	if !given {
		return usual, true
	}
	// Invalid texts are reported when the session is made.
	number, err := strconv.ParseFloat(text, 64)
	return time.Duration(number * float64(time.Second)), err == nil
}

// The bytes are described in docs/guide/authentication.md.
const secretHello = "\x00\x00\x00\x28\x00RPYCSEC1"

func secretProof(key []byte, side string, client, server []byte) []byte {
	proof := hmac.New(sha256.New, key)
	io.WriteString(proof, "RPYCSEC1 "+side)
	proof.Write(client)
	proof.Write(server)
	return proof.Sum(nil)
}

func sendHello(stream net.Conn) ([]byte, error) {
	nonce := make([]byte, 32)
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	_, err := stream.Write(append(append([]byte(secretHello), nonce...), '\n'))
	return nonce, err
}

// receiveHello reads the peer's hello, in parts, so that other data is refused as soon as it differs.
func receiveHello(stream net.Conn) ([]byte, error) {
	head := make([]byte, len(secretHello))
	for _, part := range [][]byte{head[:5], head[5:]} {
		if _, err := io.ReadFull(stream, part); err != nil {
			return nil, err
		}
		if string(head[:5]) != secretHello[:5] {
			return nil, errors.New("the peer does not begin with the authentication by a secret")
		}
	}
	if string(head) != secretHello {
		return nil, errors.New("the peer uses another authentication, or another version of it")
	}
	nonce := make([]byte, 33)
	if _, err := io.ReadFull(stream, nonce); err != nil {
		return nil, err
	}
	if nonce[32] != '\n' {
		return nil, errors.New("the peer does not begin with the authentication by a secret")
	}
	return nonce[:32], nil
}

func checkProof(stream net.Conn, expected []byte, reason string) error {
	proof := make([]byte, len(expected))
	if _, err := io.ReadFull(stream, proof); err != nil {
		return err
	}
	if !hmac.Equal(proof, expected) {
		return errors.New(reason)
	}
	return nil
}

func serveSecret(stream net.Conn, key []byte) error {
	client, err := receiveHello(stream)
	if err != nil {
		return err
	}
	server, err := sendHello(stream)
	if err != nil {
		return err
	}
	if err := checkProof(stream, secretProof(key, "client", client, server), "the client has another secret"); err != nil {
		return err
	}
	_, err = stream.Write(secretProof(key, "server", client, server))
	return err
}

func connectSecret(stream net.Conn, key []byte) error {
	client, err := sendHello(stream)
	if err != nil {
		return err
	}
	server, err := receiveHello(stream)
	if err != nil {
		return fmt.Errorf("%w; does the server expect a secret?", err)
	}
	if hmac.Equal(client, server) {
		return errors.New("the peer sent back the challenge that it was sent")
	}
	if _, err := stream.Write(secretProof(key, "client", client, server)); err != nil {
		return err
	}
	if err := checkProof(stream, secretProof(key, "server", client, server), "the server has another secret"); err != nil {
		return fmt.Errorf("%w; is the secret that of the server?", err)
	}
	return nil
}
