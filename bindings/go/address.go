package rpyc

import (
	"context"
	"net"
	"strconv"
	"strings"
)

// parseAddress splits an address into the network and the address for package net.
func parseAddress(addr string) (network, address string, err error) {
	wrong := func(what string) (string, string, error) {
		return "", "", problemf(ErrAddress, "address %q: %s", addr, what)
	}
	switch {
	case strings.HasPrefix(addr, "tcp://"), strings.HasPrefix(addr, "tls://"):
		network, rest, _ := strings.Cut(addr, "://")
		host, port, err := net.SplitHostPort(rest)
		if err != nil {
			return wrong("write " + network + "://HOST:PORT or " + network + "://[IPV6]:PORT")
		}
		if strings.ContainsAny(host, " \t\n/@?#[]") {
			return wrong("not a host name")
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return wrong("the port is not a number from 0 to 65535")
		}
		if host == "" {
			host = "127.0.0.1"
		}
		return network, net.JoinHostPort(host, port), nil
	case strings.HasPrefix(addr, "shm://"):
		// Goroutines wait in the runtime's poller, so only the socket is used.
		path := addr[len("shm://"):]
		if len(path) < 2 || path[0] != '/' {
			return wrong("write shm:///PATH")
		}
		return "unix", path, nil
	case strings.HasPrefix(addr, "unix://"):
		path := addr[len("unix://"):]
		if len(path) < 2 || (path[0] != '/' && path[0] != '@') {
			return wrong("write unix:///PATH, or unix://@NAME for an abstract socket")
		}
		return "unix", path, nil
	}
	return wrong("it starts with none of tcp://, tls://, unix:// and shm://")
}

// addressOf formats an address of package net as an address of RPyC.
func addressOf(addr net.Addr) string {
	if addr == nil || addr.String() == "" {
		return ""
	}
	return addr.Network() + "://" + addr.String()
}

// Listen listens at an address for Server.Serve: "tcp://HOST:PORT" (port 0 selects a free one), "unix:///PATH", or
// "shm:///PATH", which here means the same as unix. To learn the port before serving, call Addr of the result. For
// "tls://" use Server.Listen.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	network, address, err := parseAddress(addr)
	if err != nil {
		return nil, err
	}
	if network == "tls" {
		return nil, problemf(ErrAddress, "address %q: use Server.Listen with WithTLS", addr)
	}
	var config net.ListenConfig
	return config.Listen(ctx, network, address)
}
