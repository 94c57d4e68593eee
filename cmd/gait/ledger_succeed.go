package main

import (
	"context"
	"fmt"
	"iter"

	"gait/commands/connect"
	"gait/commands/succeed"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/root"
	"gait/ledger/store"
)

// A succeeded is what became of a ledger and of its jobs.
type succeeded struct {
	root.Succeeded
	jobs, decisions, requests int64
	lost                      int64  // how many signed events could not be read
	damage                    string // why not; "" if all could
}

// fields returns what an answer says of it.
func (d *succeeded) fields() object {
	fields := object{
		"origin": d.Origin, "path": d.Path, "seen": sizeAndRoot(d.Seen), "found": sizeAndRoot(d.Found),
		"successor": object{"origin": d.Successor.Name(), "public_key": d.Successor.String(), "tree_size": d.Size, "jobs": d.jobs, "decisions": d.decisions, "requests": d.requests},
	}
	if d.damage != "" {
		fields["lost"], fields["damage"] = d.lost, d.damage
	}
	if d.Resumed {
		fields["resumed"] = true
	}
	return fields
}

func (d *succeeded) show(s *screen, before ...[2]string) {
	rows := before
	if d.Path != "" {
		rows = append(rows, [2]string{"kept as", d.Path})
	}
	rows = append(rows, [2]string{"seen", count(d.Seen.Size, "event")}, [2]string{"found", count(d.Found.Size, "event")})
	if d.damage != "" {
		rows = append(rows, [2]string{"lost", count(d.lost, "event") + ": " + d.damage})
	}
	s.fields(append(rows, [2]string{"continued", count(d.jobs, "job")}, [2]string{"asked again", count(d.decisions, "decision")},
		[2]string{"used before", count(d.requests, "request id")}, [2]string{"public key", d.Successor.String()})...)
	s.next("gait job list")
}

// count counts what the successor began with.
func (d *succeeded) count(ctx context.Context, r *connect.Ledger) error {
	for e, err := range r.Log.Events(ctx, 0) {
		if err != nil {
			return err
		}
		switch p := e.Payload().(type) {
		case ledger.Continued:
			d.jobs, d.decisions = d.jobs+1, d.decisions+p.Decisions
		case ledger.LedgerCreated:
			if used := ledger.InheritedRequests(e); used != nil {
				d.requests = used.Count
			}
		}
		if int64(e.Seq()) == d.Size-1 {
			break
		}
	}
	return nil
}

// An heir is a ledger that continues the one in the root.
type heir struct {
	a       *app
	reason  string // why the ledger in the root is given up
	origin  string // of the successor; "": one is made
	unless  error  // if not nil, nothing is retired for it: only what a crash interrupted is finished
	keyFile string // names the key that signed the ledger; "": one that the user holds or trusts

	home string
	bar  *bar
	did  succeeded
}

// succeed retires the ledger of the root and puts the successor in its place.
func (h *heir) succeed(ctx context.Context) (succeeded, error) {
	o, err := h.a.options()
	if err != nil {
		return succeeded{}, err
	}
	h.home, o.Origin = o.Home, h.origin
	h.did.Succeeded, err = root.Succeed(ctx, o.Options, root.Succession{Reason: h.reason, Begin: h.begin})
	h.stop()
	if err != nil {
		return succeeded{}, err
	}
	o.Notice = nil
	err = connect.With(ctx, o, func(r *connect.Ledger) error { return h.did.count(ctx, r) })
	return h.did, err
}

func (h *heir) stop() {
	if h.bar != nil {
		h.bar.stop()
	}
}

// begin is root.Succession.Begin.
func (h *heir) begin(ctx context.Context, e root.Estate) (root.Inheritance, error) {
	if h.unless != nil {
		return root.Inheritance{}, h.unless
	}
	if e.Log == nil {
		return root.Inheritance{}, &unreadableError{err: e.Err}
	}
	if err := h.checkTrust(e.Log.Keys()); err != nil {
		return root.Inheritance{}, err
	}
	memory, err := newLedgerMemory(h.home, e.Log.Keys())
	if err != nil {
		return root.Inheritance{}, err
	}
	h.bar = newBar(h.a, "continuing jobs")
	from := rememberedSource{e.Log, memory}
	survey, err := succeed.Look(ctx, from, succeed.Options{Inherited: root.Inherited(e.Content), Progress: h.bar.update})
	if err != nil {
		return root.Inheritance{}, err
	}
	if survey.Damage != nil {
		h.did.lost, h.did.damage = survey.Lost(), survey.Damage.Error()
	}
	if survey.Requests != nil {
		if _, err := e.Keep.Put(survey.Content); err != nil {
			return root.Inheritance{}, err
		}
	}
	w := succeed.Writer{Actor: h.a.actor(""), Now: h.a.now, Entropy: h.a.entropy, KeepAll: keepAll(e.Keep)}
	return root.Inheritance{Found: survey.Found, Requests: survey.Requests, Entries: func(first ledger.Event) iter.Seq2[ledger.Entry, error] { return survey.Entries(ctx, first, w) }}, nil
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
	*store.Log
	memory *ledgerMemory
}

func (r rememberedSource) Events(ctx context.Context, from ledger.Seq) ledger.Events {
	return r.memory.checked(r.Log.Events(ctx, from))
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
