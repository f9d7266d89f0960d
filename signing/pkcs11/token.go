//go:build cgo

package pkcs11

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	cryptoki "github.com/miekg/pkcs11"

	"github.com/panui/panui/signing/internal/keyfile"
)

// Config says where a token is. Module, PIN, and one of Label and Serial are required.
type Config struct {
	Module   string                 // path of the token's PKCS #11 library
	Label    string                 // of the token
	Serial   string                 // of the token; where Label is given too, both must fit
	PIN      func() (string, error) // the user's; asked at each login
	Sessions int                    // signatures at once; 4 when 0
}

// PINFile reads the PIN from the first line of a file that only its owner may read.
func PINFile(path string) func() (string, error) {
	return func() (string, error) {
		text, err := keyfile.ReadSecret(path, 1<<10)
		if err != nil {
			return "", fmt.Errorf("PIN file %s: %w", path, err)
		}
		defer clear(text)
		line, _, _ := strings.Cut(string(text), "\n")
		return strings.TrimSuffix(line, "\r"), nil
	}
}

// Token is a login to a token, which all its keys share. It is safe for
// concurrent use.
//
// When sessions or the login are lost, the next signature logs in again, once. A
// PIN that the token refused is never tried again, since a few such tries lock a
// token: close it, and open another. Modules differ in whether they see a
// device that was away; with one that does not, the process must start again.
type Token struct {
	config Config
	module *cryptoki.Ctx
	idle   chan cryptoki.SessionHandle
	places chan struct{} // one for each session that may be open

	mu      sync.RWMutex // held to read by who calls the module, to write by who ends sessions
	login   cryptoki.SessionHandle
	slot    uint
	life    int   // how often it logged in
	ours    bool  // whether it was this Token that initialised the module
	refused error // of the PIN
	away    bool  // since a login that failed
	closed  bool
}

var (
	errClosed = errors.New("the token is closed")
	errAway   = errors.New("the token is away")
)

// Open loads the module and logs in.
func Open(c Config) (*Token, error) {
	if c.Module == "" || c.PIN == nil || c.Label == "" && c.Serial == "" {
		return nil, errors.New("pkcs11: open: Module, PIN, and Label or Serial of the token are required")
	}
	sessions := cmp.Or(c.Sessions, 4)
	if sessions < 0 {
		return nil, fmt.Errorf("pkcs11: open: %d Sessions", sessions)
	}
	module := cryptoki.New(c.Module)
	if module == nil {
		return nil, fmt.Errorf("pkcs11: open: %s cannot be loaded as a PKCS #11 library", c.Module)
	}
	t := &Token{
		config: c, module: module,
		idle:   make(chan cryptoki.SessionHandle, sessions),
		places: make(chan struct{}, sessions),
	}
	if err := t.connect(); err != nil {
		t.Close()
		return nil, fmt.Errorf("pkcs11: open token %s: %w", t.name(), err)
	}
	return t, nil
}

func (t *Token) name() string { return strings.TrimSpace(t.config.Label + " " + t.config.Serial) }

// Close ends all sessions and unloads the module. Signatures that are being made
// are finished first; later ones fail.
func (t *Token) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	t.hangUp()
	var err error
	if t.ours {
		err = t.module.Finalize()
	}
	t.module.Destroy()
	if err != nil && !is(err, cryptoki.CKR_CRYPTOKI_NOT_INITIALIZED) {
		return fmt.Errorf("pkcs11: close token %s: %w", t.name(), err)
	}
	return nil
}

// connect finds the token, wherever it is now, and logs in. The PIN is asked for
// last, so that a token that is away costs no try.
func (t *Token) connect() error {
	if t.refused != nil {
		return t.refused
	}
	err := t.module.Initialize()
	if err != nil && !is(err, cryptoki.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		return err
	}
	t.ours = t.ours || err == nil
	if t.slot, err = t.find(); err != nil {
		return err
	}
	if t.login, err = t.module.OpenSession(t.slot, cryptoki.CKF_SERIAL_SESSION); err != nil {
		return err
	}
	if err := t.enter(); err != nil {
		t.module.CloseSession(t.login)
		return err
	}
	t.life++
	t.away = false
	return nil
}

