package packspec

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/sshkey"
	"gait/packspec/finding"
)

// An AdminKey is a key that the caller knows to be that of a ledger's first admin.
type AdminKey struct {
	Key  sshkey.Key
	From string // its source, for the report
}

// Authority is what a pack shows of who may do what.
type Authority struct {
	Events     int      `json:"event_count"`
	Mode       string   `json:"mode"`                 // after the last of these events
	Admins     int      `json:"admins"`               // how many must agree then
	Bootstrap  string   `json:"bootstrap"`            // how the first admin came to be enrolled: init, terminal or flag
	FirstAdmin string   `json:"first_admin"`          // the actor
	FirstKey   string   `json:"first_admin_key"`      // that signed the first authority event
	TrustedBy  string   `json:"trusted_by,omitempty"` // the source that the caller named for that key
	Complete   bool     `json:"complete"`             // an index shows that no authority event before the commitment is missing
	Signed     int64    `json:"signed_count"`         // events that their actors signed
	Claimed    int64    `json:"claimed_count"`        // events that no actor signed
	SignedBy   []string `json:"signed_by,omitempty"`  // the actors, by name
	ClaimedBy  []string `json:"claimed_by,omitempty"` // the names, at most 16 of them

	fingerprint string // of FirstKey
}

// An actorCheck checks the events of a pack against the authority events in it.
type actorCheck struct {
	chain      authorityChain
	events     []ledger.Event // of the chain
	signatures authority.Signatures

	signed, claimed     int64
	signedBy, claimedBy map[string]bool
	err                 error // the *finding.Failure of the first event that authority does not admit
}

func newActorCheck() *actorCheck {
	return &actorCheck{signedBy: map[string]bool{}, claimedBy: map[string]bool{}}
}

// maxClaimed bounds the names of claims that are remembered for the report.
const maxClaimed = 16

// readAuthority reads the authority events, if the pack has any, and whether each is
// admissible after those before. It calls each with every one of them.
func (v *ledgerVerifier) readAuthority(origin string, each func(ledger.Event) error) error {
	a := v.actorCheck
	if !v.pack.has(entryAuthority) {
		return nil
	}
	for e, err := range v.pack.authorityEvents() {
		if err != nil {
			return finding.NotCanonical(entryAuthority, err)
		}
		if e.Origin() != origin {
			a.fail(e, finding.CodeAuthority, "it is of the ledger "+e.Origin())
		}
		if err := a.chain.Add(e); err != nil {
			a.fail(e, finding.CodeAuthority, reasonOf(err))
			break
		}
		if err := each(e); err != nil {
			return err
		}
		a.signatures.Add(e)
	}
	a.events = a.chain.Events()
	if len(a.events) == 0 && a.err == nil {
		return finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryAuthority, "no events")
	}
	return nil
}

// failed reports whether authority does not admit an event.
func (a *actorCheck) failed() bool { return a.err != nil }

// fail keeps the first failure.
func (a *actorCheck) fail(e ledger.Event, code, reason string) {
	if a.err == nil {
		a.err = finding.Failf(finding.LevelActors, code, "", "%s", reason).At(e.Seq())
	}
}

// reasonOf returns the reason of a *ledger.CorruptError, without its event.
func reasonOf(err error) string {
	if f, ok := errors.AsType[*finding.Failure](asFailure("", "", err)); ok {
		return f.Reason
	}
	return err.Error()
}

// before returns the leaf hash of the newest authority event before an event.
func (a *actorCheck) before(e ledger.Event) ledger.Hash {
	n, _ := slices.BinarySearchFunc(a.events, e.Seq(), func(e ledger.Event, seq ledger.Seq) int { return int(e.Seq() - seq) })
	if n == 0 {
		return ledger.Hash{}
	}
	return a.events[n-1].LeafHash()
}

// states gives the authority at each event, for a fold.
func (a *actorCheck) states(leaf ledger.Hash) (*authority.State, error) { return a.chain.states(leaf) }

// check checks that an event was done by who may do it, and is what its actor signed.
func (a *actorCheck) check(e ledger.Event) {
	if a.err != nil {
		return
	}
	if e.Type().OfAuthority() {
		if _, known := a.chain.At(e.LeafHash()); !known {
			a.fail(e, finding.CodeAuthority, "it is not in "+entryAuthority)
		}
		return
	}
	if newest := a.before(e); e.Authority() != newest {
		a.fail(e, finding.CodeAuthority, fmt.Sprintf("the newest authority event before it is %s, and it names %s", hashOrNothing(newest), hashOrNothing(e.Authority())))
		return
	}
	s, err := a.states(e.Authority())
	if err == nil {
		_, err = s.Check(e)
	}
	if err != nil {
		a.fail(e, finding.CodeActor, reasonOf(err))
		return
	}
	a.signatures.Add(e)
	a.count(e)
}

