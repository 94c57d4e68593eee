package packspec_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/packspec"
	"gait/packspec/packtest"
)

// newerEvents change the text of an event to what only a newer version can read.
var newerEvents = []struct{ name, old, with string }{
	{"of a later version", `"schema_version":"1.`, `"schema_version":"1.9`},
	{"of a later version, in another form", `,"schema_version":"1.`, ` , "schema_version":"2.`},
	{"with a command", `"created_at":`, `"command":"Y21k","created_at":`},
}

// Both verifiers say of each event that only a newer version can read that it is of a newer
// version, wherever it stands.
func TestNewerEvents(t *testing.T) {
	needPython(t)
	key := testKey(t, 1)
	log := indexed(t, key)
	honest := build(t, log, "job_1")
	turned, keys := rotated(t)
	commitIndex(t, turned)
	var all []judgement
	refused := func(j judgement) {
		t.Helper()
		if all = append(all, j); j.exit != 6 {
			t.Errorf("%s: gait exits %d, want 6", j.name, j.exit)
		}
	}
	format := struct{ name, old, with string }{"of another format", `"format":1`, `"format":2`}
	for _, tt := range append(newerEvents, format) {
		for _, entry := range []string{"ledger_created.json", "ledger_events.jsonl", "index_committed.json"} {
			if tt == format && entry != "ledger_created.json" {
				continue
			}
			f := &forger{t: t, log: log, files: files(t, honest)}
			f.replace(entry, tt.old, tt.with)
			sign(t, f.files, key)
			refused(judge(t, entry+" "+tt.name, packtest.Archive(f.files), key))
		}
	}
	agree(t, all, key.VerifierKey().String())

	all = nil
	pack := buildBy(t, turned, keys[2])
	proof := proveJob(t, turned.Log, "job_1").IndexProof
	for _, tt := range newerEvents {
		f := &forger{t: t, files: files(t, pack)}
		f.replace("keys/0002.json", tt.old, tt.with)
		sign(t, f.files, keys[2])
		refused(judge(t, "keys/0002.json "+tt.name, packtest.Archive(f.files), keys[0]))
		for name, event := range map[string]func(*packspec.IndexProof) *string{
			"created":    func(p *packspec.IndexProof) *string { return &p.Created },
			"commitment": func(p *packspec.IndexProof) *string { return &p.Commitment },
			"event":      func(p *packspec.IndexProof) *string { return &p.Event },
			"rotations": func(p *packspec.IndexProof) *string {
				p.Rotations = append([]packspec.RotationProof(nil), p.Rotations...)
				return &p.Rotations[1].Event
			},
		} {
			p := proof
			text := event(&p)
			*text = strings.Replace(*text, tt.old, tt.with, 1)
			refused(judgeIndex(t, "an index proof: "+name+" "+tt.name, encode(t, packspec.JobProof{IndexProof: p}), keys[0]))
		}
	}
	agree(t, all, keys[0].VerifierKey().String())
}

// handmade is an index proof of a ledger of three events, which the key's holder has made:
// those of a genuine one, and then what change makes of the texts of the last two.
func handmade(t *testing.T, key ledger.PrivateKey, change func(event, commitment string) (string, string)) packspec.IndexProof {
	t.Helper()
	l := newLog(t, key)
	newScript(t, l).ok("job_1", "worker_1", "", commands.Submit{EnvironmentFingerprint: "e", ProducerVersion: "1"})
	l.commit()
	p := proveJob(t, l, "job_1").IndexProof
	event, commitment := change(p.Event, p.Commitment)
	newest := ledger.LeafHash([]byte(event))
	index, err := new(mpt.Tree).Set(t.Context(), nil, []mpt.Entry{{Key: ledger.JobKey("job_1"), Value: mpt.Value(newest)}})
	if err != nil {
		t.Fatal(err)
	}
	path, err := index.Prove(t.Context(), nil, ledger.JobKey("job_1"))
	if err != nil {
		t.Fatal(err)
	}
	committed, _ := l.event(2).Payload().(ledger.IndexCommitted)
	commitment = strings.Replace(commitment, committed.Index.String(), ledger.Hash(index.Root()).String(), 1)
	node := func(a, b ledger.Hash) ledger.Hash {
		return sha256.Sum256(append(append([]byte{1}, a[:]...), b[:]...))
	}
	first, last := ledger.LeafHash([]byte(p.Created)), ledger.LeafHash([]byte(commitment))
	signed, err := ledger.Checkpoint{Origin: origin, Size: 3, Root: node(node(first, newest), last)}.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	proof := func(seq int, path ...ledger.Hash) string {
		var text strings.Builder
		fmt.Fprintf(&text, "c2sp.org/tlog-proof@v1\nindex %d\n", seq)
		for _, h := range path {
			fmt.Fprintln(&text, base64.StdEncoding.EncodeToString(h[:]))
		}
		fmt.Fprintf(&text, "\n%s", signed)
		return text.String()
	}
	p.Event, p.Commitment, p.Path = event, commitment, path.Encode()
	p.CreatedProof, p.CommitmentProof = proof(0, newest, last), proof(2, node(first, newest))
	return p
}

func replace(old, with string) func(string) string {
	return func(text string) string { return strings.Replace(text, old, with, 1) }
}

func same(text string) string { return text }

