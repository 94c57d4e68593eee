package mcp

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

// A jobAnswer is a job as tools show it.
type jobAnswer struct {
	JobID        string           `json:"job_id"`
	Status       string           `json:"status"`
	ReasonCode   string           `json:"reason_code"`
	WaitingFor   string           `json:"waiting_for,omitempty"`
	CheckpointID string           `json:"checkpoint_id,omitempty"` // of what was recorded now
	Last         string           `json:"last_checkpoint,omitempty"`
	Progress     ledger.StepCount `json:"progress,omitzero"`
	Decisions    []decision       `json:"decisions,omitempty"`
	Unsettled    []string         `json:"unsettled,omitempty"`
}

// A decision is one that keeps a job from continuing.
type decision struct {
	CheckpointID   string `json:"checkpoint_id"`
	Summary        string `json:"summary,omitempty"`
	RequiredAction string `json:"required_action,omitempty"`
}

// jobMembers is what the tools about a job that say nothing else of it take.
type jobMembers struct {
	JobID string `json:"job_id"`
}

// answerOf returns a job as tools show it.
func answerOf(j projection.Job, b projection.Basis) jobAnswer {
	v := j.StatusViewAt(b)
	a := jobAnswer{JobID: j.ID, Status: string(j.Status), ReasonCode: string(j.ReasonCode), WaitingFor: v.WaitingFor, Progress: j.Steps}
	if j.LastCheckpoint != nil {
		a.Last = j.LastCheckpoint.Summary
	}
	for _, d := range v.OpenDecisions {
		a.Decisions = append(a.Decisions, decision{d.CheckpointID, d.Summary, d.RequiredAction})
	}
	for _, g := range j.Grants {
		a.Unsettled = append(a.Unsettled, g.ID)
	}
	return a
}

// read returns a job as it is.
func (s *server) read(ctx context.Context, id string) (j projection.Job, b projection.Basis, err error) {
	err = s.Desk.Read(ctx, func(l *connect.Ledger) (err error) {
		if b, err = l.Basis(ctx); err == nil {
			j, err = l.Job(ctx, id)
		}
		return err
	})
	return j, b, err
}

func (s *server) status(ctx context.Context, _ *call, in jobMembers) (a jobAnswer, err error) {
	id, err := s.job(in.JobID)
	if err != nil {
		return a, err
	}
	j, b, err := s.read(ctx, id)
	return answerOf(j, b), err
}

// recorded returns the answer to a command about a job.
func recorded(r commands.Result) jobAnswer {
	a := answerOf(r.Job, projection.Basis{})
	if c, ok := projection.CheckpointOf(r.Event); ok {
		a.CheckpointID = c.ID
	}
	return a
}

type submitMembers struct {
	JobID  string            `json:"job_id"`
	Labels map[string]string `json:"labels"`
	After  []string          `json:"after"`
	Input  raw               `json:"input"`
}

func (s *server) submit(ctx context.Context, _ *call, in submitMembers) (a jobAnswer, err error) {
	c := commands.Submit{EnvironmentFingerprint: s.Here.EnvironmentFingerprint, ProducerVersion: s.Here.ProducerVersion, After: in.After}
	for _, key := range slices.Sorted(maps.Keys(in.Labels)) {
		c.Labels = append(c.Labels, ledger.Label{Key: key, Value: in.Labels[key]})
	}
	id := in.JobID
	if id == "" && in.Input != nil { // content is kept for a job by its id
		if s.NewID == nil {
			return a, &Error{Code: "missing_job_id", Text: "job_id is missing, and an input is kept for a job by its id"}
		}
		if id, err = s.NewID(); err != nil {
			return a, fmt.Errorf("making an id: %w", err)
		}
	}
	r := commands.Request{JobID: id, Command: c}
	result, err := s.Desk.Bring(ctx, r, func(ctx context.Context, l *connect.Ledger, r *commands.Request) (err error) {
		c := c
		if s.Policy != nil {
			if c.PolicyDigest, err = l.KeepPolicy(ctx, s.Policy); err != nil {
				return fmt.Errorf("keeping the policy: %w", err)
			}
		}
		if in.Input != nil {
			put, err := l.PutContent(ctx, id, connect.Upload{Name: "input.json", MediaType: mediaJSON, Bytes: bytes.NewReader(in.Input), NewJob: true})
			if err != nil {
				return fmt.Errorf("keeping the input: %w", err)
			}
			c.Input = put.Content
		}
		r.Command = c
		return nil
	})
	return recorded(result), err
}

const mediaJSON = "application/json"

type checkpointMembers struct {
	JobID    string           `json:"job_id"`
	Summary  string           `json:"summary"`
	Type     string           `json:"type"`
	Progress ledger.StepCount `json:"progress"`
	State    raw              `json:"state"`
}

// agentCheckpoints are the types of checkpoints that checkpoint_add records. A decision and the end
// have tools of their own.
var agentCheckpoints = []ledger.CheckpointType{ledger.CheckpointPlan, ledger.CheckpointProgress, ledger.CheckpointBlocked, ledger.CheckpointFailed}

func (s *server) checkpoint(ctx context.Context, _ *call, in checkpointMembers) (a jobAnswer, err error) {
	id, err := s.job(in.JobID)
	if err != nil {
		return a, err
	}
	c := commands.AddCheckpoint{Type: ledger.CheckpointType(cmp.Or(in.Type, string(ledger.CheckpointProgress))), Summary: in.Summary, Progress: in.Progress}
	if !slices.Contains(agentCheckpoints, c.Type) {
		return a, &Error{Code: "invalid_type", Text: fmt.Sprintf("type %.40q: it takes %s; ask_decision and job_complete record the others", in.Type, ledger.OneOf(agentCheckpoints))}
	}
	result, err := s.do(ctx, id, c, keepJSON(id, "state.json", in.State, func(r *commands.Request, kept ledger.Content) {
		c := c
		c.Attachments = []ledger.Attachment{{Content: kept, Role: ledger.AttachState}}
		r.Command = c
	}))
	return recorded(result), err
}

// keepJSON keeps a JSON value for a job, as a file; nil if there is none.
func keepJSON(job, name string, value raw, named func(*commands.Request, ledger.Content)) keeping {
	if value == nil {
		return nil
	}
	return func(ctx context.Context, l *connect.Ledger, r *commands.Request) error {
		put, err := l.PutContent(ctx, job, connect.Upload{Name: name, MediaType: mediaJSON, Bytes: bytes.NewReader(value)})
		if err != nil {
			return fmt.Errorf("keeping %s: %w", name, err)
		}
		named(r, put.Content)
		return nil
	}
}

type completeMembers struct {
	JobID   string `json:"job_id"`
	Summary string `json:"summary"`
}

func (s *server) complete(ctx context.Context, _ *call, in completeMembers) (a jobAnswer, err error) {
	id, err := s.job(in.JobID)
	if err != nil {
		return a, err
	}
	result, err := s.do(ctx, id, commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: in.Summary})
	return recorded(result), err
}
