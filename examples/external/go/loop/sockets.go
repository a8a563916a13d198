package loop

import (
	"net/netip"
	"os"
	"syscall"
)

const SoReusePort = 0xf // Not in package syscall.

// Listen opens a listener that doesn't block. Others may listen there too, as long as they say so,
// and the kernel shares connections out.
func Listen(host, port string) (int, error) {
	addr, err := netip.ParseAddrPort(host + ":" + port)
	if err != nil {
		return 0, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, os.NewSyscallError("socket", err)
	}
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, SoReusePort, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	to := &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	if err := syscall.Bind(fd, to); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	// The kernel takes net.core.somaxconn where that is less.
	return fd, os.NewSyscallError("listen", syscall.Listen(fd, 65535))
}

// Conns knows what could not be sent yet on each connection, by file descriptor: a table of a fixed
// size, so that it takes no lock. The articles' server looked its connections up in a map under one.
type Conns struct{ unsent [][]byte }

// filesMax bounds the table where the limit of open files is absurdly high.
const filesMax = 4 << 20

// NewConns makes a table for as many files as the process may have open. Pages that nobody writes
// to take no memory.
func NewConns() Conns {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur > filesMax {
		limit.Cur = filesMax
	}
	return Conns{make([][]byte, limit.Cur)}
}

// Interest is what a connection waits for: to be read from, or while its client doesn't take the
// replies, only to be written to.
func (c Conns) Interest(fd int) uint32 {
	if c.unsent[fd] != nil {
		return syscall.EPOLLOUT
	}
	return syscall.EPOLLIN
}

// Serve does what can be done without waiting: it sends what is left, or echoes what has come. It says whether the
// connection goes on; if not, it is for the caller to close.
func (c Conns) Serve(fd int, buffer []byte) bool {
	data := c.unsent[fd]
	if data == nil {
		n, err := syscall.Read(fd, buffer)
		if err == syscall.EAGAIN || err == syscall.EINTR {
			return true
		}
		if n <= 0 || err != nil {
			return c.over(fd)
		}
		data = buffer[:n]
	}
	for len(data) > 0 {
		n, err := syscall.Write(fd, data)
		if err == syscall.EAGAIN {
			break
		}
		if err != nil && err != syscall.EINTR {
			return c.over(fd)
		}
		data = data[max(n, 0):]
	}
	if len(data) == 0 {
		data = nil
	} else if c.unsent[fd] == nil {
		data = append([]byte(nil), data...) // The buffer is for others, too.
	}
	c.unsent[fd] = data
	return true
}

func (c Conns) over(fd int) bool {
	c.unsent[fd] = nil
	return false
}
