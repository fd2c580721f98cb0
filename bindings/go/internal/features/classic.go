package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"

	"rpyc"
)

func check(err error) {
	if err != nil {
		_, _, line, _ := runtime.Caller(1)
		log.Fatalf("line %d: %v", line, err)
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		_, _, line, _ := runtime.Caller(1)
		log.Fatalf("line %d: %v", line, err)
	}
	return value
}

func same(got, want any) {
	if !reflect.DeepEqual(got, want) {
		_, _, line, _ := runtime.Caller(1)
		log.Fatalf("line %d: got %#v, want %#v", line, got, want)
	}
}

// drive controls a stock classic server and prints the number of operations.
func drive(ctx context.Context, classic *rpyc.Classic, folder string) {
	modules(ctx, classic)
	copies(ctx, classic)
	transfers(ctx, classic, folder)
	streams(ctx, classic)
	settings(ctx, classic)
	fmt.Println("5 passed, 0 failed")
}

func modules(ctx context.Context, classic *rpyc.Classic) {
	sys := must(classic.Module(ctx, "sys"))
	same(must(rpyc.Get[string](ctx, sys, "byteorder")), "little")
	if must(classic.Module(ctx, "sys")) != sys {
		log.Fatal("a module is asked for twice")
	}
	dom := must(classic.Module(ctx, "xml.dom.minidom"))
	same(must(rpyc.Get[string](ctx, dom, "__name__")), "xml.dom.minidom")
	same(must(classic.Call(ctx, "os.path", "join", "a", "b")), "a/b")
	same(must(classic.Call(ctx, "", "sorted", must(classic.Eval(ctx, "[3, 1]")), rpyc.Keywords{"reverse": true})).(*rpyc.Object).TypeName(), "builtins.list")
	same(must(classic.Eval(ctx, "6 * 7")), int64(42))
	check(classic.Execute(ctx, "def double(x):\n    return 2 * x\n"))
	double := must(classic.Get(ctx, "double")).(*rpyc.Object)
	same(must(rpyc.Invoke[int](ctx, double, 21)), 42)
	check(classic.Set(ctx, "x", 5))
	same(must(classic.Eval(ctx, "x + 1")), int64(6))
	_, err := classic.Eval(ctx, "1 / 0")
	same(errors.Is(err, rpyc.Type("ZeroDivisionError")), true)
	_, err = classic.Module(ctx, "no.such.module")
	same(errors.Is(err, rpyc.Type("ModuleNotFoundError")), true)
	_, err = classic.Get(ctx, "nothing")
	same(errors.Is(err, rpyc.Type("KeyError")), true)
}

// settings checks that the settings are those of rpyc.classic.connect, except for those that the program sets and those
// of NewClassic.
func settings(ctx context.Context, classic *rpyc.Classic) {
	given := map[string]int{"k": 1}
	keys := func(classic *rpyc.Classic) string {
		check(classic.Execute(ctx, "def keys(d):\n    try:\n        return ' '.join(d.keys())\n    except AttributeError as e:\n        return str(e).splitlines()[0]"))
		return must(rpyc.Invoke[string](ctx, must(classic.Get(ctx, "keys")).(*rpyc.Object), given))
	}
	addr := os.Args[2]
	own := must(rpyc.DialClassic(ctx, addr, rpyc.WithConfig("allow_all_attrs", "false")))
	defer own.Conn().Close()
	conn := must(rpyc.Dial(ctx, addr))
	defer conn.Close()
	same(keys(classic), "k")
	for _, one := range []*rpyc.Classic{own, rpyc.NewClassic(conn)} {
		same(keys(one), "cannot access 'keys'")
	}
}

func streams(ctx context.Context, classic *rpyc.Classic) {
	var out, errs bytes.Buffer
	restore := must(classic.Redirect(ctx, strings.NewReader("typed\n"), &out, &errs))
	check(classic.Execute(ctx, "import sys\nprint('seen', input())\nsys.stderr.write('wrong')"))
	check(restore(ctx))
	same([]string{out.String(), errs.String()}, []string{"seen typed\n", "wrong"})
	check(classic.Execute(ctx, "print('not here')"))
	same(out.Len(), len("seen typed\n"))
	empty := must(classic.Eval(ctx, "[]")).(*rpyc.Object)
	same(must(empty.Truth(ctx)), false)
	check(second(empty.CallMethod(ctx, "append", 1)))
	same([]bool{must(empty.Truth(ctx)), must(must(classic.Eval(ctx, "object()")).(*rpyc.Object).Truth(ctx))}, []bool{true, true})
	check(classic.Execute(ctx, "class C:\n    def f(self):\n        'what f does'\n    def __bool__(self):\n        return False\n"))
	made := must(classic.Eval(ctx, "C()")).(*rpyc.Object)
	same(must(made.Inspect(ctx))["f"], "what f does")
	same(must(made.Truth(ctx)), false)
	same([]bool{must(made.Equal(ctx, made)), must(made.Equal(ctx, empty)), must(made.Equal(ctx, 5))}, []bool{true, false, false})
	// Numbers become an array at the peer.
	check(classic.Execute(ctx, "import array\ndef whole(a):\n    return array.array(a.typecode, a.tobytes())"))
	whole := must(classic.Get(ctx, "whole")).(*rpyc.Object)
	same(must(must(rpyc.Invoke[*rpyc.Object](ctx, whole, rpyc.Numbers([]float64{1.5, 2.5}))).Repr(ctx)), "array('d', [1.5, 2.5])")
	same(must(must(rpyc.Invoke[*rpyc.Object](ctx, whole, rpyc.Numbers([]int16{-1}))).Repr(ctx)), "array('h', [-1])")
	same(must(rpyc.Invoke[[]uint8](ctx, must(classic.Eval(ctx, "lambda a: bytes(a)")).(*rpyc.Object), rpyc.Numbers([]uint8{1, 2}))), []uint8{1, 2})
	same(must(rpyc.Invoke[[]int16](ctx, must(classic.Eval(ctx, "lambda a: a")).(*rpyc.Object), rpyc.Numbers([]int16{3, 4}))), []int16{3, 4})
}

