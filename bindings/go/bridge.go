package rpyc

/*
#cgo pkg-config: rpyc
#include <stdlib.h>
#include <rpyc.h>

// Handles in packed values are addresses.
static rpyc_object *go_object(uint64_t address) { return (rpyc_object *)(uintptr_t)address; }
static rpyc_value *go_value(uint64_t address) { return (rpyc_value *)(uintptr_t)address; }
static uint64_t go_address(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }

// One call of C instead of two. Tokens have 63 bits.
static int64_t go_stand_in(const rpyc_session *session, const rpyc_object *object) {
	uint64_t token = 0;
	if (!rpyc_object_is_remote(object))
		return -1;
	rpyc_session_stand_in_token(session, object, &token);
	return (int64_t)token;
}

// One call of C instead of three.
static void go_array(const rpyc_value *value, rpyc_array_type_id *type, const void **data, size_t *count) {
	rpyc_value_get_array(value, type, data, count, NULL);
}
static void go_bytes(const rpyc_value *value, const void **data, size_t *size) {
	const uint8_t *bytes = NULL;
	rpyc_value_get_bytes(value, &bytes, size, NULL);
	*data = bytes;
}
*/
import "C"

import (
	"fmt"
	"runtime"
	"sort"
	"sync"
	"time"
	"unsafe"
)

// The handlers of the protocol that this package requests.
const (
	handlePing          = C.RPYC_HANDLE_PING
	handleGetRoot       = C.RPYC_HANDLE_GETROOT
	handleGetAttr       = C.RPYC_HANDLE_GETATTR
	handleDelAttr       = C.RPYC_HANDLE_DELATTR
	handleSetAttr       = C.RPYC_HANDLE_SETATTR
	handleCall          = C.RPYC_HANDLE_CALL
	handleCallAttr      = C.RPYC_HANDLE_CALLATTR
	handleRepr          = C.RPYC_HANDLE_REPR
	handleStr           = C.RPYC_HANDLE_STR
	handleCmp           = C.RPYC_HANDLE_CMP
	handleHash          = C.RPYC_HANDLE_HASH
	handleDir           = C.RPYC_HANDLE_DIR
	handleBuffIter      = C.RPYC_HANDLE_BUFFITER
	handleCtxExit       = C.RPYC_HANDLE_CTXEXIT
	handleInspect       = C.RPYC_HANDLE_INSPECT
	handleInstanceCheck = C.RPYC_HANDLE_INSTANCECHECK
)

const (
	eventNone     = C.RPYC_EVENT_NONE
	eventRequest  = C.RPYC_EVENT_REQUEST
	eventReply    = C.RPYC_EVENT_REPLY
	eventReleased = C.RPYC_EVENT_RELEASED
	eventClosed   = C.RPYC_EVENT_CLOSED
	eventSend     = C.RPYC_EVENT_SEND
)

const (
	asksCall      = C.RPYC_ASK_CALL
	asksGet       = C.RPYC_ASK_GET
	asksSet       = C.RPYC_ASK_SET
	asksDel       = C.RPYC_ASK_DEL
	asksExists    = C.RPYC_ASK_EXISTS
	asksConstruct = C.RPYC_ASK_CONSTRUCT
	asksForward   = C.RPYC_ASK_FORWARD
)

// memberNone is the member of an access to an attribute by name.
const memberNone = C.RPYC_MEMBER_NONE

// Version returns the version of the library, such as "0.1.0".
func Version() string { return C.GoString(C.rpyc_version_string()) }

// core is a session of the library: the whole protocol without I/O. Its methods are called one at a time.
type core struct {
	session *C.rpyc_session
	event   *C.rpyc_session_event // in C memory
	length  *C.size_t
	look    *C.int64_t
}

// settings are options in the library's form. Sessions made with the same settings share one memory budget.
type settings struct {
	config *C.rpyc_config
}

func newSettings(options map[string]string) (*settings, error) {
	var failure *C.rpyc_error
	config := C.rpyc_config_new()
	made := &settings{config}
	runtime.SetFinalizer(made, func(made *settings) { C.rpyc_config_free(made.config) })
	names := make([]string, 0, len(options))
	for name := range options {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		cName, cText := C.CString(name), C.CString(options[name])
		status := C.rpyc_config_set(config, cName, cText, &failure)
		C.free(unsafe.Pointer(cName))
		C.free(unsafe.Pointer(cText))
		if status != C.RPYC_OK {
			return nil, takeError(failure)
		}
	}
	return made, nil
}

