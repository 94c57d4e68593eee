package mcp

import (
	"context"
	"log/slog"
	"slices"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gait/commands"
	"gait/commands/ask"
	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

// A Desk carries out what a server is asked for. What its commands name is brought to the ledger
// that they go to.
type Desk interface {
	ask.Desk

	// Bring carries a command out. Before, bring is called with the ledger, to keep what the
	// request names; it may be called more than once.
	Bring(ctx context.Context, r commands.Request, bring func(context.Context, *connect.Ledger, *commands.Request) error) (commands.Result, error)
}

// Options say what a server offers. Desk, Actor, Version and Here are required.
type Options struct {
	Desk    Desk
	Actor   string // who acts, and submits jobs
	Version string // of gait
	Here    commands.Surroundings

	JobID  string // the only job that the server is for; "": any job
	Lease  func(job string) int64
	Policy []byte // what a job that is submitted is bound to; nil: no policy

	// NewID makes the id of a new job; nil: a job with an input is named by its client.
	NewID func() (string, error)

	// Page is the URL of the page where decisions are made; "": there is none.
	Page string

	// Approve returns the command with which a person approves a decision.
	Approve func(job, checkpoint string) string

	Log *slog.Logger // may be nil
}

// instructions are what a client is told about the server.
const instructions = `gait keeps a durable record of jobs, and decides which tools may run. Ask gate_check before each tool that acts, and run it only if the verdict is allow: once, with those arguments. Then say so with effect_settle. If a decision of a person is needed, stop and wait: you cannot approve it yourself.`

// New returns a server. It has no state of its own: all that it says is in the ledger.
func New(o Options) *sdk.Server {
	if o.Lease == nil {
		o.Lease = func(string) int64 { return 0 }
	}
	if o.Approve == nil {
		o.Approve = func(job, checkpoint string) string {
			return "gait job approve --id " + job + " --checkpoint " + checkpoint + " --show --actor NAME"
		}
	}
	capabilities := &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}, Resources: &sdk.ResourceCapabilities{}}
	capabilities.AddExtension(TasksExtension, nil)
	s := sdk.NewServer(&sdk.Implementation{Name: "gait", Title: "gait", Version: o.Version}, &sdk.ServerOptions{
		Instructions: instructions, Logger: o.Log, Capabilities: capabilities,
	})
	v := &server{Options: o}
	for _, t := range v.tools() {
		s.AddTool(t.declared, t.handle)
	}
	v.addResources(s)
	v.addTasks(s)
	return s
}

// ToolNames are the names of all tools, in order.
var ToolNames = []string{"ask_decision", "checkpoint_add", "effect_settle", "gate_check", "job_complete", "job_status", toolSubmit}

// A server answers for one actor.
type server struct{ Options }

// job returns the job that a tool is about: the one that it names, or the one of the server.
func (s *server) job(named string) (string, error) {
	switch {
	case s.JobID == "" && named == "":
		return "", &Error{Code: "missing_job_id", Text: "job_id is missing: which job is it about?"}
	case s.JobID == "":
		return named, nil
	case named != "" && named != s.JobID:
		return "", &Error{Code: "other_job", Text: "this server is for job " + s.JobID + " alone"}
	}
	return s.JobID, nil
}

// serves reports whether the server is for a job.
func (s *server) serves(job string) bool { return s.JobID == "" || job == s.JobID }

// do carries out a command for a job under the lease of its worker.
func (s *server) do(ctx context.Context, job string, c commands.Command, keep ...keeping) (commands.Result, error) {
	r := commands.Request{JobID: job, Lease: s.Lease(job), Command: c}
	keep = slices.DeleteFunc(keep, func(k keeping) bool { return k == nil })
	if len(keep) == 0 {
		return s.Desk.Do(ctx, r)
	}
	return s.Desk.Bring(ctx, r, func(ctx context.Context, l *connect.Ledger, r *commands.Request) error {
		for _, k := range keep {
			if err := k(ctx, l, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// A keeping keeps what a request names, and puts its name into the request.
type keeping func(context.Context, *connect.Ledger, *commands.Request) error

// readings bounds how often a job is read again that others write to.
const readings = 10

// asRead carries out a command for a job as ready has seen it. If another event of the job comes
// between, ready sees the job again.
func (s *server) asRead(ctx context.Context, r commands.Request, ready func(*connect.Ledger, projection.Job, *commands.Request) error) (result commands.Result, err error) {
	for range readings {
		result, err = s.Desk.Bring(ctx, r, func(ctx context.Context, l *connect.Ledger, r *commands.Request) error {
			j, err := l.Job(ctx, r.JobID)
			if err != nil {
				return err
			}
			r.IfRevision = &j.Revision
			return ready(l, j, r)
		})
		if f, _ := ledger.FaultOf(err); err == nil || f.Code != new(commands.RevisionError).Fault().Code {
			break
		}
	}
	return result, err
}
