package main

import (
	"context"
	"fmt"
	"slices"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/sshkey"
)

// A keySpan says from and to which authority event a key of an actor counts.
type keySpan struct {
	actor  string
	key    sshkey.Key
	from   ledger.Seq
	to     ledger.Seq // of the event with which it ended, if it ended
	ended  bool
	revoke bool // it was revoked, not left out by another enrollment
}

// note says the span in words.
func (k keySpan) note() string {
	switch {
	case !k.ended:
		return fmt.Sprintf("%s %s: counts after event %d", k.actor, k.key.Fingerprint(), k.from)
	case k.revoke:
		return fmt.Sprintf("%s %s: counted after event %d, up to event %d, which revoked it", k.actor, k.key.Fingerprint(), k.from, k.to)
	}
	return fmt.Sprintf("%s %s: counted after event %d, up to event %d, which enrolled %s without it", k.actor, k.key.Fingerprint(), k.from, k.to, k.actor)
}

// spansOf returns the spans in which keys count, in the order in which they begin.
func spansOf(ctx context.Context, log authority.Log) ([]keySpan, error) {
	var spans []keySpan
	var chain authority.Chain
	for e, err := range log.AuthorityEvents(ctx) {
		if err == nil {
			err = chain.Add(e)
		}
		if err != nil {
			return nil, err
		}
		spans = spansAfter(spans, chain.Newest(), e)
	}
	return spans, nil
}

// spansAfter ends the spans of keys that no longer count after an event, and begins those
// of keys that do.
func spansAfter(spans []keySpan, now *authority.State, e ledger.Event) []keySpan {
	for i, s := range spans {
		if !s.ended && !now.InForce(s.actor, s.key.ID()) {
			spans[i].ended, spans[i].to, spans[i].revoke = true, e.Seq(), e.Type() == ledger.TypeActorRevoked
		}
	}
	p, ok := e.Payload().(ledger.ActorEnrolled)
	if !ok {
		return spans
	}
	actor, _ := now.Actor(p.Actor)
	for _, key := range actor.Keys {
		if !slices.ContainsFunc(spans, func(s keySpan) bool { return !s.ended && s.actor == actor.Name && s.key == key }) {
			spans = append(spans, keySpan{actor: actor.Name, key: key, from: e.Seq()})
		}
	}
	return spans
}

// allowedSigners returns the allowed signers file of a ledger: a line for each actor's key
// that ever counted.
func allowedSigners(ctx context.Context, l *connect.Ledger) ([]byte, error) {
	spans, err := spansOf(ctx, l.Log)
	if err != nil {
		return nil, err
	}
	var signers []sshkey.AllowedSigner
	at := map[sshkey.Key]int{}
	for _, s := range spans {
		i, before := at[s.key]
		if !before {
			i, at[s.key] = len(signers), len(signers)
			signers = append(signers, sshkey.AllowedSigner{Principals: []string{s.actor}, Key: s.key})
		}
		signers[i].Comments = append(signers[i].Comments, s.note())
	}
	return sshkey.FormatAllowedSigners(signers)
}

// printAllowedSigners prints the file, or writes it where a flag says. With --json it is the
// text of a field.
func printAllowedSigners(a *app, out string, text []byte) error {
	if out != "" {
		f, err := a.outFile("--out", out)
		if err != nil {
			return err
		}
		if err := f.write(text); err != nil {
			return fmt.Errorf("writing %s: %w", out, err)
		}
		return a.print(object{"path": out}, func(s *screen) { s.done("wrote %s", out) })
	}
	return a.print(object{"allowed_signers": string(text)}, func(s *screen) {
		s.add(string(text))
		if len(text) == 0 {
			a.notice("no actors are enrolled")
		}
	})
}
