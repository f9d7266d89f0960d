package egress

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// LongestRetryAfter bounds what a server can ask us to wait for: a week of silence
// would lose what is to be delivered.
const LongestRetryAfter = 24 * time.Hour

// RetryAfter returns how long the server wants to be left alone from now (RFC
// 9110 section 10.2.3: seconds or a date). What cannot be read, and the past, is
// 0; more than LongestRetryAfter is that.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	field := strings.TrimSpace(h.Get("Retry-After"))
	if digits(field) {
		seconds, err := strconv.ParseInt(field, 10, 64)
		if err != nil || seconds > int64(LongestRetryAfter/time.Second) {
			return LongestRetryAfter
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(field)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), LongestRetryAfter)
}

func digits(s string) bool {
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }) < 0
}
