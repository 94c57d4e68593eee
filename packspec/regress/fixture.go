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
	"gait/packspec"
	"gait/projection"
)

// The files of a fixture.
const (
	ConfigFile  = "regress.yaml"
	PackFile    = "pack.zip"
	ExpectDir   = "expect" // holds all that today's code makes of the events
	statesFile  = ExpectDir + "/states.jsonl"
	historyFile = ExpectDir + "/history.jsonl"
	viewsDir    = ExpectDir + "/views"
)

// What the files of a fixture may hold, in bytes: each, and regress.yaml, of which
// every entry takes far more memory than text.
const (
	maxFile   = 64 << 20
	maxConfig = 64 << 10
)

// ErrFixture says that a fixture is not one, or does not hold together.
var ErrFixture = errors.New("bad fixture")

// What a fixture can ask to have compared of a candidate.
const (
	Sequence    = "sequence"    // types and reason codes
	Checkpoints = "checkpoints" // types, summaries and required actions
	Decisions   = "decisions"   // who decided what, and how
	Outcome     = "outcome"     // the last status and stop reason
	All         = "all"         // every event, whole
)

// Scopes are all that Compare takes.
var Scopes = []string{All, Sequence, Checkpoints, Decisions, Outcome}

// A Config is regress.yaml.
type Config struct {
	Name    string   `yaml:"name"`
	Why     string   `yaml:"why"`
	Compare []string `yaml:"compare"`          // of Scopes
	Ignore  []string `yaml:"ignore,omitempty"` // fields, or JSON pointers into a step, as projection.Differ takes them

	// Summaries are regular expressions for the summaries of checkpoints, by
	// their id, where they need not be exactly those recorded.
	Summaries map[string]string `yaml:"summaries,omitempty"`

	Updates []Update `yaml:"updates,omitempty"` // oldest first
}

// An Update says why what is expected was written anew.
type Update struct {
	At     string `yaml:"at"`
	Reason string `yaml:"reason"`
}

var nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// CheckName returns why name cannot be that of a fixture, or "".
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

// compile compiles the patterns of Summaries. Each has to match all of a summary.
func (c Config) compile() (map[string]*regexp.Regexp, error) {
	all := map[string]*regexp.Regexp{}
	for id, pattern := range c.Summaries {
		re, err := regexp.Compile(`^(?:` + pattern + `)$`)
		if err != nil {
			return nil, fmt.Errorf("%w: summaries: %s: %w", ErrFixture, id, err)
		}
		all[id] = re
	}
	return all, nil
}

// A Fixture is one that was read.
type Fixture struct {
	Config
	Pack     []byte
	text     []byte // of regress.yaml
	dir      fs.FS
	patterns map[string]*regexp.Regexp // of the summaries, by checkpoint
}

// Load reads a fixture. Errors wrap ErrFixture, or are those of the files. Whether
// its pack verifies, the caller asks.
func Load(dir fs.FS) (*Fixture, error) {
	text, err := readUpTo(dir, ConfigFile, maxConfig)
	if err != nil {
		return nil, err
	}
	f := &Fixture{text: text, dir: dir}
	in := yaml.NewDecoder(bytes.NewReader(text))
	in.KnownFields(true)
	if err := in.Decode(&f.Config); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrFixture, ConfigFile, err)
	}
	if err := in.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %s: more than one document", ErrFixture, ConfigFile)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	if f.patterns, err = f.compile(); err != nil {
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

// plainFile requires that name is a regular file, in directories that are no links:
// what a fixture shows when it fails must be its own, and reading it must end.
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

// Files returns what a fixture with this configuration and pack holds, by path, but
// for the pack itself: regress.yaml, and what today's code makes of the events.
func Files(c Config, events ledger.Events) (map[string][]byte, error) {
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
	return files, expect(events, projection.Next, put)
}

// expect puts what is expected of events: states, history and views.
func expect(events ledger.Events, next projection.Rules, put func(path string, text []byte) error) error {
	views := projection.Replay{Next: next, Put: func(name string, text []byte) error {
		_, view, _ := bytes.Cut([]byte(name), []byte("/"))
		return put(path.Join(viewsDir, string(view)), text)
	}}
	fold, normal := projection.Folder{Next: next}, newNormaliser()
	for e, err := range events {
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
	b, err := projection.Canonical(v)
	if err != nil {
		return err
	}
	return put(name, append(b, '\n'))
}
