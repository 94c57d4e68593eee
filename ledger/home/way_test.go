package home_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

// TestJudge judges what leads to a home, for user 1000. Each line is a step: its
// owner, its mode, its path.
func TestJudge(t *testing.T) {
	const above = "0 drwxr-xr-x /\n0 drwxr-xr-x /home\n"
	for name, tt := range map[string]struct {
		steps    string
		missing  bool // there is nothing at the path
		foreign  int  // a user who counts as root
		path     string
		contains string
	}{
		"the user's own":                {steps: above + "1000 drwxr-x--- /home/u\n1000 drwx------ /home/u/gait"},
		"root's own":                    {steps: above + "0 drwxr-xr-x /home/gait"},
		"nobody is root in a sandbox":   {steps: "65534 drwxr-xr-x /\n1000 drwx------ /gait", foreign: 65534},
		"nobody is no root":             {steps: "65534 drwxr-xr-x /\n1000 drwx------ /gait", path: "/", contains: "belongs to user 65534"},
		"the group writes above":        {steps: above + "1000 drwxrwx--- /home/u\n1000 drwx------ /home/u/gait", path: "/home/u", contains: "mode 0770"},
		"others write above":            {steps: above + "1000 drwx---rwx /home/u\n1000 drwx------ /home/u/gait", path: "/home/u", contains: "mode 0707"},
		"others write at the top":       {steps: "0 drwxr-xrwx /\n1000 drwx------ /gait", path: "/", contains: "mode 0757"},
		"the group writes it":           {steps: above + "1000 drwxrwxr-x /home/u", path: "/home/u", contains: "mode 0775"},
		"a sticky directory above":      {steps: "0 drwxr-xr-x /\n0 dtrwxrwxrwx /tmp\n1000 drwx------ /tmp/gait"},
		"a sticky one of another user":  {steps: "0 drwxr-xr-x /\n1001 dtrwxrwxrwx /tmp\n1000 drwx------ /tmp/gait", path: "/tmp", contains: "user 1001"},
		"another's in a sticky one":     {steps: "0 drwxr-xr-x /\n0 dtrwxrwxrwx /tmp\n1001 drwx------ /tmp/gait", path: "/tmp/gait", contains: "user 1001"},
		"it is sticky and open":         {steps: "0 drwxr-xr-x /\n0 dtrwxrwxrwx /tmp", path: "/tmp", contains: "mode 0777"},
		"secrets mounted read-only":     {steps: "0 drwxr-xr-x /\n0 dtrwxrwxrwx! /keys"},
		"an open one, mounted so":       {steps: "0 drwxr-xr-x /\n0 drwxrwxrwx! /keys", path: "/keys", contains: "mode 0777"},
		"another's, mounted so":         {steps: "0 drwxr-xr-x /\n1001 dtrwxrwxrwx! /keys", path: "/keys", contains: "user 1001"},
		"missing in a sticky one":       {steps: "0 drwxr-xr-x /\n0 dtrwxrwxrwx /tmp", missing: true},
		"missing in an open one":        {steps: "0 drwxr-xr-x /\n0 drwxrwxrwx /srv", missing: true, path: "/srv", contains: "mode 0777"},
		"missing in another's":          {steps: "0 drwxr-xr-x /\n1001 drwx------ /srv", missing: true, path: "/srv", contains: "user 1001"},
		"another user's":                {steps: above + "1001 drwx------ /home/u", path: "/home/u", contains: ", who is neither you nor root"},
		"another's link":                {steps: "0 drwxr-xr-x /\n0 dtrwxrwxrwx /tmp\n1001 Lrwxrwxrwx /tmp/l\n1000 drwx------ /gait", path: "/tmp/l", contains: "user 1001"},
		"own link":                      {steps: "0 drwxr-xr-x /\n0 dtrwxrwxrwx /tmp\n1000 Lrwxrwxrwx /tmp/l\n1000 drwx------ /gait"},
		"own link to what others write": {steps: above + "1000 Lrwxrwxrwx /home/l\n0 drwxrwxrwx /srv\n1000 drwx------ /srv/gait", path: "/srv", contains: "mode 0777"},
		"the first of two":              {steps: "0 drwxrwxrwx /\n1001 drwxrwxrwx /gait", path: "/", contains: "mode 0777"},
	} {
		err := home.Judge(tt.steps, !tt.missing, 1000, tt.foreign)
		if unsafe, ok := errors.AsType[*home.UnsafeError](err); ok != (tt.path != "") || ok && (unsafe.Path != tt.path || !strings.Contains(unsafe.Problem, tt.contains)) {
			t.Errorf("%s: judged %v, want %q %q", name, err, tt.path, tt.contains)
		}
	}
}

