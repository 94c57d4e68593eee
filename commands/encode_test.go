package commands_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gait/commands"
	"gait/ledger"
)

// The canonical text of a command is what actors sign. It must not change.
func TestCanonicalTexts(t *testing.T) {
	revision := int64(3)
	for _, tt := range []struct {
		request commands.Request
		want    string
	}{
		{commands.Request{JobID: "job_1", Actor: "boss", Command: commands.Pause{}}, `{"actor":"boss","arguments":{},"job_id":"job_1","verb":"pause"}`},
		{commands.Request{JobID: "job_1", Actor: "boss", Command: commands.Pause{Hold: true}}, `{"actor":"boss","arguments":{"hold":true},"job_id":"job_1","verb":"pause"}`},
		{
			commands.Request{JobID: "job_1", Actor: "w", Reason: `a "b" <c>`, RequestID: "r-1", IfRevision: &revision, DryRun: true, Command: commands.Cancel{}},
			`{"actor":"w","arguments":{},"dry_run":true,"if_revision":3,"job_id":"job_1","reason":"a \"b\" <c>","request_id":"r-1","verb":"cancel"}`,
		},
		{
			commands.Request{Actor: "w", Command: commands.Submit{
				EnvironmentFingerprint: "here", ProducerVersion: "gait/1",
				Labels: []ledger.Label{{Key: "b", Value: "2"}, {Key: "a", Value: "1"}},
			}},
			`{"actor":"w","arguments":{"environment_fingerprint":"here","labels":[{"key":"a","value":"1"},{"key":"b","value":"2"}],` +
				`"policy_digest":"","producer_version":"gait/1"},"verb":"submit"}`,
		},
	} {
		got, err := commands.Encode(tt.request)
		if err != nil || string(got) != tt.want {
			t.Errorf("Encode(%+v) = %s, %v, want %s", tt.request, got, err, tt.want)
		}
	}
}

func TestParseReadsWhatEncodeWrites(t *testing.T) {
	for _, r := range slices.Concat(everyVerb(), barely()) {
		text, err := commands.Encode(r)
		if err != nil {
			t.Fatalf("%s: %v", r.Command.Verb(), err)
		}
		got, err := commands.Parse(text)
		if err != nil {
			t.Errorf("Parse(%s) fails: %v", text, err)
			continue
		}
		sortLists(r.Command)
		sameRequest(t, r, got)
	}
	rapid.Check(t, func(t *rapid.T) {
		r := commands.Request{JobID: "job_1", Actor: "w", Command: someCommand(t), DryRun: rapid.Bool().Draw(t, "dry run")}
		if commands.RowOf(r.Command).ReasonElsewhere == "" {
			r.Reason = rapid.StringMatching(`[ -~é€😀]{0,40}`).Draw(t, "reason")
		}
		text, err := commands.Encode(r)
		if _, ok := errors.AsType[*commands.InvalidError](err); ok {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := commands.Parse(text)
		if err != nil {
			t.Fatalf("Parse(%s) fails: %v", text, err)
		}
		sameRequest(t, r, got)
	})
}

// sortLists puts the lists of a command into the order of its canonical text.
func sortLists(c commands.Command) {
	switch c := c.(type) {
	case commands.Submit:
		slices.SortFunc(c.Labels, func(a, b ledger.Label) int { return strings.Compare(a.Key, b.Key) })
		slices.Sort(c.After)
	case commands.AddActor:
		slices.Sort(c.Keys)
		slices.Sort(c.Roles)
	case commands.SetAuthority:
		slices.SortFunc(c.Policies, func(a, b ledger.Hash) int { return bytes.Compare(a[:], b[:]) })
	default: // all others have none
	}
}

func sameRequest(t interface{ Errorf(string, ...any) }, want, got commands.Request) {
	unexported := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".moment" }, cmp.Ignore())
	if diff := cmp.Diff(want, got, unexported); diff != "" {
		t.Errorf("Parse(Encode) of %s (-want +got):\n%s", want.Command.Verb(), diff)
	}
}

func TestParseTakesOneSpelling(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":             ``,
		"an array":            `[]`,
		"a space":             `{"actor":"w","arguments":{},"job_id":"j", "verb":"pause"}`,
		"a newline behind it": `{"actor":"w","arguments":{},"job_id":"j","verb":"pause"}` + "\n",
		"another order":       `{"arguments":{},"actor":"w","job_id":"j","verb":"pause"}`,
		"no arguments":        `{"actor":"w","job_id":"j","verb":"pause"}`,
		"null for arguments":  `{"actor":"w","arguments":null,"job_id":"j","verb":"pause"}`,
		"a needless field":    `{"actor":"w","arguments":{},"job_id":"j","reason":"","verb":"pause"}`,
		"a needless escape":   `{"actor":"\u0077","arguments":{},"job_id":"j","verb":"pause"}`,
		"an unknown field":    `{"actor":"w","arguments":{},"job_id":"j","state":true,"verb":"pause"}`,
		"an unknown argument": `{"actor":"w","arguments":{"a":1},"job_id":"j","verb":"pause"}`,
		"an unknown verb":     `{"actor":"w","arguments":{},"job_id":"j","verb":"jump"}`,
		"a field twice":       `{"actor":"w","actor":"w","arguments":{},"job_id":"j","verb":"pause"}`,
		"half a character":    `{"actor":"w","arguments":{},"job_id":"j","reason":"\ud800","verb":"pause"}`,
		"no actor":            `{"actor":"","arguments":{},"job_id":"j","verb":"pause"}`,
		"labels out of order": `{"actor":"w","arguments":{"environment_fingerprint":"here","labels":[{"key":"b","value":"2"},{"key":"a","value":"1"}],` +
			`"policy_digest":"","producer_version":"1"},"verb":"submit"}`,
	} {
		r, err := commands.Parse([]byte(text))
		if _, ok := errors.AsType[*commands.InvalidError](err); !ok {
			t.Errorf("Parse of %s = %+v, %v, want an InvalidError", name, r, err)
		}
	}
}

func TestEncodeRefusesWhatIsNotWellFormed(t *testing.T) {
	if b, err := commands.Encode(commands.Request{JobID: "a/b", Actor: "w", Command: commands.Pause{}}); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("Encode of a job id with a slash = %s, %v, want ErrMalformed", b, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, r := range slices.Concat(everyVerb(), barely()) {
		text, err := commands.Encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		message, err := r.Message()
		if err != nil {
			f.Fatal(err)
		}
		text, err = json.Marshal(message)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := commands.Parse(text)
		if err != nil {
			if _, ok := errors.AsType[*commands.InvalidError](err); !ok {
				t.Fatalf("Parse fails with %T: %v", err, err)
			}
			return
		}
		again, err := commands.Encode(r)
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("Parse takes %s, which Encode writes as %s, %v", text, again, err)
		}
		same, err := commands.Parse(again)
		if err != nil {
			t.Fatal(err)
		}
		sameRequest(t, r, same)
	})
}
