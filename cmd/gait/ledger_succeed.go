package main

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"gait/commands/connect"
	"gait/commands/recall"
	"gait/commands/succeed"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/root"
)

// A succession is what became of a ledger and of its jobs.
type succession struct {
	root.Succeeded
	jobs, decisions, requests int64
	lost                      int64  // how many events of the ledger are known to be lost by damage
	damage                    string // what damage; "" if none are

	holds     int64 // jobs that wait for an approval of their pause or block
	approvals int64 // given in the ledger before and not used; 0 too if a crash came between

	held  []string // jobs that are on hold, since events of them may be lost
	calls []string // jobs that are, since it is not known what their tools did after the newest event found
	gone  []string // jobs of which nothing could be read
}

// fields returns what an answer says of it.
func (d *succession) fields() object {
	fields := object{
		"origin": d.Origin, "path": d.Path, "seen": sizeAndRoot(d.Seen), "found": sizeAndRoot(d.Found),
		"successor": object{"origin": d.Successor.Name(), "public_key": d.Successor.String(), "tree_size": d.Size, "jobs": d.jobs, "decisions": d.decisions, "requests": d.requests, "holds": d.holds},
	}
	if d.approvals > 0 {
		fields["approvals_again"] = d.approvals
	}
	if d.lost > 0 {
		fields["lost"], fields["damage"] = d.lost, d.damage
	}
	if held := append(d.held[:len(d.held):len(d.held)], d.calls...); len(held) > 0 {
		fields["held_jobs"] = held
	}
	if len(d.gone) > 0 {
		fields["lost_jobs"] = d.gone
	}
	if d.Resumed {
		fields["resumed"] = true
	}
	return fields
}

func (d *succession) show(s *screen, before ...[2]string) {
	rows := before
	if d.Path != "" {
		rows = append(rows, [2]string{"kept as", d.Path})
	}
	rows = append(rows, [2]string{"seen", count(d.Seen.Size, "event")}, [2]string{"found", count(d.Found.Size, "event")})
	if d.lost > 0 {
		rows = append(rows, [2]string{"lost", count(d.lost, "event") + ": " + d.damage})
	}
	if len(d.held) > 0 {
		rows = append(rows, [2]string{"on hold", someOf("job", d.held) + ": an event that is lost may have stopped it"})
	}
	if len(d.calls) > 0 {
		rows = append(rows, [2]string{"on hold", someOf("job", d.calls) + ": what their tools did after the newest event found is not known"})
	}
	if len(d.gone) > 0 {
		rows = append(rows, [2]string{"not continued", someOf("job", d.gone) + ": nothing of it can be read"})
	}
	s.fields(append(rows, [2]string{"continued", count(d.jobs, "job")}, [2]string{"asked again", d.askedAgain()},
		[2]string{"used before", count(d.requests, "request id")}, [2]string{"public key", d.Successor.String()})...)
	s.next("gait job list")
}

// askedAgain says what waits for an approval in the successor.
func (d *succession) askedAgain() string {
	text := count(d.decisions, "decision")
	if d.holds > 0 {
		text += ", and " + count(d.holds, "hold")
	}
	if d.approvals > 0 {
		text += "; to be given again: " + count(d.approvals, "approval") + " that no resume has used"
	}
	return text
}

// count counts what the successor began with.
func (d *succession) count(ctx context.Context, r *connect.Ledger) error {
	for e, err := range r.Log.Events(ctx, 0) {
		if err != nil {
			return err
		}
		switch p := e.Payload().(type) {
		case ledger.Continued:
			d.jobs, d.decisions = d.jobs+1, d.decisions+p.Decisions
			if p.Hold {
				d.holds++
			}
		case ledger.Paused:
			switch {
			case !p.Hold:
			case p.Reason == ledger.ReasonEventsLost:
				d.held = append(d.held, e.JobID())
			case p.Reason == ledger.ReasonCallsLost:
				d.calls = append(d.calls, e.JobID())
			}
		case ledger.LedgerCreated:
			if used := ledger.InheritedRequests(e); used != nil {
				d.requests = used.Count
			}
		default:
		}
		if int64(e.Seq()) == d.Size-1 {
			break
		}
	}
	return nil
}

// An heir is a ledger that continues the one in the root.
type heir struct {
	a             *app
	reason        string // why the ledger in the root is given up
	origin        string // of the successor; "": one is made
	newestUnknown bool   // nothing was seen of the ledger before it was restored
	unless        error  // if not nil, nothing is retired for it: only what a crash interrupted is finished
	althoughMoved bool   // root.Options.AlthoughMoved
	keyFile       string // names the key that signed the ledger; "": one that the user holds or trusts

	from []string // --from: other sources of the ledger

	home   string
	root   root.Options
	bar    *bar
	opened []source
	did    succession
}

