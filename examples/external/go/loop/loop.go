// Package loop is what the servers on epoll have in common: a poller that accepts, and a
// level-triggered loop over it. How many loops there are, over which listener, in how many
// processes or with which workers: that is what the servers differ in.
package loop

import (
	"os"
	"syscall"
	"time"
)

// Poller is an epoll instance over a listener and the connections that it accepted.
type Poller struct {
	epoll, listener int
	oneShot         uint32 // Added to each interest in a connection.
	pausedUntil     time.Time
	// Accepted, if it is there, hears of each new connection.
	Accepted func(fd int) error
	events   [512]syscall.EpollEvent
}

// NewPoller takes a listener that doesn't block. With oneShot a connection is reported once, and
// again only after Watch.
func NewPoller(listener int, oneShot bool) (*Poller, error) {
	epoll, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	p := &Poller{epoll: epoll, listener: listener}
	if oneShot {
		p.oneShot = syscall.EPOLLONESHOT
	}
	return p, p.control(syscall.EPOLL_CTL_ADD, listener, syscall.EPOLLIN)
}

func (p *Poller) control(operation, fd int, events uint32) error {
	event := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", syscall.EpollCtl(p.epoll, operation, fd, &event))
}

// Add has a connection reported when what it waits for has come.
func (p *Poller) Add(fd int, interest uint32) error {
	return p.control(syscall.EPOLL_CTL_ADD, fd, interest|p.oneShot)
}

// Watch changes what a connection waits for.
func (p *Poller) Watch(fd int, interest uint32) error {
	return p.control(syscall.EPOLL_CTL_MOD, fd, interest|p.oneShot)
}

// Close ends a connection. It isn't enough to close it: while somebody else holds its file, epoll
// would go on to report it under a number that is another connection's by then.
func (p *Poller) Close(fd int) error {
	defer syscall.Close(fd)
	return p.control(syscall.EPOLL_CTL_DEL, fd, 0)
}

// Wait accepts those who have come and calls ready for each connection that is ready.
func (p *Poller) Wait(ready func(fd int) error) error {
	timeout := -1
	if !p.pausedUntil.IsZero() {
		timeout = 100
	}
	n, err := syscall.EpollWait(p.epoll, p.events[:], timeout)
	if err != nil && err != syscall.EINTR {
		return os.NewSyscallError("epoll_wait", err)
	}
	for _, event := range p.events[:max(n, 0)] {
		if int(event.Fd) == p.listener {
			err = p.accept()
		} else {
			err = ready(int(event.Fd))
		}
		if err != nil {
			return err
		}
	}
	if !p.pausedUntil.IsZero() && time.Now().After(p.pausedUntil) {
		p.pausedUntil = time.Time{}
		return p.control(syscall.EPOLL_CTL_ADD, p.listener, syscall.EPOLLIN)
	}
	return nil
}

// accept takes a bounded number, so that the others get their turn.
func (p *Poller) accept() error {
	for range 64 {
		fd, _, err := syscall.Accept4(p.listener, syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC)
		switch err {
		case nil:
		case syscall.EINTR, syscall.ECONNABORTED:
			continue
		case syscall.EAGAIN: // Another process may have been faster.
			return nil
		default:
			// Out of file descriptors, for example. The listener stays readable: without a pause the
			// loop would do nothing but try again.
			p.pausedUntil = time.Now().Add(100 * time.Millisecond)
			return p.control(syscall.EPOLL_CTL_DEL, p.listener, 0)
		}
		syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		if err := p.Add(fd, syscall.EPOLLIN); err != nil {
			return err
		}
		if p.Accepted != nil {
			if err := p.Accepted(fd); err != nil {
				return err
			}
		}
	}
	return nil
}

// Run serves on the calling goroutine until something fails.
func Run(listener int) error {
	poller, err := NewPoller(listener, false)
	if err != nil {
		return err
	}
	conns, buffer := NewConns(), make([]byte, 64<<10)
	for {
		err := poller.Wait(func(fd int) error {
			before := conns.Interest(fd)
			switch {
			case !conns.Serve(fd, buffer):
				return poller.Close(fd)
			case conns.Interest(fd) != before:
				return poller.Watch(fd, conns.Interest(fd))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}
