package faults

import (
	"io"
	"net"
	"sync"
)

// Listener is a server's way to the network, on which an Injector may fail a
// connection as it is made, a request as it begins to arrive and an answer as it
// begins to leave. To the other side that is a network in trouble.
type Listener struct {
	net.Listener
	in   *Injector
	done chan struct{}
	once sync.Once
}

// AroundListener puts the trouble of in around l.
func AroundListener(l net.Listener, in *Injector) *Listener {
	return &Listener{Listener: l, in: in, done: make(chan struct{})}
}

// Accept returns the next connection that gets through.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn := &conn{Conn: c, l: l}
		if _, struck := l.in.strikes(OnNetwork, "accept", true); !struck {
			return conn, nil
		}
		go conn.suffer(nil)
	}
}

// Close ends what stalls, too.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.done) })
	return l.Listener.Close()
}

// turn is what a connection is in the middle of.
type turn int

const (
	idle turn = iota
	hearing
	answering
)

type conn struct {
	net.Conn
	l *Listener

	mu     sync.Mutex
	turn   turn
	broken bool
}

// begins says whether the call begins a turn.
func (c *conn) begins(t turn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.turn
	c.turn = t
	return before != t
}

func (c *conn) isBroken() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.broken
}

// Read fails when a request begins to arrive that is to fail.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.isBroken() {
		return 0, io.EOF
	}
	if n == 0 || !c.begins(hearing) {
		return n, err
	}
	if _, struck := c.l.in.strikes(OnNetwork, "request", true); !struck {
		return n, err
	}
	if c.l.in.plan.Kind != Cut {
		c.suffer(nil)
		return 0, io.EOF
	}
	c.shut()
	c.Conn.Close()
	return n / 2, nil
}

// Write fails when an answer begins to leave that is to fail.
func (c *conn) Write(p []byte) (int, error) {
	if c.isBroken() {
		return 0, io.ErrClosedPipe
	}
	if c.begins(answering) {
		if _, struck := c.l.in.strikes(OnNetwork, "answer", true); struck {
			c.suffer(p)
			return 0, io.ErrClosedPipe
		}
	}
	return c.Conn.Write(p)
}

func (c *conn) shut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = true
}

// suffer ends the connection by the trouble of the plan, in the middle of what
// was to be said.
func (c *conn) suffer(said []byte) {
	c.shut()
	defer c.Conn.Close()
	switch c.l.in.plan.Kind {
	case Reset:
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
	case Cut:
		_, _ = c.Conn.Write(said[:len(said)/2])
	case Busy:
		c.say("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
	case Garbage:
		c.say("\x15\x03\x01\x00\x02\x02\x28 nothing that a server would say\r\n\r\n")
	case Stall:
		select {
		case <-c.l.in.recovery:
		case <-c.l.done:
		}
	}
}

// say ends the connection with words that arrive: what has not been read of it
// would make the kernel reset it.
func (c *conn) say(words string) {
	_, _ = io.WriteString(c.Conn, words)
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.CloseWrite()
		_, _ = io.Copy(io.Discard, c.Conn)
	}
}