// TestCure gives the command lines that mend what is wrong, for a user and for root.
func TestCure(t *testing.T) {
	const instead = "name a directory of your own instead: a home with GAIT_HOME=DIR, a root with --root DIR"
	const mine, roots, theirs, both = "1000 drwxrwxr-x /home/it's", "0 drwxrwxrwx /srv", "1001 drwx------ /home/g", "1001 drwxrwxrwx /h"
	for _, tt := range []struct {
		steps, want string
		uid         int
	}{
		{mine, `chmod go-w '/home/it'\''s'`, 1000},
		{roots, `sudo chmod go-w '/srv'`, 1000},
		{roots, `chmod go-w '/srv'`, 0},
		{theirs, instead, 1000},
		{theirs, home.AsUser(1001) + "; or name a directory of root's own", 0},
		{both + "\n" + roots, home.AsUser(1001) + "; or name a directory of root's own", 0},
		{both + "\n" + mine, instead, 1000},
	} {
		err := home.Judge(tt.steps, true, tt.uid, 0)
		if unsafe, ok := errors.AsType[*home.UnsafeError](err); !ok || unsafe.Hint != tt.want {
			t.Errorf("for user %d, %q: %v, want the hint %s", tt.uid, tt.steps, err, tt.want)
		}
	}
}

// TestWay follows links as the system does.
func TestWay(t *testing.T) {
	top, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	for _, dir := range []string{"real/deep/gait", "other"} {
		must(t, os.MkdirAll(filepath.Join(top, dir), 0o700))
	}
	for link, to := range map[string]string{
		"link": "real", "other/up": "../real/deep", "other/far": filepath.Join(top, "link", "deep"),
		"round": "round2", "round2": "round", "dangling": "nothing/there",
	} {
		must(t, os.Symlink(to, filepath.Join(top, link)))
	}
	t.Chdir(filepath.Join(top, "link", "deep"))
	for path, want := range map[string]string{
		filepath.Join(top, "real/deep/gait"): "real real/deep real/deep/gait",
		filepath.Join(top, "link/deep/gait"): "link real real/deep real/deep/gait",
		filepath.Join(top, "other/up/gait"):  "other other/up real real/deep real/deep/gait",
		filepath.Join(top, "other/far"):      "other other/far link real real/deep",
		filepath.Join(top, "dangling"):       "dangling -",
		filepath.Join(top, "other/no/more"):  "other -",
		"gait":                               "real real/deep real/deep/gait",
		"..":                                 "real",
		"../../other":                        "other",
	} {
		steps, whole, err := home.Way(path)
		must(t, err)
		var got []string
		for _, step := range steps {
			if rest, below := strings.CutPrefix(step, top+"/"); below {
				got = append(got, rest)
			}
		}
		if !whole {
			got = append(got, "-")
		}
		if steps[0] != "/" || !cmp.Equal(strings.Fields(want), got) {
			t.Errorf("to %s lead %v, want %s", path, got, want)
		}
	}
	if _, _, err := home.Way(filepath.Join(top, "round")); err == nil {
		t.Error("links that go round in a circle were followed to an end")
	}
}

// A sandbox may have a user namespace in which root has no id.
func TestMapsRoot(t *testing.T) {
	for text, want := range map[string]bool{
		"         0          0 4294967295\n": true,
		"0 1000 1\n1 100000 65536\n":         true,
		"1000 1000 1\n":                      false,
		"":                                   false,
	} {
		if got := home.MapsRoot(text); got != want {
			t.Errorf("uid_map %q maps root: %v, want %v", text, got, want)
		}
	}
}

