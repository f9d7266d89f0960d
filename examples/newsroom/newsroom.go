package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/panui/panui"
	"github.com/panui/panui/outbox"
	"github.com/panui/panui/store"
)

// newsroom is the website with its news, and the site that speaks for it.
type newsroom struct {
	options
	site  *panui.Site
	db    store.Store
	news  *archive
	pages pages

	simulation string // where the reader's timeline is; empty without one
}

// publish shows an article on the website and says it in the fediverse: a new
// one as a post, a known one as an edit. What the outbox refuses changes nothing.
func (n *newsroom) publish(ctx context.Context, a article) error {
	item := n.item(a)
	if _, err := n.site.Preview(item); err != nil {
		return err
	}
	if err := n.news.put(a); err != nil {
		return err
	}
	_, err := n.site.Publish(ctx, item)
	return err
}

// withdraw takes an article off the website and out of the fediverse.
func (n *newsroom) withdraw(ctx context.Context, a article, by string) error {
	a.Withdrawn, a.Updated, a.By = true, now(), by
	if err := n.news.put(a); err != nil {
		return err
	}
	return n.site.As(by).Withdraw(ctx, "", a.Key)
}

// item is what the fediverse gets of an article.
func (n *newsroom) item(a article) outbox.Item {
	it := outbox.Item{
		Key: a.Key, URL: n.address(a), Title: a.Title, Abstract: a.Summary, Language: a.Language,
		Tags: a.Tags, Published: a.Published, By: a.By,
	}
	if paragraphs := a.Paragraphs(); it.Abstract == "" && len(paragraphs) > 0 {
		it.Abstract = paragraphs[0]
	}
	if a.OtherTitle != "" || a.OtherSummary != "" {
		it.Translations = []outbox.Text{{Language: a.OtherLanguage(), Title: a.OtherTitle, Abstract: a.OtherSummary}}
	}
	if a.Image != "" {
		it.Images = []outbox.Image{{URL: a.Image, Alt: a.ImageAlt, Decorative: a.Decorative}}
	}
	return it
}

// address is the page of an article.
func (n *newsroom) address(a article) string { return n.base + "/news/" + a.Slug }

// restore says everything once more, at each start. What was said already
// changes nothing; what a crash kept from being said is made up for.
func (n *newsroom) restore(ctx context.Context) error {
	for _, a := range n.news.all() {
		var err error
		switch {
		case a.Source != "": // the feed sees to it
		case a.Withdrawn:
			err = n.site.As(a.By).Withdraw(ctx, "", a.Key)
		default:
			_, err = n.site.Publish(ctx, n.item(a))
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if !n.news.fresh || n.feed != "" {
		return nil
	}
	for _, a := range n.samples()[1:] {
		if err := n.publish(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// patience is how long the reader's follow may take.
const patience = 30 * time.Second

// speak waits until the reader follows, so that something arrives, and then says
// the first news or what the feed has.
func (n *newsroom) speak(ctx context.Context, aroha *reader, stdout io.Writer) error {
	if aroha != nil {
		switch err := aroha.follow(ctx, patience); {
		case ctx.Err() != nil:
			return nil
		case err != nil: // while everything is stopped, her follow waits as well
			fmt.Fprintf(stdout, "@%s (the simulated reader) is not accepted as a follower yet: %v\n", aroha.person.Handle, err)
		default:
			fmt.Fprintf(stdout, "@%s (the simulated reader) follows @%s.\n", aroha.person.Handle, n.handle)
		}
	}
	if n.feed != "" {
		return n.poller().Run(ctx)
	}
	if n.news.fresh {
		return n.publish(ctx, n.samples()[0])
	}
	return nil
}

// now is the time as the website keeps it.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }

// samples are the news of a new website, newest first.
func (n *newsroom) samples() []article {
	today := now()
	samples := []article{{
		Title:    "You can now follow us from the fediverse",
		Summary:  "Our news now reaches you on Mastodon and other networks, under our own name and from our own website.",
		Language: "en-NZ",
		Text: "From today you can follow Te Manatū Tauira from Mastodon, GoToSocial, Misskey and many other networks. You need no new account, and we need no new platform: what we publish here arrives there.\n\n" +
			"You can answer, too. A person reads each reply before it is shown under our news, by our house rules.",
		OtherTitle:   "Nau mai ki ā mātou pānui",
		OtherSummary: "Ka taea e koe te whai i ā mātou pānui mai i te fediverse.",
		Tags:         []string{"TeReoMāori", "Fediverse"},
		Image:        n.base + "/static/harbour.png",
		ImageAlt:     "A drawing of green hills around a calm harbour, with the sun rising behind them",
		Published:    today,
	}, {
		Title:    "Have your say on the standard for examples",
		Summary:  "Consultation is open for six weeks. Tell us what makes an example worth copying.",
		Language: "en-NZ",
		Text: "An example should run on the first try, fit on a few pages and do the real thing. Is that enough? Send us your view by email or at one of the meetings in Kirikiriroa, Te Whanganui-a-Tara and Ōtepoti.\n\n" +
			"We will publish a summary of what we hear.",
		Tags:      []string{"HaveYourSay"},
		Published: today.Add(-26 * time.Hour),
	}, {
		Title:     "Mānawatia a Matariki: free pictures for schools",
		Summary:   "A library of pictures of the Matariki cluster is free for schools and kura to use.",
		Language:  "en-NZ",
		Text:      "The library has forty pictures, each with a description in English and te reo Māori, so that everyone in the class can take part.",
		Published: today.Add(-6 * 24 * time.Hour),
	}}
	for i := range samples {
		samples[i].Slug = n.news.slug(samples[i].Title)
		samples[i].Key = cmp.Or(samples[i].Key, samples[i].Slug)
		samples[i].By = "Hine, press office"
	}
	return samples
}
