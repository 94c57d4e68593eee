package regress

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/jcs"
	"gait/packspec"
	"gait/projection"
)

// The files of a fixture.
const (
	ConfigFile  = "regress.yaml"
	PackFile    = "pack.zip"
	ExpectDir   = "expect" // what the code derived from the events
	statesFile  = ExpectDir + "/states.jsonl"
	historyFile = ExpectDir + "/history.jsonl"
	viewsDir    = ExpectDir + "/views"
)

// The size limits of a fixture's files. That of regress.yaml is lower, since its entries
// take far more memory than their text.
const (
	maxFile   = 64 << 20
	maxConfig = 64 << 10
)

// ErrFixture says that a folder is not a fixture, or that its files contradict each
// other.
var ErrFixture = ledger.NewError("bad fixture", ledger.Fault{Code: "bad_fixture", Category: ledger.CategoryInvalid})

// A fixtureError is an ErrFixture about one file. Its cause is unwrapped first, so that a
// pack that cannot be read is reported with its own code.
type fixtureError struct {
	name string // of the file, and of the part in it
	err  error
}

func inFixture(name string, err error) error { return &fixtureError{name, err} }

func (e *fixtureError) Error() string {
	return ErrFixture.Error() + ": " + e.name + ": " + e.err.Error()
}

// Unwrap returns the cause and ErrFixture.
func (e *fixtureError) Unwrap() []error { return []error{e.err, ErrFixture} }

// The scopes: parts of a candidate that a fixture can compare.
const (
	Sequence    = "sequence"    // types and reason codes
	Checkpoints = "checkpoints" // types, summaries and required actions
	Decisions   = "decisions"   // who decided what, and how
	Gate        = "gate"        // which tool the gate was asked about, its verdict, the intent, and what became of it
	Outcome     = "outcome"     // the last status and stop reason
	All         = "all"         // every event, whole
)

// Scopes are the scopes that Compare accepts.
var Scopes = []string{All, Sequence, Checkpoints, Decisions, Gate, Outcome}

// A Config is regress.yaml.
type Config struct {
	Name    string   `yaml:"name"`
	Why     string   `yaml:"why"`
	Compare []string `yaml:"compare"`          // of Scopes
	Ignore  []string `yaml:"ignore,omitempty"` // fields, or JSON pointers into a step, as projection.Differ takes them

	// Summaries are regular expressions, by checkpoint id, for summaries that need not
	// be exactly those recorded.
	Summaries map[string]string `yaml:"summaries,omitempty"`

	// Intents are regular expressions, by a field of an intent that the policy says may be
	// shown, for values, as JSON, that need not be exactly those recorded.
	Intents map[string]string `yaml:"intents,omitempty"`

	Updates []Update `yaml:"updates,omitempty"` // oldest first
}

// An Update records why expectations were rewritten.
type Update struct {
	At     string `yaml:"at"`
	Reason string `yaml:"reason"`
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName returns why name cannot be a fixture's name, or "" if it can.
func CheckName(name string) string {
	if !nameForm.MatchString(name) {
		return "a name is 1 to 64 letters, digits, dots, dashes and underlines, and begins with a letter or digit"
	}
	return ""
}

func (c Config) check() error {
	if problem := CheckName(c.Name); problem != "" {
		return fmt.Errorf("%w: name %.80q: %s", ErrFixture, c.Name, problem)
	}
	if err := c.checkSizes(); err != nil {
		return err
	}
	if len(c.Compare) == 0 {
		return fmt.Errorf("%w: compare names nothing; it takes %s", ErrFixture, ledger.OneOf(Scopes))
	}
	for _, scope := range c.Compare {
		if !slices.Contains(Scopes, scope) {
			return fmt.Errorf("%w: compare: %.80q is not %s", ErrFixture, scope, ledger.OneOf(Scopes))
		}
	}
	return nil
}

// A Fixture is a fixture that Load read.
type Fixture struct {
	Config
	Pack     []byte
	text     []byte // of regress.yaml
	dir      fs.FS
	patterns map[string]*regexp.Regexp // of summaries, by checkpoint id
	intents  map[string]*regexp.Regexp // of the fields of intents, by path
}

// Load reads a fixture. It does not verify the pack; the caller does. Errors wrap
// ErrFixture, or are those of the files.
func Load(dir fs.FS) (*Fixture, error) {
	text, err := readUpTo(dir, ConfigFile, maxConfig)
	if err != nil {
		return nil, err
	}
	f := &Fixture{text: ledger.PlainText(text), dir: dir}
	in := yaml.NewDecoder(bytes.NewReader(f.text))
	in.KnownFields(true)
	if err := in.Decode(&f.Config); err != nil {
		return nil, inFixture(ConfigFile, err)
	}
	if err := in.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %s: more than one document", ErrFixture, ConfigFile)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	if f.patterns, f.intents, err = f.compile(); err != nil {
		return nil, err
	}
	f.Pack, err = readFile(dir, PackFile)
	return f, err
}