func second[T any](_ T, err error) error { return err }

func copies(ctx context.Context, classic *rpyc.Classic) {
	data := must(classic.Eval(ctx, "{'a': [1, (2, [3])], 'b': {4: 5.5}, 'c': {6}, 'd': b'7'}"))
	same(must(rpyc.Obtain(ctx, data)), rpyc.Dict{
		{Key: "a", Value: []any{int64(1), rpyc.Tuple{int64(2), []any{int64(3)}}}},
		{Key: "b", Value: rpyc.Dict{{Key: int64(4), Value: 5.5}}},
		{Key: "c", Value: rpyc.FrozenSet{int64(6)}},
		{Key: "d", Value: []byte("7")}})
	_, err := rpyc.Obtain(ctx, must(classic.Eval(ctx, "[open]")))
	same(errors.Is(err, rpyc.ErrType), true)
	check(classic.Execute(ctx, "round = []\nround.append(round)"))
	_, err = rpyc.Obtain(ctx, must(classic.Get(ctx, "round")))
	same(errors.Is(err, rpyc.ErrLimit), true)
	check(classic.Set(ctx, "given", map[string]any{"n": []any{1, map[int]string{2: "x"}, [2]int{3, 4}}, "s": map[int]struct{}{5: {}}}))
	same(must(classic.Eval(ctx, "repr(given)")), "{'n': [1, {2: 'x'}, (3, 4)], 's': {5}}")
	same(must(classic.Eval(ctx, "type(given['n']) is list and type(given['n'][1]) is dict")), true)
}

func transfers(ctx context.Context, classic *rpyc.Classic, folder string) {
	here, there, back := filepath.Join(folder, "here"), filepath.Join(folder, "there"), filepath.Join(folder, "back")
	check(os.MkdirAll(filepath.Join(here, "sub", "empty"), 0o755))
	big := bytes.Repeat([]byte("0123456789"), 30001)
	check(os.WriteFile(filepath.Join(here, "big"), big, 0o644))
	check(os.WriteFile(filepath.Join(here, "sub", "none"), nil, 0o644))
	check(classic.Upload(ctx, here, there))
	check(classic.Download(ctx, there, back))
	same(must(os.ReadFile(filepath.Join(there, "big"))), big)
	same(must(os.ReadFile(filepath.Join(back, "big"))), big)
	same(len(must(os.ReadFile(filepath.Join(back, "sub", "none")))), 0)
	same(must(os.Stat(filepath.Join(back, "sub", "empty"))).IsDir(), true)
	one := filepath.Join(folder, "one")
	check(classic.Download(ctx, filepath.Join(there, "big"), one))
	same(must(os.ReadFile(one)), big)
	// A link in the folder that points outside of it is not followed, neither to a file nor to a folder.
	victim := filepath.Join(folder, "victim")
	check(os.WriteFile(victim, []byte("safe"), 0o644))
	check(os.Remove(filepath.Join(back, "big")))
	check(os.Symlink(victim, filepath.Join(back, "big")))
	same(classic.Download(ctx, there, back) != nil, true)
	same(must(os.ReadFile(victim)), []byte("safe"))
	check(os.Remove(filepath.Join(back, "big")))
	check(os.RemoveAll(filepath.Join(back, "sub")))
	check(os.Symlink(folder, filepath.Join(back, "sub")))
	same(classic.Download(ctx, there, back) != nil, true)
	// A peer whose folder has an entry whose name points outside of it.
	check(classic.Execute(ctx, "import os\nlistdir = os.listdir\nos.listdir = lambda path: ['../victim']"))
	same(errors.Is(classic.Download(ctx, there, filepath.Join(folder, "other")), rpyc.ErrProtocol), true)
	check(classic.Execute(ctx, "os.listdir = listdir"))
	same(errors.Is(classic.Download(ctx, filepath.Join(folder, "nothing"), one), rpyc.Type("FileNotFoundError")), true)
	same(errors.Is(classic.Upload(ctx, filepath.Join(folder, "nothing"), there), os.ErrNotExist), true)
}
