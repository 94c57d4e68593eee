package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// Bounds of a request.
const (
	maxBody  = 128 << 10 // an import's claim is the longest
	maxNest  = 8
	maxReply = 16 << 20 // what a client reads at once
)

// A request is a command on the wire.
type request struct {
	Verb       string          `json:"verb"`
	JobID      string          `json:"job_id,omitempty"`
	Actor      string          `json:"actor"`
	Reason     string          `json:"reason,omitempty"`
	RequestID  string          `json:"request_id,omitempty"`
	IfRevision *int64          `json:"if_revision,omitempty"`
	DryRun     bool            `json:"dry_run,omitempty"`
	Arguments  json.RawMessage `json:"arguments,omitempty"`
	TimeoutMS  int64           `json:"timeout_ms,omitempty"`
	State      bool            `json:"state,omitempty"` // the answer is to have the whole job
}

// A submitted is the arguments of submit: what the command leaves out of its
// digest is the caller's to say too.
type submitted struct {
	commands.Submit
	ProducerVersion string `json:"producer_version"`
}

// encodeRequest spells a request, with how long it may wait, and whether the
// whole job is to be in the answer.
func encodeRequest(r commands.Request, timeout time.Duration, state bool) ([]byte, error) {
	var (
		arguments []byte
		err       error
	)
	switch c := r.Command.(type) {
	case commands.Submit:
		arguments, err = json.Marshal(submitted{Submit: c, ProducerVersion: c.ProducerVersion})
	case commands.Import:
		arguments, err = ledger.EncodePayload(c.Claim)
	default:
		arguments, err = json.Marshal(c)
	}
	if err != nil {
		return nil, fmt.Errorf("spelling the request: %w", err)
	}
	return marshal(request{Verb: r.Command.Verb(), JobID: r.JobID, Actor: r.Actor, Reason: r.Reason, RequestID: r.RequestID,
		IfRevision: r.IfRevision, DryRun: r.DryRun, Arguments: arguments, TimeoutMS: timeout.Milliseconds(), State: state})
}

// decodeRequest reads a request. What is wrong with it is a *commands.InvalidError.
func decodeRequest(b []byte) (commands.Request, request, error) {
	var r request
	if err := unmarshal(b, &r); err != nil {
		return commands.Request{}, r, err
	}
	c, err := decodeArguments(r.Verb, r.Arguments)
	if err != nil {
		return commands.Request{}, r, err
	}
	if r.TimeoutMS < 0 || r.TimeoutMS > maxTimeout.Milliseconds() {
		return commands.Request{}, r, invalid("timeout_ms", "%d is not from 0 to %d", r.TimeoutMS, maxTimeout.Milliseconds())
	}
	return commands.Request{JobID: r.JobID, Actor: r.Actor, Reason: r.Reason, RequestID: r.RequestID, IfRevision: r.IfRevision,
		DryRun: r.DryRun, Command: c}, r, nil
}

// verbs says how the arguments of each command are read.
var verbs = map[string]func([]byte) (commands.Command, error){
	commands.Submit{}.Verb(): func(b []byte) (commands.Command, error) {
		var s submitted
		err := decodeKnown(b, &s)
		s.Submit.ProducerVersion = s.ProducerVersion
		return s.Submit, err
	},
	commands.Import{}.Verb(): func(b []byte) (commands.Command, error) {
		p, err := ledger.DecodePayload(ledger.TypeImported, b)
		if err != nil {
			return nil, &commands.InvalidError{Err: err}
		}
		return commands.Import{Claim: p.(ledger.Imported)}, nil
	},
	commands.AddCheckpoint{}.Verb(): read[commands.AddCheckpoint],
	commands.Approve{}.Verb():       read[commands.Approve],
	commands.Deny{}.Verb():          read[commands.Deny],
	commands.Resume{}.Verb():        read[commands.Resume],
	commands.Pause{}.Verb():         read[commands.Pause],
	commands.Stop{}.Verb():          read[commands.Stop],
	commands.Cancel{}.Verb():        read[commands.Cancel],
}

func read[C commands.Command](b []byte) (commands.Command, error) {
	var c C
	err := decodeKnown(b, &c)
	return c, err
}

func decodeArguments(verb string, b []byte) (commands.Command, error) {
	decode, known := verbs[verb]
	if !known {
		return nil, invalid("verb", "%.40q is not a command", verb)
	}
	if b == nil {
		b = []byte("{}")
	}
	if b[0] != '{' {
		return nil, invalid("arguments", "an object was expected")
	}
	return decode(b)
}

func invalid(field, format string, args ...any) error {
	return &commands.InvalidError{Err: &ledger.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}}
}

// marshal spells v with no escapes but those JSON needs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("spelling JSON: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// unmarshal reads an object that holds nothing but what v knows.
func unmarshal(b []byte, v any) error {
	if err := checkJSON(b); err != nil {
		return &commands.InvalidError{Err: fmt.Errorf("%w: %w", ledger.ErrMalformed, err)}
	}
	return decodeKnown(b, v)
}

// decodeKnown reads an object that checkJSON has taken, by itself or as a part,
// into v, which must know all its fields.
func decodeKnown(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return &commands.InvalidError{Err: fmt.Errorf("%w: %w", ledger.ErrMalformed, err)}
	}
	return nil
}

