// Command arrays checks the copies of the arrays of tests/run/clients/arrays_server.py in Go: arrays ADDRESS RULES
// NUMPY. RULES is default or public. NUMPY is 1 if numpy is available, otherwise 0.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"rpyc"
)

var passed, failed int

func is(name string, got any, err error, want string) {
	text := fmt.Sprintf("%v", got)
	if err != nil {
		text = err.Error()
	}
	if text == want {
		passed++
		return
	}
	failed++
	fmt.Fprintf(os.Stderr, "%s is %s, not %s\n", name, text, want)
}

func check[T any](ctx context.Context, root *rpyc.Object, name, want string) {
	got, err := rpyc.Call[T](ctx, root, "give", name)
	is(name, got, err, want)
}

func obtained(ctx context.Context, root *rpyc.Object, name, want string) {
	object, err := root.CallMethod(ctx, "give", name)
	if err == nil {
		object, err = rpyc.Obtain(ctx, object)
	}
	is(name, fmt.Sprintf("%T %v", object, object), err, want)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: arrays ADDRESS default|public 0|1")
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := rpyc.Dial(ctx, os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	root, public := conn.Root(), os.Args[2] == "public"
	ofPython(ctx, root)
	if public {
		obtained(ctx, root, "array_l", "[]int64 [-5 6]")
		obtained(ctx, root, "bytearray", "[]uint8 "+counted(256))
		obtained(ctx, root, "view_matrix", "[]interface {} [[0 1 2] [3 4 5]]")
	}
	if os.Args[3] == "1" {
		ofNumpy(ctx, root)
	}
	if os.Args[3] == "1" {
		check[[]string](ctx, root, "texts", "[a b]")
		obtained(ctx, root, "words", "[]interface {} [word [98 121 116 101 115] [{key }]]")
	}
	if public && os.Args[3] == "1" {
		check[[]complex128](ctx, root, "complex", "[(1+2i) (3+0i)]")
		obtained(ctx, root, "matrix", "[]interface {} [[0 1 2] [3 4 5]]")
		obtained(ctx, root, "halves", "[]float32 [0.5 -2 65504]")
		long, err := rpyc.Call[[]float64](ctx, root, "give", "long")
		is("long", len(long), err, "100000")
	}
	fmt.Printf("%d passed, %d failed\n", passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

// counted returns the numbers from 0 to n-1 in printed form.
func counted(n int) string {
	numbers := make([]int, n)
	for i := range numbers {
		numbers[i] = i
	}
	return fmt.Sprint(numbers)
}

func ofPython(ctx context.Context, root *rpyc.Object) {
	check[[]float64](ctx, root, "array_d", "[0.5 -1.5 2.5]")
	check[[]float32](ctx, root, "array_d", "[0.5 -1.5 2.5]")
	check[[3]float64](ctx, root, "array_d", "[0.5 -1.5 2.5]")
	check[[]int](ctx, root, "array_i", counted(1000))
	check[[]string](ctx, root, "array_u", "[a b]")
	check[[]int16](ctx, root, "array_empty", "[]")
	check[[]byte](ctx, root, "bytearray", counted(256))
	check[[]int](ctx, root, "bytearray", counted(256))
	check[[]int](ctx, root, "view_bytes", "[97 98 99]")
	check[[]float64](ctx, root, "view_doubles", "[1.5 2.5]")
	check[rpyc.NDArray[float64]](ctx, root, "array_d", "{[0.5 -1.5 2.5] [3]}")
	check[rpyc.NDArray[byte]](ctx, root, "bytearray", "{"+counted(256)+" [256]}")
	_, err := rpyc.Call[[]uint16](ctx, root, "give", "array_l")
	if !errors.Is(err, rpyc.ErrRange) {
		is("array_l", "no such error", err, "an error of the range")
	}
	check[*rpyc.Object](ctx, root, "array_d", "<remote array.array>")
}

func ofNumpy(ctx context.Context, root *rpyc.Object) {
	doubles, err := rpyc.Call[[]float64](ctx, root, "give", "doubles")
	is("doubles", []any{len(doubles), doubles[len(doubles)-1]}, err, "[2000 999.5]")
	check[[]float32](ctx, root, "halves", "[0.5 -2 65504]")
	check[[]int](ctx, root, "ints", "[-3 -2 -1 0 1 2]")
	check[[]int32](ctx, root, "big_endian", "[1 2 300]")
	check[[]uint64](ctx, root, "unsigned", "[18446744073709551615]")
	check[[]byte](ctx, root, "bytes", "[0 1 2 3 4]")
	check[[]int](ctx, root, "bytes", "[0 1 2 3 4]")
	check[[]bool](ctx, root, "truths", "[true false]")
	check[[][]float64](ctx, root, "matrix", "[[0 1 2] [3 4 5]]")
	check[[2][3]int](ctx, root, "ints", "rpyc: the result must be a tuple of 2, not of 6")
	check[rpyc.NDArray[float64]](ctx, root, "transposed", "{[0 3 1 4 2 5] [3 2]}")
	check[rpyc.NDArray[int16]](ctx, root, "cube", "{"+counted(24)+" [2 3 4]}")
	check[rpyc.NDArray[float64]](ctx, root, "single", "{[2.5] []}")
	check[[]float64](ctx, root, "strided", "[0 3 6 9]")
	check[[]float64](ctx, root, "empty", "[]")
	obtained(ctx, root, "numbers", "[]interface {} [0.5 7 true 0.25 255]")
	obtained(ctx, root, "keys", "rpyc.Dict [{1 2}]")
}
