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
	As           string     `json:"as"` // subject, amended, intent, result, input, log, or the role of an attachment
}

// What content is named as, apart from the roles of attachments.
const (
	AsSubject = "subject" // what is decided about
	AsAmended = "amended" // what was approved in the place of that
	AsIntent  = "intent"  // what the gate decided about
	AsResult  = "result"  // what a tool answered
	AsInput   = "input"   // what the job is to work on
	AsLog     = "log"     // the end of what an attempt wrote; the role of attachments too
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
	use := ContentUse{Seq: e.Seq()}
	switch p := e.Payload().(type) {
	case ledger.Submitted:
		f.name(p.Input, use.as(AsInput))
	case ledger.Continued:
		f.name(p.Input, use.as(AsInput))
	case ledger.CheckpointAdded:
		use.CheckpointID = p.CheckpointID
		f.name(p.Subject, use.as(AsSubject))
		for _, a := range p.Attachments {
			f.name(a.Content, use.as(string(a.Role)))
		}
	case ledger.Approved:
		use.CheckpointID = p.CheckpointID
		f.name(p.Amended, use.as(AsAmended))
	case ledger.GateDecided:
		use.CheckpointID = p.CheckpointID
		f.name(p.Intent, use.as(AsIntent))
	case ledger.EffectSettled:
		f.name(p.Result, use.as(AsResult))
	case ledger.AttemptEnded:
		f.name(p.Log, use.as(AsLog))
	case ledger.ContentErased:
		if i, named := f.at[p.Digest]; named {
			f.all[i].ErasedBy = e.Seq()
		}
	default: // all others name none
	}
}

// as returns a use as something.
func (u ContentUse) as(what string) ContentUse {
	u.As = what
	return u
}

// name collects a content, unless it is none.
func (f *contentFold) name(c ledger.Content, use ContentUse) {
	if c == (ledger.Content{}) {
		return
	}
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