// checkJSON takes one object, not nested deeper than maxNest, whose names are
// lower case and stand there once: encoding/json would take the last of two,
// and names whatever their case.
func checkJSON(b []byte) error {
	if !utf8.Valid(b) || loneSurrogate(b) {
		return errors.New("its text is not Unicode")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(err, errors.New("an object was expected"))
	}
	if err := checkObject(d, 1); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}

func checkObject(d *json.Decoder, depth int) error {
	names := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if names[name] {
			return fmt.Errorf("%.40q is there twice", name)
		}
		if !plainName(name) {
			return fmt.Errorf("%.40q is not a name of anything", name)
		}
		names[name] = true
		if err := checkValue(d, depth); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func checkValue(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	open, nested := t.(json.Delim)
	if !nested {
		return nil
	}
	if depth++; depth > maxNest {
		return fmt.Errorf("nested deeper than %d", maxNest)
	}
	if open == '{' {
		return checkObject(d, depth)
	}
	for d.More() {
		if err := checkValue(d, depth); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func plainName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

// An answer is what a command led to, or why it did not, on the wire.
type answer struct {
	*wireError
	Event    json.RawMessage        `json:"event,omitempty"`
	Job      *projection.StatusView `json:"job,omitempty"`
	State    json.RawMessage        `json:"state,omitempty"`
	Receipt  *receipt               `json:"receipt,omitempty"`
	Replayed bool                   `json:"replayed"`
	Repeated bool                   `json:"repeated"`
}

// A wireError is an error on the wire.
type wireError struct {
	Text      string `json:"error"`
	Code      string `json:"error_code"`
	Category  string `json:"error_category"`
	Exit      int    `json:"exit"`
	Retryable bool   `json:"retryable"`
	Hint      string `json:"hint"`
}

type receipt struct {
	Seq        ledger.Seq  `json:"seq"`
	Leaf       ledger.Hash `json:"leaf_hash"`
	Revision   int64       `json:"revision"`
	TreeSize   int64       `json:"tree_size"`
	Checkpoint string      `json:"checkpoint"`
}

// encodeResult spells what a command led to, with the whole job where that was
// asked for.
func encodeResult(r commands.Result, whole bool) (a answer, err error) {
	view := r.Job.StatusView()
	a = answer{Event: r.Event.Bytes(), Job: &view, Replayed: r.Replayed, Repeated: r.Repeated}
	if whole {
		a.State = projection.EncodeJob(r.Job, r.Event.LeafHash())
	}
	if r.Receipt.TreeSize > 0 {
		a.Receipt = &receipt{r.Receipt.Seq, r.Receipt.Leaf, r.Receipt.Revision, r.Receipt.TreeSize, string(r.Receipt.Checkpoint)}
	}
	return a, nil
}

// result reads what a command led to. The event is re-hashed.
func (a answer) result() (r commands.Result, err error) {
	if r.Event, err = ledger.Decode(a.Event); err != nil {
		return commands.Result{}, err
	}
	if a.State != nil {
		if r.Job, err = a.job(r.Event); err != nil {
			return commands.Result{}, err
		}
	}
	r.Replayed, r.Repeated = a.Replayed, a.Repeated
	if c := a.Receipt; c != nil {
		if c.Leaf != r.Event.LeafHash() || c.Seq != r.Event.Seq || c.Revision != r.Event.Revision || c.TreeSize <= int64(c.Seq) {
			return commands.Result{}, fmt.Errorf("%w: the receipt is not that of event %d", ledger.ErrMalformed, r.Event.Seq)
		}
		r.Receipt = ledger.Receipt{Seq: c.Seq, Leaf: c.Leaf, Revision: c.Revision, TreeSize: c.TreeSize}
		if c.Checkpoint != "" { // of what was written before, the event alone is known
			r.Receipt.Checkpoint = []byte(c.Checkpoint)
		}
	}
	return r, nil
}

// job reads the job as it was after an event.
func (a answer) job(after ledger.Event) (projection.Job, error) {
	var at struct {
		Job struct {
			Revision int64 `json:"revision"`
			JobSeq   int64 `json:"job_seq"`
		} `json:"job"`
	}
	if err := json.Unmarshal(a.State, &at); err != nil {
		return projection.Job{}, fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
	}
	job, ok := projection.DecodeJob(a.State, ledger.JobHead{Leaf: after.LeafHash(), Revision: at.Job.Revision, JobSeq: at.Job.JobSeq})
	if !ok { // another gait made it
		return projection.Job{}, fmt.Errorf("the state of job %s: %w", after.JobID, ledger.ErrUnsupportedVersion)
	}
	return job, nil
}

// loneSurrogate reports whether an escape in a JSON text names half a character,
// which encoding/json would replace.
func loneSurrogate(b []byte) bool {
	for i := 0; i+1 < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		first, ok := escaped(b[i:])
		if i++; !ok || !utf16.IsSurrogate(first) {
			continue
		}
		second, ok := escaped(b[min(i+5, len(b)):])
		if !ok || utf16.DecodeRune(first, second) == utf8.RuneError {
			return true
		}
		i += 10
	}
	return false
}

// escaped reads an escape of four hexadecimal digits.
func escaped(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(n), err == nil
}
