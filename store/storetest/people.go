package storetest

import (
	"fmt"
	"time"

	"github.com/panui/panui/store"
)

// The agency of these tests has two actors; its neighbour uses the same store.
const (
	site   = "https://www.agency.govt.nz"
	news   = site + "/ap/news"
	alerts = site + "/ap/alerts"
	other  = "https://www.neighbour.govt.nz/ap/news"
)

// hosts are the servers that followers come from.
var hosts = []string{"kauri.example", "rata.example", "totara.example:8443", "rimu.example", "matai.example"}

var nine = time.Date(2026, 3, 2, 9, 0, 0, int(123*time.Millisecond), time.UTC)

func after(d time.Duration) time.Time { return nine.Add(d) }

func object(n int) string   { return fmt.Sprintf("%s/ap/o/%d", site, n) }
func activity(n int) string { return fmt.Sprintf("%s/ap/a/%d", site, n) }

func objects() (ids []string) {
	for n := range 10 {
		ids = append(ids, object(n))
	}
	return append(ids, follow("aroha", hosts[0]), follow("mia", hosts[1]))
}

func activities() (ids []string) {
	for n := range 60 {
		ids = append(ids, activity(n))
	}
	return ids
}

func person(name, host string) string { return "https://" + host + "/users/" + name }
func inbox(name, host string) string  { return person(name, host) + "/inbox" }
func shared(host string) string       { return "https://" + host + "/inbox" }
func follow(name, host string) string { return person(name, host) + "/follows/1" }

func pin(id string) store.PinActor {
	return store.PinActor{Actor: store.Actor{ID: id, BaseURL: site, Handle: id + "@agency.govt.nz", Fingerprint: "one", Since: nine}}
}

// follows makes an accepted follower with a shared inbox.
func follows(actor, name, host string) store.PutFollower {
	return store.PutFollower{Follower: store.Follower{
		Actor: actor, ID: person(name, host), Inbox: inbox(name, host), SharedInbox: shared(host), Host: host,
		Follow: follow(name, host), State: store.Accepted, Since: nine,
	}}
}

// says is activity n of an actor, about an object.
func says(n int, actor, kind, object string) store.Activity {
	return store.Activity{ID: activity(n), Actor: actor, Type: kind, Object: object, Public: true,
		Body: fmt.Appendf(nil, `{"type":%q,"n":%d}`, kind, n), At: nine}
}

func creates(n int) store.Activity { return says(n, news, "Create", object(n)) }

func toFollowers(a store.Activity) store.Fanout {
	return store.Fanout{Activity: a, To: store.ToFollowers}
}

func sends(a store.Activity, inbox string) store.Send {
	return store.Send{Activity: a, Inbox: inbox}
}

// accepts answers a follower: for nobody else to read.
func accepts(n int, name, host string) store.Send {
	a := says(n, news, "Accept", follow(name, host))
	a.Public = false
	return sends(a, inbox(name, host))
}

func settles(d store.Delivery, as store.DeliveryState) store.Settle {
	return store.Settle{Delivery: d.ID, Fence: d.Fence, State: as, Status: 202, Answer: "202 Accepted", At: after(time.Second)}
}

func postOf(n, rev int) store.Post {
	return store.Post{ID: object(n), Actor: news, Key: fmt.Sprint("2026/", n), URL: fmt.Sprintf("%s/news/%d", site, n),
		Digest: fmt.Sprint("digest ", rev), Rev: rev, State: store.Live, Activity: activity(n),
		Body: fmt.Appendf(nil, "revision %d", rev), Published: nine, Updated: nine}
}

func puts(n, rev int) store.PutPost { return store.PutPost{Post: postOf(n, rev)} }

// replies is something that aroha says about an object of ours.
func replies(n int, about string) store.Receive {
	return store.Receive{Received: store.Received{ID: reply(n), Actor: news, From: person("aroha", hosts[0]),
		Type: "Create", About: about, State: store.Held, Body: []byte("Kia ora!"), At: nine}}
}

func reply(n int) string { return fmt.Sprintf("https://%s/notes/%d", hosts[0], n) }

func likes(name, host, object string) store.React {
	return store.React{Reaction: store.Reaction{ID: person(name, host) + "/likes/1", Actor: news,
		From: person(name, host), Type: "Like", Object: object, At: nine}}
}

func notes(subject string) store.Record {
	return store.Record{Entry: store.Entry{At: nine, Actor: news, Kind: "publish", Subject: subject, By: "Hana"}}
}
