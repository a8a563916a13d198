// An echo server with one loop on epoll that only dispatches, and a pool of workers that read and
// answer: the series' fifth server, mended.
//
// As the articles have it, the loop hands over each connection that epoll reports, and epoll is
// level-triggered: until a worker has read, every further wait reports the same connection, and it
// is handed over again. Two workers then read from one connection, replies get out of order, and a
// worker that finds nothing waits in its read for a request that won't come. With 1,000 active
// connections all workers wait, and the server answers nobody. EPOLLONESHOT mends it: a connection
// is reported once, and again only after its worker has asked for that.
//
//	go run ./workers 127.0.0.1 7000 16
package main

import (
	"log"
	"millionfold/external/loop"
	"os"
	"strconv"
)

func main() {
	if len(os.Args) != 4 {
		log.Fatalf("usage: %s HOST PORT WORKERS", os.Args[0])
	}
	workers, err := strconv.Atoi(os.Args[3])
	if err != nil || workers < 1 {
		log.Fatalf("WORKERS: %q", os.Args[3])
	}
	listener, err := loop.Listen(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	poller, err := loop.NewPoller(listener, true)
	if err != nil {
		log.Fatal(err)
	}
	// One-shot makes each entry of the table one worker's at a time.
	conns, ready := loop.NewConns(), make(chan int, 1024)
	for range workers {
		go work(poller, conns, ready)
	}
	for {
		err := poller.Wait(func(fd int) error {
			ready <- fd
			return nil
		})
		if err != nil {
			log.Fatal(err)
		}
	}
}

func work(poller *loop.Poller, conns loop.Conns, ready <-chan int) {
	buffer := make([]byte, 64<<10)
	for fd := range ready {
		var err error
		if conns.Serve(fd, buffer) {
			err = poller.Watch(fd, conns.Interest(fd))
		} else {
			err = poller.Close(fd)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
