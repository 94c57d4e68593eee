package daemon

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
	"gait/ledger/content"
)

// The addresses of the gate.
const (
	gatePath   = "/v1/gate"
	settlePath = gatePath + "/{grant}/settle"
)

// ErrContentType says that a body is not declared to be JSON.
var ErrContentType = ledger.NewError("the body is not declared to be application/json", ledger.Fault{Code: "invalid_content_type", Category: ledger.CategoryInvalid})

// A gateQuestion is a GateEval on the wire, but for the intent, whose own names may be any.
type gateQuestion struct {
	JobID       string             `json:"job_id"`
	Actor       string             `json:"actor"`
	Tool        string             `json:"tool"`
	CallID      string             `json:"call_id,omitempty"`
	RequestID   string             `json:"request_id,omitempty"`
	Lease       int64              `json:"lease,omitempty"`
	Trace       string             `json:"trace,omitempty"`
	Policy      ledger.Hash        `json:"policy,omitzero"`
	Facts       commands.GateFacts `json:"facts,omitzero"`
	AcceptClock bool               `json:"accept_clock,omitempty"`
	TimeoutMS   int64              `json:"timeout_ms,omitempty"`
	Proof       bool               `json:"proof,omitempty"` // an allow should come with a proof
	Once        bool               `json:"once,omitempty"`  // the call is named after its intent
}

// named returns the question with the name of its call, if that follows from its intent. What is
// no intent gives none, and is blocked.
func (ask gateQuestion) named(given []byte) gateQuestion {
	if b, media, _ := IntentBytes(given); ask.Once && media != "" {
		ask.CallID = gate.OnceID(b)
	}
	return ask
}

// request returns the request that names an intent.
func (ask gateQuestion) request(intent ledger.Content, problem string) commands.Request {
	return commands.Request{
		JobID: ask.JobID, Actor: ask.Actor, RequestID: ask.RequestID, Lease: ask.Lease, Trace: ask.Trace, AcceptClock: ask.AcceptClock,
		Command: commands.GateEval{Tool: ask.Tool, Intent: intent, CallID: ask.CallID, Policy: ask.Policy, Facts: ask.Facts, Problem: problem},
	}
}

// A gateAnswer is what the gate answers, on the wire. Only if the verdict is allow is OK set.
// An error is a block.
type gateAnswer struct {
	*wireError
	*commands.GateAnswer
	OK      bool            `json:"ok"`
	Event   json.RawMessage `json:"event,omitempty"`
	Receipt *receipt        `json:"receipt,omitempty"`
	Salt    string          `json:"intent_salt,omitempty"` // of the intent, hexadecimal
	Proof   string          `json:"proof,omitempty"`       // that the event of an allow is in the ledger: a C2SP tlog-proof
}

// serveGate answers whether a tool may run now: in one request it keeps the intent, and asks
// the engine.
func serveGate(s *Server, w http.ResponseWriter, q *http.Request) error {
	began := s.Now()
	ask, given, err := readQuestion(w, q)
	if err != nil {
		return err
	}
	r := ask.request(ledger.Content{}, gate.CodeIntentUnreadable)
	if err := mayIssue(q.Context(), r); err != nil {
		return err
	}
	if err := r.Check(); err != nil { // before anything is kept
		return err
	}
	kept, err := keepIntent(s, q, ask.JobID, given)
	if err != nil {
		return err
	}
	r = ask.named(given).request(kept.Content, kept.problem)
	ctx, cancel := within(q.Context(), ask.TimeoutMS)
	defer cancel()
	result, err := s.Engine.Do(ctx, r)
	record(s, r, result, err, s.Now().Sub(began))
	if err != nil {
		logFault(s, gatePath, err)
	}
	status, a := answerGate(result, err)
	a.Salt = kept.salt
	if ask.Proof && a.OK {
		a.Proof = proofOf(s, q, result.Event)
	}
	return reply(w, status, a)
}

// answerGate returns what is answered for what an engine returned.
func answerGate(result commands.Result, err error) (status int, a gateAnswer) {
	said := commands.AnswerOf(result, err)
	said.Detail = strings.Join(strings.FieldsFunc(said.Detail, isLineBreak), "; ")
	a = gateAnswer{GateAnswer: &said, OK: err == nil && said.Verdict == ledger.GateAllow}
	status = http.StatusOK
	if err != nil {
		said.Verdict = ledger.GateBlock
		status, a.wireError = report(err)
		a.Exit, a.Gate = exitBlock, nil
	}
	if refused, ok := errors.AsType[*commands.RefusedError](err); ok {
		result = refused.Result
	}
	encoded := encodeResult(result, false)
	a.Event, a.Receipt = encoded.Event, encoded.Receipt
	return status, a
}

func isLineBreak(c rune) bool { return c == '\n' || c == '\r' }

// proofOf returns the proof that an event is in the ledger, or "" if there is none now: who asks
// can still ask for it.
func proofOf(s *Server, q *http.Request, e ledger.Event) string {
	p, err := ledger.NewestProof(q.Context(), s.Log, e.Seq())
	if err != nil {
		logFault(s, gatePath, err)
		return ""
	}
	return p.String()
}

