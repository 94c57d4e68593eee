package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"gait/ledger"
)

// A ledger of two events, and the proof that the second is in its signed tree:
// the worked example of the package documentation.
func Example() {
	key, err := ledger.GenerateKey(bytes.NewReader(make([]byte, 32)), "gait.example/log1") // for an example only: a real key needs random bytes
	check(err)
	created, err := ledger.Seal(ledger.Draft{
		ID: "01KAQ2C3TAW6FTY9CXR1Q0KF8M", Origin: key.Name(), Actor: "os:ada",
		Time:    time.Date(2026, 11, 22, 20, 32, 58, 0, time.UTC),
		Payload: ledger.LedgerCreated{Format: ledger.Format, Key: key.VerifierKey().String()},
	})
	check(err)
	submitted, err := ledger.Seal(ledger.Draft{
		Seq: 1, ID: "01KAQ2C3TBW6FTY9CXR1Q0KF8N", Origin: key.Name(), Actor: "worker_1",
		Time: time.Date(2026, 11, 22, 20, 32, 58, 58e6, time.UTC), Prev: created.LeafHash(),
		JobID: "job_1", JobSeq: 1, Revision: 1,
		Payload: ledger.Submitted{EnvironmentFingerprint: "envfp:1", ProducerVersion: "1.0.0"},
	})
	check(err)

	var tree ledger.Tree
	for _, e := range []ledger.Event{created, submitted} {
		byHand := sha256.Sum256(append([]byte{0x00}, e.Bytes()...))
		fmt.Printf("%s\n%s\nby hand: %t\n", e.Bytes(), e.LeafHash(), e.LeafHash() == byHand)
		tree.Append(e.LeafHash(), nil)
	}
	left, right := created.LeafHash(), submitted.LeafHash()
	byHand := sha256.Sum256(append(append([]byte{0x01}, left[:]...), right[:]...))
	fmt.Printf("root by hand: %t\n", tree.Root() == byHand)

	signed, err := ledger.Checkpoint{Origin: key.Name(), Size: tree.Size(), Root: tree.Root()}.Sign(key)
	check(err)
	proof := ledger.Proof{Seq: 1, Path: []ledger.Hash{left}, Checkpoint: signed}
	checkpoint, err := ledger.OpenCheckpoint(proof.Checkpoint, key.VerifierKey())
	check(err)
	check(proof.Check(right, checkpoint))
	fmt.Print(proof)
	// Output:
	// {"actor":"os:ada","created_at":"2026-11-22T20:32:58.000Z","event_id":"01KAQ2C3TAW6FTY9CXR1Q0KF8M","origin":"gait.example/log1","payload":{"format":1,"key":"gait.example/log1+b7ecafab+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"},"schema_id":"gait.ledger.event","schema_version":"1.0.0","seq":0,"type":"ledger_created"}
	// 8a356afee6cca05ae798223b3da676721a589d88c6b680854481af45a93c08cd
	// by hand: true
	// {"actor":"worker_1","created_at":"2026-11-22T20:32:58.058Z","event_id":"01KAQ2C3TBW6FTY9CXR1Q0KF8N","job_id":"job_1","job_seq":1,"origin":"gait.example/log1","payload":{"environment_fingerprint":"envfp:1","producer_version":"1.0.0"},"prev":"8a356afee6cca05ae798223b3da676721a589d88c6b680854481af45a93c08cd","revision":1,"schema_id":"gait.ledger.event","schema_version":"1.0.0","seq":1,"type":"submitted"}
	// ff21aa6c0dcf2913947fd2944ab7e235307b461224c8d29c6672622afb86f5fc
	// by hand: true
	// root by hand: true
	// c2sp.org/tlog-proof@v1
	// index 1
	// ijVq/ubMoFrnmCI7PaZ2chpYnYjGtoCFRIGvRak8CM0=
	//
	// gait.example/log1
	// 2
	// uJRU8vUR9ZR8H4Jg5kfoQ1okO/8cmXEQ6VJWg/sIYfM=
	//
	// — gait.example/log1 t+yvq91P5/fNr9e2x23R7WIXdKTuytuNVLPA5QlZvn54wZ3jl19g4/Qny/gUxCto10fj+g9E98l6a+tvsENcdRk7aAs=
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// The bytes in the package documentation are those that Example prints.
func TestDocShowsExample(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	check(err)
	src, err := os.ReadFile("example_test.go")
	check(err)
	_, output, _ := strings.Cut(string(src), "// Output:\n")
	output, _, _ = strings.Cut(output, "\n}")
	lines := 0
	for line := range strings.Lines(output) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "// ")
		if line == "//" || strings.Contains(line, "by hand: ") {
			continue
		}
		lines++
		if !strings.Contains(string(doc), "//\t"+line+"\n") {
			t.Errorf("doc.go lacks the line %s", line)
		}
	}
	if lines < 11 {
		t.Errorf("Example prints %d lines of the format, want at least 11", lines)
	}
}