// succeed retires the ledger of the root and puts the successor in its place.
func (h *heir) succeed(ctx context.Context) (succession, error) {
	o, err := h.a.options()
	if err != nil {
		return succession{}, err
	}
	h.home, o.Origin, o.AlthoughMoved = o.Home, h.origin, h.althoughMoved
	h.root = o.Options
	how := root.Succession{Reason: h.reason, Begin: h.begin}
	if len(h.from) > 0 {
		how.Keys = func() ([]ledger.VerifierKey, error) { return h.sourceKeys(ctx) }
	}
	h.did.Succeeded, err = root.Succeed(ctx, o.Options, how)
	if closing := h.stop(); err == nil {
		err = closing
	}
	if err != nil {
		return succession{}, noEstate(err)
	}
	o.Notice = nil
	err = connect.With(ctx, o, func(r *connect.Ledger) error { return h.did.count(ctx, r) })
	return h.did, err
}

// sourceKeys returns the keys of the ledger that the first of the other sources is of, if the
// user holds or trusts one of them.
func (h *heir) sourceKeys(ctx context.Context) (keys []ledger.VerifierKey, err error) {
	trusted, err := trustedKeys(h.a, h.keyFile)
	if err != nil {
		return nil, err
	}
	from, err := openSource(ctx, h.a, h.from[0], trusted, h.keyFile)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, from.close()) }()
	if !from.how.OfJobs { // of a pack, openSource has verified it
		if err := h.checkTrust(from.keys); err != nil {
			return nil, err
		}
	}
	return from.ledgerKeys()
}

// stop ends the display of progress, and closes the sources.
func (h *heir) stop() (err error) {
	if h.bar != nil {
		h.bar.stop()
	}
	for _, s := range h.opened {
		err = errors.Join(err, s.close())
	}
	return err
}

// begin is root.Succession.Begin.
func (h *heir) begin(ctx context.Context, e root.Estate) (root.Inheritance, error) {
	if h.unless != nil {
		return root.Inheritance{}, h.unless
	}
	h.bar = newBar(h.a, "continuing jobs")
	surveys, err := h.survey(ctx, e)
	if err != nil {
		return root.Inheritance{}, err
	}
	plan, err := succeed.Join(ctx, surveys...)
	if err != nil {
		return root.Inheritance{}, err
	}
	h.tellLost(plan, e.Seen)
	if plan.Authority {
		h.a.notice("actors were enrolled in the ledger: its successor begins without authority, until a first admin is enrolled there")
	}
	if plan.Requests != nil {
		if _, err := e.Keep.Put(plan.Content); err != nil {
			return root.Inheritance{}, err
		}
	}
	unknown := h.newestUnknown || e.Seen.Size == 0 || e.Seen.Size > plan.Found.Size
	w := succeed.Writer{Actor: h.a.actor(""), Now: h.a.now, Entropy: h.a.entropy, KeepAll: keepAll(e.Keep), NewestUnknown: unknown, Approvals: &h.did.approvals}
	return root.Inheritance{Found: plan.Found, Requests: plan.Requests, Entries: func(first ledger.Event) iter.Seq2[ledger.Entry, error] { return plan.Entries(ctx, first, w) }}, nil
}

// tellLost says what is lost, and which jobs are touched by damage, before anything is given
// up. seen is the newest state of the ledger that was seen.
func (h *heir) tellLost(plan *succeed.Plan, seen ledger.Checkpoint) {
	lost, damage := plan.Lost()
	if damage != nil {
		h.did.lost, h.did.damage = lost, damage.Error()
	}
	if newer := seen.Size - plan.Found.Size; newer > lost {
		h.a.notice(fmt.Sprintf("%s of the ledger were seen, and a whole source has %d: what the others did, also a stop, is only known as far as the pack of a job shows it", count(seen.Size, "event"), plan.Found.Size))
	}
	if may := plan.Incomplete(); len(may) > 0 {
		h.a.notice("events are lost that may have stopped " + someOf("job", may) + ": what is not stopped or final goes on hold")
	}
	if h.did.gone = plan.Gone; len(h.did.gone) > 0 {
		h.a.notice("nothing can be read of " + someOf("job", h.did.gone) + ", which the ledger had")
	}
}

