package mcp

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// TasksExtension names the extension in which a job is a task (SEP-2663).
const TasksExtension = "io.modelcontextprotocol/tasks"

// pollInterval is how often a client should ask for a task, in milliseconds.
const pollInterval = 2000

// codeStopped is the code of the error of a task whose job had an emergency stop.
const codeStopped = -32000

// What results are, on the wire.
const (
	resultComplete = "complete"
	resultTask     = "task"
)

// A taskRequest asks for a task.
type taskRequest struct {
	sdk.ParamsBase

	TaskID string `json:"taskId"`
	Inputs raw    `json:"inputResponses,omitempty"` // of tasks/update
}

// An acknowledgement says that a request about a task has come.
type acknowledgement struct {
	sdk.ResultBase

	ResultType string `json:"resultType"`
}

// A task is a job, as the extension shows it. It is the answer to tasks/get, and that to the
// tools/call that began it.
type task struct {
	sdk.ResultBase

	ResultType    string               `json:"resultType"`
	TaskID        string               `json:"taskId"`
	Status        string               `json:"status"`
	StatusMessage string               `json:"statusMessage,omitempty"`
	CreatedAt     string               `json:"createdAt"`
	LastUpdatedAt string               `json:"lastUpdatedAt"`
	TTL           *int64               `json:"ttlMs"` // null: the ledger keeps jobs for good
	PollInterval  int64                `json:"pollIntervalMs,omitempty"`
	InputRequests *sdk.InputRequestMap `json:"inputRequests,omitempty"`
	Result        *taskOutcome         `json:"result,omitempty"`
	Error         *taskError           `json:"error,omitempty"`
}

// A taskOutcome is the result of the tools/call that began a task.
type taskOutcome struct {
	ResultType        string          `json:"resultType"`
	Content           []textContent   `json:"content"`
	StructuredContent json.RawMessage `json:"structuredContent"`
	IsError           bool            `json:"isError,omitempty"`
}

type textContent struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type taskError struct {
	Code    int64  `json:"code"`
	Message string `json:"message"`
}

// addTasks makes jobs tasks of the clients that declare the extension.
func (s *server) addTasks(to *sdk.Server) {
	to.AddReceivingMiddleware(s.beginTask)
	err := errors.Join(
		sdk.AddReceivingCustomMethod(to, "tasks/get", s.getTask),
		sdk.AddReceivingCustomMethod(to, "tasks/update", s.updateTask),
		sdk.AddReceivingCustomMethod(to, "tasks/cancel", s.cancelTask),
	)
	if err != nil {
		panic("mcp: " + err.Error()) // the SDK has methods of these names
	}
}

// capabilities returns what a client declares with a request; the zero value if it declares nothing.
// What it declared before does not count.
func capabilities(m sdk.Meta) (c declared) {
	b, err := json.Marshal(m[sdk.MetaKeyClientCapabilities])
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		return declared{}
	}
	return c
}

// declared is the part of a client's capabilities that tasks take.
type declared struct {
	Extensions  map[string]json.RawMessage `json:"extensions"`
	Elicitation *struct {
		URL *struct{} `json:"url"`
	} `json:"elicitation"`
}

// takesTasks reports whether a client has declared the extension, whose settings are an object.
func (d declared) takesTasks() bool {
	settings := d.Extensions[TasksExtension]
	return len(settings) > 0 && settings[0] == '{'
}

func (d declared) takesURL() bool { return d.Elicitation != nil && d.Elicitation.URL != nil }

// beginTask answers a job_submit with a task, if the client declares the extension. The job is on
// the ledger by then.
func (s *server) beginTask(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, req sdk.Request) (sdk.Result, error) {
		result, err := next(ctx, method, req)
		asked, isCall := req.(*sdk.CallToolRequest)
		said, isResult := result.(*sdk.CallToolResult)
		if err != nil || !isCall || !isResult || said.IsError || asked.Params.Name != toolSubmit {
			return result, err
		}
		caps := capabilities(asked.Params.Meta)
		if !caps.takesTasks() || asked.ProtocolVersion() < stateless {
			return result, nil
		}
		j, b, ok := s.submitted(ctx, said)
		if !ok { // the job is there, and its result says so
			return result, nil
		}
		t := s.taskOf(j, b, caps)
		return &task{
			ResultType: resultTask, TaskID: t.TaskID, Status: t.Status, StatusMessage: t.StatusMessage, CreatedAt: t.CreatedAt,
			LastUpdatedAt: t.LastUpdatedAt, PollInterval: t.PollInterval,
		}, nil
	}
}

// submitted returns the job that a job_submit has begun, if it can be read.
func (s *server) submitted(ctx context.Context, said *sdk.CallToolResult) (j projection.Job, b projection.Basis, ok bool) {
	var of jobMembers
	text, ok := said.StructuredContent.(json.RawMessage)
	if !ok || json.Unmarshal(text, &of) != nil {
		return j, b, false
	}
	j, b, err := s.read(ctx, of.JobID)
	return j, b, err == nil
}

