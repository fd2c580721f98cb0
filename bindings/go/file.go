package rpyc

import (
	"bufio"
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"unicode/utf8"
)

// File is a stream of this program that peers use as a Python file: read, readline, write, seek, close, for loops, with
// and so on, as far as the stream supports them.
type File struct {
	stream any
	text   bool
	closed int32

	reading sync.Mutex // separate from writing, which a blocked read must not delay
	buffer  *bufio.Reader
	writing sync.Mutex
}

// NewFile makes a binary file of a stream, which has any of io.Reader, io.Writer, io.Seeker, io.Closer and Flush()
// error. Peers read and write bytes. The file reads ahead, so do not read the stream elsewhere.
func NewFile(stream any) *File { return newFile(stream, false) }

// NewTextFile makes a text file of a UTF-8 stream. Peers read and write str. Lines end with "\n".
func NewTextFile(stream any) *File { return newFile(stream, true) }

func newFile(stream any, text bool) *File {
	f := &File{stream: stream, text: text}
	if reader, ok := stream.(io.Reader); ok {
		f.buffer = bufio.NewReader(reader)
	}
	return f
}

// DescribeRPyC adds the methods of Python's files.
func (*File) DescribeRPyC(c *Class) {
	c.Name("_io", "File")
	c.public("read(size=-1, /)", (*File).read)
	c.public("readline(size=-1, /)", (*File).readLine)
	c.public("readlines()", (*File).readLines)
	c.public("write(data, /)", (*File).write)
	c.public("writelines(lines, /)", (*File).writeLines)
	c.public("flush()", (*File).flush)
	c.public("seek(offset, whence=0, /)", (*File).seek)
	c.public("tell()", (*File).tell)
	c.public("close()", (*File).close)
	c.public("readable()", func(f *File) bool { return f.buffer != nil })
	c.public("writable()", func(f *File) bool { _, ok := f.stream.(io.Writer); return ok })
	c.public("seekable()", func(f *File) bool { _, ok := f.stream.(io.Seeker); return ok })
	c.public("isatty()", func(f *File) bool { return false })
	c.public("__iter__()", func(f *File) *File { return f })
	c.public("__next__()", (*File).next)
	c.public("__enter__()", func(f *File) (*File, error) { return f, f.open() })
	c.public("__exit__(kind, value, traceback, /)", func(f *File, _, _, _ any) error { return f.close() })
	isClosed := func(f *File) bool { return f.open() != nil }
	c.publicProperty("closed", isClosed)
}

// open checks that the file is still open.
func (f *File) open() error {
	if atomic.LoadInt32(&f.closed) != 0 {
		return Raise("ValueError", "I/O operation on closed file.")
	}
	return nil
}

func unsupported(what string) error { return Raise("io.UnsupportedOperation", what) }

// result returns the data that was read in the form that the peer gets.
func (f *File) result(data []byte, err error) (any, error) {
	if err != nil && err != io.EOF {
		return nil, err
	}
	if !f.text {
		return data, nil
	}
	if !utf8.Valid(data) {
		return nil, errNotText
	}
	return string(data), nil
}

func (f *File) startReading() error {
	if err := f.open(); err != nil {
		return err
	}
	if f.buffer == nil {
		return unsupported("not readable")
	}
	return nil
}

