package panui_test

import (
	"bufio"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/panui/panui/signing"
)

// A letter is a request as its bytes go over the wire, so that it can be wrong
// in any way.
type letter struct {
	start string   // POST /ap/inbox HTTP/1.1
	head  []string // lines, in their order
	body  string
}

func (l letter) wire() string {
	return l.start + "\r\n" + strings.Join(l.head, "\r\n") + "\r\n\r\n" + l.body
}

// with puts header lines in the place of those with the same name. A line
// without a value leaves the field out.
func (l letter) with(lines ...string) letter {
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		var rest []string
		for _, old := range l.head {
			if !strings.HasPrefix(strings.ToLower(old), strings.ToLower(name)+":") {
				rest = append(rest, old)
			}
		}
		if l.head = rest; value != "" {
			l.head = append(rest, line)
		}
	}
	return l
}

// plus adds header lines to those that are there.
func (l letter) plus(lines ...string) letter {
	l.head = append(append([]string{}, l.head...), lines...)
	return l
}

// chunk frames the body as one chunk, which may then be of any length.
func (l letter) chunk() letter {
	l = l.with("Content-Length:", "Transfer-Encoding: chunked")
	l.body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(l.body), l.body)
	return l
}

// field returns the value of the first field with the name.
func (l letter) field(name string) string {
	for _, line := range l.head {
		if found, value, _ := strings.Cut(line, ": "); strings.EqualFold(found, name) {
			return value
		}
	}
	return ""
}

// forge says how a letter differs from an honest one of alice.
type forge struct {
	by           string // whose key signs it
	keyID        string
	algorithm    string
	covers       string   // instead of the usual four; a blank covers nothing
	extra        string   // more parameters, such as created=1,
	host, target string   // as signed
	to           string   // where it is really sent
	head         []string // what letter.with takes, before it is signed
}

// letter writes a POST of body to the inbox, signed by hand: it shares nothing
// with package signing.
func (w *world) letter(body string, f forge) letter {
	body = w.fill(body)
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	inbox := or(f.to, "/ap/inbox")
	l := letter{start: "POST " + inbox + " HTTP/1.1", body: body, head: []string{
		"Host: " + w.host(), "Connection: close", "Content-Type: application/activity+json", fmt.Sprint("Content-Length: ", len(body)),
		"Date: " + time.Now().UTC().Format(http.TimeFormat), "Digest: " + sha256Digest(body),
	}}.with(f.head...)
	covers := or(f.covers, "(request-target) host date digest")
	var lines []string
	for _, name := range strings.Fields(covers) {
		value := l.field(name)
		switch name {
		case "(request-target)":
			value = "post " + or(f.target, inbox)
		case "(created)", "(expires)":
			_, value, _ = strings.Cut(f.extra, strings.Trim(name, "()")+"=")
			value, _, _ = strings.Cut(value, ",")
		case "host":
			value = or(f.host, w.host())
		}
		lines = append(lines, name+": "+value)
	}
	by := or(f.by, "alice")
	signed := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	signature, err := rsa.SignPKCS1v15(rand.Reader, privateKey(by), crypto.SHA256, signed[:])
	require.NoError(w, err)
	return l.plus(fmt.Sprintf(`Signature: keyId="%s",algorithm="%s",headers="%s",%ssignature="%s"`,
		w.fill(or(f.keyID, "{"+by+"}#main-key")), or(f.algorithm, "rsa-sha256"), strings.TrimSpace(covers), f.extra, base64.StdEncoding.EncodeToString(signature)))
}

func sha256Digest(body string) string {
	sum := sha256.Sum256([]byte(body))
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

// The ways in which the tables write letters.
type writes = func(*world) letter

// says is an honest letter, by whom the activity says it is.
func says(body string) writes { return forged(body, forge{}) }

func forged(body string, f forge) writes {
	return func(w *world) letter {
		if _, actor, ok := strings.Cut(body, `"actor":"{`); ok && f.by == "" {
			f.by, _, _ = strings.Cut(actor, "}")
		}
		return w.letter(body, f)
	}
}

// keyed is a letter of alice whose key is said to lie somewhere else.
func keyed(keyID string) writes { return forged(aliceReplies, forge{keyID: keyID}) }

// keyedAt is one whose key is said to lie at a name with these answers of the DNS.
func keyedAt(answers ...string) writes {
	return func(w *world) letter {
		return w.letter(aliceReplies, forge{keyID: "https://" + w.names.teach(answers...) + "/users/mallory#main-key"})
	}
}

// headed is an honest letter of alice with some header lines replaced after it was signed.
func headed(lines ...string) writes {
	return func(w *world) letter {
		l := w.letter(aliceReplies, forge{})
		for _, line := range lines {
			l = l.with(w.fill(line))
		}
		return l
	}
}

// changed is an honest letter of alice that something happens to.
func changed(change func(*world, letter) letter) writes {
	return func(w *world) letter { return change(w, w.letter(aliceReplies, forge{})) }
}

// get asks for a path of the site.
func get(target string, head ...string) writes { return ask("GET", target, head...) }

func ask(method, target string, head ...string) writes {
	return func(w *world) letter {
		l := letter{start: method + " " + strings.ReplaceAll(w.fill(target), w.base+"/", "/") + " HTTP/1.1", head: []string{"Host: " + w.host(), "Connection: close"}}
		for _, line := range head {
			l = l.with(w.fill(line))
		}
		return l
	}
}

// answer is what came back: all but the date, which is another each time.
type answer struct {
	status int // 0 when the connection was closed without one
	header http.Header
	body   string
}

// patience is how long a test waits for what must come: it is no measure.
const patience = 30 * time.Second

// send puts bytes on a connection of their own and reads the answer meanwhile,
// since a site may refuse what it has not read.
func (w *world) send(wire string) answer {
	w.Helper()
	connection, err := net.Dial("tcp", w.address)
	require.NoError(w, err)
	var writing sync.WaitGroup
	writing.Go(func() { io.WriteString(connection, wire) })
	defer writing.Wait()
	defer connection.Close()
	method, _, _ := strings.Cut(wire, " ")
	return w.readTo(method, connection)
}

// read reads one answer, after any that say to go on.
func (w *world) read(connection net.Conn) answer { return w.readTo(http.MethodPost, connection) }

// readTo reads one answer to a method: to a HEAD comes no body.
func (w *world) readTo(method string, connection net.Conn) answer {
	w.Helper()
	require.NoError(w, connection.SetReadDeadline(time.Now().Add(patience)))
	reader := bufio.NewReader(connection)
	for {
		got, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			return answer{}
		}
		if got.StatusCode == http.StatusContinue {
			continue
		}
		body, err := io.ReadAll(io.LimitReader(got.Body, 1<<20))
		require.NoError(w, err)
		got.Header.Del("Date")
		return answer{got.StatusCode, got.Header, string(body)}
	}
}

var people sync.Map // *rsa.PrivateKey by name

// privateKey is the key of a person, who has the same one in every world.
func privateKey(name string) *rsa.PrivateKey {
	made, _ := people.LoadOrStore(name, sync.OnceValue(func() *rsa.PrivateKey {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		return key
	}))
	return made.(func() *rsa.PrivateKey)()
}

func siteKey() *signing.Key {
	key, err := signing.New(privateKey("news"))
	if err != nil {
		panic(err)
	}
	return key
}
