// An echo server with a goroutine for each connection, as Go's own documentation writes one: the
// first server of the series of articles on a million connections.
//
//	go run ./goroutine 127.0.0.1 7000
//	go run ./goroutine 127.0.0.1 7000 127.0.0.1:7001    # relays to a backend
package main

import (
	"errors"
	"log"
	"millionfold/external/loop"
	"net"
	"os"
	"time"
)

func main() {
	serve := echo
	switch len(os.Args) {
	case 3:
	case 4:
		serve = func(conn net.Conn) { relay(conn, os.Args[3]) }
	default:
		log.Fatalf("usage: %s HOST PORT [BACKEND]", os.Args[0])
	}
	listener, err := loop.ListenShared(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			// Out of file descriptors, for example: those who wait are served later.
			time.Sleep(10 * time.Millisecond)
		default:
			go serve(conn)
		}
	}
}

// Not io.Copy, which between two TCP connections takes a pipe for each, and so two more files.
func echo(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 1024)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}
