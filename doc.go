// Package panui lets a website that exists already be followed from the
// fediverse (Mastodon, GoToSocial, Misskey …) under its own name.
//
// The site mounts [Site.Handler], names a store and a signing key, and what its
// news section publishes with [Site.Publish] reaches the server of every
// follower. There is no separate instance, no second login and no second
// publishing act.
//
// This package composes and holds no logic of its own. Who speaks is in package
// actor; what arrives in inbox; what is said in outbox; how it is signed in
// signing; what is remembered in store. FEDERATION.md says what goes over the
// wire, docs/design.md why it is built this way.
package panui

//go:generate go run ./internal/docgen
