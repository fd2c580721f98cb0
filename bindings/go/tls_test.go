package rpyc_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"rpyc"
)

// certificate makes a self-signed certificate for localhost, and a pool that contains it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

type secured struct{ who chan string }

func (s *secured) Echo(data []byte) []byte { return data }

func (s *secured) Who(ctx context.Context) string {
	conn, _ := rpyc.ConnOf(ctx)
	state, ok := conn.TLS()
	if !ok || len(state.PeerCertificates) == 0 {
		return ""
	}
	return state.PeerCertificates[0].Subject.CommonName
}

func serveTLS(t *testing.T, config *tls.Config, opts ...rpyc.Option) (address string, stop func() error) {
	t.Helper()
	server := rpyc.NewServer(&secured{}, append(opts, rpyc.WithTLS(config))...)
	listener, err := server.Listen(context.Background(), "tls://localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return "localhost:" + port, func() error {
		cancel()
		return <-ended
	}
}

// Both sides verify each other, and the service sees the client's certificate. Silent clients delay nobody.
func TestTLS(t *testing.T) {
	own, pool := certificate(t)
	address, stop := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{own}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert})
	for i := 0; i < 20; i++ {
		silent, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	for _, dialect := range []string{"auto", "5", "6"} {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		conn, err := rpyc.Dial(ctx, "tls://"+address, rpyc.WithConfig("dialect", dialect),
			rpyc.WithTLS(&tls.Config{RootCAs: pool, Certificates: []tls.Certificate{own}}))
		if err != nil {
			t.Fatal(err)
		}
		if state, ok := conn.TLS(); !ok || !state.HandshakeComplete {
			t.Error("no state of TLS")
		}
		if who, err := rpyc.Call[string](ctx, conn.Root(), "who"); err != nil || who != "test" {
			t.Error(who, err)
		}
		data := bytes.Repeat([]byte("0123456789"), 30000)
		if got, err := rpyc.Call[[]byte](ctx, conn.Root(), "echo", data); err != nil || !bytes.Equal(got, data) {
			t.Error(len(got), err)
		}
		conn.Close()
		cancel()
	}
	// Without a certificate, or for an unknown authority.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if conn, err := rpyc.Dial(ctx, "tls://"+address, rpyc.WithTLS(&tls.Config{RootCAs: pool})); err == nil {
		t.Error("a client without a certificate was served")
		conn.Close()
	}
	var unknown x509.UnknownAuthorityError
	if _, err := rpyc.Dial(ctx, "tls://"+address); !errors.As(err, &unknown) {
		t.Error(err)
	}
	// The silent ones do not delay the end either.
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// A handshake has a limit.
func TestTLSHandshakeTimeout(t *testing.T) {
	own, _ := certificate(t)
	address, stop := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{own}}, rpyc.WithConfig("handshake_timeout", "0.1"))
	defer stop()
	silent, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	silent.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, silent); err != nil {
		t.Error(err)
	}
}

// A server needs a certificate, and the function Listen does not have one.
func TestTLSWithoutCertificate(t *testing.T) {
	if _, err := rpyc.Listen(context.Background(), "tls://localhost:0"); !errors.Is(err, rpyc.ErrAddress) {
		t.Error(err)
	}
	err := rpyc.NewServer(&secured{}).ListenAndServe(context.Background(), "tls://localhost:0")
	if !errors.Is(err, rpyc.ErrAddress) || !strings.Contains(err.Error(), "WithTLS") {
		t.Error(err)
	}
}

// recorder counts the application records that pass through it.
type recorder struct {
	net.Conn
	records int
}

func (r *recorder) Write(data []byte) (int, error) {
	for rest := data; len(rest) >= 5; rest = rest[5+int(rest[3])<<8+int(rest[4]):] {
		if rest[0] == 23 {
			r.records++
		}
	}
	return r.Conn.Write(data)
}

// Messages do not share records: requests that are written together have one each.
func TestTLSRecordPerMessage(t *testing.T) {
	own, pool := certificate(t)
	address, stop := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{own}})
	defer stop()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var counted *recorder
	conn, err := rpyc.Dial(ctx, "tls://"+address, rpyc.WithConfig("dialect", "6"), rpyc.WithTLS(&tls.Config{RootCAs: pool}),
		rpyc.WithDialer(func(ctx context.Context, network, address string) (net.Conn, error) {
			stream, err := new(net.Dialer).DialContext(ctx, network, address)
			counted = &recorder{Conn: stream}
			return counted, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	const calls = 50
	results := make([]*rpyc.Future[[]byte], calls)
	for i := range results {
		results[i] = rpyc.Async[[]byte](ctx, conn.Root(), "echo", []byte("x"))
	}
	for _, result := range results {
		if _, err := result.Result(); err != nil {
			t.Error(err)
		}
	}
	conn.Close()
	if counted.records < calls {
		t.Errorf("%d requests in %d records", calls, counted.records)
	}
}
