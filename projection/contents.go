package projection

import (
	"context"

	"gait/ledger"
)

// A NamedContent is content that the events of a job name. Its media type and its file name
// are those that the first of them gives.
type NamedContent struct {
	ledger.Content

	Uses     []ContentUse `json:"uses"`
	ErasedBy ledger.Seq   `json:"erased_by,omitempty"` // the event that erased it, if none has named it since
}

// Erased reports whether the content was erased.
func (c NamedContent) Erased() bool { return c.ErasedBy != 0 }

// A ContentUse says in which event content is named, and as what.
type ContentUse struct {
	Seq          ledger.Seq `json:"seq"`
	CheckpointID string     `json:"checkpoint_id,omitempty"`
	As           string     `json:"as"` // subject, amended, intent, result, or the role of an attachment
}

// What content is named as, apart from the roles of attachments.
const (
	AsSubject = "subject" // what is decided about
	AsAmended = "amended" // what was approved in the place of that
	AsIntent  = "intent"  // what the gate decided about
	AsResult  = "result"  // what a tool answered
)

// Contents returns the content that the events of a job name, in the order in which they
// first name it.
func Contents(ctx context.Context, log ledger.EventReader, job string) ([]NamedContent, error) {
	var f contentFold
	for e, err := range log.JobEvents(ctx, job, 1) {
		if err != nil {
			return nil, err
		}
		f.collect(e)
	}
	return f.all, nil
}

// NamedAs returns the content with a digest, among those that the events of a job name.
func NamedAs(named []NamedContent, digest ledger.Hash) (NamedContent, bool) {
	for _, c := range named {
		if c.Digest == digest {
			return c, true
		}
	}
	return NamedContent{}, false
}

// IsErased reports whether a content was erased, among those that the events of a job name.
func IsErased(named []NamedContent, digest ledger.Hash) bool {
	c, _ := NamedAs(named, digest)
	return c.Erased()
}

// A contentFold collects the content that events name.
type contentFold struct {
	all []NamedContent
	at  map[ledger.Hash]int
}

// collect collects the content that an event names.
func (f *contentFold) collect(e ledger.Event) {
	switch p := e.Payload().(type) {
	case ledger.CheckpointAdded:
		use := ContentUse{Seq: e.Seq(), CheckpointID: p.CheckpointID, As: AsSubject}
		if p.Subject != (ledger.Content{}) {
			f.name(p.Subject, use)
		}
		for _, a := range p.Attachments {
			use.As = string(a.Role)
			f.name(a.Content, use)
		}
	case ledger.Approved:
		if p.Amended != (ledger.Content{}) {
			f.name(p.Amended, ContentUse{Seq: e.Seq(), CheckpointID: p.CheckpointID, As: AsAmended})
		}
	case ledger.GateDecided:
		if p.Intent != (ledger.Content{}) {
			f.name(p.Intent, ContentUse{Seq: e.Seq(), CheckpointID: p.CheckpointID, As: AsIntent})
		}
	case ledger.EffectSettled:
		if p.Result != (ledger.Content{}) {
			f.name(p.Result, ContentUse{Seq: e.Seq(), As: AsResult})
		}
	case ledger.ContentErased:
		if i, named := f.at[p.Digest]; named {
			f.all[i].ErasedBy = e.Seq()
		}
	default: // all others name none
	}
}

func (f *contentFold) name(c ledger.Content, use ContentUse) {
	i, named := f.at[c.Digest]
	if !named {
		if f.at == nil {
			f.at = map[ledger.Hash]int{}
		}
		i = len(f.all)
		f.at[c.Digest] = i
		f.all = append(f.all, NamedContent{Content: c})
	}
	f.all[i].Uses = append(f.all[i].Uses, use)
	f.all[i].ErasedBy = 0
}
