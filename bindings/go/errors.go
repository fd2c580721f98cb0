package rpyc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"
	"unicode"
)

// Errors other than exceptions of the peer. Test for them with errors.Is.
var (
	// ErrClosed means that the connection is closed, by this side or by the peer.
	ErrClosed = errors.New("rpyc: the connection is closed")
	// ErrStale means that an object was used after the end of its connection. Nothing was sent. Such errors are also
	// ErrClosed, or the reason for the end.
	ErrStale = errors.New("rpyc: the object's connection has ended")
	// ErrTimeout means that no reply arrived before the deadline of the context. The peer may still be working. Such
	// errors are also context.DeadlineExceeded.
	ErrTimeout = errors.New("rpyc: no reply in time")
	// ErrInterrupted means that Conn.Interrupt ended the wait. The peer may still be working.
	ErrInterrupted = errors.New("rpyc: interrupted")
	// ErrType means that a value does not fit the requested Go type, or that a Go value cannot be sent.
	ErrType = errors.New("rpyc: wrong type")
	// ErrRange means that a number is out of range for the requested Go type.
	ErrRange = errors.New("rpyc: number out of range")
	// ErrLimit means that a limit of the connection was exceeded. The message names the option.
	ErrLimit = errors.New("rpyc: limit reached")
	// ErrProtocol means that the peer sent malformed data.
	ErrProtocol = errors.New("rpyc: the peer does not speak RPyC")
	// ErrDialect means that the peer uses a version of RPyC other than the configured one.
	ErrDialect = errors.New("rpyc: the peer speaks another dialect")
	// ErrAddress means that an address is malformed.
	ErrAddress = errors.New("rpyc: invalid address")
	// ErrReleased means that an Object was used after its Close.
	ErrReleased = errors.New("rpyc: the object was released")
)

// errNoMemory is the cause of an ErrLimit that a failed allocation made.
var errNoMemory = errors.New("rpyc: out of memory")

// problem is an error with its own message that is one of the errors above. It often has a cause.
type problem struct {
	kind  error
	text  string
	cause error
}

func (p *problem) Error() string { return oneLine(p.text) }

func (p *problem) Is(target error) bool { return target == p.kind }

func (p *problem) Unwrap() error { return p.cause }

// Timeout reports whether the operation timed out, for package net and others that look for this method.
func (p *problem) Timeout() bool { return p.kind == ErrTimeout }

func problemf(kind error, format string, args ...any) error {
	return &problem{kind: kind, text: "rpyc: " + fmt.Sprintf(format, args...)}
}

// RemoteError is an exception that the peer raised. Find it with errors.As:
//
//	var remote *rpyc.RemoteError
//	if errors.As(err, &remote) && remote.Type == "KeyError" { ... }
//
// or test its type with errors.Is(err, rpyc.Type("KeyError")).
type RemoteError struct {
	Type       string         // name of its class
	Module     string         // "builtins" for Python's own exceptions
	Args       []any          // the arguments that it was raised with
	Attributes map[string]any // other attributes, such as errno
	Traceback  string         // where it was raised, as the peer sent it
	text       string
}

// Error returns the exception as Python prints it, "ValueError: no such account", on one line. Control characters, line
// separators and marks that change the writing direction, which a peer may have put into its message, are escaped as in
// Python.
func (e *RemoteError) Error() string { return oneLine(e.text) }

// Message returns the exception as Python prints it, with every character that the peer sent. Do not print it without
// escaping; Error escapes it.
func (e *RemoteError) Message() string { return e.text }

// oneLine makes a peer's string safe for logs and terminals.
func oneLine(text string) string {
	if strings.IndexFunc(text, isObeyed) < 0 {
		return text
	}
	var shown strings.Builder
	for _, r := range text {
		switch {
		case !isObeyed(r):
			shown.WriteRune(r)
		case r == '\t':
			shown.WriteString(`\t`)
		case r == '\n':
			shown.WriteString(`\n`)
		case r == '\r':
			shown.WriteString(`\r`)
		case r <= 0xff:
			fmt.Fprintf(&shown, `\x%02x`, r)
		default:
			fmt.Fprintf(&shown, `\u%04x`, r)
		}
	}
	return shown.String()
}

// isObeyed reports whether a terminal or an editor acts on a character instead of showing it.
func isObeyed(r rune) bool {
	switch {
	case r == 0x2028, r == 0x2029, r == 0x61c, r == 0x200e, r == 0x200f, 0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069:
		return true
	}
	return unicode.IsControl(r)
}

// Is reports whether target is the Type of the exception, or a builtin type of Python from which that type is derived.
func (e *RemoteError) Is(target error) bool {
	kind, ok := target.(Type)
	return ok && isType(e.Module, e.Type, string(kind))
}

// Exception is an error for a method to return, or to panic with, in order to raise a particular exception at its
// caller.
type Exception struct {
	Type       string         // a Python builtin such as "ValueError", or "module.Name"
	Args       []any          // usually one, the message
	Attributes map[string]any // set on the exception; may be nil
	traceback  string
}

// Raise returns an error that the peer sees as the Python exception with this name:
//
//	return 0, rpyc.Raise("ZeroDivisionError", "division by zero")
//
// The name is a Python builtin, or "module.Name".
func Raise(typeName string, args ...any) error {
	return &Exception{Type: typeName, Args: args}
}

