package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"gait/ledger"
	"gait/ledger/ledgertest"
)

// policyText is the example of C2SP tlog-policy with keys filled in. The log is
// that of testOrigin, and each witness has the name that the example gives it.
func policyText(t testing.TB) string {
	w := func(name string) string {
		return "witness " + name + " " + ledgertest.NewWitness(name).Key.String() + "\n"
	}
	return "log " + testKey(t, testOrigin).VerifierKey().String() + "\n\n" +
		w("X1") + w("X2") + w("X3") + "group X-witnesses 2 X1 X2 X3\n\n" +
		w("Y1") + w("Y2") + w("Y3") + "group Y-witnesses any Y1 Y2 Y3\n\n" +
		"group X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
}

// cosigned returns the checkpoint of signedCheckpoint with the cosignatures of names below.
func cosigned(t testing.TB, names ...string) []byte {
	_, signed, _ := signedCheckpoint(t)
	out := bytes.Clone(signed)
	for _, name := range names {
		out = append(out, ledgertest.NewWitness(name).Line(signed, testTime)...)
	}
	return out
}

func TestPolicyExample(t *testing.T) {
	p, err := ledger.ParsePolicy([]byte(policyText(t)))
	if err != nil || len(p.Logs) != 1 || len(p.Witnesses) != 6 {
		t.Fatalf("ParsePolicy = %+v, %v", p, err)
	}
	for _, tt := range []struct{ by, missing string }{
		{"", "X-and-Y (0 of 2, 2 needed; without X-witnesses (0 of 3, 2 needed; without X1, X2, X3), Y-witnesses (0 of 3, 1 needed; without Y1, Y2, Y3))"},
		{"X1 Y1", "X-and-Y (1 of 2, 2 needed; without X-witnesses (1 of 3, 2 needed; without X2, X3))"},
		{"X1 X2 X3", "X-and-Y (1 of 2, 2 needed; without Y-witnesses (0 of 3, 1 needed; without Y1, Y2, Y3))"},
		{"X1 X3 Y2", ""},
		{"Y2 X3 Z X1", ""},
		{"X1 X1 Y1 Y1", "X-and-Y (1 of 2, 2 needed; without X-witnesses (1 of 3, 2 needed; without X2, X3))"},
		{"X1 X2 X3 Y1 Y2 Y3", ""},
	} {
		v, err := p.Judge(cosigned(t, strings.Fields(tt.by)...))
		if err != nil || v.Missing != tt.missing || v.Log != p.Logs[0] || v.Checkpoint.Size != 42 {
			t.Errorf("Judge, cosigned by %q: missing %q, %+v, %v, want %q", tt.by, v.Missing, v, err, tt.missing)
		}
	}
}

func TestPolicyQuorumNone(t *testing.T) {
	p, err := ledger.ParsePolicy([]byte(" \t# any log will do\n\t quorum\tnone \n"))
	if err != nil {
		t.Fatal(err)
	}
	if v, err := p.Judge(cosigned(t)); err != nil || v.Missing != "" || !v.Log.IsZero() {
		t.Errorf("Judge = %+v, %v", v, err)
	}
	if v, err := (ledger.Policy{}).Judge(cosigned(t)); err == nil {
		t.Errorf("Judge of the zero policy = %+v", v)
	}
}

// A checkpoint signed by any one of the logs is enough; one signed by none is not.
func TestPolicyLogs(t *testing.T) {
	own := testKey(t, testOrigin).VerifierKey().String()
	// Another key of the same origin, and a log of another origin.
	impostor, err := ledger.GenerateKey(seed(9), testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ledger.GenerateKey(seed(8), "other.example/log")
	if err != nil {
		t.Fatal(err)
	}
	judge := func(signed []byte, logs ...string) error {
		p, err := ledger.ParsePolicy([]byte("log " + strings.Join(logs, "\nlog ") + " https://log.example/\nquorum none\n"))
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Judge(signed)
		return err
	}
	a, b := impostor.VerifierKey().String(), stranger.VerifierKey().String()
	if err := judge(cosigned(t), b, a, own); err != nil {
		t.Errorf("Judge with the log listed last = %v", err)
	}
	if err := judge(cosigned(t), a, b); !errors.Is(err, ledger.ErrNoLog) || !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("Judge without the log = %v, want ErrNoLog", err)
	}
	// A checkpoint of our origin, signed by a log that the policy trusts for another origin.
	c, _, _ := signedCheckpoint(t)
	forged, err := note.Sign(&note.Note{Text: c.Text()}, stranger)
	if err != nil {
		t.Fatal(err)
	}
	if err := judge(forged, own, b); !errors.Is(err, ledger.ErrNoLog) {
		t.Errorf("Judge of a checkpoint of %s by %s = %v, want ErrNoLog", c.Origin, stranger.Name(), err)
	}
	if err := judge(bytes.Replace(cosigned(t), []byte("\n42\n"), []byte("\n43\n"), 1), own); !errors.Is(err, ledger.ErrUnverified) || errors.Is(err, ledger.ErrNoLog) {
		t.Errorf("Judge of a damaged checkpoint = %v, want ErrUnverified", err)
	}
}

