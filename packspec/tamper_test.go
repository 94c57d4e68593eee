package packspec_test

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/packtest"
)

// small returns the pack of a short job in evidence format 1, and its key.
func small(t testing.TB) ([]byte, ledger.PrivateKey) {
	log := smallLog(t)
	return buildFirst(t, log, "j"), log.key
}

// smallIndexed returns the pack of the same job with a commitment to the index.
func smallIndexed(t testing.TB) ([]byte, ledger.PrivateKey) {
	log := smallLog(t)
	log.commit()
	return build(t, log, "j"), log.key
}

func smallLog(t testing.TB) *testLog {
	key := testKey(t, 1)
	log := newLog(t, key)
	s := newScript(t, log)
	s.ok("j", "w", "", commands.Submit{EnvironmentFingerprint: "e", ProducerVersion: "p"})
	s.ok("j", "w", "", commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "s"})
	return log
}

// enough is the number of variants of each kind that go test tries, out of tens of
// thousands. With -every it tries all.
const enough = 1000

// tried verifies a sample of n variants of a pack on two goroutines. None may verify.
func tried(t *testing.T, n int, key ledger.PrivateKey, variant func(i int) []byte) {
	t.Helper()
	triedAtMost(t, n, enough, key, variant)
}

func triedAtMost(t *testing.T, n, most int, key ledger.PrivateKey, variant func(i int) []byte) {
	t.Helper()
	o := packspec.Options{Trusted: []packspec.TrustedKey{{Key: key.VerifierKey().PublicKey(), From: "test"}}}
	sample := ledgertest.Sample(t, n, most)
	var wg sync.WaitGroup
	for worker := range 2 {
		wg.Go(func() {
			for at := worker; at < len(sample); at += 2 {
				i := sample[at]
				pack := variant(i)
				if r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), o); err == nil && r.Verified {
					t.Errorf("variant %d of %d verifies", i, n)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d of %d variants, none verifies", len(sample), n)
}

func flip(b []byte, bit int) []byte {
	b = slices.Clone(b)
	b[bit/8] ^= 1 << (bit % 8)
	return b
}

// No flipped bit of a pack stays unseen.
func TestEveryBitFlipped(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of packs")
	}
	pack, key := smallIndexed(t)
	if r := verify(t, pack, key); !r.Verified {
		t.Fatal(r.Failure)
	}
	tried(t, 8*len(pack), key, func(i int) []byte { return flip(pack, i) })
}

// No flipped bit of a file stays unseen, even if CRC, the manifest's digests and pack_id
// are corrected.
func TestBitsFlippedInSoundArchive(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of packs")
	}
	pack, key := smallIndexed(t)
	fs := files(t, pack)
	last := len(fs) - 1
	signed := fs[last].Data
	at := bytes.Index(signed, []byte(`,"signatures":`))
	end := bytes.Index(signed, []byte(`,"source_ref"`))
	if m := packspec.NewManifest("j", "2026-11-22T20:03:00.123Z", fs[:last], key); !bytes.Equal(canonical(t, m), signed) {
		t.Fatalf("the manifest made again is %+v", m)
	}
	for n, f := range fs[:last] {
		step := 1 + len(f.Data)/150
		triedAtMost(t, 8*len(f.Data)/step, enough/10, key, func(i int) []byte {
			forged := slices.Clone(fs)
			forged[n].Data = flip(f.Data, i*step)
			m := canonical(t, packspec.NewManifest("j", "2026-11-22T20:03:00.123Z", forged[:last], nil))
			cut := bytes.Index(m, []byte(`,"source_ref"`))
			forged[last].Data = slices.Concat(m[:cut], signed[at:end], m[cut:])
			return packspec.Archive(forged)
		})
	}
	tried(t, 8*len(signed)/7, key, func(i int) []byte {
		forged := slices.Clone(fs)
		forged[last].Data = flip(signed, 7*i)
		return packspec.Archive(forged)
	})
}

func TestEveryTruncation(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of packs")
	}
	pack, key := smallIndexed(t)
	tried(t, len(pack), key, func(i int) []byte { return pack[:i] })
	tried(t, len(pack), key, func(i int) []byte { return pack[len(pack)-i:] })
}

// No inserted byte stays unseen, at any place.
func TestEveryInsertion(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of packs")
	}
	pack, key := smallIndexed(t)
	tried(t, len(pack)+1, key, func(i int) []byte { return slices.Insert(slices.Clone(pack), i, 'x') })
	tried(t, len(pack), key, func(i int) []byte { return slices.Insert(slices.Clone(pack), i, pack[i]) })
	tried(t, len(pack), key, func(i int) []byte { return slices.Delete(slices.Clone(pack), i, i+1) })
}

// Each entry is removed, repeated, renamed, swapped with the next, or emptied.
func TestEveryEntry(t *testing.T) {
	pack, key := smallIndexed(t)
	fs := files(t, pack)
	changes := []func(fs []packspec.File, i int) []packspec.File{
		func(fs []packspec.File, i int) []packspec.File { return slices.Delete(fs, i, i+1) },
		func(fs []packspec.File, i int) []packspec.File { return slices.Insert(fs, i, fs[i]) },
		func(fs []packspec.File, i int) []packspec.File { return append(fs, fs[i]) },
		func(fs []packspec.File, i int) []packspec.File { fs[i].Name += "x"; return fs },
		func(fs []packspec.File, i int) []packspec.File { fs[i].Name = "../" + fs[i].Name; return fs },
		func(fs []packspec.File, i int) []packspec.File { fs[i].Data = nil; return fs },
		func(fs []packspec.File, i int) []packspec.File {
			j := (i + 1) % len(fs)
			fs[i], fs[j] = fs[j], fs[i]
			return fs
		},
		func(fs []packspec.File, i int) []packspec.File {
			j := (i + 1) % len(fs)
			fs[i].Data, fs[j].Data = fs[j].Data, fs[i].Data
			return fs
		},
	}
	tried(t, len(changes)*len(fs), key, func(i int) []byte {
		return packspec.Archive(changes[i%len(changes)](slices.Clone(fs), i/len(changes)))
	})
}

// Each event is dropped, repeated at each place, and swapped with each other one. Links
// are kept or corrected, and the signature is the old one or a new one by the ledger's key.
func TestEveryEvent(t *testing.T) {
	key := testKey(t, 1)
	log := history(t, key)
	honest := files(t, build(t, log, "job_1"))
	n := len(log.job("job_1"))
	var changes []func([]ledger.Event) []ledger.Event
	for i := range n {
		changes = append(changes, without(i))
		for j := range n + 1 {
			changes = append(changes, func(e []ledger.Event) []ledger.Event { return slices.Insert(e, j, e[i]) })
		}
		for j := range i {
			changes = append(changes, func(e []ledger.Event) []ledger.Event { e[i], e[j] = e[j], e[i]; return e })
		}
	}
	tried(t, 4*len(changes), key, func(i int) []byte {
		f := &forger{t: t, log: log, files: slices.Clone(honest), job: "job_1", at: log.at("job_1")}
		changeEvents(i%2 == 0, changes[i/4])(f)
		if i/2%2 == 0 {
			return f.pack("ledger")
		}
		if err := packtest.Relist(f.files); err != nil {
			t.Error(err)
		}
		return packtest.Archive(f.files)
	})
}