func (a *actorCheck) count(e ledger.Event) {
	switch e.Type() { //nolint:exhaustive // the ledger itself writes these
	case ledger.TypeLedgerCreated, ledger.TypeIndexCommitted:
		return
	}
	if len(e.Command()) > 0 {
		a.signed++
		a.signedBy[e.Actor()] = true
		return
	}
	a.claimed++
	if len(a.claimedBy) < maxClaimed {
		a.claimedBy[e.Actor()] = true
	}
}

// finish waits for the signatures, and requires the authority events to end with the one
// that the last event names. last is the zero Event if the pack has none.
func (a *actorCheck) finish(last ledger.Event) {
	if err := a.signatures.Wait(); err != nil {
		if f, ok := errors.AsType[*finding.Failure](asFailure(finding.LevelActors, finding.CodeCommandSignature, err)); ok && a.sooner(f) {
			a.err = f
		}
	}
	if n := len(a.events); a.err == nil && n > 0 && a.events[n-1].Seq() > last.Seq() {
		a.fail(a.events[n-1], finding.CodeAuthority, fmt.Sprintf("it is behind the last event that the pack shows, %d", last.Seq()))
	}
}

// sooner reports whether a failure is of an event before that of the one there is.
func (a *actorCheck) sooner(f *finding.Failure) bool {
	before, ok := errors.AsType[*finding.Failure](a.err)
	return !ok || before.Seq == nil || f.Seq != nil && *f.Seq < *before.Seq
}

// actorsFailed is why levels are not checked that rest on who did what.
const actorsFailed = "actors failed"

// actors reports who did what. Complete says that no authority event before the commitment
// is missing.
func (v *ledgerVerifier) actorsLevel(complete bool) (string, error) {
	a := v.actorCheck
	if a.err != nil {
		return "", a.err
	}
	if len(a.events) == 0 {
		if len(v.AdminKeys) > 0 {
			return "", finding.Differs(finding.LevelActors, finding.CodeAdminKey, "", "no actor is enrolled in what the pack shows", "an admin key that you know", "none")
		}
		return "actors are what the ledger was told; no event is signed by its actor", nil
	}
	r := a.report(complete)
	v.report.Authority = r
	if len(v.AdminKeys) > 0 {
		by, err := a.knownAdmin(v.AdminKeys)
		if err != nil {
			return "", err
		}
		r.TrustedBy = by
	}
	if a.signed > 0 {
		v.status = finding.Proved
	}
	return r.detail(), nil
}

// firstAdmin returns the first authority event, what it says, and the key that signed it.
func (a *actorCheck) firstAdmin() (ledger.Event, ledger.ActorEnrolled, sshkey.Key) {
	e := a.events[0]
	p, _ := e.Payload().(ledger.ActorEnrolled)
	sig, _ := sshkey.ParseSignature(e.CommandSigs()[0].Sig) // the chain has it, so it is one
	return e, p, sig.Key()
}

// knownAdmin returns the source of the key that signed the first authority event.
func (a *actorCheck) knownAdmin(known []AdminKey) (string, error) {
	e, p, key := a.firstAdmin()
	var all []string
	for _, k := range known {
		if k.Key.ID() == key.ID() {
			return k.From, nil
		}
		all = append(all, k.Key.Fingerprint())
	}
	return "", finding.Differs(finding.LevelActors, finding.CodeAdminKey, entryAuthority, "the first admin, "+p.Actor+", signed with a key that you do not know",
		strings.Join(all, " or "), key.Fingerprint()).At(e.Seq())
}

func (a *actorCheck) report(complete bool) *Authority {
	_, p, key := a.firstAdmin()
	s := a.chain.Newest()
	return &Authority{
		Events: len(a.events), Mode: string(s.Mode()), Admins: s.Admins(), Bootstrap: p.Bootstrap, FirstAdmin: p.Actor, FirstKey: key.String(), Complete: complete,
		Signed: a.signed, Claimed: a.claimed, SignedBy: slices.Sorted(maps.Keys(a.signedBy)), ClaimedBy: slices.Sorted(maps.Keys(a.claimedBy)),
		fingerprint: key.Fingerprint(),
	}
}

// detail says in a sentence what the report does.
func (r *Authority) detail() string {
	var b strings.Builder
	switch {
	case r.Signed == 0:
		b.WriteString("no event is signed by its actor")
	case r.Claimed == 0:
		fmt.Fprintf(&b, "%d of %[1]d events signed, by %s", r.Signed, strings.Join(r.SignedBy, ", "))
	default:
		fmt.Fprintf(&b, "%d of %d events signed, by %s; claims: %d, by %s", r.Signed, r.Signed+r.Claimed, strings.Join(r.SignedBy, ", "), r.Claimed, strings.Join(r.ClaimedBy, ", "))
	}
	fmt.Fprintf(&b, "; authority events: %d, from the first admin %s (bootstrap %s, key %s)", r.Events, r.FirstAdmin, r.Bootstrap, r.fingerprint)
	if r.TrustedBy != "" {
		b.WriteString(", whose key you know from " + r.TrustedBy)
	}
	if r.Complete {
		b.WriteString("; that none was left out is proved")
	} else {
		b.WriteString("; that none was left out is claimed")
	}
	return b.String()
}
