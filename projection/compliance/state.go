package compliance

import (
	"maps"
	"slices"

	"gait/ledger"
)

// A state is what the events of a job, or of the ledger, show.
type state struct {
	newest []int64 // by the place of the sign in signs: seq + 1 of the newest event that shows it; 0: none
	last   Shown   // the newest event of the job

	policy     Shown                 // the event that bound the job to its policy; no type: it has none
	open       map[string]Shown      // grants that are not settled, with the events that gave them
	unknown    map[string]trouble    // grants of which it was said that what was done is not known
	asked      map[ledger.Hash]*ask  // what waits or waited for a verdict, by the leaf hash of its event
	checkpoint map[string]*ask       // the same, by the checkpoint's id
	workers    map[string]bool       // the actors that worked on the job: who got leases, added checkpoints, asked the gate
	acts       map[string]ledger.Seq // by actor: everything up to this event, that one may act on, the actor acted on
	troubles   []Shown               // what someone should look at, but for what is in unknown
	settled    []Shown               // of what was unknown: what another actor found out about later
	held       []trouble             // pauses, cancellations and stops, with their actors
	ended      []string              // who cancelled or stopped the job
}

// A trouble is an event with its actor.
type trouble struct {
	Shown
	actor string
}

// An ask is an event that a verdict may be about.
type ask struct {
	trouble
	decision bool            // it keeps the job from going on until someone decides; a block or a pause may be approved
	needed   int64           // how many must approve
	approved map[string]bool // who did
	decided  bool
}

func newState() state {
	return state{
		newest: make([]int64, len(signs)), open: map[string]Shown{}, unknown: map[string]trouble{}, asked: map[ledger.Hash]*ask{},
		checkpoint: map[string]*ask{}, workers: map[string]bool{}, acts: map[string]ledger.Seq{},
	}
}

// follow keeps what stands after an event of a job.
func (s *state) follow(e ledger.Event) {
	at := trouble{Shown{e.Seq(), e.JobID(), e.Type()}, e.Actor()}
	s.last = at.Shown
	if slices.ContainsFunc(loud, func(sign Sign) bool { return signs[row(sign)].shown(e) }) && !types(ledger.TypeEffectSettled)(e) {
		s.troubles = append(s.troubles, at.Shown)
	}
	switch p := e.Payload().(type) {
	case ledger.Submitted:
		s.bind(at.Shown, p.PolicyDigest)
	case ledger.Imported:
		s.bind(at.Shown, p.PolicyDigest)
	case ledger.Continued:
		s.bind(at.Shown, p.PolicyDigest)
	case ledger.Resumed:
		s.bind(at.Shown, p.CurrentPolicyDigest)
		s.act(at.actor, at.Seq)
	case ledger.CheckpointAdded:
		s.added(at, e.LeafHash(), p)
	case ledger.GateDecided:
		s.gated(at, e.LeafHash(), p)
	case ledger.EffectSettled:
		s.effect(at, p)
	case ledger.DispatchBlocked, ledger.AttemptEnded, ledger.Leased:
		s.workers[at.actor] = true
	case ledger.Approved:
		s.verdict(at, p.Target, true)
	case ledger.Denied:
		s.verdict(at, p.Target, false)
	case ledger.Paused:
		s.ask(e.LeafHash(), "", &ask{trouble: at, decision: p.Hold, needed: 1})
		s.hold(at)
	case ledger.Cancelled, ledger.Stopped:
		s.ended = append(s.ended, at.actor)
		s.hold(at)
	default:
	}
}

func (s *state) bind(at Shown, policy ledger.Hash) {
	if policy.IsZero() {
		at = Shown{}
	}
	s.policy = at
}

// act keeps that an actor acted on what was there up to an event.
func (s *state) act(actor string, upTo ledger.Seq) { s.acts[actor] = max(s.acts[actor], upTo) }

func (s *state) hold(at trouble) {
	s.held = append(s.held, at)
	s.act(at.actor, at.Seq)
}

