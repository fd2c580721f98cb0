package rpyc

import (
	"context"
	"errors"
	"math/rand"
	"net"
	"strconv"
	"time"
)

const (
	firstPause   = 50 * time.Millisecond
	longestPause = 5 * time.Second
)

// repeat calls dial until it succeeds, fails for good, the context ends, or the time of the option connect_retry is
// over. The pauses grow, and a random part of up to a half is taken off each.
func repeat(ctx context.Context, o options, dial func() (*Conn, error)) (*Conn, error) {
	// The core validates the option when a connection is made.
	seconds, err := strconv.ParseFloat(o.config["connect_retry"], 64)
	if err != nil || !(seconds > 0) {
		return dial()
	}
	if seconds > 1e9 {
		seconds = 1e9
	}
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	random := rand.New(rand.NewSource(time.Now().UnixNano()))
	for pause := firstPause; ; pause *= 2 {
		if pause > longestPause {
			pause = longestPause
		}
		conn, err := dial()
		left := time.Until(end)
		if err == nil || !mayPass(err) || left <= 0 {
			return conn, err
		}
		wait := pause/2 + time.Duration(random.Int63n(int64(pause/2)))
		if wait > left {
			wait = left
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, err
		}
	}
}

// mayPass reports whether a server that is being started or is busy may be the reason of an error.
func mayPass(err error) bool {
	var unknown *net.DNSError
	var network *net.OpError
	return !errors.As(err, &unknown) && (errors.As(err, &network) || errors.Is(err, ErrClosed) || errors.Is(err, ErrTimeout))
}
