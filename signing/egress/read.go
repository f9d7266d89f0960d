package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// keptOfPost is how much of the answer to a POST is kept: enough for what a
// server says about a refusal.
const keptOfPost = 4 << 10

// read reads a whole answer.
func (c *Client) read(answer *http.Response, u *url.URL) (*Response, error) {
	defer answer.Body.Close()
	if coding := answer.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return nil, fmt.Errorf("answer is coded as %.40q although identity was asked for", coding)
	}
	most := c.options.Limits.Document
	if answer.ContentLength > most {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooBig, answer.ContentLength)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > most {
		return nil, fmt.Errorf("%w: over %d bytes", ErrTooBig, most)
	}
	return &Response{URL: u.String(), Status: answer.StatusCode, Header: answer.Header, Body: body}, nil
}

// readStart reads what is kept of the answer to a POST. Its status has decided
// already; a body that breaks off changes nothing.
func (c *Client) readStart(answer *http.Response, u *url.URL) *Response {
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, keptOfPost))
	return &Response{URL: u.String(), Status: answer.StatusCode, Header: answer.Header, Body: body}
}

// classify adds to a failure of the network which of the errors here it is.
func classify(err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, ErrForbidden), errors.Is(err, ErrTooBig), errors.Is(err, ErrTLS), errors.Is(err, ErrProxy):
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	case strings.Contains(err.Error(), "response headers exceeded"):
		return fmt.Errorf("%w: %w", ErrTooBig, err)
	}
	return err
}
