package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec/packtest"
	"gait/packspec/regress"
)

// The incidents are fixtures that gait regress run takes, each with the story that
// it was recorded from. All of them are of one ledger, which the key beside them
// signs, and which is played here from the first day to the last.
const (
	incidentsDir    = "../../fixtures/regress/incidents"
	incidentsKey    = incidentsDir + "/key.vkey"
	incidentsOrigin = "gait.example/incidents"
)

// A story is what was done to a job: story.txt in the fixture's folder.
//
//	job refund_8812
//	day 2026-03-02
//
//	09:00:00 refund-agent@worker-1: submit --label team=refunds
//	09:01:15 refund-agent@worker-1: resume => 4
//
// Each line has the time, the actor, the command without gait job, --id and
// --actor, and the exit code if it is not 0. A command of gait other than job is
// written with its name. A word that begins with a dot is a file, seen from the story, and
// GRANT is the grant of the job that is open.
type story struct {
	dir, job string
	day      time.Time
	acts     []storyAct
}

type storyAct struct {
	at   time.Time
	args []string
	exit int
}

func readStory(t *testing.T, dir string) story {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "story.txt"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := parseStory(dir, string(text))
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	return s
}

func parseStory(dir, text string) (s story, err error) {
	s.dir = dir
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		first, rest, _ := strings.Cut(line, " ")
		switch {
		case line == "" || first == "#":
			continue
		case first == "job":
			s.job = rest
		case first == "day":
			s.day, err = time.Parse(time.DateOnly, rest)
		default:
			var act storyAct
			act, err = s.act(first, rest)
			s.acts = append(s.acts, act)
		}
		if err != nil {
			return s, fmt.Errorf("%q: %w", line, err)
		}
	}
	return s, nil
}

func (s *story) act(at, rest string) (act storyAct, err error) {
	clock, err := time.Parse(time.TimeOnly, at)
	if err != nil {
		return act, err
	}
	act.at = s.day.Add(time.Duration(clock.Hour())*time.Hour + time.Duration(clock.Minute())*time.Minute + time.Duration(clock.Second())*time.Second)
	actor, command, ok := strings.Cut(rest, ": ")
	if !ok {
		return act, fmt.Errorf("it names no actor")
	}
	if before, code, ok := strings.Cut(command, " => "); ok {
		command = before
		if act.exit, err = strconv.Atoi(code); err != nil {
			return act, err
		}
	}
	for i, part := range strings.Split(command, "'") { // every other part is quoted
		if i%2 == 1 {
			act.args = append(act.args, part)
			continue
		}
		for word := range strings.FieldsSeq(part) {
			if strings.HasPrefix(word, ".") {
				word = filepath.Join(s.dir, word)
			}
			act.args = append(act.args, word)
		}
	}
	if act.args[0] == "gait" {
		act.args = act.args[1:]
	} else {
		act.args = append(append([]string{"job"}, act.args...), "--id", s.job)
	}
	act.args = append(act.args, "--actor", actor)
	return act, nil
}

// A stage plays stories: it has a ledger, a clock and a home of its own.
type stage struct {
	t    *testing.T
	dir  string
	now  time.Time
	seed *app // whose entropy all apps of the stage share
}

// newStage makes a ledger. The same seed gives the same ledger, to the byte.
func newStage(t *testing.T, seed uint64) *stage {
	t.Helper()
	s := &stage{t: t, dir: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), seed: &app{entropy: ledgertest.Entropy(seed)}}
	s.run(0, "ledger", "init", "--origin", incidentsOrigin)
	return s
}

// run carries out a gait command in this process, and returns its output.
func (s *stage) run(exit int, args ...string) string {
	s.t.Helper()
	var out bytes.Buffer
	a := &app{
		console: console{stdout: &out, stderr: &out, surroundings: surroundings{getenv: s.getenv}},
		now:     func() time.Time { return s.now }, entropy: s.seed.entropy,
		exit: func(code int) { s.t.Fatalf("the process ends with %d: %s", code, out.String()) },
	}
	if code := runLine(s.t.Context(), a, args); code != exit {
		s.t.Fatalf("%s exits %d, want %d: %s", spelt(args), code, exit, out.String())
	}
	return out.String()
}

func (s *stage) root() string { return filepath.Join(s.dir, "jobs") }

func (s *stage) getenv(name string) string {
	return map[string]string{"GAIT_HOME": filepath.Join(s.dir, "home"), "GAIT_ROOT": s.root(), "GAIT_ACTOR": "operator"}[name]
}

func (s *stage) play(story story) {
	s.t.Helper()
	for _, act := range story.acts {
		s.now = act.at
		if at := slices.Index(act.args, "GRANT"); at >= 0 {
			act.args = slices.Clone(act.args)
			act.args[at] = s.grant(story.job)
		}
		s.run(act.exit, act.args...)
	}
}

