package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// options are the flags, and what follows from them.
type options struct {
	addr, base, handle, data string
	feed                     string
	backfill                 int
	reader                   bool
	insecure                 bool
	passwordFile             string
	password                 string // of the editor's pages; empty where they need none or are closed
	given                    map[string]bool
}

func parseOptions(args []string, stdout io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("newsroom", flag.ContinueOnError)
	f.SetOutput(stdout)
	f.StringVar(&o.addr, "addr", "127.0.0.1:8080", "listen on `ADDRESS`; port 0 takes any that is free")
	f.StringVar(&o.base, "base", "", "`URL` at which others reach the website, such as https://www.agency.govt.nz (default http://ADDRESS)")
	f.StringVar(&o.handle, "handle", "", "`NAME@DOMAIN` to be followed by (default news@ and the host of the base)")
	f.StringVar(&o.data, "data", "", "keep the database, the key and the news in `DIR` (default a new temporary one)")
	f.StringVar(&o.feed, "feed", "", "take the news from the feed in `FILE-or-URL`")
	f.IntVar(&o.backfill, "backfill", 0, "publish the newest `N` items that the feed has already")
	f.BoolVar(&o.reader, "reader", true, "run the simulated reader's server; on loopback only")
	f.BoolVar(&o.insecure, "insecure-loopback", true, "speak plain http with other servers on this machine; on loopback only")
	f.StringVar(&o.passwordFile, "editor-password", "", "open the editor's pages to those who know the password in `FILE`, with any user name")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("%q is no flag: see -help", f.Arg(0))
	}
	o.given = map[string]bool{}
	f.Visit(func(f *flag.Flag) { o.given[f.Name] = true })
	return o, nil
}

// settle decides what the flags leave open, once the address is known.
func (o *options) settle(at net.Addr) (err error) {
	o.addr = at.String()
	o.base = strings.TrimSuffix(cmp.Or(o.base, "http://"+o.addr), "/")
	base, err := url.Parse(o.base)
	if err != nil || base.Host == "" {
		return fmt.Errorf("-base %q: write it as https://www.agency.govt.nz", o.base)
	}
	o.handle = strings.TrimPrefix(cmp.Or(o.handle, "news@"+base.Host), "@")
	if !loopback(base.Host) {
		if o.given["reader"] && o.reader || o.given["insecure-loopback"] && o.insecure {
			return errors.New("-reader and -insecure-loopback are for a base on this machine: leave them out with a public -base")
		}
		o.reader, o.insecure = false, false
	}
	o.reader = o.reader && o.insecure
	if o.passwordFile != "" {
		if o.password, err = readPassword(o.passwordFile); err != nil {
			return err
		}
	}
	if o.data == "" {
		o.data, err = os.MkdirTemp("", "newsroom-")
		return err
	}
	return os.MkdirAll(o.data, 0o700)
}

// alone says that only this machine can reach the website.
func (o options) alone() bool {
	base, err := url.Parse(o.base)
	return err == nil && loopback(base.Host) && loopback(o.addr)
}

// loopback says whether a host, with or without a port, is this machine.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
