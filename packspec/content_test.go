package packspec_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// kept is content of a job by digest: salt and bytes.
type kept map[ledger.Hash]string

func (k kept) put(text string) ledger.Content {
	file := strings.Repeat("s", 16) + text
	digest := ledger.Hash(sha256.Sum256([]byte(file)))
	k[digest] = file
	return ledger.Content{Digest: digest, Name: "a.txt", Size: int64(len(text))}
}

func (k kept) open(digest ledger.Hash) (io.ReadCloser, error) {
	file, ok := k[digest]
	if !ok {
		return nil, fmt.Errorf("no %s: %w", digest, ledger.ErrContentMissing)
	}
	return io.NopCloser(strings.NewReader(file)), nil
}

// read reads a policy, which is kept without salt.
func (k kept) read(digest ledger.Hash, limit int64) ([]byte, error) {
	text, ok := k[digest]
	if !ok || int64(len(text)) > limit {
		return nil, fmt.Errorf("no %s: %w", digest, ledger.ErrContentMissing)
	}
	return []byte(text), nil
}

// packOf returns the pack of job_1 with the content and the policies that are kept.
func (p *play) packOf(k kept) []byte {
	p.t.Helper()
	var b packspec.Buffer
	o := packspec.JobOptions{}
	if k != nil {
		o.JobContent, o.Content = k.open, k.read
	}
	if _, err := packspec.BuildJob(p.t.Context(), &b, p.log(), "job_1", p.key, o); err != nil {
		p.t.Fatal(err)
	}
	return b.Bytes()
}

