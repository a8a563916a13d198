// An echo server with several loops on epoll, each with a listener of its own on the same port
// (SO_REUSEPORT): the series' third server.
//
//	go run ./epoll-multi 127.0.0.1 7000 4
package main

import (
	"log"
	"millionfold/external/loop"
	"os"
	"runtime"
	"strconv"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatalf("usage: %s HOST PORT LOOPS", os.Args[0])
	}
	loops, err := strconv.Atoi(os.Args[3])
	if err != nil || loops < 1 {
		log.Fatalf("LOOPS: %q", os.Args[3])
	}
	failed := make(chan error)
	for range loops {
		listener, err := loop.Listen(os.Args[1], os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			// A thread that waits in epoll is a thread: the scheduler has nothing to share here.
			runtime.LockOSThread()
			failed <- loop.Run(listener)
		}()
	}
	log.Fatal(<-failed)
}
