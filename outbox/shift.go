package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/panui/panui/actor"
	"github.com/panui/panui/signing/egress"
	"github.com/panui/panui/store"
)

// shift is the work that one Deliverer has claimed. Only the goroutine that runs
// it touches it; the senders report to its events.
type shift struct {
	d        *Deliverer
	base     context.Context // of the senders; outlives the end of Run by the grace
	cancel   context.CancelFunc
	speakers map[string]*speaker
	lines    map[string]*line // by host
	sends    map[int64]*sending
	waiting  int // deliveries in lines
	slow     int // sends that have stalled
	events   chan event
	results  []result
	flushing *time.Timer // runs from the first result on
	since    time.Time   // of the first result
	dry      bool        // the store had less to give than was asked for
	freed    int         // deliveries written down since it was last asked
	trouble  string      // what the last roll call complained of
}

// speaker is an actor that this process may speak for. Its context ends when it is stopped.
type speaker struct {
	actor  *actor.Local
	ctx    context.Context
	cancel context.CancelFunc
}

// noWay says whether the outgoing proxy kept a job from its peer.
func (r result) noWay() bool { return errors.Is(r.answer.err, egress.ErrProxy) }

// line is the deliveries of one host: some being sent, others waiting their turn.
type line struct {
	busy      int
	answering int // how many of the busy are answers, such as an Accept
	stalled   bool
	waiting   []job
}

// job is a claimed delivery.
type job struct {
	store.Delivery
	until time.Time // not to be signed later, since the lease ends
}

type sending struct {
	job
	stalled bool
}

// event is what a sender reports: that it is slow, or that it is done.
type event struct {
	id     int64
	done   bool
	result result
}

// result is how a job ended.
type result struct {
	job
	answer answer
	unsent bool // nothing left this machine
	cut    bool // it was stopped while on the wire: it may have arrived
	barred bool // its server is blocked, and nothing left this machine

	learned bool // the host has shown RFC 9421, and that is to be remembered
}

func newShift(d *Deliverer, base context.Context) *shift {
	s := &shift{
		d: d, speakers: map[string]*speaker{}, lines: map[string]*line{}, sends: map[int64]*sending{},
		events:   make(chan event, 2*(d.Workers+d.slowest())),
		flushing: time.NewTimer(time.Hour),
	}
	s.base, s.cancel = context.WithCancel(base)
	s.flushing.Stop()
	return s
}

// slowest is how many stalled requests are kept open beside the Workers.
func (d *Deliverer) slowest() int { return 2 * d.Workers }

// open counts what is claimed and not finished.
func (s *shift) open() int { return len(s.sends) + s.waiting }

// held counts what is claimed and holds up others.
func (s *shift) held() int { return s.open() - s.slow }

// hasRoom says whether it is worth asking for more. Nothing more is begun while
// the store does not take down what was.
func (s *shift) hasRoom() bool { return s.held() <= s.d.Workers*3/4 && len(s.results) < flushAt }

// rollCall looks in the store who may speak, and to whom. It cuts short what an actor says
// that was stopped, and fails when one is not pinned as it is here.
func (s *shift) rollCall(ctx context.Context) error {
	if s.d.Blocks != nil {
		if err := s.d.Blocks.Refresh(ctx); err != nil {
			return err
		}
	}
	known, err := s.d.Store.Actors(ctx)
	if err != nil {
		return err
	}
	pinned := map[string]store.Actor{}
	for _, a := range known {
		pinned[a.ID] = a
	}
	var mistakes []error
	for _, local := range s.d.Actors {
		a, ok := pinned[local.ID]
		switch {
		case !ok:
			mistakes = append(mistakes, fmt.Errorf("%s is not pinned to the store: call Publisher.Pin first", local.ID))
			s.silence(local.ID)
		case !s.holds(local, a, &mistakes):
			s.silence(local.ID)
		case !a.Stopped.IsZero():
			s.silence(local.ID)
		default:
			s.speak(local)
		}
	}
	return errors.Join(mistakes...)
}

// holds says whether this process can sign as the actor is pinned now. Where it
// cannot, the deliveries are left to one that can.
func (s *shift) holds(a *actor.Local, pinned store.Actor, mistakes *[]error) bool {
	_, err := a.Learn(pinned)
	if err != nil {
		*mistakes = append(*mistakes, fmt.Errorf("deliveries left to others: %w", err))
	}
	return err == nil
}

// answerRoll calls the roll and says what is wrong once, until that changes.
func (s *shift) answerRoll(ctx context.Context) {
	err, trouble := s.rollCall(ctx), ""
	if err != nil {
		trouble = err.Error()
	}
	if trouble != s.trouble {
		s.complain(err)
	}
	s.trouble = trouble
}

func (s *shift) speak(a *actor.Local) {
	if s.speakers[a.ID] == nil {
		ctx, cancel := context.WithCancel(s.base)
		s.speakers[a.ID] = &speaker{actor: a, ctx: ctx, cancel: cancel}
	}
}

// silence cuts short what an actor is saying and gives back what it was about to say.
func (s *shift) silence(id string) {
	sp := s.speakers[id]
	if sp == nil {
		return
	}
	sp.cancel()
	delete(s.speakers, id)
	for host, l := range s.lines {
		s.giveBack(host, l, func(j job) bool { return j.Actor == id })
	}
}

