package egress_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/panui/panui/signing/egress"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func retryAfter(field string) time.Duration {
	return egress.RetryAfter(http.Header{"Retry-After": {field}}, noon)
}

func TestRetryAfter(t *testing.T) {
	for field, want := range map[string]time.Duration{
		"":                    0,
		"120":                 2 * time.Minute,
		" 7 ":                 7 * time.Second,
		"0":                   0,
		"-5":                  0,
		"1.5":                 0,
		"99999999":            24 * time.Hour,
		"9223372036854775808": 24 * time.Hour,
		noon.Add(time.Hour).Format(http.TimeFormat):       time.Hour,
		noon.Add(-time.Hour).Format(http.TimeFormat):      0,
		noon.Add(100 * time.Hour).Format(http.TimeFormat): 24 * time.Hour,
		"Sat, 14 Mar 9999 12:00:00 GMT":                   24 * time.Hour,
		"soon":                                            0,
	} {
		assert.Equal(t, want, retryAfter(field), field)
	}
	assert.Zero(t, egress.RetryAfter(nil, noon), "no field")
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "120", "-1", "1e9", "Sat, 14 Mar 2026 13:00:00 GMT", "Saturday, 14-Mar-26 13:00:00 GMT", "99999999999999999999", "٣"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		wait := retryAfter(field)
		assert.GreaterOrEqual(t, wait, time.Duration(0))
		assert.LessOrEqual(t, wait, egress.LongestRetryAfter)
	})
}
