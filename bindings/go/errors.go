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

// What can go wrong beside the exceptions of the peer. Test for them with errors.Is.
var (
	// ErrClosed says that the connection is closed, by this side or by the peer.
	ErrClosed = errors.New("rpyc: the connection is closed")
	// ErrTimeout says that no answer came before the deadline of the context. The peer may still be working. Such
	// errors are context.DeadlineExceeded too.
	ErrTimeout = errors.New("rpyc: no answer in time")
	// ErrInterrupted says that Conn.Interrupt ended the waiting. The peer may still be working.
	ErrInterrupted = errors.New("rpyc: interrupted")
	// ErrType says that a value does not fit the Go type that it was asked for, or that a Go value cannot be sent.
	ErrType = errors.New("rpyc: wrong type")
	// ErrRange says that a number does not fit the Go type that it was asked for.
	ErrRange = errors.New("rpyc: number out of range")
	// ErrLimit says that one of the limits of the connection was reached; the message names the option.
	ErrLimit = errors.New("rpyc: limit reached")
	// ErrProtocol says that the peer sent what is not RPyC.
	ErrProtocol = errors.New("rpyc: the peer does not speak RPyC")
	// ErrDialect says that the peer speaks a version of RPyC other than the one that was configured.
	ErrDialect = errors.New("rpyc: the peer speaks another dialect")
	// ErrAddress says that an address cannot be understood.
	ErrAddress = errors.New("rpyc: address not understood")
	// ErrReleased says that an Object was used after its Close.
	ErrReleased = errors.New("rpyc: the object was released")
)

// problem is an error with a message of its own that is one of the errors above, and often has a cause.
type problem struct {
	kind  error
	text  string
	cause error
}

func (p *problem) Error() string { return oneLine(p.text) }

func (p *problem) Is(target error) bool { return target == p.kind }

func (p *problem) Unwrap() error { return p.cause }

// Timeout tells package net and others of its manner that the time was over.
func (p *problem) Timeout() bool { return p.kind == ErrTimeout }

func problemf(kind error, format string, args ...any) error {
	return &problem{kind: kind, text: "rpyc: " + fmt.Sprintf(format, args...)}
}

// RemoteError is an exception that the peer raised. Find it with errors.As:
//
//	var remote *rpyc.RemoteError
//	if errors.As(err, &remote) && remote.Type == "KeyError" { ... }
//
// or ask for its type with errors.Is(err, rpyc.Type("KeyError")).
type RemoteError struct {
	Type       string         // the name of its class
	Module     string         // "builtins" for those of Python itself
	Args       []any          // what it was raised with
	Attributes map[string]any // the rest, such as errno
	Traceback  string         // where it was raised, as the peer tells it
	text       string
}

// Error gives the exception as Python prints it, "ValueError: no such account", on one line: control characters, line separators
// and marks that turn the direction of writing, which a peer may have put into its text, are escaped as Python writes them.
func (e *RemoteError) Error() string { return oneLine(e.text) }

// Message gives the exception as Python prints it, with every character that the peer sent. Do not print it as it is.
func (e *RemoteError) Message() string { return e.text }

// oneLine makes a text of a peer fit for logs and terminals.
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

// isObeyed tells what a terminal or an editor acts on, instead of showing it.
func isObeyed(r rune) bool {
	switch {
	case r == 0x2028, r == 0x2029, r == 0x61c, r == 0x200e, r == 0x200f, 0x202a <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069:
		return true
	}
	return unicode.IsControl(r)
}

// Is reports whether target is the Type of the exception, or one of Python's builtin types that it derives from.
func (e *RemoteError) Is(target error) bool {
	kind, ok := target.(Type)
	return ok && isType(e.Module, e.Type, string(kind))
}

// Exception is what a method returns, or panics with, to raise a particular exception at its caller.
type Exception struct {
	Type       string         // a builtin of Python such as "ValueError", or "module.Name"
	Args       []any          // mostly one, the message
	Attributes map[string]any // set on the exception; may be nil
	traceback  string
}

// Raise makes an error that the peer sees as the Python exception with this name:
//
//	return 0, rpyc.Raise("ZeroDivisionError", "division by zero")
//
// The name is a builtin of Python, or "module.Name".
func Raise(typeName string, args ...any) error {
	return &Exception{Type: typeName, Args: args}
}

// Error gives the exception as Python would print it.
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

// Type names a type of exceptions for errors.Is: Type("KeyError"), Type("bank.InsufficientFunds"). A builtin type
// stands for those that derive from it too: a KeyError is a Type("LookupError").
type Type string

func (t Type) Error() string { return string(t) }

// The builtin exceptions, each with the one that it derives from.
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

// raised is an exception on its way to the peer.
type raised struct {
	module, name string
	args         []any
	attributes   map[string]any
	traceback    string
}

// exceptionOf says which exception an error of Go becomes for a peer.
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
	}
	return builtin("RuntimeError")
}
