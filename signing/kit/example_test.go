package kit_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"filippo.io/age"

	"github.com/panui/panui/signing"
	"github.com/panui/panui/signing/custody"
	"github.com/panui/panui/signing/kit"
	"github.com/panui/panui/store/memory"
)

// The day the key is made, a kit is made of it. An officer drills it; years
// later, the key file is gone.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path, db := filepath.Join(dir, "panui.pem"), memory.New()
	key, err := signing.File(path)
	if err != nil {
		log.Fatal(err)
	}

	// Each officer has run age-keygen, keeps the identity, and has sent the recipient.
	hine, _ := age.GenerateX25519Identity()
	tama, _ := age.GenerateX25519Identity()
	officers, err := kit.Officers(strings.NewReader(
		"# Hine Rāwiri, CISO\n" + hine.Recipient().String() + "\n# Tama Ngata, web lead\n" + tama.Recipient().String()))
	if err != nil {
		log.Fatal(err)
	}
	const actor = "https://www.agency.govt.nz/ap/actor/x"
	var file bytes.Buffer
	label, err := kit.MakeFile(&file, path, kit.Label{Handle: "news@agency.govt.nz", Actor: actor, Officers: officers})
	if err != nil {
		log.Fatal(err)
	}
	reminder, _ := custody.Due(ctx, db, actor, key.Fingerprint(), 6, time.Now())
	fmt.Println("Reminder:", reminder.Why)

	drill, err := kit.Prove(bytes.NewReader(file.Bytes()), key.Public(), "Hine Rāwiri", time.Now(), hine)
	if err != nil {
		log.Fatal(err)
	}
	if err := drill.Remember(ctx, db); err != nil {
		log.Fatal(err)
	}
	reminder, _ = custody.Due(ctx, db, actor, key.Fingerprint(), 6, time.Now())
	fmt.Println("Reminder:", reminder.Why == "", "last drilled by", reminder.Last.By)

	os.Remove(path)
	opened, err := kit.Open(&file, tama)
	if err != nil {
		log.Fatal(err)
	}
	if err := opened.Restore(path); err != nil {
		log.Fatal(err)
	}
	restored, err := signing.File(path)
	fmt.Println("Restored:", err == nil && restored.Fingerprint() == label.Fingerprint)
	// Output:
	// Reminder: its recovery kit was never drilled
	// Reminder: true last drilled by Hine Rāwiri
	// Restored: true
}
