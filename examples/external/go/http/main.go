// An HTTP server on Go's net/http, as its documentation writes one.
//
//	go run ./http 127.0.0.1 7000
package main

import (
	"io"
	"log"
	"millionfold/external/loop"
	"net/http"
	"os"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatalf("usage: %s HOST PORT", os.Args[0])
	}
	listener, err := loop.ListenShared(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "Hello, World!")
	})
	// Out of file descriptors, it tries again after a pause of its own.
	log.Fatal(http.Serve(listener, nil))
}
