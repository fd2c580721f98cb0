package rpyc

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"sync"
	"syscall"
)

// Classic controls a classic server of RPyC, a SlaveService: its modules, its builtins, and code to evaluate and
// execute. A classic server has no access control: a client can run any code there.
type Classic struct {
	conn *Conn

	mu      sync.Mutex
	modules map[string]*Object
}

// classicOptions are the options that RPyC's ClassicService sets for its peer.
var classicOptions = []string{
	"allow_all_attrs", "allow_pickle", "allow_getattr", "allow_setattr", "allow_delattr",
	"import_custom_exceptions", "instantiate_custom_exceptions", "instantiate_oldstyle_exceptions",
}

// DialClassic connects to a classic server, like Python's rpyc.classic.connect(). The default port is 18812.
//
//	classic, err := rpyc.DialClassic(ctx, "tcp://127.0.0.1")
//	...
//	defer classic.Conn().Close()
//	version, err := classic.Eval(ctx, "__import__('sys').version")
//
// The server may read, set and delete every attribute of the objects that it receives, and copy them by pickle:
// allow_all_attrs, allow_setattr, allow_delattr, allow_pickle and so on are on, unless an option turns them off.
func DialClassic(ctx context.Context, addr string, opts ...Option) (*Classic, error) {
	all := make([]Option, 0, len(classicOptions)+len(opts))
	for _, name := range classicOptions {
		all = append(all, WithConfig(name, "true"))
	}
	if _, _, err := parseAddress(addr); err != nil && strings.HasPrefix(addr, "tcp://") {
		if _, _, err := parseAddress(addr + ":18812"); err == nil {
			addr += ":18812"
		}
	}
	conn, err := Dial(ctx, addr, append(all, opts...)...)
	if err != nil {
		return nil, err
	}
	return NewClassic(conn), nil
}

// NewClassic controls the classic server at the other end of a connection. The connection's options are unchanged, and
// the caller closes it.
func NewClassic(conn *Conn) *Classic { return &Classic{conn: conn, modules: map[string]*Object{}} }

// Conn returns the connection.
func (c *Classic) Conn() *Conn { return c.conn }

// Module imports a module at the peer and returns it: "sys", "xml.dom.minidom". Requested once per module.
func (c *Classic) Module(ctx context.Context, name string) (*Object, error) {
	c.mu.Lock()
	known := c.modules[name]
	c.mu.Unlock()
	if known != nil {
		return known, nil
	}
	module, err := Call[*Object](ctx, c.conn.Root(), "getmodule", name)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.modules[name] = module
	return module, nil
}

// Call calls a function of a module; "" is builtins. The last argument may be Keywords.
func (c *Classic) Call(ctx context.Context, module, function string, args ...any) (any, error) {
	if module == "" {
		module = "builtins"
	}
	from, err := c.Module(ctx, module)
	if err != nil {
		return nil, err
	}
	return from.CallMethod(ctx, function, args...)
}

// Eval returns the value of an expression in the peer's namespace.
func (c *Classic) Eval(ctx context.Context, expression string) (any, error) {
	return c.conn.Root().CallMethod(ctx, "eval", expression)
}

// Execute runs statements in the peer's namespace.
func (c *Classic) Execute(ctx context.Context, statements string) error {
	_, err := c.conn.Root().CallMethod(ctx, "execute", statements)
	return err
}

// Namespace returns the peer's namespace, a dict.
func (c *Classic) Namespace(ctx context.Context) (*Object, error) {
	return Get[*Object](ctx, c.conn.Root(), "namespace")
}

// Get reads a name of the namespace.
func (c *Classic) Get(ctx context.Context, name string) (any, error) {
	namespace, err := c.Namespace(ctx)
	if err != nil {
		return nil, err
	}
	defer namespace.Close()
	return namespace.Item(ctx, name)
}