// claim takes what is due and begins to send it. It returns how much it took.
func (s *shift) claim(ctx context.Context) (int, error) {
	now := s.d.now()
	room := min(s.d.Workers-s.held(), s.d.way.room(now))
	if room <= 0 || len(s.speakers) == 0 {
		s.dry = s.held() < s.d.Workers
		return 0, nil
	}
	deliveries, err := s.d.Store.Claim(ctx, store.Claim{
		Actors: s.speaking(), Now: now, Lease: s.d.lease(), Limit: room, PerHost: s.d.perHost(), Except: s.busyHosts(),
		Longest: s.d.limits.DeliveryAge,
	})
	if err != nil {
		s.dry = true
		return 0, err
	}
	s.dry = len(deliveries) < room
	if len(deliveries) > 0 {
		s.answerRoll(ctx) // what tells of a new key must not be signed with the old one
	}
	for _, d := range deliveries {
		if sent := s.sends[d.ID]; sent != nil {
			sent.Attempt, sent.Fence = d.Attempt, d.Fence // still on the wire: the clock, and so the lease, has jumped
			continue
		}
		s.enqueue(job{Delivery: d, until: now.Add(s.d.lease() / 2)})
	}
	return len(deliveries), nil
}

func (s *shift) speaking() []string {
	ids := make([]string, 0, len(s.speakers))
	for id := range s.speakers {
		ids = append(ids, id)
	}
	return ids
}

// busyHosts are those for which there is nothing to be gained by more.
func (s *shift) busyHosts() []string {
	var hosts []string
	for host, l := range s.lines {
		if l.stalled || len(l.waiting) > 0 || l.busy >= s.d.limits.ConnsPerHost {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// enqueue has a job begin when its host has room.
func (s *shift) enqueue(j job) {
	l := s.lines[j.Host]
	if l == nil {
		l = &line{}
		s.lines[j.Host] = l
	}
	l.waiting = append(l.waiting, j)
	s.waiting++
	s.advance(j.Host, l)
}

func (s *shift) begin(l *line, j job) {
	sp := s.speakers[j.Actor]
	if sp == nil {
		s.finish(result{job: j, unsent: true})
		return
	}
	l.busy++
	if j.Lane == store.Prompt {
		l.answering++
	}
	s.sends[j.ID] = &sending{job: j}
	go func() {
		stalled := time.AfterFunc(time.Hour, func() { s.events <- event{id: j.ID} })
		r := s.d.send(sp.ctx, j, sp.actor, func() { stalled.Reset(stallAfter) })
		stalled.Stop()
		s.events <- event{id: j.ID, done: true, result: r}
	}()
}

// take deals with what a sender reports.
func (s *shift) take(e event) {
	sent := s.sends[e.id]
	if sent == nil {
		return // it stalled and ended at the same moment
	}
	l := s.lines[sent.Host]
	if !e.done {
		s.stall(sent, l)
		return
	}
	delete(s.sends, e.id)
	if sent.stalled {
		s.slow--
	}
	l.busy--
	if sent.Lane == store.Prompt {
		l.answering--
	}
	e.result.Attempt, e.result.Fence = sent.Attempt, sent.Fence
	s.finish(e.result)
	if e.result.noWay() {
		s.giveAllBack()
	}
	s.advance(sent.Host, l)
}

// stall moves a send out of the way of others, as far as there is room for slow ones.
func (s *shift) stall(sent *sending, l *line) {
	if s.slow < s.d.slowest() {
		sent.stalled = true
		s.slow++
	}
	l.stalled = true
	s.giveBack(sent.Host, l, func(job) bool { return true })
}

// advance begins what waits for a host, and forgets the line when it is empty.
func (s *shift) advance(host string, l *line) {
	for l.busy < s.d.limits.ConnsPerHost && len(l.waiting) > 0 && !l.mustHearFirst(l.waiting[0]) {
		j := l.waiting[0]
		l.waiting = l.waiting[1:]
		s.waiting--
		s.begin(l, j)
	}
	if l.busy == 0 {
		delete(s.lines, host)
	}
}

// mustHearFirst says whether a job waits for an answer that is on its way to the
// same host: software drops a post of somebody by whom no follow is accepted yet.
func (l *line) mustHearFirst(j job) bool { return l.answering > 0 && j.Lane == store.Routine }

// giveBack returns waiting jobs to the store unsent.
func (s *shift) giveBack(host string, l *line, which func(job) bool) {
	kept := l.waiting[:0]
	for _, j := range l.waiting {
		if !which(j) {
			kept = append(kept, j)
			continue
		}
		s.waiting--
		s.finish(result{job: j, unsent: true})
	}
	l.waiting = kept
	if l.busy == 0 && len(kept) == 0 {
		delete(s.lines, host)
	}
}

func (s *shift) giveAllBack() {
	for host, l := range s.lines {
		s.giveBack(host, l, func(job) bool { return true })
	}
}

// finish keeps a result for the next flush.
func (s *shift) finish(r result) {
	if len(s.results) == 0 {
		s.since = time.Now()
		s.flushing.Reset(flushAfter)
	}
	s.results = append(s.results, r)
}

func (s *shift) flushDue() bool {
	n := len(s.results)
	return n >= flushAt || n > 0 && (s.open() == 0 || time.Since(s.since) >= flushAfter)
}

func (s *shift) complain(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.d.log().Error("outbox: deliver", "err", err)
	}
}

// end closes the shift: nothing new begins, what is open gets the grace, and
// all answers are written down.
func (s *shift) end() {
	defer s.cancel()
	s.giveAllBack()
	patience := time.AfterFunc(grace, s.cancel)
	defer patience.Stop()
	for s.open() > 0 {
		s.take(<-s.events)
	}
	s.complain(s.lastFlush())
}

// lastFlush writes down the answers even when the work was called off.
func (s *shift) lastFlush() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.base), grace)
	defer cancel()
	return s.flush(ctx)
}
