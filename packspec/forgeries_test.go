package packspec_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/ledger/ledgertest"
	"gait/packspec/finding"
)

func canonical(t testing.TB, v any) []byte {
	t.Helper()
	b, err := jcs.Marshal(v)
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

// events changes the job's events, and then chained links them again.
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
	// An attacker who has the producer's code but not the key.
	{"signed by another key", func(*forger) {}, "other", "signature", finding.CodeSignatureInvalid},
	{"signature stripped", func(*forger) {}, "none", "signature", finding.CodeSignatureMissing},
	{"signature list emptied", func(f *forger) {
		data := string(file(f.files, "pack_manifest.json").Data)
		before, list, _ := strings.Cut(data, `"signatures":[`)
		_, after, _ := strings.Cut(list, `],"source_ref"`)
		f.set("pack_manifest.json", []byte(before+`"signatures":[],"source_ref"`+after))
	}, "keep", "signature", finding.CodeSignatureMissing},
	{"the whole ledger made anew", func(f *forger) {
		fake := history(f.t, testKey(f.t, 2))
		f.files, f.log = files(f.t, f.build(fake, "job_1")), fake
	}, "keep", "signature", finding.CodeKeyMismatch},
	{"made anew under the true key's name in event 0", func(f *forger) {
		fake := history(f.t, testKey(f.t, 2))
		created := file(f.files, "ledger_created.json").Data
		f.files = files(f.t, f.build(fake, "job_1"))
		f.set("ledger_created.json", created)
	}, "other", "chain", finding.CodeChain},
	{"the true key's file beside another event 0", func(f *forger) {
		fake := history(f.t, testKey(f.t, 2))
		key := file(f.files, "ledger_key.vkey").Data
		f.files = files(f.t, f.build(fake, "job_1"))
		f.set("ledger_key.vkey", key)
	}, "other", "signature", finding.CodeKeyMismatch},
	{"an edited event, rechained, by another key", changeEvents(true, func(events []ledger.Event) []ledger.Event {
		p := ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "forged"}
		return edited(events, 1, func(d *ledger.Draft) { d.Payload = p })
	}), "other", "inclusion", finding.CodeNotIncluded},

	// The same with the ledger's own signature on the manifest, so that only the one
	// fact is wrong.
	{"an edited event", changeEvents(false, func(events []ledger.Event) []ledger.Event {
		return edited(events, 1, func(d *ledger.Draft) { d.Actor = "somebody" })
	}), "ledger", "chain", finding.CodeChain},
	{"the first event dropped", changeEvents(false, without(0)), "ledger", "chain", finding.CodeChain},
	{"an event dropped", changeEvents(false, without(3)), "ledger", "chain", finding.CodeChain},
	{"the last event dropped", changeEvents(false, without(8)), "ledger", "inclusion", finding.CodeNotIncluded},
	{"the refusal dropped and the rest rechained", changeEvents(true, without(3)), "ledger", "inclusion", finding.CodeNotIncluded},
	{"an event doubled", changeEvents(false, func(e []ledger.Event) []ledger.Event { return slices.Insert(e, 1, e[1]) }), "ledger", "chain", finding.CodeChain},
	{"two events swapped", swapLines("ledger_events.jsonl", 1, 2), "ledger", "chain", finding.CodeChain},
	{"a backdated event", changeEvents(true, func(e []ledger.Event) []ledger.Event {
		return edited(e, 4, func(d *ledger.Draft) { d.Time = e[0].Time() })
	}), "ledger", "chain", finding.CodeChain},
	{"an event of before the ledger", changeEvents(true, func(e []ledger.Event) []ledger.Event {
		return edited(e, 0, func(d *ledger.Draft) { d.Time = e[0].Time().AddDate(-1, 0, 0) })
	}), "ledger", "chain", finding.CodeChain},
	{"an event out of seq", changeEvents(true, func(e []ledger.Event) []ledger.Event { return edited(e, 4, func(d *ledger.Draft) { d.Seq = 2 }) }), "ledger", "chain", finding.CodeChain},
	{"a neighbour with another prev", changeEvents(false, func(e []ledger.Event) []ledger.Event {
		return edited(e, 2, func(d *ledger.Draft) { d.Prev = ledger.LeafHash(nil) })
	}), "ledger", "chain", finding.CodeChain},
	{"a wrong revision", changeEvents(true, func(e []ledger.Event) []ledger.Event { return edited(e, 4, func(d *ledger.Draft) { d.Revision = 9 }) }), "ledger", "chain", finding.CodeChain},
	{"an event of another job", changeEvents(true, func(e []ledger.Event) []ledger.Event {
		return edited(e, 4, func(d *ledger.Draft) { d.JobID = "job_2" })
	}), "ledger", "chain", finding.CodeChain},
	{"an event of another ledger", changeEvents(true, func(e []ledger.Event) []ledger.Event {
		return edited(e, 4, func(d *ledger.Draft) { d.Origin = "gait.example/other" })
	}), "ledger", "chain", finding.CodeChain},
	{"a request id twice", func(f *forger) {
		twice := func(d *ledger.Draft) { d.RequestID, d.RequestDigest = "request-1", ledger.LeafHash(nil) }
		events := f.log.all()
		events = ledgertest.Chain(f.t, edited(edited(events, 6, twice), 11, twice)...)
		f.events(slices.DeleteFunc(slices.Clone(events), func(e ledger.Event) bool { return e.JobID() != "job_1" }))
		f.proofs(ledgertest.Forge(f.t, f.log.key, events...), 0, 11)
	}, "ledger", "chain", finding.CodeChain},
	{"no events", changeEvents(false, func([]ledger.Event) []ledger.Event { return nil }), "ledger", "chain", finding.CodeChain},
	{"event 0 among the job's", func(f *forger) {
		f.set("ledger_events.jsonl", append(append(slices.Clone(f.log.event(0).Bytes()), '\n'), file(f.files, "ledger_events.jsonl").Data...))
	}, "ledger", "chain", finding.CodeChain},
	{"source_ref of another job", func(f *forger) { f.job = "job_2" }, "ledger", "chain", finding.CodeChain},
	{"a job event as event 0", func(f *forger) { f.set("ledger_created.json", f.log.event(1).Bytes()) }, "ledger", "chain", finding.CodeChain},
	{"evidence of another origin", func(f *forger) { f.replace("evidence.json", origin, "gait.example/other") }, "ledger", "chain", finding.CodeChain},

	{"head proof of another job", func(f *forger) { f.proofs(f.log, 0, f.log.jobHead("job_2").Seq) }, "ledger", "inclusion", finding.CodeNotIncluded},
	{"head proof of an earlier event", func(f *forger) { f.proofs(f.log, 0, 10) }, "ledger", "inclusion", finding.CodeNotIncluded},
	{"created proof of another event", func(f *forger) { f.proofs(f.log, 1, 11) }, "ledger", "inclusion", finding.CodeNotIncluded},
	{"checkpoint of another ledger", func(f *forger) { f.proofs(otherLog(f.t, f.log.key), 0, 11) }, "ledger", "inclusion", finding.CodeNotIncluded},
	{"proofs of two checkpoints", func(f *forger) {
		head := file(f.files, "head.tlog-proof").Data
		f.proofs(otherLog(f.t, f.log.key), 0, 11)
		f.set("head.tlog-proof", head)
	}, "ledger", "inclusion", finding.CodeCheckpoint},
	{"evidence.json of another size", func(f *forger) { f.replace("evidence.json", `"size":12`, `"size":13`) }, "ledger", "inclusion", finding.CodeCheckpoint},
	{"evidence.json of another root", func(f *forger) {
		f.replace("evidence.json", f.log.checkpoint().Root.String(), ledger.LeafHash(nil).String())
	}, "ledger", "inclusion", finding.CodeCheckpoint},
	{"one checkpoint with another's signature", func(f *forger) {
		name := "— " + origin + " "
		for _, proof := range []string{"head.tlog-proof", "ledger_created.tlog-proof"} {
			data := file(f.files, proof).Data
			i := bytes.Index(data, []byte(name))
			signed, err := ledger.Checkpoint{Origin: origin, Size: 13, Root: f.log.checkpoint().Root}.Sign(f.log.key)
			if err != nil {
				f.t.Fatal(err)
			}
			f.set(proof, append(slices.Clone(data[:i]), signed[bytes.Index(signed, []byte(name)):]...))
		}
	}, "ledger", "signature", finding.CodeSignatureInvalid},
	{"a second signature on one of the checkpoints", func(f *forger) {
		data := file(f.files, "head.tlog-proof").Data
		f.set("head.tlog-proof", append(slices.Clone(data), "— witness.example AAAAAAAA\n"...))
	}, "ledger", "inclusion", finding.CodeCheckpoint},

	{"a resume past an open decision", changeState(func(e []ledger.Event) []ledger.Event {
		return slices.Delete(e, 3, 6) // the refusal and both verdicts
	}), "ledger", "state_machine", finding.CodeTransition},
	{"an approval by the job's own identity", changeState(func(e []ledger.Event) []ledger.Event {
		return edited(e, 5, func(d *ledger.Draft) { d.Actor = "agent/7" })
	}), "ledger", "state_machine", finding.CodeTransition},

	{"another status in the payload", func(f *forger) { f.replace("job_payload.json", `"status":"paused"`, `"status":"running"`) }, "ledger", "views", finding.CodeView},
	{"one approval more in the state", func(f *forger) {
		f.replace("job_state.json", `"approvals":[`, `"approvals":[{"actor":"a","created_at":"2026-11-22T20:32:58.058Z","reason":"r"},`)
	}, "ledger", "views", finding.CodeView},
	{"no list of checkpoints", func(f *forger) { f.replace("job_state.json", `],"checkpoints":[`, `],"checkpoint":[`) }, "ledger", "views", finding.CodeView},
	{"the list of checkpoints twice", func(f *forger) {
		f.replace("job_state.json", `],"checkpoints":[`, `],"checkpoints":[],"checkpoints":[`)
	}, "ledger", "views", finding.CodeView},
	{"a checkpoint among the approvals", func(f *forger) { f.replace("job_state.json", `],"checkpoints":[`, `,`) }, "ledger", "views", finding.CodeView},
	{"a field more in the state", func(f *forger) { f.replace("job_state.json", `}`, `,"x":1}`) }, "ledger", "views", finding.CodeView},
	{"a byte after the state", func(f *forger) { f.set("job_state.json", append(file(f.files, "job_state.json").Data, '\n')) }, "ledger", "views", finding.CodeView},
	{"the state cut off", func(f *forger) { f.set("job_state.json", file(f.files, "job_state.json").Data[:100]) }, "ledger", "views", finding.CodeView},
	{"another actor in the events", func(f *forger) { f.replace("job_events.jsonl", `"actor":"reviewer_2"`, `"actor":"reviewer_9"`) }, "ledger", "views", finding.CodeView},
	{"views of another job", func(f *forger) {
		for _, other := range files(f.t, f.build(f.log, "job_2")) {
			if strings.HasPrefix(other.Name, "job_") {
				f.set(other.Name, other.Data)
			}
		}
	}, "ledger", "views", finding.CodeView},
	{"another time on the manifest", func(f *forger) { f.at = "2020-01-01T00:00:00.000Z" }, "ledger", "views", finding.CodeView},

	// Form.
	{"an edited file", func(f *forger) { f.replace("job_payload.json", "paused", "paused!") }, "keep", "container", finding.CodeDigest},
	{"an entry more", func(f *forger) { f.set("notes.txt", []byte("x")) }, "ledger", "container", finding.CodeEntries},
	{"an entry more, unlisted", func(f *forger) { f.set("notes.txt", []byte("x")) }, "keep", "container", finding.CodeEntries},
	{"an entry renamed", func(f *forger) { file(f.files, "job_state.json").Name = "job_statf.json" }, "ledger", "container", finding.CodeEntries},
	{"an entry missing", func(f *forger) { f.remove("ledger_key.vkey") }, "ledger", "container", finding.CodeEntries},
	{"an entry missing, still listed", func(f *forger) { f.remove("job_payload.json") }, "keep", "container", finding.CodeEntries},
	{"no manifest", func(f *forger) { f.remove("pack_manifest.json") }, "keep", "container", finding.CodeEntries},
	{"no evidence", func(f *forger) {
		for _, name := range []string{"VERIFY.md", "evidence.json", "head.tlog-proof", "ledger_created.json", "ledger_created.tlog-proof", "ledger_events.jsonl", "ledger_key.vkey"} {
			f.remove(name)
		}
	}, "ledger", "canonical", finding.CodeNoEvidence},
	{"another pack's manifest", func(f *forger) {
		f.set("pack_manifest.json", file(files(f.t, f.build(f.log, "job_2")), "pack_manifest.json").Data)
	}, "keep", "container", finding.CodeDigest},
	{"a huge proof", func(f *forger) { f.set("head.tlog-proof", make([]byte, ledger.MaxProofSize+1)) }, "ledger", "container", finding.CodeEntries},
	{"a huge manifest", func(f *forger) { f.set("pack_manifest.json", make([]byte, 5<<20)) }, "keep", "container", finding.CodeEntries},
	{"a pack_id of another pack", func(f *forger) {
		f.replace("pack_manifest.json", `"pack_id":"`, `"pack_id":"00`)
	}, "keep", "container", finding.CodeManifest},
	{"a manifest key in another case", func(f *forger) { f.replace("pack_manifest.json", `"pack_id"`, `"pack_Id"`) }, "keep", "container", finding.CodeManifest},
	{"a manifest key twice", func(f *forger) {
		f.replace("pack_manifest.json", `"pack_type":"job"`, `"pack_type":"job","pack_type":"job"`)
	}, "keep", "container", finding.CodeManifest},
	{"a field more in evidence.json", func(f *forger) { f.replace("evidence.json", `,"origin":`, `,"more":1,"origin":`) }, "ledger", "canonical", finding.CodeNotCanonical},
	{"another text in VERIFY.md", func(f *forger) { f.replace("VERIFY.md", "python3", "python2") }, "ledger", "canonical", finding.CodeNotCanonical},
	{"VERIFY.md with more text", func(f *forger) { f.set("VERIFY.md", append(file(f.files, "VERIFY.md").Data, "sudo\n"...)) }, "ledger", "canonical", finding.CodeNotCanonical},
	{"a proof with a leading zero", func(f *forger) { f.replace("head.tlog-proof", "index 11", "index 011") }, "ledger", "canonical", finding.CodeNotCanonical},
	{"an event with a space", func(f *forger) { f.replace("ledger_events.jsonl", `"actor":`, `"actor": `) }, "ledger", "canonical", finding.CodeNotCanonical},
	{"an empty line among the events", func(f *forger) { f.replace("ledger_events.jsonl", "\n", "\n\n") }, "ledger", "canonical", finding.CodeNotCanonical},
	{"no line feed after the last event", func(f *forger) {
		f.set("ledger_events.jsonl", bytes.TrimSuffix(file(f.files, "ledger_events.jsonl").Data, []byte("\n")))
	}, "ledger", "canonical", finding.CodeNotCanonical},
	{"a line without an end", func(f *forger) { f.set("ledger_events.jsonl", bytes.Repeat([]byte("x"), 1<<20)) }, "ledger", "canonical", finding.CodeNotCanonical},
	{"a line feed after event 0", func(f *forger) { f.set("ledger_created.json", append(file(f.files, "ledger_created.json").Data, '\n')) }, "ledger", "canonical", finding.CodeNotCanonical},
}