// own returns the job of a task of this client.
func (s *server) own(ctx context.Context, p *taskRequest) (j projection.Job, b projection.Basis, caps declared, err error) {
	caps = capabilities(p.Meta)
	if !caps.takesTasks() {
		return j, b, caps, &jsonrpc.Error{
			Code: sdk.CodeMissingRequiredClientCapabilities, Message: "Missing required client capability",
			Data: json.RawMessage(`{"requiredCapabilities":{"extensions":{"` + TasksExtension + `":{}}}}`),
		}
	}
	unknown := &jsonrpc.Error{Code: jsonrpc.CodeInvalidParams, Message: "there is no such task"}
	if !s.serves(p.TaskID) || ledger.FieldJobID.Check(p.TaskID) != nil {
		return j, b, caps, unknown
	}
	j, b, err = s.read(ctx, p.TaskID)
	if f, ok := ledger.FaultOf(err); err != nil && ok && f.Category == ledger.CategoryInvalid || err == nil && j.SubmittedBy != s.Actor {
		return j, b, caps, unknown
	}
	return j, b, caps, inner(err)
}

// inner returns an error of the protocol for one of the ledger.
func inner(err error) error {
	if err == nil {
		return nil
	}
	code, text := codeOf(err)
	return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: text + " (" + code + ")"}
}

func (s *server) getTask(ctx context.Context, _ *sdk.ServerSession, p *taskRequest) (*task, error) {
	j, b, caps, err := s.own(ctx, p)
	if err != nil {
		return nil, err
	}
	t := s.taskOf(j, b, caps)
	t.ResultType = resultComplete
	return t, nil
}

// updateTask acknowledges what a client answers. It was asked to show where a decision is made, and
// the decision is made there.
func (s *server) updateTask(ctx context.Context, _ *sdk.ServerSession, p *taskRequest) (*acknowledgement, error) {
	if _, _, _, err := s.own(ctx, p); err != nil {
		return nil, err
	}
	return &acknowledgement{ResultType: resultComplete}, nil
}

// cancelTask cancels the job, if its actor may do that and it goes on: an emergency stop stays what it
// is. A server for one job did not begin it, and cancels nothing. The extension has every request
// acknowledged.
func (s *server) cancelTask(ctx context.Context, _ *sdk.ServerSession, p *taskRequest) (*acknowledgement, error) {
	j, _, _, err := s.own(ctx, p)
	if err != nil {
		return nil, err
	}
	if s.JobID != "" {
		return &acknowledgement{ResultType: resultComplete}, nil
	}
	r := commands.Request{JobID: j.ID, Reason: "the client cancelled the task", Command: commands.Cancel{}}
	_, err = s.asRead(ctx, r, func(_ *connect.Ledger, j projection.Job, _ *commands.Request) error {
		if j.Status.Final() || j.Status == projection.EmergencyStopped || j.SubmittedBy != s.Actor {
			return errEnded
		}
		return nil
	})
	if f, ok := ledger.FaultOf(err); err != nil && (!ok || f.Category != ledger.CategoryPolicy && f.Category != ledger.CategoryInvalid) {
		return nil, inner(err)
	}
	return &acknowledgement{ResultType: resultComplete}, nil
}

// errEnded says that a task has ended, and is not cancelled.
var errEnded = &Error{Code: "task_ended", Text: "the task has ended"}

// taskOf returns a job as a task: see the table of the package.
func (s *server) taskOf(j projection.Job, b projection.Basis, caps declared) *task {
	said := answerOf(j, b)
	t := &task{
		TaskID: j.ID, Status: "working", StatusMessage: said.Last, CreatedAt: j.Created, LastUpdatedAt: j.Updated, PollInterval: pollInterval,
	}
	switch j.Status {
	case projection.Completed, projection.Failed:
		t.Status, t.PollInterval = "completed", 0
		t.Result = outcomeOf(said, j.Status == projection.Failed)
	case projection.Cancelled:
		t.Status, t.PollInterval = "cancelled", 0
	case projection.EmergencyStopped:
		t.Status, t.PollInterval = "failed", 0
		t.Error = &taskError{Code: codeStopped, Message: "the job had an emergency stop (emergency_stopped)"}
	case projection.DecisionNeeded:
		t.StatusMessage = "waits for a decision of a person"
		if len(said.Decisions) == 0 {
			t.StatusMessage = "it is decided, and waits to be resumed"
			break
		}
		if caps.takesURL() {
			t.Status, t.InputRequests = "input_required", s.requests(said)
		}
	case projection.PausedStatus, projection.Blocked:
		t.StatusMessage = "it is " + said.Status + ", and waits for " + said.WaitingFor
	case projection.Running:
	}
	return t
}

// requests returns what a client is asked while a job waits for decisions. A key is that of one
// decision for good.
func (s *server) requests(of jobAnswer) *sdk.InputRequestMap {
	all := sdk.InputRequestMap{}
	for _, d := range of.Decisions {
		all[d.CheckpointID] = s.elicitation(of.JobID, d.CheckpointID, d.Summary)
	}
	return &all
}

// outcomeOf returns the result of the call that began a job.
func outcomeOf(said jobAnswer, isError bool) *taskOutcome {
	b, err := jcs.Marshal(said)
	if err != nil {
		panic("mcp: " + err.Error()) // it has text and whole numbers alone
	}
	return &taskOutcome{ResultType: resultComplete, Content: []textContent{{"text", string(b)}}, StructuredContent: b, IsError: isError}
}
