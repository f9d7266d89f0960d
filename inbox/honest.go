package inbox

import (
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// ownUp has each link in n whose text is an address of another host say where it
// really leads.
func ownUp(n *html.Node) {
	if n.DataAtom == atom.A {
		confess(n)
	}
	for child := range n.ChildNodes() {
		ownUp(child)
	}
}

func confess(link *html.Node) {
	to, err := url.Parse(hrefOf(link))
	if err != nil || to.Hostname() == "" {
		return // the policy takes it out
	}
	host := hostName(to.Hostname())
	var text strings.Builder
	writeText(&text, link)
	said := hostIn(calm(text.String()))
	if said == "" || strings.TrimPrefix(said, "www.") == strings.TrimPrefix(host, "www.") {
		return
	}
	for link.FirstChild != nil {
		link.RemoveChild(link.FirstChild)
	}
	link.AppendChild(&html.Node{Type: html.TextNode, Data: host})
}

func hrefOf(link *html.Node) string {
	for _, a := range link.Attr {
		if a.Key == "href" && a.Namespace == "" {
			return a.Val
		}
	}
	return ""
}

var (
	withScheme = regexp.MustCompile(`(?i)https?:[/\\]+([^/\\?#\s]+)`)
	domainOnly = regexp.MustCompile(`^((?:[\pL\pN-]+\.)+\pL[\pL\pN-]+)\.?(?:[:/\\?#]\S*)?$`)
)

// hostIn is the host that a text names where it has an URL in it or is a
// domain, with a path or without; otherwise nothing.
func hostIn(text string) string {
	if found := withScheme.FindStringSubmatch(text); found != nil {
		host := found[1][strings.LastIndex(found[1], "@")+1:]
		host, _, _ = strings.Cut(host, ":")
		return hostName(host)
	}
	found := domainOnly.FindStringSubmatch(strings.TrimSpace(text))
	if found == nil {
		return ""
	}
	host := hostName(found[1])
	if _, listed := publicsuffix.PublicSuffix(host); !listed {
		return "" // a file, or a program with a dot in its name
	}
	return host
}

// hostName writes a host in the one form by which hosts are compared.
func hostName(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		return ascii
	}
	return host
}