// TestNothingOfAnOpenHomeIsUsed opens each directory of a home, and all that leads to
// it, to other users, and calls every function of the package.
func TestNothingOfAnOpenHomeIsUsed(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "deep", "gait")
	key, next := ledgertest.Key(ledgertest.Origin), ledgertest.KeyAfter(ledgertest.Origin, 1)
	vkey := key.VerifierKey()
	signed := signedAt(t, 1, key)
	calls := map[string]struct {
		in   string // the directory that it reads or writes
		call func() error
	}{
		"AddKey":        {"keys", func() error { return home.AddKey(dir, newKey(t, "new.example")) }},
		"AddWitness":    {"ledgers", func() error { return home.AddWitness(dir, vkey.Name(), home.Witness{}) }},
		"CheckWritable": {"keys/next", func() error { return home.CheckWritable(dir, vkey.Name()) }},
		"Ready":         {"ledgers", func() error { return home.Ready(dir, vkey) }},
		"CheckUnused":   {"keys", func() error { return home.CheckUnused(dir, vkey.Name(), vkey) }},
		"Distrust":      {"", func() error { _, _, err := home.Distrust(dir, vkey.PublicKey()); return err }},
		"DropNextKey":   {"keys/next", func() error { return home.DropNextKey(dir, vkey.Name()) }},
		"IsRotated":     {"ledgers", func() error { _, err := home.IsRotated(dir, vkey); return err }},
		"RotatedKeys":   {"ledgers", func() error { _, err := home.RotatedKeys(dir); return err }},
		"SyncSeen":      {"ledgers", func() error { return home.SyncSeen(dir, vkey.Name()) }},
		"Keep":          {"ledgers", func() error { return home.Keep(dir, signed, vkey) }},
		"KeepConflict":  {"ledgers", func() error { _, err := home.KeepConflict(dir, vkey.Name(), nil); return err }},
		"Forks":         {"ledgers", func() error { _, err := home.Forks(dir); return err }},
		"KeepFork": {"ledgers", func() error {
			_, err := home.KeepFork(dir, &home.JobFork{Origin: vkey.Name()}, home.FoundPack, strings.NewReader(""), ledger.Hash{})
			return err
		}},
		"SeenContinued": {"continued", func() error { _, _, err := home.SeenContinued(dir, "gait.test/old", "job_1"); return err }},
		"AnyContinued":  {"continued", func() error { _, err := home.AnyContinued(dir); return err }},
		"NoteContinued": {"continued", func() error {
			_, err := home.NoteContinued(dir, home.ContinuedSeen{JobID: "job_1", JobSeq: 1, Origin: "gait.test/old", Successor: "gait.test/new"})
			return err
		}},
		"Remembered":          {"ledgers", func() error { _, err := home.Remembered(dir); return err }},
		"SeenJobs":            {"ledgers", func() error { _, err := home.SeenJobs(dir, []ledger.VerifierKey{vkey}); return err }},
		"Keys":                {"keys", func() error { _, err := home.Keys(dir); return err }},
		"LoadGuard":           {"ledgers", func() error { _, err := home.LoadGuard(dir, vkey); return err }},
		"NextKey":             {"keys/next", func() error { _, err := home.NextKey(dir, vkey.Name()); return err }},
		"OtherTrusted":        {"", func() error { _, err := home.OtherTrusted(dir, []ledger.VerifierKey{vkey}); return err }},
		"PromoteKey":          {"keys/next", func() error { return home.PromoteKey(dir, next.VerifierKey()) }},
		"AddNextKey":          {"keys/next", func() error { _, _, err := home.AddNextKey(dir, newKey(t, "new.example")); return err }},
		"PutAwayKey":          {"keys/retired", func() error { _, err := home.PutAwayKey(dir, vkey); return err }},
		"PutNextKey":          {"keys/next", func() error { return home.PutNextKey(dir, next) }},
		"ReadRetirementNote":  {"ledgers", func() error { _, _, err := home.ReadRetirementNote(dir, vkey.Name()); return err }},
		"Remember":            {"ledgers", func() error { return home.Remember(dir, signed, true, vkey) }},
		"Ends":                {"ledgers", func() error { _, err := home.Ends(dir, vkey.Name()); return err }},
		"KeepEnds":            {"ledgers", func() error { return home.KeepEnds(dir, ledger.End{Key: vkey, Size: 9}) }},
		"RemoveWitness":       {"ledgers", func() error { _, err := home.RemoveWitness(dir, vkey.Name(), "x"); return err }},
		"RetireKey":           {"keys/retired", func() error { _, err := home.RetireKey(dir, vkey.Name()); return err }},
		"ImportKey":           {"keys", func() error { _, err := home.ImportKey(dir, newKey(t, "new.example")); return err }},
		"KnownRoots":          {"roots", func() error { _, err := home.KnownRoots(dir); return err }},
		"KnownRootWrite":      {"roots", func() error { return home.KnownRoot{Dir: "/srv/jobs", Key: vkey}.Write(dir) }},
		"PrivateOf":           {"keys", func() error { _, err := home.PrivateOf(dir, vkey); return err }},
		"ReadKnownRoot":       {"roots", func() error { _, _, err := home.ReadKnownRoot(dir, "/srv/jobs"); return err }},
		"RemoveUnused":        {"keys", func() error { return home.RemoveUnused(dir, next.VerifierKey()) }},
		"RemoveKey":           {"keys", func() error { return home.RemoveKey(dir, home.KeyFile{}) }},
		"IndexNoteWrite":      {"ledgers", func() error { return home.IndexNote{Origin: vkey.Name(), At: []home.IndexAt{{Size: 1}}}.Write(dir) }},
		"ReadIndexKeys":       {"keys", func() error { _, _, err := home.ReadIndexKeys(dir, vkey); return err }},
		"ReadIndexNote":       {"ledgers", func() error { _, _, err := home.ReadIndexNote(dir, vkey.Name()); return err }},
		"RetirementNoteWrite": {"ledgers", func() error { return home.RetirementNote{Origin: vkey.Name()}.Write(dir) }},
		"Seen":                {"ledgers", func() error { _, _, err := home.Seen(dir, vkey); return err }},
		"SigningKey":          {"keys", func() error { _, err := home.SigningKey(dir, vkey.Name()); return err }},
		"TrustOwn":            {"", func() error { return home.TrustOwn(dir, vkey.PublicKey()) }},
		"Trust":               {"", func() error { _, err := home.Trust(dir, vkey.PublicKey()); return err }},
		"TrustedKeys":         {"", func() error { _, err := home.TrustedKeys(dir); return err }},
		"Tokens":              {"ledgers", func() error { _, err := home.Tokens(dir, vkey.Name()); return err }},
		"AddToken":            {"ledgers", func() error { return home.AddToken(dir, vkey.Name(), home.Token{}) }},
		"RemoveToken":         {"ledgers", func() error { _, err := home.RemoveToken(dir, vkey.Name(), "x"); return err }},
		"TokenReader":         {"ledgers", func() error { _, _, err := home.NewTokenReader(dir, vkey.Name()).Token("x"); return err }},
		"Witnesses":           {"ledgers", func() error { _, err := home.Witnesses(dir, vkey.Name()); return err }},
	}
	must(t, home.AddKey(dir, key))
	must(t, home.PutNextKey(dir, next))
	must(t, home.Remember(dir, signedAt(t, 2, next), true, vkey, next.VerifierKey()))
	must(t, home.KnownRoot{Dir: "/srv/jobs", Key: vkey}.Write(dir))
	for name, tt := range calls {
		for _, open := range []string{filepath.Join(top, "deep"), dir, filepath.Join(dir, tt.in)} {
			was, err := os.Stat(open)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			must(t, err)
			must(t, os.Chmod(open, 0o777))
			err = tt.call()
			must(t, os.Chmod(open, was.Mode().Perm()))
			if unsafe, ok := errors.AsType[*home.UnsafeError](err); !ok || unsafe.Path != open || unsafe.Hint != "chmod go-w '"+open+"'" {
				t.Errorf("%s with %s open to others = %v, want an UnsafeError about it", name, open, err)
			}
		}
	}
}

