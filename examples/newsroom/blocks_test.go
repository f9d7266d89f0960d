package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/actor/actortest"
)

// Aroha sells cars under the news, and is blocked. Wiremu goes on reading on
// another server, until that is blocked too. Aroha is let in again.
func TestAnAccountAndAServerAreBlockedFromAReply(t *testing.T) {
	p := start(t)
	moderation := p.website + "/editor/moderation"
	wiremu := follows(t, p, actortest.Options{Address: "127.0.0.2:0"})
	soon(t, p.website, "2 followers")
	soon(t, p.reader, "You can now follow us from the fediverse").press(t, "Reply", map[string]string{"text": "Buy my car!"})

	blocked := soon(t, moderation, "1 reply waits for you").press(t, "Block the account", map[string]string{"rule": houseRules[3]}).words()
	assert.Contains(t, blocked, "Blocked. Nothing more goes to them")
	assert.Contains(t, blocked, "0 replies wait for you")
	assert.Contains(t, blocked, "Buy my car!", "refused, it is read by the agency alone")
	assert.Contains(t, blocked, "Blocked by Hine, press office")
	assert.Contains(t, blocked, "House rule: "+houseRules[3])
	assert.NotContains(t, visit(t, p.website+"/news/you-can-now-follow-us-from-the-fediverse").words(), "Buy my car!")

	writes(t, p, "Kua kati te huarahi")
	post := wiremu.reads("Kua kati te huarahi")
	visit(t, p.reader).press(t, "Reply", map[string]string{"text": "Buy my boat!"})
	wiremu.taken(wiremu.Reply(wiremu.ctx, post.ID, "<p>And my bicycle!</p>"))
	waiting := soon(t, moderation, "1 reply waits for you", "And my bicycle!", "!Buy my boat!")
	assert.NotContains(t, visit(t, p.reader).words(), "Kua kati te huarahi")

	blocked = waiting.press(t, "Block its server", nil).words()
	assert.Contains(t, blocked, "127.0.0.2 Blocked by Hine")
	soon(t, p.website, "0 followers")
	like, err := wiremu.Like(wiremu.ctx, post.ID)
	assert.True(t, err != nil || like.Status == 403, "%v %d", err, like.Status)

	free := visit(t, moderation).press(t, "Unblock", nil)
	assert.Contains(t, free.words(), "Unblocked. Who followed must follow anew.")
	assert.Contains(t, free.words(), "127.0.0.2 Blocked by Hine", "only she is let in")
	visit(t, p.reader).press(t, "Reply", map[string]string{"text": "Sorry."})
	soon(t, moderation, "Sorry.", "1 reply waits for you")
}