// otherLog returns a ledger with the same key and origin and another history, which only
// the holder of the key can make.
func otherLog(t *testing.T, key ledger.PrivateKey) *testLog {
	events := history(t, key).all()
	last := len(events) - 1
	events[last] = changed(t, events[last], func(d *ledger.Draft) { d.Actor = "somebody" })
	log := newLog(t, key)
	log.add(events[1:]...)
	return log
}

// changeState makes, with the ledger's key, a whole ledger with a history that the rules
// do not allow.
func changeState(change func([]ledger.Event) []ledger.Event) func(*forger) {
	return func(f *forger) {
		log := newLog(f.t, f.log.key)
		events := change(f.log.job("job_1"))
		revision := int64(0)
		for i, e := range events {
			if e.Type() != ledger.TypeRefused {
				revision++
			}
			e = changed(f.t, e, func(d *ledger.Draft) {
				d.Seq, d.Prev = ledger.Seq(i+1), log.Head().Leaf
				d.JobSeq, d.JobPrev, d.Revision = int64(i+1), log.jobHead("job_1").Leaf, revision
			})
			log.add(e)
			events[i] = e
		}
		f.log = log
		f.events(events)
		f.set("ledger_created.json", log.event(0).Bytes())
		f.proofs(log, 0, ledger.Seq(len(events)))
	}
}
