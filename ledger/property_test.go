package ledger_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gait/ledger"
)

// anyText draws clean text of 1 to max bytes.
func anyText(max int) *rapid.Generator[string] {
	clean := rapid.Rune().Filter(func(r rune) bool { return !unicode.IsControl(r) && !unicode.Is(unicode.Bidi_Control, r) })
	return rapid.StringOfN(clean, 1, max, max)
}

func maybe[T any](t *rapid.T, name string, g *rapid.Generator[T]) (v T) {
	if rapid.Bool().Draw(t, name+" is there") {
		v = g.Draw(t, name)
	}
	return v
}

var (
	anyName   = rapid.StringMatching(`[A-Za-z0-9]([A-Za-z0-9._:@/-]|%[0-9A-F]{2}){0,40}`)
	anyJob    = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._:-]{0,127}`)
	anyOrigin = rapid.StringMatching(`[a-z0-9.-]{1,20}(/[A-Za-z0-9._-]{1,20}){0,4}`)
	anyULID   = rapid.StringMatching(`[0-7][0-9A-HJKMNP-TV-Z]{25}`)
	anyInt    = rapid.OneOf(rapid.Int64Range(2, 300), rapid.Int64Range(2, 1<<53-1))
	anyID     = rapid.Map(rapid.Int64Range(1, 1<<53-1), ledger.CheckpointID)
	anyHash   = rapid.Custom(func(t *rapid.T) ledger.Hash {
		h := ledger.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		h[31] |= 1
		return h
	})
	anyLabels = rapid.Custom(func(t *rapid.T) (labels []ledger.Label) {
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._/-]{0,62}`), 1, 16, rapid.ID).Draw(t, "keys")
		for _, key := range slices.Sorted(slices.Values(keys)) {
			labels = append(labels, ledger.Label{Key: key, Value: anyText(63).Draw(t, "value")})
		}
		return labels
	})
	anyContent = rapid.Custom(func(t *rapid.T) ledger.Content {
		return ledger.Content{
			Digest:    anyHash.Draw(t, "digest"),
			MediaType: maybe(t, "media", rapid.StringMatching(`[a-z0-9][a-z0-9!#$&^_.+-]{0,40}/[A-Za-z0-9][a-z0-9.+-]{0,40}`)),
			Name:      maybe(t, "name", rapid.Map(anyText(254), func(s string) string { return strings.NewReplacer("/", "-", `\`, "-").Replace(s) + "x" })),
			Size:      anyInt.Draw(t, "size"),
		}
	})
	anyTime = rapid.Custom(func(t *rapid.T) time.Time {
		low, high := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
		return time.UnixMilli(rapid.Int64Range(low.UnixMilli(), high.UnixMilli()).Draw(t, "ms")).UTC()
	})
)

func asPayload[T ledger.Payload](draw func(t *rapid.T) T) *rapid.Generator[ledger.Payload] {
	return rapid.Custom(func(t *rapid.T) ledger.Payload { return draw(t) })
}

var anyPayload = rapid.OneOf(
	asPayload(func(t *rapid.T) ledger.LedgerCreated {
		p := ledger.LedgerCreated{Format: anyInt.Draw(t, "format"), Key: anyText(256).Draw(t, "key")}
		if rapid.Bool().Draw(t, "predecessor") {
			p.Predecessor = &ledger.Predecessor{
				Origin: anyOrigin.Draw(t, "origin"), SeenSize: anyInt.Draw(t, "seen"),
				SeenRoot: maybe(t, "seen_root", anyHash), FoundRoot: maybe(t, "found_root", anyHash),
			}
			if rapid.Bool().Draw(t, "requests") {
				p.Predecessor.Requests = &ledger.Requests{Count: anyInt.Draw(t, "requests"), Digest: anyHash.Draw(t, "requests")}
			}
		}
		return p
	}),
	asPayload(func(t *rapid.T) ledger.Submitted {
		p := ledger.Submitted{
			EnvironmentFingerprint: anyText(256).Draw(t, "env"), Identity: maybe(t, "identity", anyName), Labels: maybe(t, "labels", anyLabels),
			PolicyDigest: maybe(t, "digest", anyHash), PolicyRef: maybe(t, "ref", anyText(256)), ProducerVersion: anyText(128).Draw(t, "producer"),
		}
		p.After, p.NotBefore, p.Input, p.ContentKey = anyTask(t)
		return p
	}),
	asPayload(func(t *rapid.T) ledger.CheckpointAdded {
		p := ledger.CheckpointAdded{
			CheckpointID: anyID.Draw(t, "id"), CheckpointType: rapid.SampledFrom(ledger.CheckpointTypes).Draw(t, "type"),
			Late: rapid.Bool().Draw(t, "late"), RequiredAction: anyText(512).Draw(t, "action"), Summary: anyText(512).Draw(t, "summary"),
		}
		if p.CheckpointType == ledger.CheckpointDecisionNeeded {
			p.Continues, p.Decision = maybe(t, "continues", anyHash), maybe(t, "decision", anyDecision)
		}
		p.Progress = maybe(t, "progress", anySteps)
		p.Attachments = maybe(t, "attachments", anyAttachments)
		if len(p.Attachments) > 0 || p.Subject != (ledger.Content{}) {
			p.ContentKey = maybe(t, "content key", anyHash)
		}
		return p
	}),
	asPayload(func(t *rapid.T) ledger.Paused {
		return ledger.Paused{Hold: rapid.Bool().Draw(t, "hold"), Reason: maybe(t, "reason", anyText(1024))}
	}),
	asPayload(func(t *rapid.T) ledger.Cancelled {
		return ledger.Cancelled{Reason: maybe(t, "reason", anyText(1024))}
	}),
	asPayload(func(t *rapid.T) ledger.Stopped { return ledger.Stopped{Reason: maybe(t, "reason", anyText(1024))} }),
	asPayload(func(t *rapid.T) ledger.Approved {
		p := ledger.Approved{CheckpointID: maybe(t, "id", anyID), Reason: anyText(1024).Draw(t, "reason"), Target: anyHash.Draw(t, "target"), Subject: maybe(t, "subject", anyHash)}
		if !p.Subject.IsZero() && rapid.Bool().Draw(t, "amended") {
			p.Amended, p.ContentKey = anyContent.Draw(t, "amended to"), maybe(t, "content key", anyHash)
		}
		return p
	}),
	asPayload(func(t *rapid.T) ledger.Denied {
		return ledger.Denied{CheckpointID: maybe(t, "id", anyID), Reason: anyText(1024).Draw(t, "reason"), Target: anyHash.Draw(t, "target"), Subject: maybe(t, "subject", anyHash)}
	}),
	asPayload(func(t *rapid.T) ledger.Resumed {
		return ledger.Resumed{
			Consumes: maybe(t, "consumes", rapid.SliceOfN(anyHash, 1, 65)), ExpectedFingerprint: anyText(256).Draw(t, "expected"),
			ActualFingerprint: anyText(256).Draw(t, "actual"), PreviousPolicyDigest: maybe(t, "previous", anyHash), CurrentPolicyDigest: maybe(t, "current", anyHash),
			PreviousPolicyRef: maybe(t, "previous ref", anyText(256)), CurrentPolicyRef: maybe(t, "current ref", anyText(256)), PolicyChanged: rapid.Bool().Draw(t, "changed"),
			Identity: maybe(t, "identity", anyName), IdentityValidationSource: maybe(t, "source", anyText(128)), Reason: maybe(t, "reason", anyText(1024)),
		}
	}),
	asPayload(func(t *rapid.T) ledger.Refused {
		return ledger.Refused{
			Command: rapid.StringMatching(`[a-z][a-z ]{0,31}`).Draw(t, "command"), Exit: rapid.Int64Range(1, 255).Draw(t, "exit"),
			Reason: maybe(t, "reason", anyText(1024)), Refusal: rapid.StringMatching(`[a-z][a-z_]{0,63}`).Draw(t, "refusal"), Summary: maybe(t, "summary", anyText(512)),
		}
	}),
	asPayload(func(t *rapid.T) ledger.Imported {
		p := ledger.Imported{
			CreatedAt: anyTime.Draw(t, "created"), EnvironmentFingerprint: anyText(256).Draw(t, "env"), Identity: maybe(t, "identity", anyName),
			PackID: anyHash.Draw(t, "pack"), PackSHA256: anyHash.Draw(t, "sha"), PolicyDigest: maybe(t, "digest", anyHash), PolicyRef: maybe(t, "ref", anyText(256)),
			ProducerVersion: anyText(128).Draw(t, "producer"), Reason: maybe(t, "reason", anyText(1024)), Revision: rapid.Int64Range(1, 1<<53-1).Draw(t, "revision"),
			Status: "paused", StatusReasonCode: "paused", StopReason: "none", StoppedAt: maybe(t, "stopped", anyTime), StoppedBy: maybe(t, "by", anyText(128)), UpdatedAt: anyTime.Draw(t, "updated"),
		}
		if p.PackTrusted = rapid.Bool().Draw(t, "trusted"); p.PackTrusted || rapid.Bool().Draw(t, "signed") {
			p.PackKeyID = anyHash.Draw(t, "key")
		}
		for range rapid.IntRange(0, 3).Draw(t, "approvals") {
			p.Approvals = append(p.Approvals, ledger.ImportedApproval{Actor: anyText(128).Draw(t, "approver"), CreatedAt: anyTime.Draw(t, "approved"), Reason: anyText(1024).Draw(t, "why")})
		}
		for range rapid.IntRange(0, 3).Draw(t, "checkpoints") {
			c := ledger.ImportedCheckpoint{
				Actor: maybe(t, "actor", anyText(128)), CheckpointType: rapid.SampledFrom(ledger.CheckpointTypes).Draw(t, "type"),
				CreatedAt: anyTime.Draw(t, "added"), RequiredAction: anyText(512).Draw(t, "action"), Summary: anyText(512).Draw(t, "summary"),
			}
			c.Open = c.CheckpointType == ledger.CheckpointDecisionNeeded && rapid.Bool().Draw(t, "open")
			p.Checkpoints = append(p.Checkpoints, c)
		}
		return p
	}),
	asPayload(func(t *rapid.T) ledger.IndexCommitted {
		return ledger.IndexCommitted{Index: anyHash.Draw(t, "index")}
	}),
	asPayload(func(t *rapid.T) ledger.LedgerMoved {
		return ledger.LedgerMoved{Reason: maybe(t, "reason", anyText(1024)), To: anyText(256).Draw(t, "to")}
	}),
	asPayload(func(t *rapid.T) ledger.Continued {
		p := ledger.Continued{
			Origin: anyOrigin.Draw(t, "origin"), Size: anyInt.Draw(t, "size"), Root: anyHash.Draw(t, "root"),
			Leaf: anyHash.Draw(t, "leaf"), JobSeq: anyInt.Draw(t, "seq"), Revision: anyInt.Draw(t, "revision"),
			Status: "paused", StatusReasonCode: "paused", StopReason: "none", Hold: rapid.Bool().Draw(t, "hold"),
			StoppedBy: maybe(t, "by", anyText(128)), ImportedBy: maybe(t, "importer", anyName), SubmittedBy: maybe(t, "submitter", anyName), Decisions: rapid.Int64Range(0, 64).Draw(t, "decisions"),
			CreatedAt: anyTime.Draw(t, "created"), ProducerVersion: anyText(128).Draw(t, "producer"), EnvironmentFingerprint: anyText(256).Draw(t, "env"),
			Identity: maybe(t, "identity", anyName), Labels: maybe(t, "labels", anyLabels), PolicyDigest: maybe(t, "digest", anyHash), PolicyRef: maybe(t, "ref", anyText(256)),
			Checkpoints: anyInt.Draw(t, "checkpoints"), Approvals: anyInt.Draw(t, "approvals"), Refusals: anyInt.Draw(t, "refusals"), Proof: anyContent.Draw(t, "proof"),
			Epoch: maybe(t, "epoch", anyInt), Attempts: maybe(t, "attempts", anyInt),
		}
		p.After, p.NotBefore, p.Input, _ = anyTask(t)
		return p
	}),
	asPayload(func(t *rapid.T) ledger.KeyRotated {
		previous := anyText(255).Draw(t, "previous")
		return ledger.KeyRotated{Key: previous + "+", Previous: previous, Reason: maybe(t, "reason", anyText(1024))}
	}),
	anyActorEnrolled, anyActorRevoked, anyAuthoritySet, anyContentErased,
	anyGateDecided, anyDispatchBlocked, anyEffectSettled,
	anyLeased, anyLeaseRenewed, anyLeaseReleased, anyAttemptEnded,
)

// The properties hold for events of every type.
func TestAnyPayloadDrawsEveryType(t *testing.T) {
	drawn := map[ledger.Type]bool{}
	for seed := range 1000 {
		drawn[anyPayload.Example(seed).Type()] = true
	}
	for _, typ := range ledger.Types() {
		if !drawn[typ] {
			t.Errorf("anyPayload never draws %s", typ)
		}
	}
}

var anyClaim = rapid.Custom(func(t *rapid.T) ledger.Draft {
	e := ledger.Draft{
		ID: anyULID.Draw(t, "event_id"), Origin: anyOrigin.Draw(t, "origin"), Time: anyTime.Draw(t, "created_at"),
		Actor: anyName.Draw(t, "actor"), Payload: anyPayload.Draw(t, "payload"),
	}
	if rapid.Bool().Draw(t, "clock") {
		e.Clock = e.Time.Add(-time.Millisecond)
	}
	if rapid.Bool().Draw(t, "request") {
		e.RequestID, e.RequestDigest = rapid.StringMatching(`[!-~]{1,128}`).Draw(t, "request_id"), anyHash.Draw(t, "request_digest")
	}
	if rapid.Bool().Draw(t, "authority is there") {
		e.Authority = anyHash.Draw(t, "authority")
	}
	e.Trace = maybe(t, "trace", anyTrace)
	if rapid.Bool().Draw(t, "later") {
		e.Seq, e.Prev = ledger.Seq(anyInt.Draw(t, "seq")), anyHash.Draw(t, "prev")
	}
	if e.Type() == ledger.TypeIndexCommitted {
		e.Actor = ledger.ActorGait
	}
	if e.Type().OfLedger() {
		return e
	}
	e.JobID, e.JobSeq, e.Revision = anyJob.Draw(t, "job_id"), 1, anyInt.Draw(t, "revision")
	if rapid.Bool().Draw(t, "job goes on") {
		e.JobSeq, e.JobPrev = anyInt.Draw(t, "job_seq"), anyHash.Draw(t, "job_prev")
		e.Lease = maybe(t, "lease", anyInt)
	}
	return e
})

func TestEventsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e, err := ledger.Seal(anyDraft.Draw(t, "event"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := ledger.Decode(e.Bytes())
		if err != nil {
			t.Fatalf("Decode(%s): %v", e.Bytes(), err)
		}
		if diff := cmp.Diff(e, again, sealed); diff != "" {
			t.Fatalf("decoding changed the event (-sealed +decoded):\n%s", diff)
		}
		wantCanonical(t, e.Bytes())
	})
}

// An event with some of its bytes edited is malformed, or it is the encoding of
// another event. It is never a second spelling of the same event.
func TestEditedEvents(t *testing.T) {
	pieces := []string{"", `"`, `\`, `,`, `{`, `}`, `[`, ` `, "\n", "0", "1", "-", ".0", "e1", "null", `\u0041`, "\xff", "\x00", "\u202e", "A", "a", `"actor":"x",`}
	rapid.Check(t, func(t *rapid.T) {
		e, err := ledger.Seal(anyDraft.Draw(t, "event"))
		if err != nil {
			t.Fatal(err)
		}
		b := string(e.Bytes())
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			at := rapid.IntRange(0, len(b)).Draw(t, "at")
			end := min(len(b), at+rapid.IntRange(0, 2).Draw(t, "cut"))
			b = b[:at] + rapid.SampledFrom(pieces).Draw(t, "piece") + b[end:]
		}
		edited, err := ledger.Decode([]byte(b))
		if err != nil {
			return
		}
		again, err := ledger.Seal(edited.Draft())
		if err != nil || string(again.Bytes()) != b {
			t.Fatalf("Decode takes %s\nSeal gives  %s, %v", b, again.Bytes(), err)
		}
		if b != string(e.Bytes()) && again.LeafHash() == e.LeafHash() {
			t.Fatalf("another event of the same leaf hash: %s", b)
		}
	})
}

func TestTreeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tree ledger.Tree
		for range rapid.IntRange(0, 600).Draw(t, "size") {
			tree.Append(hashOf("leaf"), nil)
		}
		b, err := tree.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		var again ledger.Tree
		if err := again.UnmarshalBinary(b); err != nil || again.Size() != tree.Size() || again.Root() != tree.Root() {
			t.Fatalf("UnmarshalBinary(%x): %v, size %d, want %d", b, err, again.Size(), tree.Size())
		}
		tree.Append(hashOf("next"), nil)
		again.Append(hashOf("next"), nil)
		if tree.Root() != again.Root() {
			t.Fatalf("a tree of %d goes on otherwise than its copy", tree.Size()-1)
		}
	})
}

func TestKeysRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed")
		key, err := ledger.GenerateKey(strings.NewReader(string(seed)), anyOrigin.Draw(t, "origin"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := ledger.ParsePrivateKey(key.Secret())
		if err != nil || again.Secret() != key.Secret() {
			t.Fatalf("ParsePrivateKey(%s): %v", key.Secret(), err)
		}
		verifier, err := ledger.ParseVerifierKey(key.VerifierKey().String())
		if err != nil || verifier != key.VerifierKey() {
			t.Fatalf("ParseVerifierKey(%s) = %s, %v", key.VerifierKey(), verifier, err)
		}
	})
}