// exitBlock is the exit code of a block, whatever the error is.
const exitBlock = 3

// failGate adds to an error at an address of the gate that nothing is allowed.
func failGate(path string, err error, e *wireError) any {
	if path != gatePath {
		return gateAnswer{wireError: e}
	}
	_, a := answerGate(commands.Result{}, err)
	return a
}

// isGateEvent reports whether an event is an answer of the gate.
func isGateEvent(e ledger.Event) bool {
	switch e.Payload().(type) {
	case ledger.GateDecided, ledger.DispatchBlocked:
		return true
	default: // no other event is
		return false
	}
}

// isGatePath reports whether an address is one of the gate.
func isGatePath(path string) bool { return path == gatePath || strings.HasPrefix(path, gatePath+"/") }

// readQuestion reads what is asked, and the intent as it was spelt.
func readQuestion(w http.ResponseWriter, q *http.Request) (ask gateQuestion, intent []byte, err error) {
	b, err := jsonBody(w, q)
	if err != nil {
		return ask, nil, err
	}
	rest, intent, err := cutField(b, "intent")
	if err == nil {
		err = unmarshal(rest, &ask)
	}
	switch {
	case err != nil:
	case intent == nil:
		err = &commands.EmptyError{Name: "intent", Missing: true}
	case ask.Once && ask.CallID != "":
		err = invalid("once", "the call has a name: leave once or call_id out")
	default:
		err = cmp.Or(needed("job_id", ask.JobID), needed("actor", ask.Actor), needed("tool", ask.Tool), checkTimeout(ask.TimeoutMS))
	}
	return ask, intent, err
}

// needed refuses a field that has to be there and is not. Empty texts are refused before.
func needed(name, value string) error {
	if value == "" {
		return &commands.EmptyError{Name: name, Missing: true}
	}
	return nil
}

// jsonBody reads a body that is declared to be JSON.
func jsonBody(w http.ResponseWriter, q *http.Request) ([]byte, error) {
	media, parameters, err := mime.ParseMediaType(q.Header.Get("Content-Type"))
	if charset := parameters["charset"]; err != nil || media != "application/json" || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, ErrContentType
	}
	return body(w, q)
}

// cutField returns an object without one of its fields, and the value of that, nil if there is
// none. Neither was checked beyond that it is JSON.
func cutField(b []byte, name string) (rest, value []byte, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil, malformed(expected("an object", err))
	}
	rest = []byte{'{'}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, nil, malformed(err)
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return nil, nil, malformed(err)
		}
		if key == name && value != nil {
			return nil, nil, invalid(name, "it is there twice")
		}
		if key == name {
			value = v
			continue
		}
		spelt, err := json.Marshal(key)
		if err != nil {
			return nil, nil, malformed(err)
		}
		if len(rest) > 1 {
			rest = append(rest, ',')
		}
		rest = append(append(append(rest, spelt...), ':'), v...)
	}
	if t, err := d.Token(); err != nil || t != json.Delim('}') {
		return nil, nil, malformed(expected("the end of the object", err))
	}
	return append(append(rest, '}'), b[d.InputOffset():]...), value, nil // who reads rest finds out what follows
}

// A keptIntent is an intent as content of its job, or why there is none.
type keptIntent struct {
	ledger.Content

	salt    string // hexadecimal
	problem string // "", or a reason code of the gate
}

// IntentBytes returns what is kept of an intent: its canonical form, or if it is none, what was
// given, so that the ledger can show it. If it is too large, nothing is kept, and problem is
// the gate's code.
func IntentBytes(given []byte) (b []byte, mediaType, problem string) {
	in, err := gate.ParseIntent(given)
	if err == nil {
		return in.Canonical(), "application/json", ""
	}
	no, _ := errors.AsType[*gate.Error](err)
	if len(given) > ledger.MaxIntent || no != nil && no.Code == gate.CodeIntentTooLarge {
		return nil, "", gate.CodeIntentTooLarge
	}
	return given, "", ""
}

// keepIntent keeps an intent of a job, which must be there.
func keepIntent(s *Server, q *http.Request, job string, given []byte) (keptIntent, error) {
	store, err := contentFor(q.Context(), s, job, false)
	if err != nil {
		return keptIntent{}, err
	}
	b, media, problem := IntentBytes(given)
	if problem != "" {
		return keptIntent{problem: problem}, nil
	}
	kept, err := store.PutFrom(bytes.NewReader(b), s.Entropy, ledger.MaxIntent)
	if err != nil {
		return keptIntent{}, err
	}
	return keptIntent{Content: named(kept, media), salt: hex.EncodeToString(kept.Salt[:])}, nil
}

func named(kept content.Salted, media string) ledger.Content {
	return ledger.Content{Digest: kept.Digest, MediaType: media, Size: kept.Size}
}

// within returns a context that ends after some milliseconds, if they are more than none.
func within(ctx context.Context, ms int64) (context.Context, context.CancelFunc) {
	if ms <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
}