func (s *state) ask(leaf ledger.Hash, checkpoint string, a *ask) {
	a.approved = map[string]bool{}
	s.asked[leaf] = a
	if checkpoint != "" {
		s.checkpoint[checkpoint] = a
	}
}

func (s *state) added(at trouble, leaf ledger.Hash, p ledger.CheckpointAdded) {
	if p.Continues.IsZero() {
		s.workers[at.actor] = true
	}
	if p.CheckpointType == ledger.CheckpointDecisionNeeded || p.CheckpointType == ledger.CheckpointBlocked {
		s.replace(p.Replaces)
		s.ask(leaf, p.CheckpointID, &ask{trouble: at, decision: p.CheckpointType == ledger.CheckpointDecisionNeeded, needed: max(1, p.Quorum)})
	}
}

// replace keeps that what was denied is asked for again in another way: then that has to be decided.
func (s *state) replace(replaced string) {
	if a := s.checkpoint[replaced]; a != nil {
		a.decided = true
	}
	for _, a := range s.asked {
		if replaced == ledger.ReplacesPause && a.Type == ledger.TypePaused {
			a.decided = true
		}
	}
}

func (s *state) gated(at trouble, leaf ledger.Hash, p ledger.GateDecided) {
	if p.Continues.IsZero() {
		s.workers[at.actor] = true
	}
	if p.Grant != "" {
		s.open[p.Grant] = at.Shown
	}
	if p.Verdict == ledger.GateRequireApproval {
		s.ask(leaf, p.CheckpointID, &ask{trouble: at, decision: true, needed: max(1, p.Quorum)})
	}
}

func (s *state) effect(at trouble, p ledger.EffectSettled) {
	said, there := s.unknown[p.Grant]
	switch {
	case p.Outcome == ledger.EffectUnknown:
		if !there {
			s.unknown[p.Grant] = at
		}
		return
	case there && said.actor != at.actor:
		delete(s.unknown, p.Grant)
		s.settled = append(s.settled, said.Shown)
	}
	delete(s.open, p.Grant)
}

// verdict keeps a verdict. It acts on what was there up to the event that it is about.
func (s *state) verdict(at trouble, target ledger.Hash, approves bool) {
	a := s.asked[target]
	if a == nil {
		return // of a job that another ledger or an import began
	}
	s.act(at.actor, a.Seq)
	if approves {
		a.approved[at.actor] = true
	}
	if !approves || int64(len(a.approved)) >= a.needed {
		a.decided = true
	}
}

// standing returns the events that show what stands at the end: commitment is seq + 1 of the newest
// event that commits to the index, or 0.
func (s *state) standing(commitment int64) map[Sign][]Shown {
	found := map[Sign][]Shown{GrantOpen: slices.Collect(maps.Values(s.open))}
	add := func(sign Sign, at Shown) { found[sign] = append(found[sign], at) }
	if s.policy.Type != "" {
		add(PolicyBound, s.policy)
	}
	if commitment > 0 && s.last.Type != "" && int64(s.last.Seq) >= commitment {
		add(AfterCommitment, s.last)
	}
	for _, a := range s.asked {
		if a.decision {
			add(choose(a.decided || slices.ContainsFunc(s.ended, func(by string) bool { return by != a.actor }), DecisionDecided, DecisionOpen), a.Shown)
		}
	}
	looked := ledger.Seq(0)
	for actor, upTo := range s.acts {
		if !s.workers[actor] {
			looked = max(looked, upTo)
		}
	}
	for _, t := range s.troubles {
		add(choose(t.Seq <= looked, TroubleAnswered, TroubleOpen), t)
	}
	for _, t := range s.settled {
		add(TroubleAnswered, t)
	}
	for _, t := range s.unknown {
		add(TroubleOpen, t.Shown)
	}
	for _, h := range s.held {
		if !s.workers[h.actor] {
			add(Intervened, h.Shown)
		}
	}
	return found
}

func choose(first bool, a, b Sign) Sign {
	if first {
		return a
	}
	return b
}