func (made *settings) newCore() (*core, error) {
	var failure *C.rpyc_error
	defer runtime.KeepAlive(made)
	c := &core{}
	// Goroutines move between threads.
	flags := C.uint64_t(C.RPYC_SESSION_PACKED | C.RPYC_SESSION_FORWARDS | C.RPYC_SESSION_ANY_THREAD)
	if C.rpyc_session_new(made.config, flags, &c.session, &failure) != C.RPYC_OK {
		return nil, takeError(failure)
	}
	// The session's clock is always 0, so a deadline is the remaining time.
	C.rpyc_session_set_time(c.session, 0)
	c.event = (*C.rpyc_session_event)(C.calloc(1, C.sizeof_rpyc_session_event+C.sizeof_size_t+C.sizeof_int64_t))
	c.event.struct_size = C.sizeof_rpyc_session_event
	c.length = (*C.size_t)(unsafe.Add(unsafe.Pointer(c.event), C.sizeof_rpyc_session_event))
	c.look = (*C.int64_t)(unsafe.Add(unsafe.Pointer(c.length), C.sizeof_size_t))
	return c, nil
}

func (c *core) free() {
	C.rpyc_session_free(c.session)
	C.free(unsafe.Pointer(c.event))
	c.session, c.event = nil, nil
}

// bytesPointer returns the address of bytes for a C function that copies or fills them.
func bytesPointer(data []byte) unsafe.Pointer {
	if len(data) == 0 {
		return nil
	}
	return unsafe.Pointer(&data[0])
}

func (c *core) feed(data []byte) error {
	var failure *C.rpyc_error
	if C.rpyc_session_feed(c.session, bytesPointer(data), C.size_t(len(data)), &failure) != C.RPYC_OK {
		return takeError(failure)
	}
	return nil
}

func (c *core) endOfStream() { C.rpyc_session_end_of_stream(c.session) }

// watch checks how long the peer has been silent. It returns the time after which to check again unless data arrives;
// negative if there is no need to check before that.
func (c *core) watch(now time.Duration, nothingCame bool) time.Duration {
	nothing := C.int32_t(0)
	if nothingCame {
		nothing = 1
	}
	if C.rpyc_session_watch_silence(c.session, C.int64_t(now.Milliseconds()), nothing, c.look) != C.RPYC_OK || *c.look < 0 {
		return -1
	}
	if wait := time.Duration(*c.look)*time.Millisecond - now; wait > 0 {
		return wait
	}
	return 0
}

func (c *core) hasMessage() bool { return bool(C.rpyc_session_has_message(c.session)) }

func (c *core) dialect() int { return int(C.rpyc_session_dialect(c.session)) }

// heard returns the dialect of the peer's last message; 0 if there was none.
func (c *core) heard() int { return int(C.rpyc_session_heard(c.session)) }

func (c *core) close() { C.rpyc_session_close(c.session, nil) }

func (c *core) forget(sequence int64) { C.rpyc_session_forget(c.session, C.int64_t(sequence)) }

// outgoing returns the number of bytes to be sent.
func (c *core) outgoing() int { return int(C.rpyc_session_waiting(c.session)) }

// take fills the buffer with bytes to be sent.
func (c *core) take(buf []byte) int {
	*c.length = 0
	C.rpyc_session_take(c.session, bytesPointer(buf), C.size_t(len(buf)), c.length)
	return int(*c.length)
}

// event is one event, copied to Go memory.
type event struct {
	kind, asks int32
	handler    int32 // of a forwarded request
	token      uint64
	member     uint64
	name       string
	call       *C.rpyc_call // of a request; must be answered
	left       int64        // of a request: milliseconds until its caller stops waiting; -1 if unknown
	packed     []byte       // in C memory, valid until the next event
	err        error
}

func (c *core) next() (event, error) {
	var failure *C.rpyc_error
	if C.rpyc_session_next_event(c.session, c.event, &failure) != C.RPYC_OK {
		return event{}, takeError(failure)
	}
	e := c.event
	got := event{kind: int32(e.kind), token: uint64(e.token)}
	switch got.kind {
	case eventRequest:
		got.asks, got.member, got.call = int32(e.asks), uint64(e.member), e.call
		got.left = int64(e.time_left_ms)
		if got.asks == asksForward {
			got.handler = int32(e.handler)
			C.rpyc_object_free(e.object) // the token identifies it
		}
		if got.member == memberNone {
			got.name = C.GoStringN(e.name, C.int(e.name_length))
		}
	}
	if e.error != nil {
		got.err = takeError(e.error)
	} else if e.packed_length > 0 {
		got.packed = unsafe.Slice((*byte)(e.packed), int(e.packed_length))
	}
	return got, nil
}

