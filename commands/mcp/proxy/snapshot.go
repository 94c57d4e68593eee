package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"gait/commands"
	"gait/commands/ask"
	"gait/commands/connect"
	"gait/ledger"
)

// A Desk carries out what the proxy asks for. It is an ask.Desk that also keeps content.
type Desk interface {
	ask.Desk

	// Bring keeps content of a job, and carries out a command that names it: name says how.
	Bring(ctx context.Context, r commands.Request, u connect.Upload, name func(*commands.Request, ledger.Content)) (commands.Result, error)
}

// What the content of the proxy is.
const (
	toolsFile  = "mcp-tools.json"
	toolsType  = "application/vnd.gait.mcp-tools+json"
	changeFile = "mcp-tools-changed.json"
	changeType = "application/vnd.gait.mcp-tools-changed+json"
)

// maxTools is how many bytes the descriptions of all tools of a server have at most.
const maxTools = 8 << 20

// A shelf is where the tools of one server are recorded.
type shelf struct {
	desk        Desk
	job, server string
	seq         int64 // job_seq of the event that recorded them last, once that is known
}

// recorded returns the tools that were recorded last; ok is false if none ever were.
func (s *shelf) recorded(ctx context.Context) (tools toolset, ok bool, err error) {
	err = s.desk.Read(ctx, func(l *connect.Ledger) error {
		tools, ok, s.seq = nil, false, 0
		is, err := l.Job(ctx, s.job)
		if err != nil {
			return err
		}
		return backwards(ctx, l.Log, s.job, is.JobSeq, func(e ledger.Event) (bool, error) {
			tools, ok, err = s.recordedBy(ctx, l, e)
			if ok {
				s.seq = e.JobSeq()
			}
			return ok || err != nil, err
		})
	})
	return tools, ok, err
}

// recordedBy returns the tools that an event has recorded.
func (s *shelf) recordedBy(ctx context.Context, l *connect.Ledger, e ledger.Event) (toolset, bool, error) {
	p, isCheckpoint := e.Payload().(ledger.CheckpointAdded)
	if !isCheckpoint {
		return nil, false, nil
	}
	for _, a := range p.Attachments {
		if a.MediaType != toolsType {
			continue
		}
		b, err := readContent(ctx, l, s.job, a.Content)
		if err != nil {
			return nil, false, fmt.Errorf("reading the recorded tools: %w", err)
		}
		if tools, ok, err := readRecord(b, s.server); ok || err != nil {
			return tools, ok, err
		}
	}
	return nil, false, nil
}

// record records tools.
func (s *shelf) record(ctx context.Context, tools toolset) error {
	b, err := tools.encode(s.server)
	if err != nil {
		return err
	}
	c := commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: fmt.Sprintf("recorded %d tools of the MCP server %s", len(tools), s.server)}
	u := connect.Upload{Name: toolsFile, MediaType: toolsType, Bytes: bytes.NewReader(b)}
	result, err := s.desk.Bring(ctx, commands.Request{JobID: s.job, Command: c}, u, func(r *commands.Request, kept ledger.Content) {
		c := c
		c.Attachments = []ledger.Attachment{{Content: kept, Role: ledger.AttachArtifact}}
		r.Command = c
	})
	if err == nil {
		s.seq = result.Event.JobSeq()
	}
	return err
}

// A standing says how far a change of tools has come.
type standing int

const (
	notAsked standing = iota
	asked             // and not approved
	approved          // and the job was resumed
)

// standing returns how far a change has come since tools were recorded last.
func (s *shelf) standing(ctx context.Context, subject []byte) (is standing, err error) {
	err = s.desk.Read(ctx, func(l *connect.Ledger) error {
		f := following{decisions: make(map[ledger.Hash]bool), approvals: make(map[ledger.Hash]ledger.Hash)}
		for e, err := range l.Log.JobEvents(ctx, s.job, s.seq+1) {
			if err != nil {
				return err
			}
			p, isCheckpoint := e.Payload().(ledger.CheckpointAdded)
			about := false
			if isCheckpoint {
				if about, err = isAbout(ctx, l, s.job, p.Subject, subject); err != nil {
					return err
				}
			}
			f.follow(e, about)
		}
		is = f.is
		return nil
	})
	return is, err
}

// A following is what was decided about a change.
type following struct {
	is        standing
	decisions map[ledger.Hash]bool        // about the change, by leaf hash
	approvals map[ledger.Hash]ledger.Hash // what each approval is of
}

// follow folds an event. about says that it asks for a decision about the change.
func (f *following) follow(e ledger.Event, about bool) {
	switch p := e.Payload().(type) {
	case ledger.Approved:
		if p.Amended == (ledger.Content{}) { // what was amended is not what the server has
			f.approvals[e.LeafHash()] = p.Target
		}
	case ledger.Resumed:
		for _, used := range p.Consumes {
			if f.decisions[f.approvals[used]] {
				f.is = approved
			}
		}
	default: // no other event decides about a change
		if about {
			f.decisions[e.LeafHash()], f.is = true, asked
		}
	}
}

// isAbout reports whether a subject is this change.
func isAbout(ctx context.Context, l *connect.Ledger, job string, c ledger.Content, subject []byte) (bool, error) {
	if c.MediaType != changeType || c.Size != int64(len(subject)) {
		return false, nil
	}
	b, err := readContent(ctx, l, job, c)
	return bytes.Equal(b, subject), err
}

// ask asks for a decision about changes.
func (s *shelf) ask(ctx context.Context, changed []change, subject []byte) error {
	what := names(changed)
	c := commands.AddCheckpoint{
		Type:           ledger.CheckpointDecisionNeeded,
		Summary:        shorten("the MCP server "+s.server+" describes tools in another way than before: "+what, ledger.MaxSummary),
		RequiredAction: shorten("compare what each tool was and is, and approve the new descriptions of "+what, ledger.MaxRequiredAction),
	}
	u := connect.Upload{Name: changeFile, MediaType: changeType, Bytes: bytes.NewReader(subject)}
	_, err := s.desk.Bring(ctx, commands.Request{JobID: s.job, Command: c}, u, func(r *commands.Request, kept ledger.Content) {
		c := c
		c.Subject = kept
		r.Command = c
	})
	return err
}

// subjectOf returns what a decision about changes is about.
func (s *shelf) subjectOf(changed []change) (json.RawMessage, error) {
	return encode(struct {
		Server string   `json:"server"`
		Tools  []change `json:"tools"`
	}{s.server, changed})
}

// shorten cuts a text that is too long for its field. All that it is given is ASCII.
func shorten(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit-3] + "..."
	}
	return s
}

// readContent reads content of a job that one of its events names.
func readContent(ctx context.Context, l *connect.Ledger, job string, c ledger.Content) ([]byte, error) {
	r, err := l.KeptContent(ctx, job, c.Digest)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, 4*maxTools))
}

// page is how many events are read at once.
const page = 256

// backwards calls visit with the events of a job, the newest first, from the one with a job_seq,
// until it says that it has seen enough.
func backwards(ctx context.Context, log ledger.EventReader, job string, seq int64, visit func(ledger.Event) (enough bool, err error)) error {
	for end := seq; end > 0; end -= page {
		from := max(1, end-page+1)
		var events []ledger.Event
		for e, err := range log.JobEvents(ctx, job, from) {
			if err != nil {
				return err
			}
			if events = append(events, e); e.JobSeq() >= end {
				break
			}
		}
		for i := len(events) - 1; i >= 0; i-- {
			if enough, err := visit(events[i]); enough || err != nil {
				return err
			}
		}
	}
	return nil
}