func TestPolicyRefuses(t *testing.T) {
	log := "log " + testKey(t, testOrigin).VerifierKey().String()
	key := func(name string) string { return ledgertest.NewWitness(name).Key.String() }
	ab := "witness A " + key("A") + "\nwitness B " + key("B") + "\n"
	for _, tt := range []struct {
		name, text, code string
		line             int
	}{
		{"nothing", "", ledger.PolicyNoQuorum, 0},
		{"no quorum", log + "\n" + ab, ledger.PolicyNoQuorum, 0},
		{"two quorums", ab + "quorum A\nquorum A\n", ledger.PolicyDuplicate, 4},
		{"an unknown word", "quorum none\nlogs x\n", ledger.PolicyUnknownLine, 2},
		{"another case", "Quorum none\n", ledger.PolicyUnknownLine, 1},
		{"a comment after", "quorum none # comment\n", ledger.PolicySyntax, 1},
		{"quorum of nothing", "quorum\n", ledger.PolicySyntax, 1},
		{"a log without a key", "log\n", ledger.PolicySyntax, 1},
		{"a log with too much", log + " https://a b\n", ledger.PolicySyntax, 1},
		{"a witness without a key", "witness A\n", ledger.PolicySyntax, 1},
		{"a group without members", ab + "group g any\n", ledger.PolicySyntax, 3},
		{"a log with a witness's key", "log " + key("A") + "\n", ledger.PolicyKey, 1},
		{"a witness with a log's key", "witness A " + log[4:] + "\n", ledger.PolicyKey, 1},
		{"a key of another id", "witness A " + strings.Replace(key("A"), "A+", "B+", 1) + "\n", ledger.PolicyKey, 1},
		{"a post-quantum key", "witness A A+00000000+Bg" + strings.Repeat("AA", 874) + "==\n", ledger.PolicyKey, 1},
		{"a log twice", log + "\n" + log + "\n", ledger.PolicyDuplicate, 2},
		{"a witness twice", ab + "witness C " + key("A") + "\n", ledger.PolicyDuplicate, 3},
		{"a name twice", ab + "witness A " + key("C") + "\n", ledger.PolicyDuplicate, 3},
		{"a group named as a witness", ab + "group A any B\n", ledger.PolicyDuplicate, 3},
		{"a group named none", ab + "group none any A\n", ledger.PolicyDuplicate, 3},
		{"a member twice", ab + "group g any A A\n", ledger.PolicyDuplicate, 3},
		{"a member of two groups", ab + "group g any A\ngroup h any A B\n", ledger.PolicyDuplicate, 4},
		{"none as a member", ab + "group g any A none\n", ledger.PolicyUndefined, 3},
		{"an undefined member", ab + "group g any A C\n", ledger.PolicyUndefined, 3},
		{"an undefined quorum", ab + "quorum C\n", ledger.PolicyUndefined, 3},
		{"a quorum above its group", ab + "quorum g\ngroup g any A\n", ledger.PolicyUndefined, 3},
		{"a group that holds itself", ab + "group g any A g\n", ledger.PolicyUndefined, 3},
		{"two groups that hold each other", ab + "group g any A h\ngroup h any B g\n", ledger.PolicyUndefined, 3},
		{"threshold 0", ab + "group g 0 A B\n", ledger.PolicyThreshold, 3},
		{"threshold 3 of 2", ab + "group g 3 A B\n", ledger.PolicyThreshold, 3},
		{"threshold -1", ab + "group g -1 A B\n", ledger.PolicyThreshold, 3},
		{"threshold 01", ab + "group g 01 A B\n", ledger.PolicyThreshold, 3},
		{"threshold +1", ab + "group g +1 A B\n", ledger.PolicyThreshold, 3},
		{"threshold 2^70", ab + "group g 1180591620717411303424 A B\n", ledger.PolicyThreshold, 3},
		{"threshold most", ab + "group g most A B\n", ledger.PolicyThreshold, 3},
		{"cut short", ab + "quorum A", ledger.PolicyCharacter, 3},
		{"a carriage return", "quorum none\r\n", ledger.PolicyCharacter, 1},
		{"a zero byte", "# \x00\nquorum none\n", ledger.PolicyCharacter, 1},
		{"a delete character", "# \x7f\nquorum none\n", ledger.PolicyCharacter, 1},
		{"too large", strings.Repeat("#\n", 128<<10) + "quorum none\n", ledger.PolicyTooLarge, 0},
	} {
		_, err := ledger.ParsePolicy([]byte(tt.text))
		e, ok := errors.AsType[*ledger.PolicyError](err)
		if !ok || e.Code != tt.code || e.Line != tt.line || !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: ParsePolicy = %v, want %s in line %d", tt.name, err, tt.code, tt.line)
		}
	}
}

// A policy may hold at least 32 logs, witnesses and groups, and names are any bytes.
func TestPolicySizes(t *testing.T) {
	var b strings.Builder
	quorum := "W\xe2\x84\xaa0"
	for i := range 200 {
		key, err := ledger.GenerateKey(seed(i), fmt.Sprintf("log%d.example", i))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "log %s\nwitness W\xe2\x84\xaa%d %s\n", key.VerifierKey(), i, ledgertest.NewWitness(fmt.Sprint("w", i)).Key)
		if i > 0 {
			next := fmt.Sprintf("\xff%d", i)
			fmt.Fprintf(&b, "group %s all %s W\xe2\x84\xaa%d\n", next, quorum, i)
			quorum = next
		}
	}
	p, err := ledger.ParsePolicy([]byte(b.String() + "quorum " + quorum + "\n"))
	if err != nil || len(p.Logs) != 200 || len(p.Witnesses) != 200 {
		t.Fatalf("ParsePolicy of 200 of each = %d logs, %d witnesses, %v", len(p.Logs), len(p.Witnesses), err)
	}
	p.Logs = nil
	if v, err := p.Judge(cosigned(t, "w0")); err != nil || !strings.HasPrefix(v.Missing, `"\xff199" (0 of 2`) {
		t.Errorf("Judge = %q, %v", v.Missing, err)
	}
	if _, err := ledger.ParsePolicy([]byte("witness K " + ledgertest.NewWitness("k").Key.String() + "\nquorum \xe2\x84\xaa\n")); err == nil {
		t.Error("a Kelvin sign is taken for a K")
	}
}