// read reads size bytes or characters; all if size is nil or negative.
func (f *File) read(size *int64) (any, error) {
	if err := f.startReading(); err != nil {
		return nil, err
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	if size == nil || *size < 0 {
		return f.result(io.ReadAll(f.buffer))
	}
	if !f.text {
		return f.result(io.ReadAll(io.LimitReader(f.buffer, *size)))
	}
	data, err := f.characters(*size, false)
	return f.result(data, err)
}

// characters reads count characters, or fewer if a line ends before.
func (f *File) characters(count int64, line bool) ([]byte, error) {
	var data []byte
	for ; count != 0; count-- {
		r, length, err := f.buffer.ReadRune()
		if err != nil {
			return data, err
		}
		if r == utf8.RuneError && length == 1 {
			return data, errNotText
		}
		data = utf8.AppendRune(data, r)
		if line && r == '\n' {
			break
		}
	}
	return data, nil
}

var errNotText = Raise("ValueError", "the file is not UTF-8")

func (f *File) readLine(size *int64) (any, error) {
	if err := f.startReading(); err != nil {
		return nil, err
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	limit := int64(-1)
	if size != nil && *size >= 0 {
		limit = *size
	}
	if f.text {
		line, err := f.characters(limit, true)
		return f.result(line, err)
	}
	var line []byte
	for ; limit != 0; limit-- {
		b, err := f.buffer.ReadByte()
		if err != nil {
			return f.result(line, err)
		}
		if line = append(line, b); b == '\n' {
			break
		}
	}
	return f.result(line, nil)
}

func (f *File) next() (any, error) {
	line, err := f.readLine(nil)
	if err == nil && (line == "" || isEmpty(line)) {
		return nil, Raise("StopIteration")
	}
	return line, err
}

func isEmpty(line any) bool {
	data, ok := line.([]byte)
	return ok && len(data) == 0
}

func (f *File) readLines() ([]any, error) {
	lines := []any{}
	for {
		line, err := f.next()
		if errors.Is(err, Type("StopIteration")) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
}

func (f *File) write(data any) (int, error) {
	if err := f.open(); err != nil {
		return 0, err
	}
	writer, ok := f.stream.(io.Writer)
	if !ok {
		return 0, unsupported("not writable")
	}
	var content []byte
	count := 0
	switch v := data.(type) {
	case string:
		if !f.text {
			return 0, Raise("TypeError", "a bytes-like object is required, not 'str'")
		}
		content, count = []byte(v), utf8.RuneCountInString(v)
	case []byte:
		if f.text {
			return 0, Raise("TypeError", "write() argument must be str, not bytes")
		}
		content, count = v, len(v)
	default:
		return 0, Raise("TypeError", "write() argument must be str or bytes, not "+pythonType(data))
	}
	if err := f.giveBack(); err != nil {
		return 0, err
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	_, err := writer.Write(content)
	return count, err
}

// giveBack seeks back to the peer's position if more was read ahead.
func (f *File) giveBack() error {
	seeker, ok := f.stream.(io.Seeker)
	if !ok || f.buffer == nil {
		return nil
	}
	f.reading.Lock()
	defer f.reading.Unlock()
	if f.buffer.Buffered() == 0 {
		return nil
	}
	_, err := seeker.Seek(int64(-f.buffer.Buffered()), io.SeekCurrent)
	f.buffer.Reset(f.stream.(io.Reader))
	return err
}

func (f *File) writeLines(lines []any) error {
	for _, line := range lines {
		if _, err := f.write(line); err != nil {
			return err
		}
	}
	return nil
}

func (f *File) flush() error {
	if err := f.open(); err != nil {
		return err
	}
	if flusher, ok := f.stream.(interface{ Flush() error }); ok {
		f.writing.Lock()
		defer f.writing.Unlock()
		return flusher.Flush()
	}
	return nil
}

func (f *File) seek(offset int64, whence int) (int64, error) {
	if err := f.open(); err != nil {
		return 0, err
	}
	seeker, ok := f.stream.(io.Seeker)
	if !ok {
		return 0, unsupported("underlying stream is not seekable")
	}
	if whence < 0 || whence > 2 {
		return 0, Raise("ValueError", "whence must be 0, 1 or 2")
	}
	if err := f.giveBack(); err != nil {
		return 0, err
	}
	f.writing.Lock()
	defer f.writing.Unlock()
	return seeker.Seek(offset, whence)
}

func (f *File) tell() (int64, error) { return f.seek(0, io.SeekCurrent) }

func (f *File) close() error {
	if !atomic.CompareAndSwapInt32(&f.closed, 0, 1) {
		return nil
	}
	var err error
	if flusher, ok := f.stream.(interface{ Flush() error }); ok {
		f.writing.Lock()
		err = flusher.Flush()
		f.writing.Unlock()
	}
	if closer, ok := f.stream.(io.Closer); ok {
		if closeErr := closer.Close(); err == nil {
			err = closeErr
		}
	}
	return err
}

// Stream is a binary file of the peer as a Go stream: io.Reader, io.Writer, io.Seeker and io.Closer.
type Stream struct {
	ctx  context.Context
	file *Object
}

// NewStream makes a stream of a file of the peer, an Object with methods such as read and write. The context applies to
// all requests.
func NewStream(ctx context.Context, file *Object) *Stream { return &Stream{ctx, file} }

// streamChunk is the maximum number of bytes per request.
const streamChunk = 64000

// Read reads bytes with read(n).
func (s *Stream) Read(into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	data, err := Call[[]byte](s.ctx, s.file, "read", min(len(into), streamChunk))
	switch {
	case err != nil:
		return 0, err
	case len(data) == 0:
		return 0, io.EOF
	case len(data) > len(into):
		return 0, problemf(ErrProtocol, "read() of %s returned more than was requested", s.file.TypeName())
	}
	return copy(into, data), nil
}

// Write writes bytes with write(data).
func (s *Stream) Write(data []byte) (int, error) {
	written := 0
	for first := true; first || written < len(data); first = false {
		end := min(written+streamChunk, len(data))
		count, err := s.file.CallMethod(s.ctx, "write", data[written:end])
		if err != nil {
			return written, err
		}
		// A raw file may write less than it was given, and returns the number.
		if n, ok := count.(int64); ok && n >= 0 && n < int64(end-written) {
			if n == 0 {
				return written, io.ErrShortWrite
			}
			end = written + int(n)
		}
		written = end
	}
	return written, nil
}

// Seek sets the position.
func (s *Stream) Seek(offset int64, whence int) (int64, error) {
	return Call[int64](s.ctx, s.file, "seek", offset, whence)
}

// Close closes the file.
func (s *Stream) Close() error {
	_, err := s.file.CallMethod(s.ctx, "close")
	return err
}