// enter logs in, unless this process is so already through another Token.
func (t *Token) enter() error {
	pin, err := t.config.PIN()
	if err != nil {
		return err
	}
	err = t.module.Login(t.login, cryptoki.CKU_USER, pin)
	switch {
	case err == nil, is(err, cryptoki.CKR_USER_ALREADY_LOGGED_IN):
		return nil
	case is(err, cryptoki.CKR_PIN_INCORRECT, cryptoki.CKR_PIN_INVALID, cryptoki.CKR_PIN_LEN_RANGE,
		cryptoki.CKR_PIN_EXPIRED, cryptoki.CKR_PIN_LOCKED, cryptoki.CKR_USER_PIN_NOT_INITIALIZED):
		t.refused = fmt.Errorf("the PIN is refused and not tried again: %w", err)
		return t.refused
	}
	return err
}

// find returns the slot of the one token that Label and Serial fit.
func (t *Token) find() (uint, error) {
	slots, err := t.module.GetSlotList(true)
	if err != nil {
		return 0, err
	}
	var fit []uint
	var others []string
	for _, slot := range slots {
		info, err := t.module.GetTokenInfo(slot)
		if err != nil || info.Flags&cryptoki.CKF_TOKEN_INITIALIZED == 0 {
			continue // taken away meanwhile, or empty
		}
		label, serial := padless(info.Label), padless(info.SerialNumber)
		if cmp.Or(t.config.Label, label) == label && cmp.Or(t.config.Serial, serial) == serial {
			fit = append(fit, slot)
			continue
		}
		others = append(others, fmt.Sprintf("%q with serial %q", label, serial))
	}
	switch len(fit) {
	case 1:
		return fit[0], nil
	case 0:
		return 0, fmt.Errorf("no such token in %s; there are %d others: %s", t.config.Module, len(others), strings.Join(others, ", "))
	}
	return 0, fmt.Errorf("%d tokens fit: give the Serial too", len(fit))
}

// padless takes away what fixed fields are filled with: blanks, as it should be, or zeros.
func padless(field string) string { return strings.TrimRight(field, " \x00") }

// hangUp closes the sessions of this Token, which may be lost already. Those of
// others in this process stay.
func (t *Token) hangUp() {
	for {
		select {
		case s := <-t.idle:
			t.module.CloseSession(s)
		default:
			if t.life > 0 && !t.away {
				t.module.CloseSession(t.login)
			}
			return
		}
	}
}

// use calls do with a session that is logged in, and once more with another one
// when it was lost.
func (t *Token) use(do func(cryptoki.SessionHandle) error) error {
	t.places <- struct{}{}
	defer func() { <-t.places }()
	life, err := t.try(do)
	if !lost(err) {
		return err
	}
	if again := t.reconnect(life); again != nil {
		return fmt.Errorf("%w; to log in again: %w", err, again)
	}
	_, err = t.try(do)
	return err
}

func (t *Token) try(do func(cryptoki.SessionHandle) error) (life int, err error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if err := t.usable(); err != nil {
		return t.life, err
	}
	session, err := t.session()
	if err != nil {
		return t.life, err
	}
	if err := do(session); err != nil {
		t.module.CloseSession(session) // an operation may be open in it
		return t.life, err
	}
	t.idle <- session // has room: a place is held
	return t.life, nil
}

func (t *Token) usable() error {
	switch {
	case t.closed:
		return errClosed
	case t.away: // its slot may be another's by now
		return errAway
	}
	return nil
}

func (t *Token) session() (cryptoki.SessionHandle, error) {
	select {
	case s := <-t.idle:
		return s, nil
	default:
		return t.module.OpenSession(t.slot, cryptoki.CKF_SERIAL_SESSION)
	}
}

// reconnect logs in again, unless somebody else has done so since life.
func (t *Token) reconnect(life int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return errClosed
	case t.life != life:
		return nil
	}
	t.hangUp()
	t.away = true
	return t.connect()
}

// lost says whether a new login may help: the device, the login or the session
// is not what it was.
func lost(err error) bool {
	return errors.Is(err, errAway) || is(err,
		cryptoki.CKR_DEVICE_ERROR, cryptoki.CKR_DEVICE_REMOVED, cryptoki.CKR_TOKEN_NOT_PRESENT, cryptoki.CKR_SLOT_ID_INVALID,
		cryptoki.CKR_SESSION_CLOSED, cryptoki.CKR_SESSION_HANDLE_INVALID, cryptoki.CKR_USER_NOT_LOGGED_IN,
		cryptoki.CKR_KEY_HANDLE_INVALID, cryptoki.CKR_OBJECT_HANDLE_INVALID, cryptoki.CKR_CRYPTOKI_NOT_INITIALIZED)
}

func is(err error, codes ...cryptoki.Error) bool {
	code, ok := errors.AsType[cryptoki.Error](err)
	return ok && slices.Contains(codes, code)
}
