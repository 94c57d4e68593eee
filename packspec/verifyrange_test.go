package packspec_test

import (
	"fmt"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/packtest"
)

// The instructions in a range pack's VERIFY.md work for trees of every shape, and find
// changes even if the manifest lists them.
func TestVerifyRangeMD(t *testing.T) {
	needPython(t)
	for _, tt := range []struct{ events, from, to int }{{2, 0, 1}, {3, 0, 0}, {255, 0, 254}, {256, 0, 255}, {257, 0, 256}, {257, 256, 256}, {513, 256, 300}, {700, 300, 600}, {700, 0, 699}} {
		l := long(t, max(tt.events, 3))
		if tt.events == 2 {
			l = ledgertest.New(t)
			ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
		}
		fs := files(t, buildRange(t, l, ledger.Seq(tt.from), ledger.Seq(tt.to)))
		from, to := tt.from/256*256, min((tt.to/256+1)*256, tt.events)-1
		want := fmt.Sprintf("OK: events %d to %d of %s, in a tree of %d\n", from, to, ledgertest.Origin, tt.events)
		if out, err := check(t, program(t, fs), fs, l.Key.VerifierKey().String()); err != nil || out != want {
			t.Errorf("%+v: %v\n%swant %s", tt, err, out, want)
		}
	}
}

func TestVerifyRangeMDForged(t *testing.T) {
	needPython(t)
	l := long(t, 600)
	honest := files(t, buildRange(t, l, 0, -1))
	code, vkey := program(t, honest), l.Key.VerifierKey().String()
	for _, name := range ledgertest.Pick(t, []string{
		"tile/entries/001", "tile/entries/002.p/88", "tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2", "checkpoint", "ledger_created.json",
		"ledger_created.tlog-proof", "pack_manifest.json",
	}, 4) {
		for _, at := range []int{7, 40} {
			forged := packtest.Set(slices.Clone(honest), name, flip(file(honest, name).Data, 8*at+1))
			if name != "pack_manifest.json" {
				sign(t, forged, l.Key) // even by the ledger's own key
			}
			if out, err := check(t, code, forged, vkey); err == nil {
				t.Errorf("%s changed: %s", name, out)
			}
		}
		if fewer := slices.DeleteFunc(slices.Clone(honest), func(f packspec.File) bool { return f.Name == name }); name != "pack_manifest.json" {
			sign(t, fewer, l.Key)
			if out, err := check(t, code, fewer, vkey); err == nil {
				t.Errorf("%s left out: %s", name, out)
			}
		}
	}
	if out, err := check(t, code, honest, ledgertest.KeyAfter(ledgertest.Origin, 5).VerifierKey().String()); err == nil {
		t.Errorf("under another key: %s", out)
	}
	rotated, keys := rotated(t)
	var b packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &b, rotated.Log, 0, -1, keys[2], packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	for i, key := range keys {
		if out, err := check(t, code, files(t, b.Bytes()), key.VerifierKey().String()); err != nil {
			t.Errorf("a rotated ledger under key %d: %v\n%s", i, err, out)
		}
	}
}