// ask adds a request to the output and returns its number. For a peer that agreed to it, the request contains the
// milliseconds left; -1 if there is no deadline.
func (c *core) ask(token uint64, handler int32, object uint64, name string, packed []byte, left int64) (int64, error) {
	var failure *C.rpyc_error
	var sequence C.int64_t
	status := C.rpyc_session_ask_packed(c.session, C.uint64_t(token), C.int32_t(handler), C.go_object(C.uint64_t(object)),
		textPointer(name), C.size_t(len(name)), bytesPointer(packed), C.size_t(len(packed)), C.int64_t(left), &sequence, &failure)
	if status != C.RPYC_OK {
		return 0, takeError(failure)
	}
	return int64(sequence), nil
}

// textPointer returns the address of a string for a C function that also takes its length.
func textPointer(text string) *C.char {
	if text == "" {
		return nil
	}
	return (*C.char)(unsafe.Pointer(&[]byte(text)[0]))
}

// answer answers a call with a packed value and frees the call.
func (c *core) answer(call *C.rpyc_call, packed []byte) error {
	var failure *C.rpyc_error
	status := C.rpyc_session_return_packed(c.session, call, bytesPointer(packed), C.size_t(len(packed)), &failure)
	if status != C.RPYC_OK {
		return takeError(failure)
	}
	return nil
}

// raise answers a call with an exception, whose arguments and attributes are packed, and frees the call.
func (c *core) raise(call *C.rpyc_call, module, name, traceback string, packed []byte) error {
	var failure *C.rpyc_error
	var memory texts
	defer memory.free()
	cModule, cName, cTrace := memory.add(module), memory.add(name), memory.add(traceback)
	status := C.rpyc_session_raise_packed(c.session, call, cModule, cName, cTrace, bytesPointer(packed), C.size_t(len(packed)), &failure)
	if status != C.RPYC_OK {
		return takeError(failure)
	}
	return nil
}

// callHandle is a request that waits for its reply.
type callHandle = *C.rpyc_call

// drop frees a call that cannot be answered any more.
func drop(call *C.rpyc_call) { C.rpyc_call_free(call) }

// ---------------------------------------------------------------- objects

func freeObject(handle uint64) { C.rpyc_object_free(C.go_object(C.uint64_t(handle))) }

func sameObject(a, b uint64) bool {
	return bool(C.rpyc_object_same(C.go_object(C.uint64_t(a)), C.go_object(C.uint64_t(b))))
}

func objectIsRemote(handle uint64) bool {
	return bool(C.rpyc_object_is_remote(C.go_object(C.uint64_t(handle))))
}

func objectIsClass(handle uint64) bool {
	return bool(C.rpyc_object_is_class(C.go_object(C.uint64_t(handle))))
}

func objectTypeName(handle uint64) string {
	return C.GoString(C.rpyc_object_type_name(C.go_object(C.uint64_t(handle))))
}

// standIn makes a stand-in for an object of another connection.
func (c *core) standIn(token, object uint64) (uint64, error) {
	var failure *C.rpyc_error
	var made *C.rpyc_object
	if C.rpyc_session_stand_in(c.session, C.go_object(C.uint64_t(object)), C.uint64_t(token), &made, &failure) != C.RPYC_OK {
		return 0, takeError(failure)
	}
	return uint64(C.go_address(unsafe.Pointer(made))), nil
}

// standInToken returns the token of a stand-in for an object of another connection; 0 if there is none. It also reports
// whether the object is one of a peer.
func (c *core) standInToken(object uint64) (token uint64, remote bool) {
	found := int64(C.go_stand_in(c.session, C.go_object(C.uint64_t(object))))
	if found < 0 {
		return 0, false
	}
	return uint64(found), true
}

