package main

import (
	"errors"
	"io"
	"net"
)

// relay passes what a client sends to a backend of its own, and what comes back to the client. Not
// io.Copy, which between two TCP connections takes a pipe for each way, and so four more files.
func relay(client net.Conn, backend string) {
	defer client.Close()
	behind, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer behind.Close()
	there := make(chan struct{})
	go func() {
		pass(client.(*net.TCPConn), behind.(*net.TCPConn))
		close(there)
	}()
	pass(behind.(*net.TCPConn), client.(*net.TCPConn))
	<-there
}

// pass ends with the stream that it reads, whose end it passes on. A side that fails ends both.
func pass(from, to *net.TCPConn) {
	buffer := make([]byte, 1024)
	for {
		n, err := from.Read(buffer)
		if err == nil {
			_, err = to.Write(buffer[:n])
		}
		if errors.Is(err, io.EOF) {
			err = to.CloseWrite()
			if err == nil {
				return
			}
		}
		if err != nil {
			from.Close()
			to.Close()
			return
		}
	}
}
