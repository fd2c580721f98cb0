package rpyc

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
)

var stdioTaken atomic.Bool

// Stdio returns standard input and output as a stream for NewConn and Server.ServeConn. Use it if the peer is the
// process that started this one: connect_subproc in Python, "exec:" in C. It can be called once.
//
// The stream has its own descriptors. After the call, os.Stdin is empty. Output to os.Stdout, also from C code and
// child processes, is redirected to standard error, so that it does not disturb the protocol. If standard error is the
// same stream, that output is discarded. Closing the stream does not undo this.
func Stdio() (net.Conn, error) {
	if !stdioTaken.CompareAndSwap(false, true) {
		return nil, errors.New("rpyc: Stdio: called twice; standard input and output already are a stream")
	}
	in, out, err := isolate()
	if err != nil {
		stdioTaken.Store(false)
		return nil, fmt.Errorf("rpyc: standard input and output cannot be a stream: %w", err)
	}
	// A read of a pipe that is shared with another process ends only with the pipe. Closing the stream must not wait
	// for that.
	ours, theirs := net.Pipe()
	from, to := os.NewFile(uintptr(in), "stdin"), os.NewFile(uintptr(out), "stdout")
	go func() {
		io.Copy(theirs, from)
		theirs.Close()
	}()
	go func() {
		io.Copy(to, theirs)
		theirs.Close()
		// For a socket, both descriptors are the same; for pipes, closing is enough.
		syscall.Shutdown(out, syscall.SHUT_RDWR)
		to.Close()
	}()
	return stdioConn{ours}, nil
}

type stdioConn struct{ net.Conn }

func (stdioConn) LocalAddr() net.Addr  { return stdioAddr{} }
func (stdioConn) RemoteAddr() net.Addr { return stdioAddr{} }

type stdioAddr struct{}

func (stdioAddr) Network() string { return "stdio" }
func (stdioAddr) String() string  { return "stdio:" }

// isolate makes private copies of descriptors 0 and 1, and replaces them by /dev/null and standard error. Flags that
// other processes share, such as O_NONBLOCK, are unchanged.
func isolate() (in, out int, err error) {
	if in, err = duplicate(0); err != nil {
		return 0, 0, err
	}
	if out, err = duplicate(1); err != nil {
		syscall.Close(in)
		return 0, 0, err
	}
	if err = replace(in, out); err != nil {
		syscall.Close(in)
		syscall.Close(out)
	}
	return in, out, err
}

func replace(in, out int) error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	nowhere, printed := int(null.Fd()), 2
	same := isSameStream(2, in) || isSameStream(2, out)
	if _, closed := status(2); closed != nil || same {
		printed = nowhere
	}
	if err := syscall.Dup3(nowhere, 0, 0); err != nil {
		return err
	}
	if err := syscall.Dup3(printed, 1, 0); err != nil || !same {
		return err
	}
	return syscall.Dup3(nowhere, 2, 0)
}

func duplicate(fd int) (int, error) {
	copied, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_DUPFD_CLOEXEC, 3)
	if errno != 0 {
		return 0, fmt.Errorf("descriptor %d: %w", fd, errno)
	}
	return int(copied), nil
}

func status(fd int) (status syscall.Stat_t, err error) {
	err = syscall.Fstat(fd, &status)
	return status, err
}

// isSameStream reports whether two descriptors refer to one pipe or socket.
func isSameStream(fd, other int) bool {
	one, err := status(fd)
	two, err2 := status(other)
	kind := one.Mode & syscall.S_IFMT
	stream := kind == syscall.S_IFIFO || kind == syscall.S_IFSOCK
	return err == nil && err2 == nil && stream && one.Dev == two.Dev && one.Ino == two.Ino
}