// arrayOf makes a Go slice of an array of numbers and frees its handle.
func arrayOf(handle uint64) any {
	value := C.go_value(C.uint64_t(handle))
	defer C.rpyc_value_free(value)
	var kind C.rpyc_array_type_id
	var data unsafe.Pointer
	var count C.size_t
	C.go_array(value, &kind, &data, &count)
	n := int(count)
	switch kind {
	case C.RPYC_ARRAY_INT8:
		return copied[int8](data, n)
	case C.RPYC_ARRAY_UINT8:
		return copied[uint8](data, n)
	case C.RPYC_ARRAY_INT16:
		return copied[int16](data, n)
	case C.RPYC_ARRAY_UINT16:
		return copied[uint16](data, n)
	case C.RPYC_ARRAY_INT32:
		return copied[int32](data, n)
	case C.RPYC_ARRAY_UINT32:
		return copied[uint32](data, n)
	case C.RPYC_ARRAY_INT64:
		return copied[int64](data, n)
	case C.RPYC_ARRAY_UINT64:
		return copied[uint64](data, n)
	case C.RPYC_ARRAY_FLOAT:
		return copied[float32](data, n)
	case C.RPYC_ARRAY_DOUBLE:
		return copied[float64](data, n)
	}
	return nil
}

func copied[T any](data unsafe.Pointer, n int) []T {
	if n == 0 {
		return []T{}
	}
	return append([]T(nil), unsafe.Slice((*T)(data), n)...)
}

// ---------------------------------------------------------------- classes and functions

// classHandle is a class in the library's form.
type classHandle struct {
	class  *C.rpyc_class
	mu     sync.Mutex
	object *C.rpyc_object // the class as an object that can be sent; made on first use
}

func (h *classHandle) address() uint64 { return uint64(C.go_address(unsafe.Pointer(h.class))) }

// self returns the class as an object that can be sent.
func (h *classHandle) self() (uint64, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.object == nil {
		var failure *C.rpyc_error
		if C.rpyc_class_object(h.class, &h.object, &failure) != C.RPYC_OK {
			return 0, takeError(failure)
		}
	}
	return uint64(C.go_address(unsafe.Pointer(h.object))), nil
}

func (h *classHandle) free() {
	C.rpyc_object_free(h.object)
	C.rpyc_class_free(h.class)
}

// texts are strings in C memory, all freed together.
type texts []unsafe.Pointer

func (t *texts) add(text string) *C.char {
	if text == "" {
		return nil
	}
	made := C.CString(text)
	*t = append(*t, unsafe.Pointer(made))
	return made
}

func (t *texts) room(count int, size uintptr) unsafe.Pointer {
	made := C.calloc(C.size_t(max(count, 1)), C.size_t(size))
	*t = append(*t, made)
	return made
}

func (t *texts) free() {
	for _, text := range *t {
		C.free(text)
	}
}

// newClass registers a class with the library. Only a class that can be called belongs to a session, whose `core` is
// given. Peers treat it as the same class as `same`.
func newClass(c *core, token uint64, of *class, base, same *classHandle) (*classHandle, error) {
	var memory texts
	defer memory.free()
	table := (*C.rpyc_session_class_table)(memory.room(1, C.sizeof_rpyc_session_class_table))
	table.struct_size = C.sizeof_rpyc_session_class_table
	table.member_size = C.sizeof_rpyc_session_member
	table.module, table.name, table.doc = memory.add(of.module), memory.add(of.name), memory.add(of.doc)
	if base != nil {
		table.base = base.class
	}
	if same != nil {
		table.same_as = same.class
	}
	var session *C.rpyc_session
	if of.construct != nil {
		session = c.session
		table.flags = C.RPYC_SESSION_CLASS_CALLABLE
	}
	for flag, has := range map[C.uint64_t]bool{
		C.RPYC_SESSION_CLASS_OWN_GET: of.rules.get, C.RPYC_SESSION_CLASS_OWN_SET: of.rules.set,
		C.RPYC_SESSION_CLASS_OWN_DEL: of.rules.del, C.RPYC_SESSION_CLASS_DYNAMIC: of.rules.dynamic} {
		if has {
			table.flags |= flag
		}
	}
	table.members = (*C.rpyc_session_member)(memory.room(len(of.members), C.sizeof_rpyc_session_member))
	table.member_count = C.size_t(len(of.members))
	for i, member := range unsafe.Slice(table.members, len(of.members)) {
		m := &of.members[i]
		member.id = C.uint64_t(of.serial<<20 | uint64(i))
		member.name, member.doc = memory.add(m.name), memory.add(m.doc)
		switch m.kind {
		case memberMethod:
			member.kind, member.signature = C.RPYC_MEMBER_METHOD, memory.add(m.signature)
		case memberProperty:
			member.kind = C.RPYC_MEMBER_PROPERTY
			for access, fn := range map[C.uint32_t]*function{
				C.RPYC_ACCESS_GET: m.get, C.RPYC_ACCESS_SET: m.set, C.RPYC_ACCESS_DEL: m.del} {
				if fn != nil {
					member.access |= access
				}
			}
		}
		unsafe.Slice(table.members, len(of.members))[i] = member
	}
	aliases := (**C.char)(memory.room(len(of.aliases), unsafe.Sizeof(uintptr(0))))
	for i, alias := range of.aliases {
		unsafe.Slice(aliases, len(of.aliases))[i] = memory.add(alias)
	}
	table.aliases, table.alias_count = aliases, C.size_t(len(of.aliases))
	made := &classHandle{}
	var failure *C.rpyc_error
	if C.rpyc_session_class_new(session, C.uint64_t(token), table, &made.class, &failure) != C.RPYC_OK {
		return nil, fmt.Errorf("%w (the class of %s)", takeError(failure), of.goType)
	}
	return made, nil
}

