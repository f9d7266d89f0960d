package inbox

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/panui/panui/internal/as2"
	"github.com/panui/panui/signing"
)

// turnAway refuses what came to an inbox.
func (h *Handler) turnAway(w http.ResponseWriter, r *http.Request, refusal *signing.Refusal) {
	h.refuse(w, r, refusal, "inbox refused")
}

// refuse answers with the status and nothing that the stranger sent, and writes
// one line to the log.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, refusal *signing.Refusal, message string) {
	header := w.Header()
	switch refusal.Status {
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodPost)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		header.Set("Retry-After", strconv.Itoa(int(h.limits.RetryAfter.Seconds())))
	}
	header.Set("Cache-Control", "private, no-store")
	if unread[refusal.Reason] && r.ContentLength != 0 {
		header.Set("Connection", "close")
	}
	http.Error(w, http.StatusText(refusal.Status), refusal.Status)

	level := slog.LevelInfo
	if refusal.Status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	h.log().LogAttrs(r.Context(), level, message,
		slog.String("reason", refusal.Reason),
		slog.Int("status", refusal.Status),
		slog.String("client", client(r, h.Proxies).String()),
		slog.String("detail", detail(refusal.Err)),
	)
}

// tell writes what a verified activity came to.
func (h *Handler) tell(ctx context.Context, a as2.Activity, out outcome) {
	h.log().LogAttrs(ctx, slog.LevelDebug, "inbox took",
		slog.String("outcome", string(out)), slog.String("type", cut(a.Type)), slog.String("peer", cut(host(a.Actor))))
}

// maxDetail bounds what the log keeps of a stranger's words.
const maxDetail = 1 << 10

func detail(err error) string {
	if err == nil {
		return ""
	}
	return cut(err.Error())
}

// cut shortens s for the log and leaves out what could pass for another line.
func cut(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxDetail)], "\ufffd")
	s = strings.ToValidUTF8(s[:min(len(s), maxDetail)], "") // which are longer than what they stand for
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 {
			return ' '
		}
		return r
	}, s)
}

func (h *Handler) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}
