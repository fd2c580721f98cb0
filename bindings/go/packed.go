package rpyc

import (
	"encoding/binary"
	"math"
	"math/big"
)

// The packed form of values, in which they are passed to and from the library in one call.
const (
	packedNone = iota
	packedNotImplemented
	packedEllipsis
	packedFalse
	packedTrue
	packedInt
	packedBigInt
	packedFloat
	packedComplex
	packedStr
	packedBytes
	packedTuple
	packedList
	packedDict
	packedFrozenSet
	packedSlice
	packedObject   // a handle
	packedOwn      // a local object, by its token
	packedValue    // a handle of a value that has no packed form
	packedFunction // only towards the library; unused
	packedMethod   // a local method that the peer read without calling it
)

type bigInt = *big.Int

func putHeader(buf []byte, kind byte, n int) []byte {
	return binary.LittleEndian.AppendUint32(append(buf, kind), uint32(n))
}

func putWord(buf []byte, kind byte, word uint64) []byte {
	return binary.LittleEndian.AppendUint64(append(buf, kind), word)
}

func putText(buf []byte, kind byte, text string) []byte {
	return append(putHeader(buf, kind, len(text)), text...)
}

func putFloat(buf []byte, number float64) []byte {
	return putWord(buf, packedFloat, math.Float64bits(number))
}

func putUint(buf []byte, number uint64) []byte {
	if number <= math.MaxInt64 {
		return putWord(buf, packedInt, number)
	}
	return putText(buf, packedBigInt, new(big.Int).SetUint64(number).String())
}

// unpacker reads packed values. It owns the handles that it reads: each becomes an Object or is freed.
type unpacker struct {
	conn *conn
	rest []byte
	lent bool // objects in the values do not keep the connection open
	bad  bool
}

func (u *unpacker) bytes(n int) []byte {
	if u.bad || n < 0 || n > len(u.rest) {
		u.bad = true
		return nil
	}
	taken := u.rest[:n:n]
	u.rest = u.rest[n:]
	return taken
}

func (u *unpacker) count() int {
	if b := u.bytes(4); b != nil {
		return int(binary.LittleEndian.Uint32(b))
	}
	return 0
}

func (u *unpacker) word() uint64 {
	if b := u.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (u *unpacker) values(n int) []any {
	values := make([]any, 0, min(n, len(u.rest)))
	for i := 0; i < n && !u.bad; i++ {
		values = append(values, u.value())
	}
	return values
}

func (u *unpacker) value() any {
	kind := u.bytes(1)
	if u.bad {
		return nil
	}
	switch kind[0] {
	case packedNone:
		return nil
	case packedNotImplemented:
		return NotImplemented
	case packedEllipsis:
		return Ellipsis
	case packedFalse:
		return false
	case packedTrue:
		return true
	case packedInt:
		return int64(u.word())
	case packedBigInt:
		number, ok := new(big.Int).SetString(string(u.bytes(u.count())), 10)
		u.bad = u.bad || !ok
		return number
	case packedFloat:
		return math.Float64frombits(u.word())
	case packedComplex:
		re := math.Float64frombits(u.word())
		return complex(re, math.Float64frombits(u.word()))
	case packedStr:
		return string(u.bytes(u.count()))
	case packedBytes:
		n := u.count()
		return append(make([]byte, 0, min(n, len(u.rest))), u.bytes(n)...)
	case packedTuple:
		return Tuple(u.values(u.count()))
	case packedList:
		return u.values(u.count())
	case packedFrozenSet:
		return FrozenSet(u.values(u.count()))
	case packedDict:
		n := u.count()
		dict := make(Dict, 0, min(n, len(u.rest)))
		for i := 0; i < n && !u.bad; i++ {
			key := u.value()
			dict = append(dict, Item{key, u.value()})
		}
		return dict
	case packedSlice:
		start, stop := u.value(), u.value()
		return Slice{start, stop, u.value()}
	case packedObject:
		handle := u.word()
		if u.conn == nil { // for an exception
			freeObject(handle)
			return nil
		}
		return u.conn.adopt(handle, !u.lent)
	case packedOwn:
		token := u.word()
		if u.conn == nil {
			return nil
		}
		return u.conn.ownByToken(token)
	case packedMethod:
		token, name := u.word(), string(u.bytes(u.count()))
		itself := u.value()
		if object, ok := itself.(*Object); ok {
			if method := u.conn.methodByToken(token, name); method != nil {
				object.Close()
				return method
			}
		}
		return itself // made by the library
	case packedValue:
		return valueOf(u.word())
	}
	u.bad = true
	return nil
}

// unpack reads one complete value of an event. The lock is held. Local values must be found before the next event,
// which may report that the peer has released them.
func (c *conn) unpack(packed []byte) (any, error) {
	u := unpacker{conn: c, rest: packed}
	return u.whole()
}

func (u *unpacker) whole() (any, error) {
	value := u.value()
	if u.bad || len(u.rest) != 0 {
		return nil, problemf(ErrProtocol, "the library returned an invalid value")
	}
	return value, nil
}

// unpackArguments reads the arguments of a peer's call. Objects in them do not keep the connection open. The lock is
// held.
func (c *conn) unpackArguments(packed []byte) (any, error) {
	u := unpacker{conn: c, rest: packed, lent: true}
	return u.whole()
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}

func appendWord(buf []byte, word uint64) []byte { return binary.LittleEndian.AppendUint64(buf, word) }
