// An echo server of several processes that accept from one inherited listener, each with a loop on
// epoll: the series' fourth server.
//
//	go build ./prefork && ./prefork 127.0.0.1 7000 4
package main

import (
	"log"
	"millionfold/external/loop"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
)

// inherited is the first file of exec.Cmd.ExtraFiles.
const inherited = 3

func main() {
	if len(os.Args) == 2 && os.Args[1] == "child" {
		runtime.GOMAXPROCS(1)
		syscall.CloseOnExec(inherited)
		log.Fatal(loop.Run(inherited))
	}
	if len(os.Args) != 4 {
		log.Fatalf("usage: %s HOST PORT PROCESSES", os.Args[0])
	}
	processes, err := strconv.Atoi(os.Args[3])
	if err != nil || processes < 1 {
		log.Fatalf("PROCESSES: %q", os.Args[3])
	}
	listener, err := loop.Listen(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	// Children end with the thread that started them.
	runtime.LockOSThread()
	file := os.NewFile(uintptr(listener), "listener")
	ended := make(chan error)
	for range processes {
		child := exec.Command("/proc/self/exe", "child")
		child.Stderr = os.Stderr
		child.ExtraFiles = []*os.File{file}
		child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
		if err := child.Start(); err != nil {
			log.Fatal(err)
		}
		go func() { ended <- child.Wait() }()
	}
	// One that is lost isn't replaced: the measurement is over then.
	log.Fatal("a child has ended: ", <-ended)
}
