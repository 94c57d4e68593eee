package packspec_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/packspec"
	"gait/projection"
)

func canonical(t testing.TB, v any) []byte {
	t.Helper()
	b, err := projection.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// swapLines swaps two lines of a file.
func swapLines(name string, i, j int) func(*forger) {
	return func(f *forger) {
		lines := bytes.Split(file(f.files, name).Data, []byte("\n"))
		lines[i], lines[j] = lines[j], lines[i]
		f.set(name, bytes.Join(lines, []byte("\n")))
	}
}

// events changes the job's events as they are, rechained where chained.
func changeEvents(chained bool, change func([]ledger.Event) []ledger.Event) func(*forger) {
	return func(f *forger) {
		events := change(f.log.job("job_1"))
		if chained {
			events = f.chain(events)
		}
		f.events(events)
	}
}

func without(i int) func([]ledger.Event) []ledger.Event {
	return func(events []ledger.Event) []ledger.Event { return slices.Delete(events, i, i+1) }
}

var forgeries = []forgery{
	// An attacker who has the producer's code and not the key.
	{"signed by another key", func(*forger) {}, "other", "signature", packspec.CodeSignatureInvalid},
	{"signature stripped", func(*forger) {}, "nobody", "signature", packspec.CodeSignatureMissing},
	{"signature list emptied", func(f *forger) {
		data := string(file(f.files, "pack_manifest.json").Data)
		i, j := strings.Index(data, `"signatures":[`), strings.Index(data, `],"source_ref"`)
		f.set("pack_manifest.json", []byte(data[:i]+`"signatures":[`+data[j:]))
	}, "keep", "signature", packspec.CodeSignatureMissing},
	{"the whole ledger made anew", func(f *forger) {
		fake := history(f.t, testKey(f.t, 2))
		f.files, f.log = files(f.t, build(f.t, fake, "job_1")), fake
	}, "keep", "signature", packspec.CodeKeyMismatch},
	{"made anew under the true key's name in event 0", func(f *forger) {
		fake := history(f.t, testKey(f.t, 2))
		created := file(f.files, "ledger_created.json").Data
		f.files = files(f.t, build(f.t, fake, "job_1"))
		f.set("ledger_created.json", created)
	}, "other", "chain", packspec.CodeChain},
	{"the true key's file beside another event 0", func(f *forger) {
		fake := history(f.t, testKey(f.t, 2))
		key := file(f.files, "ledger_key.vkey").Data
		f.files = files(f.t, build(f.t, fake, "job_1"))
		f.set("ledger_key.vkey", key)
	}, "other", "signature", packspec.CodeKeyMismatch},
	{"an edited event, rechained, by another key", changeEvents(true, func(events []ledger.Event) []ledger.Event {
		events[1].Payload = ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "forged"}
		return events
	}), "other", "inclusion", packspec.CodeNotIncluded},

	// The same with the ledger's own signature on the manifest, so that
	// nothing but the fact itself is wrong.
	{"an edited event", changeEvents(false, func(events []ledger.Event) []ledger.Event {
		events[1].Actor = "somebody"
		events[1], _ = ledger.Seal(events[1])
		return events
	}), "ledger", "chain", packspec.CodeChain},
	{"the first event dropped", changeEvents(false, without(0)), "ledger", "chain", packspec.CodeChain},
	{"an event dropped", changeEvents(false, without(3)), "ledger", "chain", packspec.CodeChain},
	{"the last event dropped", changeEvents(false, without(8)), "ledger", "inclusion", packspec.CodeNotIncluded},
	{"the refusal dropped and the rest rechained", changeEvents(true, without(3)), "ledger", "inclusion", packspec.CodeNotIncluded},
	{"an event doubled", changeEvents(false, func(e []ledger.Event) []ledger.Event { return slices.Insert(e, 1, e[1]) }), "ledger", "chain", packspec.CodeChain},
	{"two events swapped", swapLines("ledger_events.jsonl", 1, 2), "ledger", "chain", packspec.CodeChain},
	{"a backdated event", changeEvents(true, func(e []ledger.Event) []ledger.Event { e[4].Time = e[0].Time; return e }), "ledger", "chain", packspec.CodeChain},
	{"an event of before the ledger", changeEvents(true, func(e []ledger.Event) []ledger.Event { e[0].Time = e[0].Time.AddDate(-1, 0, 0); return e }), "ledger", "chain", packspec.CodeChain},
	{"an event out of seq", changeEvents(true, func(e []ledger.Event) []ledger.Event { e[4].Seq = 2; return e }), "ledger", "chain", packspec.CodeChain},
	{"a neighbour with another prev", changeEvents(false, func(e []ledger.Event) []ledger.Event {
		e[2].Prev = ledger.LeafHash(nil)
		e[2], _ = ledger.Seal(e[2])
		return e
	}), "ledger", "chain", packspec.CodeChain},
	{"a wrong revision", changeEvents(true, func(e []ledger.Event) []ledger.Event { e[4].Revision = 9; return e }), "ledger", "chain", packspec.CodeChain},
	{"an event of another job", changeEvents(true, func(e []ledger.Event) []ledger.Event { e[4].JobID = "job_2"; return e }), "ledger", "chain", packspec.CodeChain},
	{"an event of another ledger", changeEvents(true, func(e []ledger.Event) []ledger.Event { e[4].Origin = "gait.example/other"; return e }), "ledger", "chain", packspec.CodeChain},
	{"no events", changeEvents(false, func([]ledger.Event) []ledger.Event { return nil }), "ledger", "chain", packspec.CodeChain},
	{"event 0 among the job's", func(f *forger) {
		f.set("ledger_events.jsonl", append(append(slices.Clone(f.log.events[0].Bytes()), '\n'), file(f.files, "ledger_events.jsonl").Data...))
	}, "ledger", "chain", packspec.CodeChain},
	{"source_ref of another job", func(f *forger) { f.job = "job_2" }, "ledger", "chain", packspec.CodeChain},
	{"a job event as event 0", func(f *forger) { f.set("ledger_created.json", f.log.events[1].Bytes()) }, "ledger", "chain", packspec.CodeChain},
	{"evidence of another origin", func(f *forger) { f.replace("evidence.json", origin, "gait.example/other") }, "ledger", "chain", packspec.CodeChain},

	{"head proof of another job", func(f *forger) { f.proofs(f.log, 0, f.log.jobs["job_2"].Seq) }, "ledger", "inclusion", packspec.CodeNotIncluded},
	{"head proof of an earlier event", func(f *forger) { f.proofs(f.log, 0, 10) }, "ledger", "inclusion", packspec.CodeNotIncluded},
	{"created proof of another event", func(f *forger) { f.proofs(f.log, 1, 11) }, "ledger", "inclusion", packspec.CodeNotIncluded},
	{"checkpoint of another ledger", func(f *forger) { f.proofs(otherLog(f.t, f.log.key), 0, 11) }, "ledger", "inclusion", packspec.CodeNotIncluded},
	{"proofs of two checkpoints", func(f *forger) {
		head := file(f.files, "head.tlog-proof").Data
		f.proofs(otherLog(f.t, f.log.key), 0, 11)
		f.set("head.tlog-proof", head)
	}, "ledger", "inclusion", packspec.CodeCheckpoint},
	{"evidence.json of another size", func(f *forger) { f.replace("evidence.json", `"size":12`, `"size":13`) }, "ledger", "inclusion", packspec.CodeCheckpoint},
	{"evidence.json of another root", func(f *forger) {
		f.replace("evidence.json", f.log.tree.Root().String(), ledger.LeafHash(nil).String())
	}, "ledger", "inclusion", packspec.CodeCheckpoint},
	{"one checkpoint with another's signature", func(f *forger) {
		name := "— " + origin + " "
		for _, proof := range []string{"head.tlog-proof", "ledger_created.tlog-proof"} {
			data := file(f.files, proof).Data
			i := bytes.Index(data, []byte(name))
			signed, err := ledger.Checkpoint{Origin: origin, Size: 13, Root: f.log.tree.Root()}.Sign(f.log.key)
			if err != nil {
				f.t.Fatal(err)
			}
			f.set(proof, append(slices.Clone(data[:i]), signed[bytes.Index(signed, []byte(name)):]...))
		}
	}, "ledger", "signature", packspec.CodeSignatureInvalid},
	{"a second signature on one of the checkpoints", func(f *forger) {
		data := file(f.files, "head.tlog-proof").Data
		f.set("head.tlog-proof", append(slices.Clone(data), "— witness.example AAAAAAAA\n"...))
	}, "ledger", "inclusion", packspec.CodeCheckpoint},

	{"a resume past an open decision", changeState(func(e []ledger.Event) []ledger.Event {
		return slices.Delete(e, 3, 6) // the refusal and both verdicts
	}), "ledger", "state_machine", packspec.CodeTransition},
	{"an approval by the job's own identity", changeState(func(e []ledger.Event) []ledger.Event { e[5].Actor = "agent/7"; return e }), "ledger", "state_machine", packspec.CodeTransition},

	{"another status in the payload", func(f *forger) { f.replace("job_payload.json", `"status":"paused"`, `"status":"running"`) }, "ledger", "views", packspec.CodeView},
	{"one approval more in the state", func(f *forger) {
		f.replace("job_state.json", `"approvals":[`, `"approvals":[{"actor":"a","created_at":"2026-11-22T20:32:58.058Z","reason":"r"},`)
	}, "ledger", "views", packspec.CodeView},
	{"a field more in the state", func(f *forger) { f.replace("job_state.json", `}`, `,"x":1}`) }, "ledger", "views", packspec.CodeView},
	{"a byte after the state", func(f *forger) { f.set("job_state.json", append(file(f.files, "job_state.json").Data, '\n')) }, "ledger", "views", packspec.CodeView},
	{"the state cut off", func(f *forger) { f.set("job_state.json", file(f.files, "job_state.json").Data[:100]) }, "ledger", "views", packspec.CodeView},
	{"another actor in the events", func(f *forger) { f.replace("job_events.jsonl", `"actor":"reviewer_2"`, `"actor":"reviewer_9"`) }, "ledger", "views", packspec.CodeView},
	{"views of another job", func(f *forger) {
		for _, other := range files(f.t, build(f.t, f.log, "job_2")) {
			if strings.HasPrefix(other.Name, "job_") {
				f.set(other.Name, other.Data)
			}
		}
	}, "ledger", "views", packspec.CodeView},
	{"another time on the manifest", func(f *forger) { f.at = "2020-01-01T00:00:00.000Z" }, "ledger", "views", packspec.CodeView},

	// Form.
	{"an edited file", func(f *forger) { f.replace("job_payload.json", "paused", "paused!") }, "keep", "container", packspec.CodeDigest},
	{"an entry more", func(f *forger) { f.set("notes.txt", []byte("x")) }, "ledger", "container", packspec.CodeEntries},
	{"an entry more, unlisted", func(f *forger) { f.set("notes.txt", []byte("x")) }, "keep", "container", packspec.CodeEntries},
	{"an entry renamed", func(f *forger) { file(f.files, "job_state.json").Name = "job_statf.json" }, "ledger", "container", packspec.CodeEntries},
	{"an entry missing", func(f *forger) { f.remove("ledger_key.vkey") }, "ledger", "container", packspec.CodeEntries},
	{"an entry missing, still listed", func(f *forger) { f.remove("job_payload.json") }, "keep", "container", packspec.CodeEntries},
	{"no manifest", func(f *forger) { f.remove("pack_manifest.json") }, "keep", "container", packspec.CodeEntries},
	{"no evidence", func(f *forger) {
		for _, name := range []string{"VERIFY.md", "evidence.json", "head.tlog-proof", "ledger_created.json", "ledger_created.tlog-proof", "ledger_events.jsonl", "ledger_key.vkey"} {
			f.remove(name)
		}
	}, "ledger", "canonical", packspec.CodeNoEvidence},
	{"another pack's manifest", func(f *forger) {
		f.set("pack_manifest.json", file(files(f.t, build(f.t, f.log, "job_2")), "pack_manifest.json").Data)
	}, "keep", "container", packspec.CodeDigest},
	{"a huge proof", func(f *forger) { f.set("head.tlog-proof", make([]byte, ledger.MaxProofSize+1)) }, "ledger", "container", packspec.CodeEntries},
	{"a huge manifest", func(f *forger) { f.set("pack_manifest.json", make([]byte, 5<<20)) }, "keep", "container", packspec.CodeEntries},
	{"a pack_id of another pack", func(f *forger) {
		f.replace("pack_manifest.json", `"pack_id":"`, `"pack_id":"00`)
	}, "keep", "container", packspec.CodeManifest},
	{"a manifest key in another case", func(f *forger) { f.replace("pack_manifest.json", `"pack_id"`, `"pack_Id"`) }, "keep", "container", packspec.CodeManifest},
	{"a manifest key twice", func(f *forger) {
		f.replace("pack_manifest.json", `"pack_type":"job"`, `"pack_type":"job","pack_type":"job"`)
	}, "keep", "container", packspec.CodeManifest},
	{"a field more in evidence.json", func(f *forger) { f.replace("evidence.json", `"format":1`, `"format":1,"more":1`) }, "ledger", "canonical", packspec.CodeNotCanonical},
	{"another text in VERIFY.md", func(f *forger) { f.replace("VERIFY.md", "python3", "python2") }, "ledger", "canonical", packspec.CodeNotCanonical},
	{"VERIFY.md with more text", func(f *forger) { f.set("VERIFY.md", append(file(f.files, "VERIFY.md").Data, "sudo\n"...)) }, "ledger", "canonical", packspec.CodeNotCanonical},
	{"a proof with a leading zero", func(f *forger) { f.replace("head.tlog-proof", "index 11", "index 011") }, "ledger", "canonical", packspec.CodeNotCanonical},
	{"an event with a space", func(f *forger) { f.replace("ledger_events.jsonl", `"actor":`, `"actor": `) }, "ledger", "canonical", packspec.CodeNotCanonical},
	{"an empty line among the events", func(f *forger) { f.replace("ledger_events.jsonl", "\n", "\n\n") }, "ledger", "canonical", packspec.CodeNotCanonical},
	{"no line feed after the last event", func(f *forger) {
		f.set("ledger_events.jsonl", bytes.TrimSuffix(file(f.files, "ledger_events.jsonl").Data, []byte("\n")))
	}, "ledger", "canonical", packspec.CodeNotCanonical},
	{"a line without an end", func(f *forger) { f.set("ledger_events.jsonl", bytes.Repeat([]byte("x"), 1<<20)) }, "ledger", "canonical", packspec.CodeNotCanonical},
	{"a line feed after event 0", func(f *forger) { f.set("ledger_created.json", append(file(f.files, "ledger_created.json").Data, '\n')) }, "ledger", "canonical", packspec.CodeNotCanonical},
}