// malformedInTree change what handmade makes.
var malformedInTree = []struct {
	name              string
	event, commitment func(string) string
	exit              int
}{
	{"as they are", same, same, 0},
	{"an event of an unknown type", replace(`"type":"submitted"`, `"type":"exploded"`), same, 2},
	{"an event with another schema", replace(`"schema_id":"gait.ledger.event"`, `"schema_id":"gait.ledger.fact"`), same, 2},
	{"a commitment with an unknown field", same, replace(`"payload":{`, `"payload":{"at":1,`), 2},
	{"a commitment by another actor", same, replace(`"actor":"gait"`, `"actor":"mallory"`), 2},
	{"a commitment of a later version", same, replace(`"schema_version":"1.2.0"`, `"schema_version":"1.9.0"`), 6},
}

// Both verifiers refuse what is no event and no job, though the key's holder has put it into
// the tree and into the index.
func TestMalformedEventsInTheTree(t *testing.T) {
	needPython(t)
	key := testKey(t, 1)
	var all []judgement
	for _, tt := range malformedInTree {
		p := handmade(t, key, func(event, commitment string) (string, string) { return tt.event(event), tt.commitment(commitment) })
		j := judgeIndex(t, tt.name, encode(t, packspec.JobProof{IndexProof: p}), key)
		if all = append(all, j); j.exit != tt.exit {
			t.Errorf("%s: gait exits %d, want %d", tt.name, j.exit, tt.exit)
		}
	}
	l := indexed(t, key)
	for _, job := range []string{"job_9", "z z", ""} {
		p, err := packspec.ProveAbsent(t.Context(), l, "job_9", packspec.IndexOptions{})
		if err != nil {
			t.Fatal(err)
		}
		_, paths, err := l.IndexAt(t.Context(), 12, ledger.JobKey(job))
		if err != nil {
			t.Fatal(err)
		}
		p.JobID, p.Path = job, paths[0].Encode()
		j := judgeIndex(t, fmt.Sprintf("the absence of %q", job), encode(t, p), key)
		if all = append(all, j); (j.exit == 0) != (job == "job_9") {
			t.Errorf("%s: gait exits %d", j.name, j.exit)
		}
		p.SchemaVersion = ""
		if j = judgeIndex(t, "a proof without a version", encode(t, p), key); j.exit != 2 {
			t.Errorf("%s: gait exits %d", j.name, j.exit)
		}
		all = append(all, j)
	}
	agree(t, all, key.VerifierKey().String())
}

// indexOf returns the index of events. It does not mind a request id that is used twice.
func indexOf(t testing.TB, events []ledger.Event) (index mpt.Tree) {
	t.Helper()
	for _, e := range events {
		entries := ledger.IndexEntries(e)
		slices.SortFunc(entries, func(a, b mpt.Entry) int { return bytes.Compare(a.Key[:], b.Key[:]) })
		var err error
		if index, err = index.Set(t.Context(), nil, entries); err != nil {
			t.Fatal(err)
		}
	}
	return index
}

// Event 0, a job's events and the commitment use no request id twice.
func TestRequestIDsOfAPack(t *testing.T) {
	needPython(t)
	key := testKey(t, 1)
	var all []judgement
	for _, tt := range []struct {
		name string
		seqs []int // of the events that use one request id
		exit int
	}{
		{"none", nil, 0},
		{"one", []int{1}, 0},
		{"event 0", []int{0}, 0},
		{"event 0 and an event", []int{0, 1}, 2},
		{"two events", []int{1, 2}, 2},
		{"an event and the commitment", []int{2, 3}, 2},
		{"event 0 and the commitment", []int{0, 3}, 2},
	} {
		l := newLog(t, key)
		s := newScript(t, l)
		s.ok("job_1", "worker_1", "", commands.Submit{EnvironmentFingerprint: "e", ProducerVersion: "1"})
		s.ok("job_1", "worker_1", "", commands.Pause{})
		l.commit()
		events := l.all()
		for _, seq := range tt.seqs {
			events = edited(events, seq, func(d *ledger.Draft) { d.RequestID, d.RequestDigest = "r1", ledger.LeafHash(nil) })
		}
		events = ledgertest.Chain(t, events...)
		index := indexOf(t, events[:3])
		events = ledgertest.Chain(t, edited(events, 3, func(d *ledger.Draft) { d.Payload = ledger.IndexCommitted{Index: ledger.Hash(index.Root())} })...)
		path, err := index.Prove(t.Context(), nil, ledger.JobKey("job_1"))
		if err != nil {
			t.Fatal(err)
		}
		forged := ledgertest.Forge(t, key, events...)
		_, signed := forged.Checkpoint()
		proof, err := forged.ProofIn(t.Context(), signed, 3)
		if err != nil {
			t.Fatal(err)
		}
		f := &forger{t: t, log: l, files: files(t, build(t, l, "job_1")), job: "job_1", at: l.at("job_1")}
		f.set("ledger_created.json", events[0].Bytes())
		f.events(events[1:3])
		f.set("index_committed.json", events[3].Bytes())
		f.set("index_committed.tlog-proof", []byte(proof.String()))
		f.set("index.mpt-proof", path.Encode())
		f.proofs(forged, 0, 2)
		j := judge(t, tt.name, f.pack("ledger"), key)
		if all = append(all, j); j.exit != tt.exit {
			t.Errorf("%s: gait exits %d, want %d", tt.name, j.exit, tt.exit)
		}
	}
	agree(t, all, key.VerifierKey().String())
}
