package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// peer is peer.mjs: a server on Fedify in a process of its own. It takes one
// command at a time.
type peer struct {
	hello

	process *exec.Cmd
	stdin   io.WriteCloser
	answers chan line
	done    chan struct{} // closed when it says nothing more

	mu     sync.Mutex
	events []event
}

// hello is what the peer says first: ids of Kiri, and its version of Node.
type hello struct{ Actor, Inbox, Handle, Node string }

// event is an activity in Kiri's inbox, as Fedify's vocabulary reads it.
type event struct {
	Type, ID, Actor    string
	Object, ObjectType string
	Content            string
	Refused            string `json:"-"` // why Fedify does not believe it; empty when it is verified
}

// answer is what a command gives.
type answer struct {
	ID, Type, Object, Name string
	Items                  []string
}

// line is what the peer prints: one of these.
type line struct {
	Ready    hello
	Answer   answer
	Error    string
	Received *event
	Refused  *event
	Reason   string
	Trouble  string
}

// node is the Node that npm ci puts into dir, since Fedify needs 22.
func node(dir string) string { return filepath.Join(dir, "node_modules", ".bin", "node") }

// startPeer starts the server in dir, where npm ci has been run. It ends with
// ctx at the latest; its complaints go to stderr.
func startPeer(ctx context.Context, dir string, f files, stderr io.Writer) (*peer, error) {
	program, err := filepath.Abs(node(dir))
	if err != nil {
		return nil, err
	}
	p := &peer{
		process: exec.CommandContext(ctx, program, "peer.mjs", f.certificate, f.key),
		answers: make(chan line), done: make(chan struct{}),
	}
	p.process.Dir = dir
	p.process.Env = []string{"NODE_EXTRA_CA_CERTS=" + f.authority}
	p.process.Stderr = stderr
	p.process.WaitDelay = 5 * time.Second
	if p.stdin, err = p.process.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.process.Start(); err != nil {
		return nil, fmt.Errorf("start the peer (is npm ci done?): %w", err)
	}
	go p.listen(ctx, stdout)
	soon, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ready, err := p.next(soon)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the peer did not start: %w", err), p.close())
	}
	p.hello = ready.Ready
	return p, nil
}

// listen reads what the peer prints, until it ends.
func (p *peer) listen(ctx context.Context, stdout io.Reader) {
	defer close(p.done)
	lines := json.NewDecoder(stdout)
	for {
		var l line
		if err := lines.Decode(&l); err != nil {
			return
		}
		if p.heard(l) {
			continue
		}
		select {
		case p.answers <- l:
		case <-ctx.Done():
			return
		}
	}
}

// heard keeps what arrived in the inbox.
func (p *peer) heard(l line) bool {
	e := l.Received
	switch {
	case l.Refused != nil:
		e = l.Refused
		e.Refused = l.Reason
	case l.Trouble != "":
		e = &event{Refused: l.Trouble}
	case e == nil:
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, *e)
	return true
}

// inbox returns what arrived after the first n.
func (p *peer) inbox(n int) []event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]event(nil), p.events[n:]...)
}

func (p *peer) next(ctx context.Context) (line, error) {
	select {
	case l := <-p.answers:
		return l, nil
	case <-p.done:
		return line{}, errors.New("it ended")
	case <-ctx.Done():
		return line{}, ctx.Err()
	}
}

// command is something that Kiri does: What is an id or a handle.
type command struct {
	Do      string `json:"do"`
	What    string `json:"what,omitempty"`
	Content string `json:"content,omitempty"`
}

// do carries a command out. A delivery that the agency does not take is an error.
func (p *peer) do(ctx context.Context, c command) (answer, error) {
	if err := json.NewEncoder(p.stdin).Encode(c); err != nil {
		return answer{}, fmt.Errorf("peer: %s: %w", c.Do, err)
	}
	l, err := p.next(ctx)
	if err == nil && l.Error != "" {
		err = errors.New(l.Error)
	}
	if err != nil {
		return answer{}, fmt.Errorf("peer: %s: %w", c.Do, err)
	}
	return l.Answer, nil
}

// close ends the peer and waits for it.
func (p *peer) close() error {
	p.stdin.Close()
	<-p.done
	return p.process.Wait()
}

// installed says what is missing in dir, or nil.
func installed(dir string) error {
	for _, file := range []string{node(dir), filepath.Join(dir, "node_modules", "@fedify", "fedify", "package.json")} {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("run npm ci in examples/interop/fedify first: %w", err)
		}
	}
	return nil
}
