package mcp

import (
	"context"
	"strconv"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gait/commands"
	"gait/ledger"
)

// showTimeout is how long a client of an older protocol has to show its user where a decision is
// made, before the tool answers in any case.
const showTimeout = time.Minute

type decisionMembers struct {
	JobID     string   `json:"job_id"`
	Summary   string   `json:"summary"`
	Action    string   `json:"action"`
	Subject   raw      `json:"subject"`
	Approvers []string `json:"approvers"`
	Quorum    int64    `json:"quorum"`
}

// decision asks for a decision, and lets the client show its user where it is made.
func (s *server) decision(ctx context.Context, c *call, in decisionMembers) (a jobAnswer, err error) {
	id, err := s.job(in.JobID)
	if err != nil {
		return a, err
	}
	if cp, again := c.answered(id); again {
		j, b, err := s.read(ctx, id)
		a = answerOf(j, b)
		a.CheckpointID, c.text = cp, s.words(id, cp)
		return a, err
	}
	add := commands.AddCheckpoint{
		Type: ledger.CheckpointDecisionNeeded, Summary: in.Summary, RequiredAction: in.Action, Approvers: in.Approvers, Quorum: in.Quorum,
	}
	if add.Quorum == 1 {
		add.Quorum = 0 // one is what no quorum stands for
	}
	result, err := s.do(ctx, id, add, keepJSON(id, "subject.json", in.Subject, func(r *commands.Request, kept ledger.Content) {
		c := add
		c.Subject = kept
		r.Command = c
	}))
	if err != nil {
		return a, err
	}
	a = recorded(result)
	c.text = s.words(id, a.CheckpointID)
	s.show(ctx, c, id, a.CheckpointID, in.Summary)
	return a, nil
}

// words tell an agent where a decision is made, by a person.
func (s *server) words(job, checkpoint string) string {
	return "A person decides this, not you: stop, and wait. It is decision " + checkpoint + " of job " + job + ", to be made at " + s.place(job, checkpoint) + "."
}

// place returns the URL of where a decision is made.
func (s *server) place(job, checkpoint string) string {
	of := "jobs/" + job + "/decisions/" + checkpoint
	if s.Page == "" {
		return scheme + of
	}
	return strings.TrimSuffix(s.Page, "/") + "/" + of
}

// elicitation returns what a client is asked to show its user: where a decision is made, and the
// command that makes it. What the agent wrote comes last, quoted, so that it cannot be taken for the
// command.
func (s *server) elicitation(job, checkpoint, about string) *sdk.ElicitParams {
	message := "Job " + job + " waits for a decision of a person: " + checkpoint + "."
	if s.Page == "" {
		message += "\nLook at it and decide in a terminal: " + s.Approve(job, checkpoint)
	}
	message += "\nWhat the agent wrote about it, in its own words: " + strconv.Quote(about)
	return &sdk.ElicitParams{Mode: "url", Message: message, URL: s.place(job, checkpoint), ElicitationID: job + "/" + checkpoint}
}

// takesURL reports whether a client can be asked to show a URL.
func takesURL(c *sdk.ClientCapabilities) bool {
	return c != nil && c.Elicitation != nil && c.Elicitation.URL != nil
}

// show has the client show its user where a decision is made, if it can. What it answers changes
// nothing.
func (s *server) show(ctx context.Context, c *call, job, checkpoint, about string) {
	if checkpoint == "" || !takesURL(c.ClientCapabilities()) {
		return
	}
	e := s.elicitation(job, checkpoint, about)
	if c.ProtocolVersion() >= stateless {
		c.input, c.state = sdk.InputRequestMap{checkpoint: e}, stateOf(job, checkpoint)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, showTimeout)
	defer cancel()
	_, _ = c.Session.Elicit(ctx, e) // the text of the tool says it too
}

// stateless is the version of the protocol from which on servers send no requests.
const stateless = "2026-07-28"

// stateOf returns the state that a client sends back with its answer. It is no secret and is not
// trusted: a client that makes one up is told what it would have been, and is allowed nothing.
func stateOf(job, checkpoint string) string { return "decision " + checkpoint + " " + job }

// answered returns the decision that the client has answered to, if the call is the second part of
// one.
func (c *call) answered(job string) (checkpoint string, ok bool) {
	of, found := strings.CutPrefix(c.Params.RequestState, "decision ")
	checkpoint, named, _ := strings.Cut(of, " ")
	return checkpoint, found && named == job && ledger.FieldCheckpointID.Check(checkpoint) == nil
}
