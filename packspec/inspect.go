package packspec

import (
	"fmt"
	"io"

	"gait/ledger"
	"gait/packspec/container"
	"gait/packspec/finding"
	"gait/projection"
)

// ErrTooLarge says that a pack has too many events to be shown at once.
var ErrTooLarge = ledger.NewError("too many events to show at once", ledger.Fault{Code: "pack_too_large", Category: ledger.CategoryInvalid})

const maxInspect = 100_000

// An Inspection is what a pack says about a job. The views are derived from the
// pack's events or, in a pack of PackSpec v1, agree with them. No signature and no
// proof was checked.
type Inspection struct {
	Verified bool                   `json:"verified"`         // always false
	Format   string                 `json:"format,omitempty"` // FormatV1; left out for packs of gait's own format
	Manifest container.Manifest     `json:"manifest"`
	Payload  JobPayload             `json:"payload"`
	State    JobState               `json:"state"`
	Events   []projection.EventView `json:"events"`
	Gate     []*Decision            `json:"gate,omitempty"`     // decisions of the gate, oldest first, and what became of the grants
	Evidence *EvidenceSummary       `json:"evidence,omitempty"` // nil if the pack has none

	// Policies are those that the events of a job of the gate name, by digest, and those that the pack has.
	Policies []PolicyShown `json:"policies,omitempty"`

	// GateLeftOut counts the intents and results that the pack has and that are too large to be
	// shown.
	GateLeftOut int64 `json:"gate_content_left_out,omitempty"`

	Range *RangeInspection `json:"-"` // instead of all of the above, for a range pack
}

// An EvidenceSummary is what the evidence layer says about the ledger.
type EvidenceSummary struct {
	Format       int64       `json:"format"`
	Origin       string      `json:"origin"`
	Size         int64       `json:"size"`
	Root         string      `json:"root"`
	EventCount   int64       `json:"event_count"`   // in the pack, refusals included
	RefusalCount int64       `json:"refusal_count"` // they are not among the events shown
	HeadSeq      ledger.Seq  `json:"head_seq"`
	HeadLeaf     string      `json:"head_leaf_hash,omitempty"`
	Commitment   *ledger.Seq `json:"commitment,omitempty"` // the event that commits to the index; the job is shown as of it
	Key          string      `json:"key"`                  // the verifier key that event 0 names
	KeyID        string      `json:"key_id"`
}

// Inspect reads a pack to be shown. Errors: a *finding.FormatError if the file is not
// a pack or its events do not make a job, ErrTooLarge, ledger.ErrUnsupportedVersion,
// and the reader's own.
func Inspect(r io.ReaderAt, size int64) (Inspection, error) {
	v, err := newVerifier(r, size, Options{})
	if err != nil {
		return Inspection{}, fmt.Errorf("inspecting a pack: %w", err)
	}
	switch v := v.(type) {
	case *v1Verifier:
		return inspectV1(r, size)
	case *rangeVerifier:
		ranged, err := v.inspect()
		if err != nil {
			return Inspection{}, fmt.Errorf("inspecting a pack: %w", err)
		}
		return Inspection{Manifest: v.pack.manifest, Range: ranged}, nil
	case *jobVerifier:
		return v.inspect()
	}
	panic(fmt.Sprintf("packspec: no inspection of a %T", v))
}

// inspect reads a job pack to be shown.
func (v *jobVerifier) inspect() (Inspection, error) {
	for _, check := range []func() (string, error){v.container, v.canonical, v.chain, v.inspectActors, v.stateMachine} {
		if _, err := check(); err != nil {
			return Inspection{}, finding.AsFormat(err)
		}
	}
	if v.count > maxInspect {
		return Inspection{}, fmt.Errorf("inspecting a pack of %d events: %w", v.count, ErrTooLarge)
	}
	i := Inspection{
		Manifest: v.pack.manifest, Payload: payloadOf(v.fold.Job, v.head), Events: []projection.EventView{},
		State: JobState{Approvals: []Approval{}, Checkpoints: []projection.Checkpoint{}, Runtime: runtimeOf(v.fold.Job)},
		Evidence: &EvidenceSummary{
			Format: v.evidence.Format, Origin: v.evidence.Origin, Size: v.evidence.Size, Root: v.evidence.Root,
			EventCount: v.count, RefusalCount: v.fold.Job.Refusals, HeadSeq: v.head.Seq, HeadLeaf: v.head.Leaf.String(), Commitment: v.report.Commitment,
			Key: v.report.Key, KeyID: v.report.KeyID,
		},
	}
	if err := i.addEvents(v.pack); err != nil {
		return Inspection{}, fmt.Errorf("inspecting a pack: %w", err)
	}
	return i, nil
}

func (i *Inspection) addEvents(pack *Pack) error {
	gate := gateShown{pack: pack}
	var named contents
	for e, err := range pack.Events() {
		if err == nil {
			err = gate.add(e)
		}
		if err != nil {
			return err
		}
		named.add(e)
		i.State.Approvals = append(i.State.Approvals, approvalsOf(e)...)
		i.State.Checkpoints = append(i.State.Checkpoints, checkpointsOf(e)...)
		if changes(e) {
			i.Events = append(i.Events, projection.EventViewOf(e))
		}
	}
	i.Gate, i.GateLeftOut = gate.list, gate.leftOut
	if i.Evidence.Format >= GateFormat {
		i.Policies = pack.policiesShown(named.policies)
	}
	return nil
}
