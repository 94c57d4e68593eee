package packspec_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"runtime"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/packspec"
	"gait/packspec/finding"
)

// A stranger cannot make a verifier compute the index of request ids that it made up: 32
// bytes of a pack would become 150 in memory. The pack does not verify in any case.
func TestRequestsOfAStranger(t *testing.T) {
	const many = 100_000
	keys := make([]mpt.Key, many)
	for i := range keys {
		keys[i] = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
	}
	requests, content := ledger.RequestsOf(keys)
	key := ledgertest.Key("gait.test/stranger")
	first := ledgertest.First(key.VerifierKey()).Draft()
	p, _ := first.Payload.(ledger.LedgerCreated)
	p.Predecessor = &ledger.Predecessor{Origin: originBefore, Requests: requests}
	first.Payload = p
	event0, err := ledger.Seal(first)
	if err != nil {
		t.Fatal(err)
	}
	log, err := ledgertest.CreateWith(ledgertest.Dir, event0, ledgertest.Options{FS: ledgertest.NewFS(t), Signer: key, Inherited: content})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	var b packspec.Buffer
	o := packspec.RangeOptions{Content: func(ledger.Hash) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }}
	if _, err := packspec.BuildRange(t.Context(), &b, log, 0, -1, key, o); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := verify(t, b.Bytes(), ledgertest.Key(ledgertest.Origin))
	runtime.ReadMemStats(&after)
	chain := r.Level(finding.LevelChain).Detail
	if r.Failure == nil || r.Failure.Code != finding.CodeUntrustedKey || r.TrustedBy != "" || !strings.Contains(chain, "no key that you trust has signed the request ids") {
		t.Errorf("a stranger's pack: %+v, trusted by %q, %q", r.Failure, r.TrustedBy, chain)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
		t.Errorf("a stranger's pack of %d request ids took %d bytes", many, used)
	}
	if r := verify(t, b.Bytes(), key); !r.Verified || strings.Contains(r.Level(finding.LevelChain).Detail, "unchecked") {
		t.Errorf("the same under its key: %+v, %+v", r.Failure, r.Levels)
	}
}
