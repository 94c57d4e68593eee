package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// Bounds of a request.
const (
	maxBody  = 128 << 10 // an import's claim is the longest
	maxNest  = 8
	maxReply = 16 << 20 // the most that a client reads of one answer
)

// A request is a command on the wire: the message of a commands.Request, and
// how the daemon is to carry it out.
type request struct {
	commands.Message
	TimeoutMS int64 `json:"timeout_ms,omitempty"`
	State     bool  `json:"state,omitempty"` // the answer should have the whole job
}

// encodeRequest encodes a request, with how long it may wait and whether the
// answer should have the whole job.
func encodeRequest(r commands.Request, timeout time.Duration, state bool) ([]byte, error) {
	m, err := r.Message()
	if err != nil {
		return nil, err
	}
	return jcs.Marshal(request{Message: m, TimeoutMS: timeout.Milliseconds(), State: state})
}

// decodeRequest reads a request. Its errors are *commands.InvalidError.
func decodeRequest(b []byte) (commands.Request, request, error) {
	var asked request
	if err := unmarshal(b, &asked); err != nil {
		return commands.Request{}, asked, err
	}
	r, err := asked.Request()
	if err == nil {
		err = noEmptyArgument(r, asked.Arguments)
	}
	if err != nil {
		return commands.Request{}, asked, err
	}
	if err := checkTimeout(asked.TimeoutMS); err != nil {
		return commands.Request{}, asked, err
	}
	return r, asked, nil
}

func checkTimeout(ms int64) error {
	if ms < 0 || ms > maxTimeout.Milliseconds() {
		return invalid("timeout_ms", "%d is not from 0 to %d", ms, maxTimeout.Milliseconds())
	}
	return nil
}

// noEmptyArgument refuses arguments with an empty text, unless that is how the command
// spells that it has none.
func noEmptyArgument(r commands.Request, arguments []byte) error {
	if arguments == nil {
		return nil
	}
	m, err := r.Message()
	if err != nil {
		return err
	}
	return noEmptyText(arguments, m.Arguments)
}

// malformed says why a body is not what was expected.
func malformed(err error) error {
	return &commands.InvalidError{Err: fmt.Errorf("%w: %w", ledger.ErrMalformed, err)}
}

func invalid(field, format string, args ...any) error {
	return &commands.InvalidError{Err: &ledger.FieldError{Field: field, Problem: fmt.Sprintf(format, args...)}}
}

// unmarshal reads an object, all of whose fields v must know.
func unmarshal(b []byte, v any) error {
	if err := checkJSON(b); err != nil {
		return malformed(err)
	}
	if err := decodeKnown(b, v); err != nil {
		return err
	}
	return noEmptyText(b, []byte("{}"))
}

// noEmptyText refuses an object with an empty text in a field, unless it is so in the
// object but too.
func noEmptyText(b, but []byte) error {
	given, other := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if err := errors.Join(json.Unmarshal(b, &given), json.Unmarshal(but, &other)); err != nil {
		return malformed(err)
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if string(given[name]) == `""` && string(other[name]) != `""` {
			return &commands.EmptyError{Name: name}
		}
	}
	return nil
}

// decodeKnown reads into v an object that checkJSON has accepted, or a part of one.
// v must know all its fields.
func decodeKnown(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return malformed(err)
	}
	return nil
}

// checkJSON accepts one object, not nested deeper than maxNest, whose names are
// lower case and occur once: encoding/json would take the last of two equal names,
// and would ignore their case.
func checkJSON(b []byte) error {
	if !utf8.Valid(b) || loneSurrogate(b) {
		return errors.New("its text is not Unicode")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return expected("an object", err)
	}
	if err := checkObject(d, 1); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the object")
	}
	return nil
}

// expected says in one line that a text is not what was expected, and why if that is known.
func expected(what string, err error) error {
	switch {
	case err == nil:
		return fmt.Errorf("%s was expected", what)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%s was expected, and the text ends", what)
	}
	return fmt.Errorf("%s was expected: %w", what, err)
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
			return fmt.Errorf("%.40q is not the name of a field", name)
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

// An answer is the result of a command, or its error, on the wire.
type answer struct {
	*wireError
	Event    json.RawMessage        `json:"event,omitempty"`
	Job      *projection.StatusView `json:"job,omitempty"`
	State    json.RawMessage        `json:"state,omitempty"`
	Receipt  *receipt               `json:"receipt,omitempty"`
	Replayed bool                   `json:"replayed"`
	Repeated bool                   `json:"repeated"`
	Gate     *commands.GateAnswer   `json:"gate,omitempty"` // what the gate answers, if it was asked
}

// A wireError is an error on the wire.
type wireError struct {
	Text      string             `json:"error"`
	Code      string             `json:"error_code"`
	Category  ledger.Category    `json:"error_category"`
	Exit      int                `json:"exit"`
	Retryable bool               `json:"retryable"`
	Hint      string             `json:"hint"`
	Details   projection.Details `json:"details,omitzero"`

	// Gate is the gate's answer, a block, if there is no event that says so.
	Gate *commands.GateAnswer `json:"gate,omitempty"`
}

// A receipt is a ledger.Receipt on the wire, with its signed checkpoint.
type receipt struct {
	ledger.Receipt
	Note string `json:"checkpoint"` // "" if the event was written before
}

// encodeResult encodes the result of a command, with the whole job if whole is set.
func encodeResult(r commands.Result, whole bool) answer {
	a := answer{Event: r.Event.Bytes(), Replayed: r.Replayed, Repeated: r.Repeated}
	if r.Event.JobID() != "" {
		view := r.Job.StatusView()
		a.Job = &view
	}
	if whole && a.Job != nil {
		a.State = projection.EncodeState(r.Job, r.Event.LeafHash())
	}
	if r.Receipt.TreeSize > 0 {
		a.Receipt = &receipt{Receipt: r.Receipt, Note: string(r.Receipt.Checkpoint)}
	}
	if isGateEvent(r.Event) {
		said := commands.AnswerOf(r, nil)
		a.Gate = &said
	}
	return a
}

// result reads the result of a command. It hashes the event again.
func (a answer) result() (r commands.Result, err error) {
	if r.Event, err = ledger.Decode(a.Event); err != nil {
		return commands.Result{}, err
	}
	if a.State != nil {
		if r.Job, err = a.job(r.Event); err != nil {
			return commands.Result{}, err
		}
	}
	r.Replayed, r.Repeated, r.Gate = a.Replayed, a.Repeated, a.Gate
	if c := a.Receipt; c != nil {
		if c.Leaf != r.Event.LeafHash() || c.Seq != r.Event.Seq() || c.Revision != r.Event.Revision() || c.TreeSize <= int64(c.Seq) {
			return commands.Result{}, fmt.Errorf("%w: the receipt is not that of event %d", ledger.ErrMalformed, r.Event.Seq())
		}
		r.Receipt = c.Receipt
		if c.Note != "" {
			r.Receipt.Checkpoint = []byte(c.Note)
		}
	}
	return r, nil
}

// job reads the job's state after an event.
func (a answer) job(after ledger.Event) (projection.Job, error) {
	job, ok := projection.DecodeState(a.State, after.LeafHash())
	if !ok { // a gait with other views made it
		return projection.Job{}, fmt.Errorf("the state of job %s: %w", after.JobID(), ledger.ErrUnsupportedVersion)
	}
	return job, nil
}

// loneSurrogate reports whether an escape in a JSON text is half a surrogate pair,
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
