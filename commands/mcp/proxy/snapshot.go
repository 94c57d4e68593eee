package proxy

import (
	"bytes"
	"context"
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
	actor       string // the proxy's own

	known history
}

// read reads what events say that were not read yet.
func (s *shelf) read(ctx context.Context) error {
	return s.desk.Read(ctx, func(l *connect.Ledger) error {
		b, err := l.Basis(ctx)
		if err != nil {
			return err
		}
		is, err := l.Job(ctx, s.job)
		if err != nil {
			return err
		}
		h := s.known.clone()
		h.strict = b.Authority.Mode() != ledger.ModeClaims || b.Authority.Enrolled(s.actor)
		self, _ := b.Authority.Actor(s.actor)
		h.signs = len(self.Keys) > 0
		for e, err := range l.Log.JobEvents(ctx, s.job, h.seq+1) {
			if err == nil {
				err = s.follow(ctx, l, &h, e)
			}
			if err != nil {
				return err
			}
		}
		h.open = false
		for _, a := range is.Decisions {
			h.open = h.open || h.decisions[a.Target] != nil
		}
		s.known = h
		return nil
	})
}

// follow folds an event.
func (s *shelf) follow(ctx context.Context, l *connect.Ledger, h *history, e ledger.Event) error {
	h.seq = e.JobSeq()
	p, is := e.Payload().(ledger.CheckpointAdded)
	if !is {
		h.follow(e)
		return nil
	}
	if p.Subject.MediaType == changeType {
		b, err := readContent(ctx, l, s.job, p.Subject)
		if err != nil {
			return err
		}
		if changed := readChanges(b, s.server); changed != nil {
			h.decisions[e.LeafHash()] = changed
		}
	}
	for _, a := range p.Attachments {
		if a.MediaType != toolsType || h.tools != nil {
			continue
		}
		b, err := readContent(ctx, l, s.job, a.Content)
		if err != nil {
			return fmt.Errorf("reading the recorded tools: %w", err)
		}
		tools, ok, err := readRecord(b, s.server)
		own := e.Actor() == s.actor && (!h.strict || len(e.CommandSigs()) > 0)
		switch {
		case !own:
			h.doubtful = h.doubtful || ok || err != nil
		case err != nil:
			return err
		case ok:
			h.tools = tools
		}
	}
	return nil
}

// record records tools.
func (s *shelf) record(ctx context.Context, tools toolset) error {
	b, err := tools.encode(s.server)
	if err != nil {
		return err
	}
	c := commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: fmt.Sprintf("recorded %d tools of the MCP server %s", len(tools), s.server)}
	u := connect.Upload{Name: toolsFile, MediaType: toolsType, Bytes: bytes.NewReader(b)}
	_, err = s.desk.Bring(ctx, commands.Request{JobID: s.job, Command: c}, u, func(r *commands.Request, kept ledger.Content) {
		c := c
		c.Attachments = []ledger.Attachment{{Content: kept, Role: ledger.AttachArtifact}}
		r.Command = c
	})
	return err
}

// ask asks for a decision about changes.
func (s *shelf) ask(ctx context.Context, changed []change) error {
	subject, err := encodeChanges(s.server, changed)
	if err != nil {
		return err
	}
	what, how := names(changed), " describes tools in another way than before: "
	if s.known.tools == nil {
		how = " has tools, of which no record counts: "
	}
	c := commands.AddCheckpoint{
		Type:           ledger.CheckpointDecisionNeeded,
		Summary:        shorten("the MCP server "+s.server+how+what, ledger.MaxSummary),
		RequiredAction: shorten("compare what each tool was and is, and approve the new descriptions of "+what, ledger.MaxRequiredAction),
	}
	u := connect.Upload{Name: changeFile, MediaType: changeType, Bytes: bytes.NewReader(subject)}
	_, err = s.desk.Bring(ctx, commands.Request{JobID: s.job, Command: c}, u, func(r *commands.Request, kept ledger.Content) {
		c := c
		c.Subject = kept
		r.Command = c
	})
	return err
}

// shorten cuts a text that is too long for its field. All that it is given is ASCII.
func shorten(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit-3] + "..."
	}
	return s
}

// readContent reads content of a job that one of its events names. It is empty if it was erased.
func readContent(ctx context.Context, l *connect.Ledger, job string, c ledger.Content) ([]byte, error) {
	r, err := l.KeptContent(ctx, job, c.Digest)
	if f, _ := ledger.FaultOf(err); f.Code == "content_erased" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, 4*maxTools))
}