// grant returns the one grant of a job that is open.
func (s *stage) grant(job string) string {
	s.t.Helper()
	var out struct {
		Grants []struct {
			Grant string `json:"grant"`
		} `json:"grants"`
	}
	must(s.t, json.Unmarshal([]byte(s.run(0, "gate", "list", job, "--json")), &out))
	if len(out.Grants) != 1 {
		s.t.Fatalf("job %s has %d grants, want one", job, len(out.Grants))
	}
	return out.Grants[0].Grant
}

// stories returns the story of each incident, the oldest first.
func stories(t *testing.T) (all []story) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(incidentsDir, "*", "story.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range dirs {
		all = append(all, readStory(t, filepath.Dir(name)))
	}
	slices.SortFunc(all, func(a, b story) int { return cmp.Or(a.day.Compare(b.day), cmp.Compare(a.dir, b.dir)) })
	return all
}

// The stories, played by today's gait, give the fixtures as they are stored, to the
// byte: pack.zip, in evidence format 1 if the gate was not asked, and expect/. With -update they are stored;
// regress.yaml is written by hand.
func TestIncidentsAreTheirStories(t *testing.T) {
	if testing.Short() {
		t.Skip("it carries out some hundred commands")
	}
	s := newStage(t, 1)
	keep(t, incidentsKey, []byte(publicKeyOf(s)))
	made := filepath.Join(s.dir, "regress")
	all := stories(t)
	if len(all) < 14 {
		t.Errorf("there are %d incidents, want 14 and more", len(all))
	}
	for _, story := range all {
		name := filepath.Base(story.dir)
		s.play(story)
		s.run(0, "regress", "init", "--from", story.job, "--name", name, "--dir", made)
		got, stored := tree(t, filepath.Join(made, name)), tree(t, story.dir)
		got[regress.PackFile] = s.inFirstFormat(got[regress.PackFile])
		if *update {
			for _, path := range slices.Sorted(maps.Keys(stored)) {
				if got[path] == "" {
					must(t, os.Remove(filepath.Join(story.dir, path)))
				}
			}
		} else if diff := gocmp.Diff(slices.Sorted(maps.Keys(stored)), slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("%s holds other files than its story gives (-stored +made):\n%s", name, diff)
		}
		for _, path := range slices.Sorted(maps.Keys(got)) {
			keep(t, filepath.Join(story.dir, path), []byte(got[path]))
		}
	}
}

// inFirstFormat returns a pack as gait made it when the incidents were stored. A pack of a job
// about which the gate was asked has a format of its own and stays.
func (s *stage) inFirstFormat(pack string) string {
	s.t.Helper()
	files, err := packtest.Files([]byte(pack))
	must(s.t, err)
	if bytes.Contains(packtest.Find(files, "evidence.json").Data, []byte(`"format":6`)) {
		return pack
	}
	text := "VERIFY.md"
	if packtest.Rotations(files) > 0 {
		text = "VERIFY_ROTATED.md"
	}
	verify, err := os.ReadFile(filepath.Join("../../packspec", text))
	must(s.t, err)
	must(s.t, packtest.FirstFormat(files, verify, s.key()))
	return string(packtest.Archive(files))
}

// key returns the key that signs the stage's ledger.
func (s *stage) key() ledger.PrivateKey {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(s.dir, "home", "keys", "*.key"))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("keys in %v, %v", found, err)
	}
	secret, err := os.ReadFile(found[0])
	must(s.t, err)
	key, err := ledger.ParsePrivateKey(strings.TrimSpace(string(secret)))
	must(s.t, err)
	return key
}

// keep stores a file with -update; without, it requires that the stored one is the
// same.
func keep(t *testing.T, name string, text []byte) {
	t.Helper()
	stored, err := os.ReadFile(name)
	switch {
	case err == nil && bytes.Equal(stored, text):
	case *update:
		must(t, os.MkdirAll(filepath.Dir(name), 0o755))
		must(t, os.WriteFile(name, text, 0o644))
	default:
		t.Errorf("%s is not what the stories give (%v); if today's code is right: make update", name, err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// publicKeyOf returns the line that says which key signs the stage's ledger.
func publicKeyOf(s *stage) string {
	found, err := filepath.Glob(filepath.Join(s.dir, "home", "trusted_keys"))
	if err != nil || len(found) != 1 {
		s.t.Fatalf("trusted keys in %v, %v", found, err)
	}
	text, err := os.ReadFile(found[0])
	must(s.t, err)
	return string(text)
}

// tree returns the files that gait makes for a fixture, by path.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path != regress.PackFile && !strings.HasPrefix(path, regress.ExpectDir+"/") {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, path))
		files[path] = string(text)
		return err
	})
	must(t, err)
	return files
}
