package loop

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// ListenShared opens a listener of package net. Others may listen there too, as long as they say so.
func ListenShared(host, port string) (net.Listener, error) {
	config := net.ListenConfig{Control: sharePort}
	return config.Listen(context.Background(), "tcp", net.JoinHostPort(host, port))
}

func sharePort(_, _ string, conn syscall.RawConn) error {
	var failed error
	err := conn.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, SoReusePort, 1)
	})
	return errors.Join(err, failed)
}
