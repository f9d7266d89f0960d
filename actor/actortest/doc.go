// Package actortest plays remote servers of the fediverse over real HTTP on
// loopback: for the tests of Pānui, for those of programs built with it, and for
// any other publisher. It does not import testing, so that a demonstration may
// use it too.
//
// A [Server] carries any number of [Actor]s and speaks the [Dialect] of one
// software. An actor follows, replies, likes, reports and leaves as people there
// do; its server signs as that software signs, fetches the publisher's documents
// as it fetches them, and judges what reaches its inboxes as it judges:
//
//	server, err := actortest.Start(actortest.Options{Dialect: actortest.GoToSocial})
//	alice := server.Actor("alice")
//	_, err = alice.Follow(ctx, "news@127.0.0.1:8080")
//	err = server.WaitFor(ctx, func() bool { return len(alice.Timeline()) == 1 })
//
// [Actor.Timeline] is what a person would see, and [Server.Received] everything
// that came, each with a [Verdict]. Much software answers 202 and then drops what
// it does not like; a verdict tells the reasons that nobody else will:
//
//	202 object is no reply and has no picture
//	401 date is off by 2h0m0s
//
// # What it does not share
//
// Signatures are made and verified by code in this package, written from
// draft-cavage-http-signatures-12 and checked against the draft's examples,
// Mastodon's own tests and requests recorded from GoToSocial, and from RFC 9421,
// checked against its Appendix B and Mastodon's tests. It shares nothing
// with package signing, so that a mistake is not forgiven by its mirror image.
// Only the client that carries requests is the same, because it keeps a test from
// reaching beyond the machine.
//
// # Trouble
//
// [Server.Answer] makes any URL answer 410, 429 or 503, wait, drip, stall or hang
// up; [Server.Freeze] leaves even TLS handshakes unanswered. [Actor.Send] sends
// any bytes, and a [Forge] says what is wrong with the request: another key, a
// broken digest, a shifted date. [Actor.RotateKey] changes a key with or without
// telling. [Server.Inboxes] are thousands of inboxes that take everything, for
// measuring fan-out.
//
// # What it is not
//
// A dialect is an approximation: it refuses what the software is known to refuse
// for the reasons known, and nothing else. [Options].Signatures
// has it speak RFC 9421, in one form for all dialects, and [Options].Proofs has it
// demand integrity proofs. JSON-LD signatures are neither made nor checked, and HTML is kept as it came. Follow
// handles over https unless the host is on loopback; [Options].Hosts says where a
// public name is found during a test.
package actortest