// otherLog is a ledger of the same key and origin with another history: what
// only the holder of the key can make.
func otherLog(t *testing.T, key ledger.PrivateKey) *memoryLog {
	log := history(t, key)
	last := len(log.events) - 1
	e := log.events[last]
	e.Actor = "somebody"
	e, err := ledger.Seal(e)
	if err != nil {
		t.Fatal(err)
	}
	log.events[last], log.leaves[last] = e, e.LeafHash()
	log.tree = ledger.Tree{}
	for _, leaf := range log.leaves {
		log.tree.Append(leaf, nil)
	}
	if log.signed, err = log.checkpoint().Sign(key); err != nil {
		t.Fatal(err)
	}
	return log
}

// changeState has the holder of the key make a whole ledger with a history
// that the rules do not allow.
func changeState(change func([]ledger.Event) []ledger.Event) func(*forger) {
	return func(f *forger) {
		log := newLog(f.t, f.log.key)
		events := change(f.log.job("job_1"))
		revision := int64(0)
		for i, e := range events {
			if e.Type() != ledger.TypeRefused {
				revision++
			}
			e.Seq, e.Prev = ledger.Seq(i+1), log.head.Leaf
			e.JobSeq, e.JobPrev, e.Revision = int64(i+1), log.jobs["job_1"].Leaf, revision
			e = f.seal(e)
			if _, err := log.Append(f.t.Context(), log.head, ledger.Entry{Event: e}); err != nil {
				f.t.Fatal(err)
			}
			events[i] = e
		}
		f.log = log
		f.events(events)
		f.set("ledger_created.json", log.events[0].Bytes())
		f.proofs(log, 0, ledger.Seq(len(events)))
	}
}
