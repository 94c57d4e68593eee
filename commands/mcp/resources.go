package mcp

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// scheme is that of the resources.
const scheme = "gait://"

// What one resource shows at most.
const (
	mostEvents  = 256
	mostContent = 1 << 20
	mostOfPage  = 4 << 20 // bytes of events
)

// addResources adds what can be read of jobs.
func (s *server) addResources(to *sdk.Server) {
	for _, t := range []sdk.ResourceTemplate{
		{Name: "job", Title: "A job at a glance", URITemplate: scheme + "jobs/{id}", MIMEType: mediaJSON},
		{Name: "events", Title: "The events of a job, one a line", URITemplate: scheme + "jobs/{id}/events{?from}", MIMEType: "application/jsonl"},
		{Name: "decision", Title: "A decision that a job has asked for since it last ran", URITemplate: scheme + "jobs/{id}/decisions/{checkpoint}", MIMEType: mediaJSON},
		{Name: "content", Title: "Content that events of a job name", URITemplate: scheme + "jobs/{id}/content/{digest}"},
	} {
		to.AddResourceTemplate(&t, s.resource)
	}
	if s.JobID != "" {
		to.AddResource(&sdk.Resource{Name: s.JobID, Title: "The job of this server", URI: scheme + "jobs/" + s.JobID, MIMEType: mediaJSON}, s.resource)
	}
}

// resource reads a resource. One of a job that the server is not for is not there.
func (s *server) resource(ctx context.Context, req *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
	uri := req.Params.URI
	path, found := strings.CutPrefix(uri, scheme+"jobs/")
	path, query, asked := strings.Cut(path, "?")
	parts := strings.Split(path, "/") // neither ids nor digests have signs that a URI escapes
	job := parts[0]
	if !found || !s.serves(job) || ledger.FieldJobID.Check(job) != nil {
		return nil, sdk.ResourceNotFoundError(uri)
	}
	from, isFrom := strings.CutPrefix(query, "from=")
	if asked && (!isFrom || len(parts) != 2) {
		return nil, sdk.ResourceNotFoundError(uri)
	}
	var err error
	var c *sdk.ResourceContents
	switch {
	case len(parts) == 1:
		c, err = s.view(ctx, job)
	case len(parts) == 2 && parts[1] == "events":
		c, err = s.events(ctx, job, from)
	case len(parts) == 3 && parts[1] == "content":
		c, err = s.content(ctx, job, parts[2])
	case len(parts) == 3 && parts[1] == "decisions":
		c, err = s.asked(ctx, job, parts[2])
	default:
		return nil, sdk.ResourceNotFoundError(uri)
	}
	if err != nil {
		if f, ok := ledger.FaultOf(err); ok && f.Category == ledger.CategoryInvalid {
			return nil, sdk.ResourceNotFoundError(uri)
		}
		code, text := codeOf(err)
		return nil, fmt.Errorf("%s (%s)", text, code)
	}
	c.URI = uri
	return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{c}}, nil
}

func (s *server) view(ctx context.Context, job string) (*sdk.ResourceContents, error) {
	j, b, err := s.read(ctx, job)
	if err != nil {
		return nil, err
	}
	text, err := jcs.Marshal(j.StatusViewAt(b))
	return &sdk.ResourceContents{MIMEType: mediaJSON, Text: string(text)}, err
}

// asked reads a decision that a job has asked for. What the agent wrote is its summary and action.
func (s *server) asked(ctx context.Context, job, checkpoint string) (*sdk.ResourceContents, error) {
	j, _, err := s.read(ctx, job)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(j.Decisions, func(a projection.Ask) bool { return a.CheckpointID == checkpoint })
	if i < 0 {
		return nil, &Error{Code: "no_decision", Text: "the job waits for no such decision"}
	}
	at := j.Decisions[i]
	d := askedDecision{
		JobID: job, CheckpointID: checkpoint, AskedBy: at.Actor, CreatedAt: at.Created, Summary: at.Summary, RequiredAction: at.RequiredAction,
		Subject: at.Subject.Digest.OrEmpty(), Approvers: at.Approvers, Quorum: max(1, at.Quorum), Verdict: cmp.Or(string(at.Verdict), "undecided"), VerdictBy: at.VerdictBy,
	}
	text, err := jcs.Marshal(d)
	return &sdk.ResourceContents{MIMEType: mediaJSON, Text: string(text)}, err
}

// An askedDecision is a decision as its resource shows it.
type askedDecision struct {
	JobID          string   `json:"job_id"`
	CheckpointID   string   `json:"checkpoint_id"`
	AskedBy        string   `json:"asked_by"`
	CreatedAt      string   `json:"created_at"`
	Summary        string   `json:"summary,omitempty"`
	RequiredAction string   `json:"required_action,omitempty"`
	Subject        string   `json:"subject,omitempty"` // digest of what is decided about
	Approvers      []string `json:"approvers,omitempty"`
	Quorum         int64    `json:"quorum"`
	Verdict        string   `json:"verdict"`
	VerdictBy      string   `json:"verdict_by,omitempty"`
}

// events reads the events of a job from a job_seq on.
func (s *server) events(ctx context.Context, job, from string) (*sdk.ResourceContents, error) {
	first := int64(1)
	if from != "" {
		n, err := strconv.ParseInt(from, 10, 64)
		if err != nil || n < 1 {
			return nil, &Error{Code: "invalid_from", Text: "from is the job_seq of an event, which counts from 1"}
		}
		first = n
	}
	var lines bytes.Buffer
	err := s.Desk.Read(ctx, func(l *connect.Ledger) error {
		lines.Reset()
		if _, err := l.Job(ctx, job); err != nil {
			return err
		}
		n := 0
		for e, err := range l.Log.JobEvents(ctx, job, first) {
			if err != nil {
				return err
			}
			if n++; n > mostEvents || lines.Len()+len(e.Bytes()) > mostOfPage {
				return nil
			}
			lines.Write(e.Bytes())
			lines.WriteByte('\n')
		}
		return nil
	})
	return &sdk.ResourceContents{MIMEType: "application/jsonl", Text: lines.String()}, err
}

// content reads what the events of a job name.
func (s *server) content(ctx context.Context, job, of string) (*sdk.ResourceContents, error) {
	digest, err := ledger.ParseHash(of)
	if err != nil {
		return nil, &Error{Code: "invalid_digest", Text: "a digest is 64 hexadecimal digits"}
	}
	var c *sdk.ResourceContents
	err = s.Desk.Read(ctx, func(l *connect.Ledger) (err error) {
		r, err := l.GetContent(ctx, job, digest)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Close()) }()
		b, err := io.ReadAll(io.LimitReader(r, mostContent+1))
		switch {
		case err != nil:
			return fmt.Errorf("reading %s: %w", digest, err)
		case len(b) > mostContent:
			return ErrTooLong
		}
		c = &sdk.ResourceContents{MIMEType: r.Content.MediaType}
		if utf8.Valid(b) {
			c.Text = string(b)
		} else {
			c.Blob = b
		}
		return nil
	})
	return c, err
}

// ErrTooLong says that content is longer than a resource.
var ErrTooLong = ledger.NewError("the content has more than 1 MiB: gait content get reads it", ledger.Fault{Code: "too_large", Category: ledger.CategoryUnsafe})
