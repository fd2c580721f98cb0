package rpyc

import (
	"net"
	"net/netip"
	"strconv"
	"sync"
)

// room tells which connections a server takes in when places are few.
type room struct {
	most, ofOne int // 0: no limit
	makes       bool

	mu      sync.Mutex
	places  []*seat // in the order in which they came
	leaving int
}

// seat is what one connection has of it.
type seat struct {
	origin  netip.Addr // not valid: it has no address
	stream  net.Conn
	begun   bool  // code of the application may run for it
	conn    *conn // once it waits for its peer
	leaving bool
}

// newRoom reads the options that are about it. What is wrong in them is reported when the server begins to serve.
func newRoom(config map[string]string) *room {
	number := func(name string) int {
		n, _ := strconv.Atoi(config[name])
		return n
	}
	makes := config["make_room"]
	return &room{most: number("max_connections"), ofOne: number("max_connections_per_address"),
		makes: makes == "" || makes == "true"}
}

// enter gives a new connection its place; nil: there is none. A connection may be closed for it that has never sent a message.
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
		silent.stream.Close()
	}
	r.places = append(r.places, p)
	return p
}

// silent finds the oldest connection of which no message has come. Those that leave may be held up by code of the application.
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

// begin notes that a connection is being made.
func (r *room) begin(p *seat) {
	if p == nil {
		return
	}
	r.mu.Lock()
	p.begun = true
	r.mu.Unlock()
}

// settle notes that a connection waits for its peer.
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

// hasSpoken says whether the peer's first message has come. Who is busy with the connection takes it that it has.
func (c *conn) hasSpoken() bool {
	if !c.mu.TryLock() {
		return true
	}
	defer c.mu.Unlock()
	return c.core == nil || c.core.heard() != 0
}

// originOf is what connections of one address have in common: an IPv4 address, or the first 64 bits of one of IPv6.
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
