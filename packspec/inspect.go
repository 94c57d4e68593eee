package packspec

import (
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/projection"
)

// ErrTooLarge says that a pack has too many events to be shown in one piece.
var ErrTooLarge = errors.New("too many events to show at once")

const maxInspect = 100_000

// An Inspection is what a pack says of a job. The views are derived from the
// pack's events, or, in a pack of PackSpec v1, agree with them; no signature
// and no proof has been checked.
type Inspection struct {
	Verified bool                   `json:"verified"`         // always false
	Format   string                 `json:"format,omitempty"` // FormatV1; left out for packs of gait's own format
	Manifest Manifest               `json:"manifest"`
	Payload  JobPayload             `json:"payload"`
	State    JobState               `json:"state"`
	Events   []projection.EventView `json:"events"`
	Evidence *EvidenceSummary       `json:"evidence,omitempty"` // nil where the pack has none

	Range *RangeInspection `json:"-"` // in place of all of it, where the pack is one of a range
}

// An EvidenceSummary is what the evidence layer says of the ledger.
type EvidenceSummary struct {
	Format       int64      `json:"format"`
	Origin       string     `json:"origin"`
	Size         int64      `json:"size"`
	Root         string     `json:"root"`
	EventCount   int64      `json:"event_count"`   // in the pack, refusals included
	RefusalCount int64      `json:"refusal_count"` // they are not among the events shown
	HeadSeq      ledger.Seq `json:"head_seq"`
	HeadLeaf     string     `json:"head_leaf_hash,omitempty"`
	Key          string     `json:"key"` // the verifier key that event 0 names
	KeyID        string     `json:"key_id"`
}

// Inspect reads a pack to be shown. It fails with a *FormatError where the
// file is no pack or its events do not make a job, with ErrTooLarge, with
// ledger.ErrUnsupportedVersion, and with the reader's own errors.
func Inspect(r io.ReaderAt, size int64) (Inspection, error) {
	old, err := isV1(r, size)
	if err != nil {
		return Inspection{}, fmt.Errorf("inspecting a pack: %w", err)
	}
	if old {
		return inspectV1(r, size)
	}
	v := &verifier{r: r, size: size}
	if _, err := v.container(); err != nil {
		return Inspection{}, asFormat(err)
	}
	if v.pack.manifest.PackType == TypeRange {
		ranged, err := v.inspectRange()
		if err != nil {
			return Inspection{}, fmt.Errorf("inspecting a pack: %w", err)
		}
		return Inspection{Manifest: v.pack.manifest, Range: ranged}, nil
	}
	for _, check := range []func(*verifier) (string, error){(*verifier).canonical, (*verifier).chain, (*verifier).stateMachine} {
		if _, err := check(v); err != nil {
			return Inspection{}, asFormat(err)
		}
	}
	if v.count > maxInspect {
		return Inspection{}, fmt.Errorf("inspecting a pack of %d events: %w", v.count, ErrTooLarge)
	}
	i := Inspection{Manifest: v.pack.manifest, Payload: payloadOf(v.fold.Job, v.head), Events: []projection.EventView{},
		State: JobState{Approvals: []Approval{}, Checkpoints: []projection.Checkpoint{}, Runtime: runtimeOf(v.fold.Job)},
		Evidence: &EvidenceSummary{Format: v.evidence.Format, Origin: v.evidence.Origin, Size: v.evidence.Size, Root: v.evidence.Root,
			EventCount: v.count, RefusalCount: v.fold.Job.Refusals, HeadSeq: v.head.Seq, HeadLeaf: v.head.Leaf.String(),
			Key: v.report.Key, KeyID: v.report.KeyID}}
	if err := i.addEvents(v.pack.Events()); err != nil {
		return Inspection{}, fmt.Errorf("inspecting a pack: %w", err)
	}
	return i, nil
}

func (i *Inspection) addEvents(events ledger.Events) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		i.State.Approvals = append(i.State.Approvals, approvalsOf(e)...)
		i.State.Checkpoints = append(i.State.Checkpoints, checkpointsOf(e)...)
		if !changes(e) {
			continue
		}
		view, err := projection.EventViewOf(e)
		if err != nil {
			return err
		}
		i.Events = append(i.Events, view)
	}
	return nil
}