func readFile(dir fs.FS, name string) ([]byte, error) { return readUpTo(dir, name, maxFile) }

func readUpTo(dir fs.FS, name string, limit int64) ([]byte, error) {
	if err := plainFile(dir, name); err != nil {
		return nil, err
	}
	file, err := dir.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", ErrFixture, name)
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%w: %s is over %d bytes", ErrFixture, name, limit)
	}
	return b, err
}

// plainFile requires that name is a regular file and that no directory above it is a
// link. A failure then shows only the fixture's own files, and reading them ends.
func plainFile(dir fs.FS, name string) error {
	for at := name; at != "."; at = path.Dir(at) {
		info, err := fs.Lstat(dir, at)
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s is missing", ErrFixture, name)
		}
		if err != nil {
			return err
		}
		if regular := info.Mode().IsRegular(); at == name && !regular || at != name && !info.IsDir() {
			return fmt.Errorf("%w: %s is no regular file of it", ErrFixture, name)
		}
	}
	return nil
}

// Events returns the recorded events.
func (f *Fixture) Events() (ledger.Events, error) {
	return packspec.Events(bytes.NewReader(f.Pack), int64(len(f.Pack)))
}

// History returns the recorded job.
func (f *Fixture) History() (History, error) { return HistoryOf(f.Pack) }

// A History is the events of a job, and the authority events of its ledger up to the last of
// them.
type History struct {
	Events    ledger.Events
	Authority *authority.Chain // nil if there are none
}

// HistoryOf returns that of a pack's job, which was verified.
func HistoryOf(pack []byte) (h History, err error) {
	r, size := bytes.NewReader(pack), int64(len(pack))
	if h.Events, err = packspec.Events(r, size); err == nil {
		h.Authority, err = packspec.AuthorityOf(r, size)
	}
	return h, err
}

// folder returns a fold of the job by rules.
func (h History) folder(rules projection.Rules) projection.Folder {
	return projection.Folder{Next: rules, States: func(leaf ledger.Hash) (*authority.State, error) {
		if leaf.IsZero() {
			return nil, nil
		}
		if h.Authority != nil {
			if s, known := h.Authority.At(leaf); known {
				return s, nil
			}
		}
		return nil, &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("there is no authority event %s before it", leaf)}
	}}
}

// Files returns the files of a fixture with this configuration and this job, by path:
// regress.yaml and what today's code derives from the events. The pack is not among them.
func Files(c Config, h History) (map[string][]byte, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	text, err := encode(c)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{ConfigFile: text}
	put := func(name string, text []byte) error {
		files[name] = append(files[name], text...)
		return nil
	}
	return files, expect(h, projection.Next, put)
}

// expect calls put with the expected files for a job: states, history and views.
func expect(h History, next projection.Rules, put func(path string, text []byte) error) error {
	views := projection.Replay{Next: next, Authority: h.Authority, Put: func(name string, text []byte) error {
		_, view, _ := bytes.Cut([]byte(name), []byte("/"))
		return put(path.Join(viewsDir, string(view)), text)
	}}
	fold, normal := h.folder(next), newNormaliser()
	for e, err := range h.Events {
		if err == nil {
			err = fold.Add(e)
		}
		var step Step
		if err == nil {
			step, err = normal.step(e)
		}
		if err == nil {
			err = errors.Join(views.Add(e), putLine(put, statesFile, stateOf(fold.Job)), putLine(put, historyFile, step))
		}
		if err != nil {
			return err
		}
	}
	_, _, err := views.Finish()
	return err
}

func putLine(put func(string, []byte) error, name string, v any) error {
	b, err := jcs.Marshal(v)
	if err != nil {
		return err
	}
	return put(name, append(b, '\n'))
}
