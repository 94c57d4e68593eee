package packspec

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"

	"gait/ledger"
	"gait/ledger/jcs"
)

// The contents of the gate that a pack has and that are shown: each of this size at most, and
// all of them together.
const (
	maxShownContent  = 64 << 10
	maxShownContents = 8 << 20
)

// A PolicyShown is a policy that the events of a job name.
type PolicyShown struct {
	Digest  string `json:"digest"`
	Present bool   `json:"present"`        // whether the pack has its bytes
	Size    int64  `json:"size,omitempty"` // in bytes, if it has
}

// policiesShown returns the policies that events name, by digest.
func (p *Pack) policiesShown(named map[ledger.Hash]bool) (list []PolicyShown) {
	for _, digest := range slices.SortedFunc(maps.Keys(named), compareHashes) {
		shown := PolicyShown{Digest: digest.String()}
		if e, has := p.entry(policyPrefix + shown.Digest); has && e.sum == digest {
			shown.Present, shown.Size = true, e.Size
		}
		list = append(list, shown)
	}
	return list
}

// gateShown collects the decisions of the gate among the events of a pack.
type gateShown struct {
	pack    *Pack
	list    []*Decision
	grants  map[string]*Decision
	size    int64 // of the contents shown
	leftOut int64 // contents that are in the pack and too large to be shown
}

// add adds what an event says of a decision of the gate, or of a grant.
func (g *gateShown) add(e ledger.Event) error {
	if p, is := e.Payload().(ledger.EffectSettled); is {
		d := g.grants[p.Grant]
		if d == nil {
			return nil
		}
		d.Settle(e)
		var err error
		d.Settlement.ResultContent, err = g.content(p.Result.Digest)
		return err
	}
	d := DecisionOf(e)
	if d == nil {
		return nil
	}
	g.list = append(g.list, d)
	if d.Grant != "" {
		if g.grants == nil {
			g.grants = map[string]*Decision{}
		}
		g.grants[d.Grant] = d
	}
	if p, is := e.Payload().(ledger.GateDecided); is {
		var err error
		d.IntentContent, err = g.content(p.Intent.Digest)
		return err
	}
	return nil
}

// content returns the content of the pack with a digest, as JSON or, if it is none, as text. It
// returns nil if the pack does not have it, or if it is too large to be shown.
func (g *gateShown) content(digest ledger.Hash) (json.RawMessage, error) {
	name := contentPrefix + digest.String()
	entry, has := g.pack.entry(name)
	if !has || digest.IsZero() || entry.Size < saltSize {
		return nil, nil
	}
	size := entry.Size - saltSize
	if size > maxShownContent || g.size+size > maxShownContents {
		g.leftOut++
		return nil, nil
	}
	kept, err := g.pack.read(name)
	if err != nil || ledger.Hash(sha256.Sum256(kept)) != digest {
		return nil, err // what the events do not name is not shown
	}
	g.size += size
	return shownContent(kept[saltSize:]), nil
}

// shownContent returns bytes as a JSON value: as they are, if they are canonical JSON, and
// as a string otherwise.
func shownContent(b []byte) json.RawMessage {
	if v, err := jcs.Decode(b); err == nil {
		if again, err := jcs.AppendValue(nil, v); err == nil && string(again) == string(b) {
			return b
		}
	}
	text := string(b)
	if !utf8.ValidString(text) {
		text = string([]rune(text)) // with U+FFFD for what is no UTF-8
	}
	return jcs.AppendString(nil, text)
}