// survey reads what is left of the ledger: in the root, and what --from names.
func (h *heir) survey(ctx context.Context, e root.Estate) (surveys []*succeed.Survey, err error) {
	if e.Log == nil && len(h.from) == 0 {
		return nil, &unreadableError{err: e.Err}
	}
	if !e.Missing {
		here, err := h.surveyHere(ctx, e)
		if err != nil {
			return nil, err
		}
		surveys = append(surveys, here)
	}
	trusted, err := trustedKeys(h.a, h.keyFile)
	if err != nil {
		return nil, err
	}
	for _, name := range h.from {
		from, err := openSource(ctx, h.a, name, trusted, h.keyFile)
		if err != nil {
			return nil, err
		}
		h.opened = append(h.opened, from)
		if err := h.root.NotAway(from.moved); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		survey, err := h.look(ctx, from)
		if c, _ := from.Checkpoint(); err == nil && c.Origin != e.Keys[0].Name() {
			hint := "leave it out"
			if from.how.OfJobs {
				hint += "; to look at it: gait pack verify " + quoted(name)
			}
			err = &usageError{code: "invalid_usage", text: fmt.Sprintf("%s is of the ledger %s, and %s is to be continued", name, c.Origin, e.Keys[0].Name()), hint: hint}
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		surveys = append(surveys, survey)
	}
	return surveys, nil
}

// surveyHere reads what the root holds. If nothing of that can be read, but there are other
// sources, it may still have had more events than they do.
func (h *heir) surveyHere(ctx context.Context, e root.Estate) (*succeed.Survey, error) {
	if e.Log == nil {
		return succeed.Unread(ctx, ledger.Checkpoint{Origin: e.Keys[0].Name(), Size: e.Seen.Size, Root: e.Seen.Root}, e.Err, nil)
	}
	survey, err := h.look(ctx, source{Source: e.Log, keys: e.Log.Keys(), how: succeed.Options{Inherited: root.Inherited(e.Content), Rows: e.Log}})
	if err != nil && h.without(err) {
		tree, _ := e.Log.Checkpoint()
		return succeed.Unread(ctx, tree, err, e.Log)
	}
	return survey, err
}

// without reports whether a ledger that cannot be read from its beginning may be left out,
// since there are other sources.
func (h *heir) without(err error) bool {
	_, damaged := errors.AsType[*ledger.CorruptError](err)
	return damaged && len(h.from) > 0
}

// look reads a source for the first time. All of a ledger is compared with what was seen of
// it.
func (h *heir) look(ctx context.Context, from source) (*succeed.Survey, error) {
	o := from.how
	o.Progress = h.bar.update
	if from.how.OfJobs {
		return succeed.Look(ctx, from, o)
	}
	if err := h.checkTrust(from.keys); err != nil {
		return nil, err
	}
	seen, err := recall.Memory{Home: h.home}.Ledger(from.keys)
	if err != nil {
		return nil, err
	}
	return succeed.Look(ctx, rememberedSource{from, seen}, o)
}

// keepAll is succeed.Writer.KeepAll for content that is kept in a store.
func keepAll(to *content.Store) func(func(func([]byte) error) error) error {
	return func(use func(func([]byte) error) error) error {
		return to.PutAll(func(b *content.Batch) error {
			return use(func(proof []byte) error {
				_, err := b.Put(proof)
				return err
			})
		})
	}
}

// checkTrust requires that the user holds a key of the ledger, or trusts one: what another
// ledger says must not become the user's own.
func (h *heir) checkTrust(keys ledger.Keyring) error {
	if h.keyFile == "" {
		if _, err := home.PrivateOf(h.home, keys.Current()); err == nil {
			return nil
		}
	}
	trusted, err := trustedKeys(h.a, h.keyFile)
	if err == nil {
		_, err = trustedIn(keys, trusted, h.keyFile)
	}
	return err
}

// A rememberedSource is a ledger whose events are compared with what was seen of them.
type rememberedSource struct {
	succeed.Source
	seen *recall.Ledger
}

func (r rememberedSource) Events(ctx context.Context, from ledger.Seq) ledger.Events {
	return r.seen.Checked(r.Source.Events(ctx, from))
}

// An unreadableError says that nothing of a ledger can be read that was to be continued.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string {
	return fmt.Sprintf("nothing of the ledger can be read that could be continued: %v", e.err)
}

func (e *unreadableError) Unwrap() error { return e.err }

// Fault returns what kind of error it is.
func (*unreadableError) Fault() ledger.Fault {
	return ledger.Fault{Code: "nothing_to_continue", Category: ledger.CategoryVerification}
}
