// Command features is one side of the binding's tests beyond the interop contract; Python is the other.
//
//	features serve ADDRESS [ADDRESS OF A PYTHON SERVER]
//	features classic ADDRESS FOLDER
//	features slave ADDRESS PREFIX
//	features release ADDRESS
//	features stdio -
//	features middle RULES OWNER [ADDRESS [OPTION=VALUE...]]
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"rpyc"
)

func main() {
	log.SetFlags(log.Lshortfile)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if len(os.Args) < 3 {
		log.Fatal("usage: features serve ADDRESS [ADDRESS] | features classic ADDRESS FOLDER | features release ADDRESS | features stdio - | features middle RULES OWNER [ADDRESS [OPTION=VALUE...]]")
	}
	switch os.Args[1] {
	case "serve":
		serve(ctx, os.Args[2], os.Args[3:])
	case "classic":
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		classic, err := rpyc.DialClassic(ctx, os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		defer classic.Conn().Close()
		drive(ctx, classic, os.Args[3])
	case "slave":
		slave(ctx, os.Args[2], os.Args[3])
	case "release":
		release(ctx, os.Args[2])
	case "stdio":
		stdio()
	case "middle":
		passOn(ctx, os.Args[2], os.Args[3], os.Args[4:])
	default:
		log.Fatalf("%s is nothing to do", os.Args[1])
	}
}

func serve(ctx context.Context, addr string, others []string) {
	service := &features{list: rpyc.NewLiveList(1, "two", 3.5), account: &account{owner: "Ada", balance: 10}}
	service.dict, _ = rpyc.NewLiveDict(rpyc.Item{Key: "a", Value: 1})
	if len(others) > 0 {
		other, err := rpyc.Dial(ctx, others[0])
		if err != nil {
			log.Fatal(err)
		}
		defer other.Close()
		service.other = other
	}
	listener, err := rpyc.Listen(ctx, addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening %s://%s\n", listener.Addr().Network(), listener.Addr())
	if err := rpyc.NewServer(service, rpyc.WithConfig("allow_setattr", "true"), rpyc.WithConfig("allow_delattr", "true")).Serve(ctx, listener); err != nil {
		log.Fatal(err)
	}
}