// Set sets a name of the namespace. Lists, dicts and sets of Go become real ones at the peer; see Deliver.
func (c *Classic) Set(ctx context.Context, name string, value any) error {
	namespace, err := c.Namespace(ctx)
	if err != nil {
		return err
	}
	defer namespace.Close()
	delivered, err := c.Deliver(ctx, value)
	if err != nil {
		return err
	}
	return namespace.SetItem(ctx, name, delivered)
}

// Deliver makes real lists, dicts and sets at the peer from slices, maps and sets, with their contents, and returns the
// outermost one. Any other value is returned unchanged; if it can be passed by value, it is.
func (c *Classic) Deliver(ctx context.Context, value any) (any, error) {
	return (&delivering{c, ctx}).value(value, obtainDepth)
}

// Upload copies a file or folder to the peer. Within a folder, entries that are neither are skipped.
func (c *Classic) Upload(ctx context.Context, local, remote string) error {
	info, err := os.Stat(local)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return c.uploadFolder(ctx, local, remote, obtainDepth)
	case info.Mode().IsRegular():
		return c.uploadFile(ctx, local, remote)
	}
	return problemf(ErrType, "cannot upload %s: it is neither file nor folder", local)
}

// Download copies a file or folder of the peer. Nothing is written outside of the folder local: names sent by the peer
// that point outside of it, and links in it that already exist, are errors.
func (c *Classic) Download(ctx context.Context, remote, local string) error {
	isFolder, err := c.path(ctx, "isdir", remote)
	if err != nil {
		return err
	}
	if isFolder == true {
		return c.downloadFolder(ctx, remote, local, obtainDepth)
	}
	return c.downloadFile(ctx, remote, local, os.Create)
}

// Redirect redirects the peer's standard streams to streams of this process; nil leaves one unchanged. Output of the
// peer is written here. The returned function restores the streams.
func (c *Classic) Redirect(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) (func(context.Context) error, error) {
	sys, err := c.Module(ctx, "sys")
	if err != nil {
		return nil, err
	}
	before := map[string]any{}
	restore := func(ctx context.Context) error {
		var failure error
		for _, name := range sortedNames(before) {
			if err := sys.Set(ctx, name, before[name]); err != nil && failure == nil {
				failure = err
			}
		}
		return failure
	}
	streams := map[string]*File{}
	if stdin != nil {
		streams["stdin"] = NewTextFile(struct{ io.Reader }{stdin})
	}
	if stdout != nil {
		streams["stdout"] = NewTextFile(struct{ io.Writer }{stdout})
	}
	if stderr != nil {
		streams["stderr"] = NewTextFile(struct{ io.Writer }{stderr})
	}
	for name, file := range streams {
		was, err := sys.Get(ctx, name)
		if err == nil {
			before[name] = was
			err = sys.Set(ctx, name, file)
		}
		if err != nil {
			_ = restore(ctx)
			return nil, err
		}
	}
	return restore, nil
}

func (c *Classic) path(ctx context.Context, function string, args ...any) (any, error) {
	return c.Call(ctx, "os.path", function, args...)
}

// open opens a file of the peer. The caller closes it.
func (c *Classic) open(ctx context.Context, remote, mode string) (*Stream, error) {
	opened, err := c.Call(ctx, "", "open", remote, mode)
	file, ok := opened.(*Object)
	if err == nil && !ok {
		err = problemf(ErrType, "open() of the peer: expected a file, got %s", pythonType(opened))
	}
	if err != nil {
		return nil, err
	}
	return NewStream(ctx, file), nil
}

func (c *Classic) uploadFile(ctx context.Context, local, remote string) error {
	from, err := os.Open(local)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := c.open(ctx, remote, "wb")
	if err != nil {
		return err
	}
	return copyAndClose(to, from, to)
}

// copyAndClose copies from or to a file of the peer and closes it.
func copyAndClose(to io.Writer, from io.Reader, remote *Stream) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, streamChunk))
	if closeErr := remote.Close(); err == nil {
		err = closeErr
	}
	remote.file.Close()
	return err
}

