// An echo server on one epoll instance, driven by hand from one goroutine: the second server of
// the series.
//
//	go run ./epoll 127.0.0.1 7000
//	go run ./epoll 127.0.0.1 7000 127.0.0.1:7001    # relays to a backend
package main

import (
	"log"
	"millionfold/external/loop"
	"os"
)

func main() {
	if len(os.Args) != 3 && len(os.Args) != 4 {
		log.Fatalf("usage: %s HOST PORT [BACKEND]", os.Args[0])
	}
	listener, err := loop.Listen(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	if len(os.Args) == 4 {
		log.Fatal(runRelay(listener, os.Args[3]))
	}
	log.Fatal(loop.Run(listener))
}