// TestOwners gives a directory above the home, the home, and a file in it to another
// user.
func TestOwners(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	top := t.TempDir()
	dir := filepath.Join(top, "deep", "gait")
	_, err := home.Trust(dir, newKey(t, "owned.example").VerifierKey().PublicKey())
	must(t, err)
	trust := home.TrustPath(dir)
	for _, path := range []string{filepath.Join(top, "deep"), dir, trust} {
		want := "run it as that user: sudo -u '#4711' -H gait …; or name a directory of root's own"
		if path == trust {
			want = "chown 0 '" + trust + "'"
		}
		must(t, os.Lchown(path, 4711, -1))
		_, err := home.TrustedKeys(dir)
		must(t, os.Lchown(path, 0, -1))
		if unsafe, ok := errors.AsType[*home.UnsafeError](err); !ok || unsafe.Path != path || unsafe.Hint != want {
			t.Errorf("TrustedKeys with %s of another user = %v, want an UnsafeError about it", path, err)
		}
	}
	if _, err := home.TrustedKeys(dir); err != nil {
		t.Errorf("TrustedKeys with everything given back = %v", err)
	}
}

// Every exported function that takes a home is in the table of
// TestNothingOfAnOpenHomeIsUsed, but for those that only make paths and those that look.
func TestEveryFunctionIsTried(t *testing.T) {
	tried := read(t, "way_test.go")
	for _, name := range homeFunctions(t) {
		switch name {
		case "CheckHome", "KeyDir", "KeyPath", "LedgerDir", "KnownRootPath", "TokensPath", "TrustPath", "Trusts":
			continue
		}
		if !strings.Contains(string(tried), "home."+name+"(dir") {
			t.Errorf("%s is not called with a home that others can write", name)
		}
	}
}

// homeFunctions returns the exported functions whose first parameter is a home.
func homeFunctions(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	must(t, err)
	for _, name := range files {
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		must(t, err)
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv != nil || !fn.Name.IsExported() || len(fn.Type.Params.List) == 0 {
				continue
			}
			if params := fn.Type.Params.List[0].Names; len(params) > 0 && params[0].Name == "home" {
				names = append(names, fn.Name.Name)
			}
		}
	}
	if len(names) < 25 {
		t.Fatalf("only %v take a home", names)
	}
	return names
}