// Error returns the exception as Python prints it.
func (e *Exception) Error() string {
	text := e.Type
	switch len(e.Args) {
	case 0:
	case 1:
		text = fmt.Sprintf("%s: %v", e.Type, e.Args[0])
	default:
		text = fmt.Sprintf("%s: %v", e.Type, e.Args)
	}
	return oneLine(text)
}

// Is reports whether target is the Type of the exception.
func (e *Exception) Is(target error) bool {
	kind, ok := target.(Type)
	module, name := splitType(e.Type)
	return ok && isType(module, name, string(kind))
}

// Type is a type of exceptions for errors.Is: Type("KeyError"), Type("bank.InsufficientFunds"). A builtin type also
// matches types derived from it: a KeyError is a Type("LookupError").
type Type string

func (t Type) Error() string { return string(t) }

// baseOf maps each builtin exception to its base class.
var baseOf = map[string]string{
	"ArithmeticError": "Exception", "AssertionError": "Exception", "AttributeError": "Exception", "BlockingIOError": "OSError",
	"BrokenPipeError": "ConnectionError", "BufferError": "Exception", "ChildProcessError": "OSError",
	"ConnectionAbortedError": "ConnectionError", "ConnectionError": "OSError", "ConnectionRefusedError": "ConnectionError",
	"ConnectionResetError": "ConnectionError", "EOFError": "Exception", "Exception": "BaseException",
	"FileExistsError": "OSError", "FileNotFoundError": "OSError", "FloatingPointError": "ArithmeticError",
	"GeneratorExit": "BaseException", "ImportError": "Exception", "IndentationError": "SyntaxError",
	"IndexError": "LookupError", "InterruptedError": "OSError", "IsADirectoryError": "OSError", "KeyError": "LookupError",
	"KeyboardInterrupt": "BaseException", "LookupError": "Exception", "MemoryError": "Exception",
	"ModuleNotFoundError": "ImportError", "NameError": "Exception", "NotADirectoryError": "OSError",
	"NotImplementedError": "RuntimeError", "OSError": "Exception", "OverflowError": "ArithmeticError",
	"PermissionError": "OSError", "ProcessLookupError": "OSError", "RecursionError": "RuntimeError",
	"ReferenceError": "Exception", "RuntimeError": "Exception", "StopAsyncIteration": "Exception",
	"StopIteration": "Exception", "SyntaxError": "Exception", "SystemError": "Exception", "SystemExit": "BaseException",
	"TabError": "IndentationError", "TimeoutError": "OSError", "TypeError": "Exception", "UnboundLocalError": "NameError",
	"UnicodeDecodeError": "UnicodeError", "UnicodeEncodeError": "UnicodeError", "UnicodeError": "ValueError",
	"UnicodeTranslateError": "UnicodeError", "ValueError": "Exception", "ZeroDivisionError": "ArithmeticError",
}

func isType(module, name, wanted string) bool {
	if wanted == name || wanted == module+"."+name {
		return true
	}
	if module != "builtins" {
		return false
	}
	wanted = strings.TrimPrefix(wanted, "builtins.")
	for name != "" {
		if name == wanted {
			return true
		}
		name = baseOf[name]
	}
	return false
}

func splitType(name string) (module, class string) {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		return name[:dot], name[dot+1:]
	}
	return "builtins", name
}

// raised is an exception to be sent to the peer.
type raised struct {
	module, name string
	args         []any
	attributes   map[string]any
	traceback    string
}

// exceptionOf returns the exception that a Go error becomes for a peer.
func exceptionOf(err error) raised {
	var own *Exception
	if errors.As(err, &own) {
		module, name := splitType(own.Type)
		return raised{module, name, own.Args, own.Attributes, own.traceback}
	}
	var remote *RemoteError
	if errors.As(err, &remote) {
		return raised{remote.Module, remote.Type, remote.Args, remote.Attributes, remote.Traceback}
	}
	builtin := func(name string, args ...any) raised {
		return raised{module: "builtins", name: name, args: append(args, strings.ToValidUTF8(err.Error(), "\ufffd"))}
	}
	var number syscall.Errno
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return builtin("FileNotFoundError", int(syscall.ENOENT))
	case errors.Is(err, fs.ErrExist):
		return builtin("FileExistsError", int(syscall.EEXIST))
	case errors.Is(err, fs.ErrPermission):
		return builtin("PermissionError", int(syscall.EACCES))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, ErrTimeout):
		return builtin("TimeoutError")
	case errors.Is(err, ErrInterrupted):
		return builtin("InterruptedError")
	case errors.As(err, &number):
		return builtin("OSError", int(number))
	case errors.Is(err, io.EOF), errors.Is(err, ErrClosed):
		return builtin("EOFError")
	case errors.Is(err, ErrType):
		return builtin("TypeError")
	case errors.Is(err, ErrRange):
		return builtin("OverflowError")
	case errors.Is(err, errNoMemory):
		return builtin("MemoryError")
	case errors.Is(err, ErrLimit), errors.Is(err, ErrProtocol):
		return builtin("ValueError")
	case errors.Is(err, ErrAddress):
		return builtin("OSError")
	case errors.Is(err, ErrAuthentication):
		return builtin("PermissionError")
	}
	return builtin("RuntimeError")
}
