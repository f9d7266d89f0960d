package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strings"
)

// The editor's pages are what a real website has behind its own login. Here they
// are open where only this machine can reach them, closed anywhere else, and
// behind a password where one is given.

func readPassword(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("-editor-password: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		return "", fmt.Errorf("-editor-password: others may read %s: chmod 600 it", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("-editor-password: %w", err)
	}
	password := strings.TrimSpace(string(text))
	if len(password) < 12 {
		return "", fmt.Errorf("-editor-password: the password in %s has fewer than 12 characters", path)
	}
	return password, nil
}

// refuseEditors says that the editor's pages are closed.
func (o options) refuseEditors() bool { return o.password == "" && !o.alone() }

// editorsOnly protects next: no form is sent from another website, and nobody
// comes in who may not.
func (n *newsroom) editorsOnly(next http.Handler) http.Handler {
	next = http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		_, password, _ := r.BasicAuth()
		switch {
		case n.refuseEditors():
			n.say(w, r, http.StatusForbidden, "The editor’s pages are closed",
				"Other machines can reach this website. Start it with -editor-password FILE, where FILE holds a password of at least 12 characters.")
		case n.password == "" && !loopback(r.Host): // another website's name that leads here (DNS rebinding)
			n.say(w, r, http.StatusForbidden, "The editor’s pages are closed", "Open them at "+n.base+"/editor/.")
		case n.password != "" && !same(password, n.password):
			w.Header().Set("WWW-Authenticate", `Basic realm="Editor", charset="UTF-8"`)
			n.say(w, r, http.StatusUnauthorized, "The editor’s pages need a password", "Your user name stands in the record as who decided.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// same compares in a time that tells nothing.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// person is who edits, for the record. A real website takes the name from its login.
func person(r *http.Request) string {
	if name, _, ok := r.BasicAuth(); ok && name != "" {
		return name
	}
	return "Hine, press office"
}
