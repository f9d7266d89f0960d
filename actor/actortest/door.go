package actortest

import (
	"net"
	"sync"
)

// A door is a listener that can be frozen: it then takes connections and never
// says a word on them, not even in TLS.
type door struct {
	net.Listener
	held func() // is told of each such connection

	mu      sync.Mutex
	frozen  bool
	waiting []net.Conn
}

// Accept returns the next connection that is to be served.
func (d *door) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil || !d.hold(conn) {
			return conn, err
		}
		d.held()
	}
}

func (d *door) hold(c net.Conn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.frozen {
		d.waiting = append(d.waiting, c)
	}
	return d.frozen
}

// freeze turns the silence on or off; connections that met it are closed at the end of it.
func (d *door) freeze(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.frozen = on
	if on {
		return
	}
	for _, c := range d.waiting {
		_ = c.Close()
	}
	d.waiting = nil
}
