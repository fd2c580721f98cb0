package rpyc

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
)

// room selects the connections that a server accepts while their number is limited.
type room struct {
	most, ofOne int // 0: no limit
	makes       bool

	mu      sync.Mutex
	places  []*seat // in order of arrival
	leaving int
}

// seat is the place of one connection.
type seat struct {
	origin  netip.Addr // invalid if it has no address
	stream  net.Conn
	begun   bool  // code of the application may be running for it
	conn    *conn // set when it waits for its peer
	leaving bool
}

// newRoom reads the options for the limits. Invalid ones are reported when the server begins to serve.
func newRoom(config map[string]string) *room {
	number := func(name string) int {
		n, _ := strconv.Atoi(config[name])
		return n
	}
	makes := config["make_room"]
	return &room{most: number("max_connections"), ofOne: number("max_connections_per_address"),
		makes: makes == "" || makes == "true"}
}

// enter assigns a place to a new connection; nil if there is none. It may close another connection that has never sent
// a message.
func (r *room) enter(stream net.Conn) *seat {
	p := &seat{origin: originOf(stream.RemoteAddr()), stream: stream}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ofOne > 0 && p.origin.IsValid() {
		count := 0
		for _, other := range r.places {
			if other.origin == p.origin {
				count++
			}
		}
		if count >= r.ofOne {
			return nil
		}
	}
	if r.most > 0 && (len(r.places)-r.leaving >= r.most || len(r.places) >= 2*r.most) {
		silent := r.silent()
		if silent == nil {
			return nil
		}
		silent.leaving = true
		r.leaving++
		hangUp(silent.stream)
	}
	r.places = append(r.places, p)
	return p
}

// silent finds the oldest connection that has received no message. Closing one can be delayed by code of the
// application.
func (r *room) silent() *seat {
	if !r.makes || r.leaving >= r.most {
		return nil
	}
	for _, p := range r.places {
		if !p.leaving && (!p.begun || p.conn != nil && !p.conn.hasSpoken()) {
			return p
		}
	}
	return nil
}

// begin records that a connection is being made.
func (r *room) begin(p *seat) {
	if p == nil {
		return
	}
	r.mu.Lock()
	p.begun = true
	r.mu.Unlock()
}

// settle records that a connection waits for its peer.
func (r *room) settle(p *seat, c *conn) {
	if p == nil {
		return
	}
	r.mu.Lock()
	p.conn = c
	r.mu.Unlock()
}

func (r *room) leave(p *seat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, other := range r.places {
		if other == p {
			r.places = append(r.places[:i], r.places[i+1:]...)
			break
		}
	}
	if p.leaving {
		r.leaving--
	}
}

// hasSpoken reports whether the peer's first message has arrived. If the connection is in use by another goroutine, it
// is assumed to have arrived.
func (c *conn) hasSpoken() bool {
	if !c.mu.TryLock() {
		return true
	}
	defer c.mu.Unlock()
	return c.core == nil || c.core.heard() != 0
}

// originOf returns the common part of the addresses of one origin: an IPv4 address, or the first 64 bits of an IPv6
// address.
func originOf(address net.Addr) netip.Addr {
	tcp, ok := address.(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		if prefix, err := ip.Prefix(64); err == nil {
			return prefix.Addr()
		}
	}
	return ip
}
