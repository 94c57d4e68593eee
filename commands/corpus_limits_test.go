package commands_test

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// fill returns a text of exactly n bytes that begins with s.
func fill(s string, n int) string { return s + strings.Repeat("x", n-len(s)) }

// Names of 128 bytes, the most that an actor, an identity or a job has.
var (
	longActor    = fill("worker/", 128)
	longReviewer = fill("reviewer@", 128)
	longIdentity = fill("agent:", 128)
	longJob      = fill("longest-", 128)
)

// texts are what people write: more than one byte a character, characters that
// combine, from right to left, and what JSON and HTML escape.
var texts = []string{
	"Größe übertragen: 5 % von 20 €, naïve Schätzung",
	"日本語の要約、全角！ 한국어 요약 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 😀",
	"combining: e\u0301 a\u0308\u0323 क्षि ไทย 👩\u200d👩\u200d👧 🇩🇪",
	"שלום עולם, مرحبا بالعالم, mixed with latin",
	`"quoted" \backslashed\ C:\temp\new </script> & <b>`,
	"line\u2028separator paragraph\u2029separator no\u00a0break \ufeff\ufffd \U0010ffff",
}

// writeLimits writes a ledger in which every field is once as long as it can be,
// and in which texts are of every kind.
func writeLimits(c *writer) {
	origin := fill("gait.test/corpus-limits/", ledger.MaxOrigin)
	c.begin(origin, &ledger.Predecessor{Origin: fill("gait.test/before/", ledger.MaxOrigin), SeenSize: 1<<53 - 1, SeenRoot: one, FoundSize: 7, FoundRoot: two})
	c.commitIndex() // of no keys
	writeLongest(c)
	c.rotate(1, fill("as long as a reason can be ", ledger.MaxReason))
	writeReasons(c)
	writeDecisions(c)
	writeTexts(c)
	writeLargest(c)
	writeLongestContinued(c)
	c.commitIndex()
}

func because(actor, reason string, command commands.Command) commands.Request {
	return commands.Request{Actor: actor, Reason: reason, Command: command}
}

// longLabels are as many and as long labels as a job can have.
func longLabels() (labels []ledger.Label) {
	for i := range ledger.MaxLabels {
		labels = append(labels, ledger.Label{Key: fill(fmt.Sprintf("key%02d/", i), ledger.MaxLabelKey), Value: fill("value ", ledger.MaxLabelValue)})
	}
	return labels
}

// writeLongest writes one job that asks for as many decisions as a job can, and
// uses up as many approvals in a resume in which all is as long as it can be.
func writeLongest(c *writer) {
	reason := fill("as long as a reason can be ", ledger.MaxReason)
	request := by(longActor, commands.Submit{
		EnvironmentFingerprint: fill("envfp:here ", ledger.MaxFingerprint), Identity: longIdentity, Labels: longLabels(),
		PolicyDigest: one, PolicyRef: fill("policy v1 ", ledger.MaxPolicyRef), ProducerVersion: fill("gait/", ledger.MaxProducerVersion),
	})
	request.RequestID = strings.Repeat(`"`, ledger.MaxRequestID) // each of them is escaped
	c.must(longJob, request)
	ask := by(longActor, commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: fill("may it? ", ledger.MaxSummary), RequiredAction: fill("say so ", ledger.MaxRequiredAction)})
	c.must(longJob, ask)
	for range ledger.MaxOpenDecisions - 1 {
		c.must(longJob, decision())
	}
	ask.Command = commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: fill("one too many ", ledger.MaxSummary), RequiredAction: "none"}
	c.do(longJob, ask, false)
	for i := range ledger.MaxOpenDecisions {
		c.must(longJob, approveNamed(longReviewer, ledger.CheckpointID(int64(i)+1)))
	}
	c.must(longJob, because(longActor, reason, commands.Pause{}), because(longReviewer, reason, commands.Approve{}))
	again := because(longActor, reason, commands.Resume{
		EnvironmentFingerprint: fill("envfp:there ", ledger.MaxFingerprint), AllowEnvMismatch: true,
		Identity: longIdentity, PolicyDigest: two, PolicyRef: fill("policy v2 ", ledger.MaxPolicyRef),
	})
	again.RequestID = fill("resume-", ledger.MaxRequestID)
	c.must(longJob, again, checkpoint(ledger.CheckpointCompleted))
	c.do(longJob, because(longActor, reason, commands.Pause{}), false)
}

