package webfinger

import (
	"cmp"
	"context"
	"net/http"

	"github.com/panui/panui/internal/document"
)

const (
	schema     = "http://nodeinfo.diaspora.software/ns/schema/"
	repository = "https://github.com/panui/panui"
)

// nodeInfo is what runs here (NodeInfo 2.0 and 2.1): only what FEP-0151 asks for.
type nodeInfo struct {
	Version           string         `json:"version"`
	Software          software       `json:"software"`
	Protocols         []string       `json:"protocols"`
	Services          services       `json:"services"`
	OpenRegistrations bool           `json:"openRegistrations"`
	Usage             usage          `json:"usage"`
	Metadata          map[string]any `json:"metadata"`
}

type software struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	Repository string `json:"repository,omitzero"` // since 2.1
}

type services struct {
	Inbound  []string `json:"inbound"`
	Outbound []string `json:"outbound"`
}

type usage struct {
	Users      users `json:"users"`
	LocalPosts *int  `json:"localPosts,omitzero"`
}

type users struct {
	Total int `json:"total"`
}

func (c Config) addNodeInfo(pages map[string]http.Handler) {
	var links []link
	for _, version := range []string{"2.1", "2.0"} {
		place := c.URLs.NodeInfo(version)
		links = append(links, link{Rel: schema + version, Href: place})
		pages[place[len(origin(c.URLs)):]] = c.nodeInfo(version)
	}
	pages[nodeInfoPath] = render("application/json", "", descriptor{Links: links})
}

// nodeInfo renders again every ten minutes, for the count of posts.
func (c Config) nodeInfo(version string) http.Handler {
	mediaType := `application/json; profile="` + schema + version + `#"`
	return &document.Fresh{Every: lifetime, Render: func(ctx context.Context) (*document.Document, error) {
		info := c.about(version)
		if c.Posts != nil {
			posts, err := c.Posts(ctx)
			if err != nil {
				return nil, err
			}
			info.Usage.LocalPosts = &posts
		}
		return render(mediaType, "", info), nil
	}}
}

func (c Config) about(version string) nodeInfo {
	info := nodeInfo{
		Version:   version,
		Software:  software{Name: "panui", Version: cmp.Or(c.Version, "0.0.0")},
		Protocols: []string{"activitypub"},
		Services:  services{Inbound: []string{}, Outbound: []string{}},
		Usage:     usage{Users: users{Total: len(c.Actors)}},
		Metadata:  map[string]any{},
	}
	if version != "2.0" {
		info.Software.Repository = repository
	}
	return info
}
