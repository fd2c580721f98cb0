package rpyc_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"rpyc"
)

// Bank is the service of the examples.
type Bank struct{}

func (*Bank) DescribeRPyC(c *rpyc.Class) {
	c.Method("withdraw(account, amount=10)", "Withdraw").Doc("Takes money from an account.")
}

func (*Bank) Withdraw(account string, amount int) (int, error) {
	if amount > 100 {
		return 0, rpyc.Raise("ValueError", "not enough money")
	}
	return 100 - amount, nil
}

func (*Bank) Accounts() []string { return []string{"ann", "bob"} }

func (*Bank) Join(ctx context.Context, names *rpyc.Object) error {
	_, err := names.CallMethod(ctx, "append", "zoe")
	return err
}

func (*Bank) Each(names []string, f func(string) error) error {
	for _, name := range names {
		if err := f(name); err != nil {
			return err
		}
	}
	return nil
}

func (*Bank) Close(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// exampleBank serves a Bank and connects to it.
func exampleBank() (conn *rpyc.Conn, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := rpyc.Listen(ctx, "tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go rpyc.NewServer(&Bank{}).Serve(ctx, listener)
	conn, err = rpyc.Dial(ctx, "tcp://"+listener.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	return conn, func() {
		conn.Close()
		cancel()
	}
}

func ExampleCall() {
	conn, stop := exampleBank()
	defer stop()
	ctx := context.Background()

	left, err := rpyc.Call[int](ctx, conn.Root(), "withdraw", "ann", 30)
	fmt.Println(left, err)
	left, err = rpyc.Call[int](ctx, conn.Root(), "withdraw", rpyc.Keywords{"account": "bob"})
	fmt.Println(left, err)
	names, err := rpyc.Call[[]string](ctx, conn.Root(), "accounts")
	fmt.Println(names, err)
	// Output:
	// 70 <nil>
	// 90 <nil>
	// [ann bob] <nil>
}

func ExampleRemoteError() {
	conn, stop := exampleBank()
	defer stop()

	_, err := rpyc.Call[int](context.Background(), conn.Root(), "withdraw", "ann", 200)
	fmt.Println(err)
	fmt.Println(errors.Is(err, rpyc.Type("ValueError")), errors.Is(err, rpyc.Type("KeyError")))
	var remote *rpyc.RemoteError
	if errors.As(err, &remote) {
		fmt.Println(remote.Type, remote.Args)
	}
	// Output:
	// ValueError: not enough money
	// true false
	// ValueError [not enough money]
}

func ExampleCall_deadline() {
	conn, stop := exampleBank()
	defer stop()

	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err := rpyc.Call[any](ctx, conn.Root(), "close")
	fmt.Println(errors.Is(err, rpyc.ErrTimeout), errors.Is(err, context.DeadlineExceeded))
	// Output: true true
}

func ExampleObject_Call() {
	conn, stop := exampleBank()
	defer stop()
	ctx := context.Background()

	withdraw, err := rpyc.Get[*rpyc.Object](ctx, conn.Root(), "withdraw")
	if err != nil {
		log.Fatal(err)
	}
	defer withdraw.Close()
	left, err := withdraw.Call(ctx, "ann", 1)
	fmt.Println(left, err)
	// Output: 99 <nil>
}

func ExampleIterate() {
	conn, stop := exampleBank()
	defer stop()
	ctx := context.Background()

	accounts, err := rpyc.Call[*rpyc.Object](ctx, conn.Root(), "accounts")
	if err != nil {
		log.Fatal(err)
	}
	defer accounts.Close()
	names := rpyc.Iterate[string](ctx, accounts)
	for names.Next() {
		fmt.Println(names.Value())
	}
	fmt.Println(names.Err())
	// Output:
	// ann
	// bob
	// <nil>
}

func ExampleFunc() {
	conn, stop := exampleBank()
	defer stop()

	greet := rpyc.Func("greet(name)", func(name string) { fmt.Println("hello,", name) })
	_, err := rpyc.Call[any](context.Background(), conn.Root(), "each", []string{"ann", "bob"}, greet)
	fmt.Println(err)
	// Output:
	// hello, ann
	// hello, bob
	// <nil>
}

func ExampleNewServer() {
	ctx, cancel := context.WithCancel(context.Background())
	listener, err := rpyc.Listen(ctx, "tcp://127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- rpyc.NewServer(&Bank{}, rpyc.WithSerial()).Serve(ctx, listener) }()

	cancel() // ends the server
	fmt.Println(<-done)
	// Output: <nil>
}

// Calls that run at the same time.
func ExampleAsync() {
	conn, stop := exampleBank()
	defer stop()
	ctx := context.Background()
	var futures []*rpyc.Future[int]
	for _, amount := range []int{10, 20, 30} {
		futures = append(futures, rpyc.Async[int](ctx, conn.Root(), "withdraw", "ann", amount))
	}
	for _, future := range futures {
		left, err := future.Result()
		fmt.Println(left, err)
	}
	// Output:
	// 90 <nil>
	// 80 <nil>
	// 70 <nil>
}

// A list that a peer modifies.
func ExampleLiveList() {
	conn, stop := exampleBank()
	defer stop()
	names := rpyc.NewLiveList("ann")
	if _, err := conn.Root().CallMethod(context.Background(), "join", names); err != nil {
		log.Fatal(err)
	}
	fmt.Println(names.Items())
	// Output: [ann zoe]
}