// writeReasons writes the longest reason of each command that has one.
func writeReasons(c *writer) {
	long := fill("", ledger.MaxReason)
	c.must("reasons", submit(), pause(), because("reviewer", long, commands.Deny{}), because("reviewer_2", long, commands.Approve{}))
	// No command names the source of an identity yet.
	j, _, _, err := projection.Load(c.t.Context(), c.log, "reasons")
	if err != nil {
		c.t.Fatal(err)
	}
	c.append(ledger.Draft{JobID: "reasons", Actor: "worker_1", Payload: ledger.Resumed{
		Consumes: j.UsableApprovals(projection.Basis{}), ExpectedFingerprint: env, ActualFingerprint: env,
		Identity: longIdentity, IdentityValidationSource: fill("directory ", 128), Reason: long,
	}})
	c.must("reasons", because("boss", long, commands.Stop{}), because("boss", long, commands.Cancel{}))
	p := claim("paused", "paused_by_user", "paused")
	p.Identity, p.PolicyDigest, p.PolicyRef, p.StoppedBy = longIdentity, one, fill("policy v1 ", ledger.MaxPolicyRef), fill("Somebody Else ", 128)
	p.Approvals[0].Reason = long
	c.must("reasons.imported", because("importer", long, commands.Import{Claim: p}))
}

// writeDecisions leaves a job with as many open decisions as there can be.
func writeDecisions(c *writer) {
	c.must("decisions", submit())
	for range ledger.MaxOpenDecisions {
		c.must("decisions", decision())
	}
}

// writeTexts writes each kind of text in each place for one.
func writeTexts(c *writer) {
	for i, text := range texts {
		job := fmt.Sprintf("texts.%d", i)
		c.must(job, by("worker_1", commands.Submit{
			EnvironmentFingerprint: env + " " + text, PolicyDigest: one, PolicyRef: text, ProducerVersion: text,
			Labels: []ledger.Label{{Key: "label", Value: atMost(text, ledger.MaxLabelValue)}},
		}))
		c.must(job, by("worker_1", commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: text, RequiredAction: text}))
		c.do(job, by("worker_1", commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: text}), false)
		c.must(job, because("reviewer", text, commands.Deny{}), because("reviewer_2", text, commands.Approve{}), because("boss", text, commands.Stop{}))
	}
}

// writeLargest writes an event that is as large as one can be.
func writeLargest(c *writer) {
	p := claim("running", "none", "submitted")
	d := c.next(ledger.Draft{JobID: "largest", Actor: longActor})
	d.JobSeq, d.Revision = 1, 1
	for {
		p.Reason = "r"
		d.Payload = p
		sealed, err := ledger.Seal(d)
		if err != nil {
			c.t.Fatal(err)
		}
		room := ledger.MaxEventSize - len(sealed.Bytes())
		if room < ledger.MaxReason {
			p.Reason = fill("r", 1+room)
			d.Payload = p
			break
		}
		p.Checkpoints = append(p.Checkpoints, ledger.ImportedCheckpoint{
			Actor: "worker", CheckpointType: ledger.CheckpointProgress,
			CreatedAt: epoch.Add(-time.Hour), Summary: fill("claimed ", ledger.MaxSummary),
		})
	}
	if got := len(c.put(d).Bytes()); got != ledger.MaxEventSize {
		c.t.Fatalf("the largest event has %d bytes, want %d", got, ledger.MaxEventSize)
	}
}

// atMost returns as much of s as fits into n bytes without cutting a character.
func atMost(s string, n int) string {
	for len(s) > n {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