// withContent is a job that names three contents, of which one was erased.
func withContent(t testing.TB) (*play, kept, ledger.Content) {
	p, k := newPlay(t), kept{}
	one, two, three := k.put("the plan"), k.put("a log"), k.put("")
	p.Sign("ann", "job_1", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"}, p.ann)
	p.Sign("ann", "job_1", ledger.CheckpointAdded{
		CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, RequiredAction: "decide", Summary: "s", ContentKey: ledger.Hash{1},
		Decision:    ledger.Decision{Subject: one},
		Attachments: []ledger.Attachment{{Content: two, Role: ledger.AttachLog}, {Content: three, Role: ledger.AttachState}},
	}, p.ann)
	p.Sign("ann", "job_1", ledger.ContentErased{Digest: two.Digest, Reason: "asked to"}, p.ann)
	delete(k, two.Digest)
	p.commit()
	return p, k, one
}

// A pack has the content of its job if it was asked for, in a format of its own.
func TestPackWithContent(t *testing.T) {
	p, k, one := withContent(t)
	plain := p.packOf(nil)
	r := p.verify(plain)
	if l := r.Level(finding.LevelContent); !r.Verified || l.Status != finding.Absent || l.Detail != "the events name 3 contents: 0 are here, 1 erased, 2 not in the pack" {
		t.Errorf("without content the level is %+v (%v)", l, r.Failure)
	}
	if none := p.packOf(kept{}); !bytes.Equal(none, plain) {
		t.Error("a pack is another one if no content is at hand")
	}
	pack := p.packOf(k)
	r = p.verify(pack)
	if l := r.Level(finding.LevelContent); !r.Verified || l.Status != finding.Proved || l.Detail != "the events name 3 contents: 2 are here, 1 erased, 0 not in the pack" {
		t.Errorf("with content the level is %+v (%v)", l, r.Failure)
	}
	some := p.packOf(kept{one.Digest: k[one.Digest]})
	if l := p.verify(some).Level(finding.LevelContent); l.Status != finding.Claimed {
		t.Errorf("with some content the level is %+v", l)
	}
	name := "content/" + one.Digest.String()
	if e := file(files(t, pack), name); e == nil || string(e.Data) != strings.Repeat("s", 16)+"the plan" || !bytes.Contains(file(files(t, pack), "evidence.json").Data, []byte(`"format":5`)) {
		t.Errorf("%s is %+v", name, e)
	}
	bare := newPlay(t)
	bare.approve(bare.ask())
	if r := bare.verify(bare.packOf(k)); !r.Verified || slices.ContainsFunc(r.Levels, func(l finding.Level) bool { return l.Name == finding.LevelContent }) {
		t.Errorf("a job that names no content has the levels %v (%v)", r.Levels, r.Failure)
	}
}

// contentForgeries change a pack with content.
func contentForgeries(t *testing.T) map[string][]byte {
	p, k, one := withContent(t)
	pack, name := p.packOf(k), "content/"+one.Digest.String()
	forge := func(change func([]packtest.File) []packtest.File) []byte {
		return resign(t, change(files(t, pack)), p.key)
	}
	return map[string][]byte{
		"another byte": forge(func(fs []packtest.File) []packtest.File {
			file(fs, name).Data[20] ^= 1
			return fs
		}),
		"a byte less": forge(func(fs []packtest.File) []packtest.File {
			file(fs, name).Data = file(fs, name).Data[1:]
			return fs
		}),
		"content that no event names": forge(func(fs []packtest.File) []packtest.File {
			other := kept{}.put("other")
			file(fs, name).Name = "content/" + other.Digest.String()
			file(fs, file(fs, "content/"+other.Digest.String()).Name).Data = []byte(strings.Repeat("s", 16) + "other")
			slices.SortFunc(fs, func(a, b packtest.File) int { return strings.Compare(a.Name, b.Name) })
			return fs
		}),
		"a name that is no digest": forge(func(fs []packtest.File) []packtest.File {
			file(fs, name).Name = "content/zzz"
			slices.SortFunc(fs, func(a, b packtest.File) int { return strings.Compare(a.Name, b.Name) })
			return fs
		}),
	}
}

// emptied returns a pack of the format with content from which all content was taken out.
func emptied(t *testing.T) ([]byte, ledger.PrivateKey) {
	p, k, _ := withContent(t)
	fs := slices.DeleteFunc(files(t, p.packOf(k)), func(f packtest.File) bool { return strings.HasPrefix(f.Name, "content/") })
	return resign(t, fs, p.key), p.key
}

// secretTwice returns a pack whose job names the secret of its content twice.
func secretTwice(t *testing.T) ([]byte, ledger.PrivateKey) {
	p, k := newPlay(t), kept{}
	p.Sign("ann", "job_1", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test"}, p.ann)
	for i, text := range []string{"one", "two"} {
		p.Sign("ann", "job_1", ledger.CheckpointAdded{
			CheckpointID: ledger.CheckpointID(int64(i + 1)), CheckpointType: ledger.CheckpointProgress, Summary: text, ContentKey: ledger.Hash{1},
			Attachments: []ledger.Attachment{{Content: k.put(text), Role: ledger.AttachLog}},
		}, p.ann)
	}
	p.commit()
	return packtest.Archive(p.forged(p.Events, chainOf(p.Events))), p.key
}

func TestForgedContent(t *testing.T) {
	p, _, _ := withContent(t)
	for name, pack := range contentForgeries(t) {
		if r := p.verify(pack); r.Verified || r.Failure == nil || r.Failure.Level != finding.LevelContent || r.Failure.Code != finding.CodeContent {
			t.Errorf("%s: it verifies: %t, %+v", name, r.Verified, r.Failure)
		}
	}
	twice, _ := secretTwice(t)
	if r := p.verify(twice); r.Verified || r.Failure == nil || r.Failure.Level != finding.LevelStateMachine {
		t.Errorf("a job with two content keys: it verifies: %t, %+v", r.Verified, r.Failure)
	}
	pack, _ := emptied(t)
	if r := p.verify(pack); r.Verified || r.Failure == nil || !strings.Contains(r.Failure.Error(), "a pack with content has format 5") {
		t.Errorf("a pack of format 5 without content: it verifies: %t, %+v", r.Verified, r.Failure)
	}
}

// verify.py and the program in VERIFY.md find the same.
func TestPythonReadsContent(t *testing.T) {
	needPython(t)
	needKeygen(t)
	p, k, one := withContent(t)
	all := []judgement{judge(t, "all content", p.packOf(k), p.key), judge(t, "some content", p.packOf(kept{one.Digest: k[one.Digest]}), p.key), judge(t, "no content", p.packOf(nil), p.key)}
	none, _ := emptied(t)
	all = append(all, judge(t, "no content in the format with content", none, p.key))
	fs := files(t, p.packOf(k))
	code, vkey := program(t, fs), p.key.VerifierKey().String()
	if out, err := check(t, code, fs, vkey); err != nil || !strings.HasSuffix(out, "; 2 of 3 contents\n") {
		t.Errorf("VERIFY.md says %v: %s", err, out)
	}
	for name, pack := range contentForgeries(t) {
		all = append(all, judge(t, name, pack, p.key))
		if out, err := check(t, code, files(t, pack), vkey); err == nil {
			t.Errorf("%s: VERIFY.md says %s", name, out)
		}
	}
	agree(t, all, vkey)
}