func (c *Classic) uploadFolder(ctx context.Context, local, remote string, depth int) error {
	if depth == 0 {
		return problemf(ErrLimit, "%s is nested over %d levels", local, obtainDepth)
	}
	isThere, err := c.path(ctx, "isdir", remote)
	if err == nil && isThere != true {
		_, err = c.Call(ctx, "os", "makedirs", remote)
	}
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(local)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		from := filepath.Join(local, entry.Name())
		info, err := os.Stat(from)
		if err != nil || !info.IsDir() && !info.Mode().IsRegular() {
			continue
		}
		to, err := c.join(ctx, remote, entry.Name())
		if err != nil {
			return err
		}
		if info.IsDir() {
			err = c.uploadFolder(ctx, from, to, depth-1)
		} else {
			err = c.uploadFile(ctx, from, to)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Classic) join(ctx context.Context, folder, name string) (string, error) {
	joined, err := c.path(ctx, "join", folder, name)
	if err != nil {
		return "", err
	}
	return as[string](ctx, joined)
}

func (c *Classic) downloadFile(ctx context.Context, remote, local string, create func(string) (*os.File, error)) error {
	from, err := c.open(ctx, remote, "rb")
	if err != nil {
		return err
	}
	to, err := create(local)
	if err != nil {
		_ = from.Close()
		return err
	}
	err = copyAndClose(to, from, from)
	if closeErr := to.Close(); err == nil {
		err = closeErr
	}
	return err
}

func (c *Classic) downloadFolder(ctx context.Context, remote, local string, depth int) error {
	if depth == 0 {
		return problemf(ErrLimit, "%s is nested over %d levels", remote, obtainDepth)
	}
	if err := makeFolder(local, depth < obtainDepth); err != nil {
		return err
	}
	listed, err := c.Call(ctx, "os", "listdir", remote)
	if err != nil {
		return err
	}
	names, err := as[[]string](ctx, listed)
	if err != nil {
		return err
	}
	sort.Strings(names)
	for _, name := range names {
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00"+string(filepath.Separator)) {
			return problemf(ErrProtocol, "the peer's folder %s contains %q, which is not a file name", remote, name)
		}
		if err := c.downloadInside(ctx, remote, name, filepath.Join(local, name), depth-1); err != nil {
			return err
		}
	}
	return nil
}

func (c *Classic) downloadInside(ctx context.Context, folder, name, local string, depth int) error {
	remote, err := c.join(ctx, folder, name)
	if err != nil {
		return err
	}
	isFolder, err := c.path(ctx, "isdir", remote)
	if err != nil {
		return err
	}
	if isFolder == true {
		return c.downloadFolder(ctx, remote, local, depth)
	}
	isFile, err := c.path(ctx, "isfile", remote)
	if err != nil || isFile != true {
		return err
	}
	return c.downloadFile(ctx, remote, local, createInside)
}

// makeFolder makes a folder, or uses an existing one. Within a downloaded folder it must not be a link.
func makeFolder(local string, inside bool) error {
	if !inside {
		return os.MkdirAll(local, 0o777)
	}
	err := os.Mkdir(local, 0o777)
	if !errors.Is(err, os.ErrExist) {
		return err
	}
	info, err := os.Lstat(local)
	if err == nil && !info.IsDir() {
		err = leadsOut(local)
	}
	return err
}

// createInside opens a file in a downloaded folder. It does not follow existing links and does not wait for pipes.
func createInside(local string) (*os.File, error) {
	file, err := os.OpenFile(local, os.O_WRONLY|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o666)
	if err != nil {
		if errors.Is(err, syscall.ELOOP) || errors.Is(err, syscall.EMLINK) || errors.Is(err, syscall.ENXIO) {
			err = leadsOut(local)
		}
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = leadsOut(local)
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

func leadsOut(local string) error {
	return problemf(ErrType, "cannot write %s: it exists, as a link or something else that leads out of the folder", local)
}
