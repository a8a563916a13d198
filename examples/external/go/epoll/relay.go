package main

import (
	"millionfold/external/loop"
	"net/netip"
	"syscall"
)

// pair is a client's connection and the backend's, each a side. A side is found by its descriptor.
type pair struct {
	sides     [2]side
	connected bool
}

type side struct {
	fd       int
	unsent   []byte // What it has not taken yet: one read of the other side at the most.
	ended    bool   // Nothing more comes from it.
	interest uint32
}

// relay is a level-triggered loop over pairs.
type relay struct {
	poller  *loop.Poller
	pairs   map[int]*pair
	backend *syscall.SockaddrInet4
	buffer  []byte
}

func runRelay(listener int, backend string) error {
	addr, err := netip.ParseAddrPort(backend)
	if err != nil {
		return err
	}
	poller, err := loop.NewPoller(listener, false)
	if err != nil {
		return err
	}
	r := &relay{poller: poller, pairs: map[int]*pair{}, buffer: make([]byte, 64<<10)}
	r.backend = &syscall.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	poller.Accepted = r.open
	for {
		if err := poller.Wait(r.ready); err != nil {
			return err
		}
	}
}

// open connects to the backend. The client is not read from before that is there.
func (r *relay) open(client int) error {
	flags := syscall.SOCK_STREAM | syscall.SOCK_NONBLOCK | syscall.SOCK_CLOEXEC
	fd, err := syscall.Socket(syscall.AF_INET, flags, 0)
	if err != nil {
		return r.poller.Close(client)
	}
	syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if err := syscall.Connect(fd, r.backend); err != nil && err != syscall.EINPROGRESS {
		syscall.Close(fd)
		return r.poller.Close(client)
	}
	p := &pair{}
	p.sides[0] = side{fd: client, interest: syscall.EPOLLIN}
	p.sides[1] = side{fd: fd, interest: syscall.EPOLLOUT}
	r.pairs[client], r.pairs[fd] = p, p
	if err := r.poller.Add(fd, syscall.EPOLLOUT); err != nil {
		return err
	}
	return r.watch(p)
}

func (r *relay) ready(fd int) error {
	p := r.pairs[fd]
	if p == nil {
		return nil
	}
	from := 0
	if p.sides[1].fd == fd {
		from, p.connected = 1, true
	}
	if !p.flush(from) || !r.pass(p, from) || p.over() {
		return r.close(p)
	}
	return r.watch(p)
}

// pass reads once from a side, if that is due, and sends it to the other. It says whether the pair goes on.
func (r *relay) pass(p *pair, from int) bool {
	if !p.reads(from) {
		return true
	}
	to := &p.sides[1-from]
	n, err := syscall.Read(p.sides[from].fd, r.buffer)
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return true
	case err != nil:
		return false
	case n == 0:
		p.sides[from].ended = true
		return syscall.Shutdown(to.fd, syscall.SHUT_WR) == nil
	}
	to.unsent = r.buffer[:n]
	goesOn := p.flush(1 - from)
	to.unsent = append([]byte(nil), to.unsent...) // The buffer is for others, too.
	return goesOn
}

// flush sends what a side has not taken yet.
func (p *pair) flush(to int) bool {
	s := &p.sides[to]
	for len(s.unsent) > 0 {
		n, err := syscall.Write(s.fd, s.unsent)
		if err == syscall.EAGAIN {
			return true
		}
		if err != nil && err != syscall.EINTR {
			return false
		}
		s.unsent = s.unsent[max(n, 0):]
	}
	s.unsent = nil
	return true
}

func (p *pair) reads(from int) bool {
	return p.connected && !p.sides[from].ended && len(p.sides[1-from].unsent) == 0
}

func (p *pair) over() bool {
	client, backend := p.sides[0], p.sides[1]
	return client.ended && backend.ended && len(client.unsent)+len(backend.unsent) == 0
}

// watch tells epoll what either side waits for. A side that waits for nothing is reported once when it
// hangs up, as epoll does unasked.
func (r *relay) watch(p *pair) error {
	for i := range p.sides {
		s, wanted := &p.sides[i], uint32(0)
		if p.reads(i) {
			wanted |= syscall.EPOLLIN
		}
		if len(s.unsent) > 0 || i == 1 && !p.connected {
			wanted |= syscall.EPOLLOUT
		}
		if wanted == 0 {
			wanted = syscall.EPOLLONESHOT
		}
		if wanted != s.interest {
			s.interest = wanted
			if err := r.poller.Watch(s.fd, wanted); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *relay) close(p *pair) error {
	for _, s := range p.sides {
		delete(r.pairs, s.fd)
		if err := r.poller.Close(s.fd); err != nil {
			return err
		}
	}
	return nil
}