// newToken returns a token that identifies one object on all connections.
func newToken() uint64 { return uint64(C.rpyc_session_new_token()) }

func (c *core) setRoot(class *classHandle, token uint64) error {
	var failure *C.rpyc_error
	if C.rpyc_session_set_root(c.session, class.class, C.uint64_t(token), &failure) != C.RPYC_OK {
		return takeError(failure)
	}
	return nil
}

// function registers a Go function with the session and returns its handle.
func (c *core) function(token uint64, f *Function) (uint64, error) {
	var memory texts
	defer memory.free()
	var object *C.rpyc_object
	var failure *C.rpyc_error
	status := C.rpyc_session_function_new(c.session, C.uint64_t(token), memory.add(f.name), memory.add(f.signature), nil,
		&object, &failure)
	if status != C.RPYC_OK {
		return 0, takeError(failure)
	}
	return uint64(C.go_address(unsafe.Pointer(object))), nil
}

// ---------------------------------------------------------------- errors

// takeError converts an error of the library to a Go error and frees it.
func takeError(failure *C.rpyc_error) error {
	defer C.rpyc_error_free(failure)
	text := C.GoString(C.rpyc_error_message(failure))
	if C.rpyc_error_type_name(failure) != nil {
		return remoteError(failure, text)
	}
	kind := error(nil)
	switch C.rpyc_error_status(failure) {
	case C.RPYC_ERR_CLOSED, C.RPYC_ERR_EOF, C.RPYC_ERR_IO:
		kind = ErrClosed
	case C.RPYC_ERR_STALE:
		return &problem{ErrStale, "rpyc: " + text, ErrClosed}
	case C.RPYC_ERR_TIMEOUT:
		kind = ErrTimeout
	case C.RPYC_ERR_TYPE, C.RPYC_ERR_UNSUPPORTED, C.RPYC_ERR_UTF8:
		kind = ErrType
	case C.RPYC_ERR_RANGE:
		kind = ErrRange
	case C.RPYC_ERR_LIMIT:
		kind = ErrLimit
	case C.RPYC_ERR_NO_MEMORY:
		return &problem{ErrLimit, "rpyc: " + text, errNoMemory}
	case C.RPYC_ERR_AUTHENTICATION:
		kind = ErrAuthentication
	case C.RPYC_ERR_MALFORMED, C.RPYC_ERR_UNKNOWN_OBJECT:
		kind = ErrProtocol
	case C.RPYC_ERR_DIALECT:
		kind = ErrDialect
	}
	return problemf(kind, "%s", text)
}

func remoteError(failure *C.rpyc_error, text string) error {
	remote := &RemoteError{
		Type:      C.GoString(C.rpyc_error_type_name(failure)),
		Module:    C.GoString(C.rpyc_error_type_module(failure)),
		Traceback: C.GoString(C.rpyc_error_traceback(failure)),
		text:      text,
	}
	var data unsafe.Pointer
	var size C.size_t
	packed := C.rpyc_error_packed(failure)
	defer C.rpyc_value_free(packed)
	C.go_bytes(packed, &data, &size)
	u := unpacker{rest: append([]byte(nil), unsafe.Slice((*byte)(data), int(size))...)}
	if parts, ok := u.value().(Tuple); ok && len(parts) == 2 {
		args, _ := parts[0].(Tuple)
		remote.Args = args
		if attributes, _ := parts[1].(Dict); len(attributes) > 0 {
			remote.Attributes = map[string]any{}
			for _, item := range attributes {
				if name, ok := item.Key.(string); ok {
					remote.Attributes[name] = item.Value
				}
			}
		}
	}
	return remote
}
