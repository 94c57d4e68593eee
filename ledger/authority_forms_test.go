package ledger_test

import (
	"encoding/base64"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"gait/ledger"
)

// actorKey returns a text of the form of an actor's key. Whether there is such a key, no
// test of this package asks.
func actorKey(kind, rest string) string {
	blob := append([]byte{0, 0, 0, byte(len(kind))}, kind+rest...)
	return kind + " " + base64.StdEncoding.EncodeToString(blob)
}

// authorityForms are the forms of the types that version 1.4.0 brought, and of those to
// which it added fields.
func authorityForms(a, b ledger.Hash) []payloadForm {
	ha, hb := a.String(), b.String()
	key, token := actorKey("ssh-ed25519", "k"), actorKey("sk-ssh-ed25519@openssh.com", "k")
	subject := ledger.Content{Digest: a, MediaType: "application/json", Name: "plan.json", Size: 12}
	return []payloadForm{
		{
			ledger.ActorEnrolled{Actor: "ann@example", Bootstrap: ledger.BootstrapInit, Keys: []string{token, key}, Reason: "first", Roles: ledger.Roles},
			`{"actor":"ann@example","bootstrap":"init","keys":["` + token + `","` + key + `"],"reason":"first","roles":["admin","approver","auditor","operator","worker"]}`,
		},
		{
			ledger.ActorEnrolled{Actor: "ann", Keys: []string{key}, Roles: []ledger.Role{ledger.RoleWorker}},
			`{"actor":"ann","keys":["` + key + `"],"roles":["worker"]}`,
		},
		{ledger.ActorRevoked{Actor: "ann", Key: a, Reason: "lost"}, `{"actor":"ann","key":"` + ha + `","reason":"lost"}`},
		{ledger.ActorRevoked{Actor: "ann", Reason: "left"}, `{"actor":"ann","reason":"left"}`},
		{
			ledger.AuthoritySet{Admins: 8, Mode: ledger.ModeVerdicts, Policies: []ledger.Hash{a, b}, Reason: "stricter"},
			`{"admins":8,"mode":"verdicts","policies":["` + ha + `","` + hb + `"],"reason":"stricter"}`,
		},
		{ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeClaims}, `{"admins":1,"mode":"claims"}`},
		{
			ledger.CheckpointAdded{
				CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, ContentKey: b, Continues: a, RequiredAction: "ask", Summary: "s",
				Attachments: []ledger.Attachment{{Content: subject, Role: ledger.AttachState}, {Content: ledger.Content{Digest: b}, Role: ledger.AttachLog}},
				Decision: ledger.Decision{
					Approvers: []string{"bob", "role:approver"}, ExpiresAt: testTime, Quorum: 2, Replaces: "cp_0003", Subject: subject,
				},
			},
			`{"approvers":["bob","role:approver"],"attachments":[{"digest":"` + ha + `","media_type":"application/json","name":"plan.json","role":"state","size":12},{"digest":"` + hb +
				`","role":"log","size":0}],"checkpoint_id":"cp_0001","checkpoint_type":"decision-needed","content_key":"` + hb + `","continues":"` + ha +
				`","expires_at":"2026-11-22T20:32:58.058Z","quorum":2,"replaces":"cp_0003","required_action":"ask","subject":{"digest":"` + ha +
				`","media_type":"application/json","name":"plan.json","size":12},"summary":"s"}`,
		},
		{
			ledger.CheckpointAdded{
				CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress, Summary: "s", ContentKey: b,
				Attachments: []ledger.Attachment{{Content: ledger.Content{Digest: a, Size: 1}, Role: ledger.AttachArtifact}},
			},
			`{"attachments":[{"digest":"` + ha + `","role":"artifact","size":1}],"checkpoint_id":"cp_0001","checkpoint_type":"progress","content_key":"` + hb + `","summary":"s"}`,
		},
		{
			ledger.CheckpointAdded{
				CheckpointID: "cp_0004", CheckpointType: ledger.CheckpointDecisionNeeded, RequiredAction: "ask", Summary: "s",
				Decision: ledger.Decision{Replaces: ledger.ReplacesPause},
			},
			`{"checkpoint_id":"cp_0004","checkpoint_type":"decision-needed","replaces":"pause","required_action":"ask","summary":"s"}`,
		},
		{
			ledger.Approved{CheckpointID: "cp_0002", Reason: "fine", Target: a, Subject: b, Amended: subject, ContentKey: a},
			`{"amended":{"digest":"` + ha + `","media_type":"application/json","name":"plan.json","size":12},"checkpoint_id":"cp_0002","content_key":"` + ha +
				`","reason":"fine","subject":"` + hb + `","target":"` + ha + `"}`,
		},
		{ledger.Approved{Reason: "fine", Target: a, Subject: b}, `{"reason":"fine","subject":"` + hb + `","target":"` + ha + `"}`},
		{ledger.Denied{Reason: "no", Target: a, Subject: b}, `{"reason":"no","subject":"` + hb + `","target":"` + ha + `"}`},
		{ledger.ContentErased{Digest: a, Reason: "asked to"}, `{"digest":"` + ha + `","reason":"asked to"}`},
		{ledger.ContentErased{Digest: b, Reason: "x"}, `{"digest":"` + hb + `","reason":"x"}`},
	}
}

// Generators of what version 1.4.0 brought.
var (
	anyEnrolled = rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._@/-]{0,40}`).Filter(func(s string) bool { return !strings.EqualFold(s, ledger.ActorGait) })
	anyApprover = rapid.OneOf(anyEnrolled, rapid.Map(rapid.SampledFrom(ledger.Roles), func(r ledger.Role) string { return ledger.RolePrefix + string(r) }))
	anyActorKey = rapid.Custom(func(t *rapid.T) string {
		kind := rapid.SampledFrom([]string{"ecdsa-sha2-nistp256", "sk-ecdsa-sha2-nistp256@openssh.com", "sk-ssh-ed25519@openssh.com", "ssh-ed25519"}).Draw(t, "type")
		return actorKey(kind, string(rapid.SliceOfN(rapid.Byte(), 0, 150).Draw(t, "rest")))
	})
	anyActorEnrolled = asPayload(func(t *rapid.T) ledger.ActorEnrolled {
		return ledger.ActorEnrolled{
			Actor: anyEnrolled.Draw(t, "actor"), Bootstrap: maybe(t, "bootstrap", rapid.SampledFrom([]string{"flag", "init", "terminal"})),
			Keys: anySet(anyActorKey, 1, 8).Draw(t, "keys"), Reason: maybe(t, "reason", anyText(1024)), Roles: anySet(rapid.SampledFrom(ledger.Roles), 1, 5).Draw(t, "roles"),
		}
	})
	anyActorRevoked = asPayload(func(t *rapid.T) ledger.ActorRevoked {
		return ledger.ActorRevoked{Actor: anyEnrolled.Draw(t, "actor"), Key: maybe(t, "key", anyHash), Reason: anyText(1024).Draw(t, "reason")}
	})
	anyAuthoritySet = asPayload(func(t *rapid.T) ledger.AuthoritySet {
		p := ledger.AuthoritySet{Admins: rapid.Int64Range(1, 8).Draw(t, "admins"), Mode: rapid.SampledFrom(ledger.Modes).Draw(t, "mode"), Reason: maybe(t, "reason", anyText(1024))}
		for _, text := range maybe(t, "policies", anySet(rapid.Map(anyHash, ledger.Hash.String), 1, 16)) {
			h, err := ledger.ParseHash(text)
			if err != nil {
				t.Fatal(err)
			}
			p.Policies = append(p.Policies, h)
		}
		return p
	})
	anyContentErased = asPayload(func(t *rapid.T) ledger.ContentErased {
		return ledger.ContentErased{Digest: anyHash.Draw(t, "digest"), Reason: anyText(1024).Draw(t, "reason")}
	})
	anyAttachments = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ledger.Attachment {
		return ledger.Attachment{Content: anyContent.Draw(t, "content"), Role: rapid.SampledFrom(ledger.AttachmentRoles).Draw(t, "role")}
	}), 1, 16)
	anyDecision = rapid.Custom(func(t *rapid.T) ledger.Decision {
		return ledger.Decision{
			Approvers: maybe(t, "approvers", anySet(anyApprover, 1, 16)), ExpiresAt: maybe(t, "expires", anyTime), Quorum: maybe(t, "quorum", rapid.Int64Range(2, 16)),
			Replaces: maybe(t, "replaces", rapid.OneOf(anyID, rapid.Just(ledger.ReplacesPause))), Subject: maybe(t, "subject", anyContent),
		}
	})
)

// anySet draws a list in order, each value once.
func anySet[T ~string](g *rapid.Generator[T], low, high int) *rapid.Generator[[]T] {
	return rapid.Map(rapid.SliceOfNDistinct(g, low, high, rapid.ID[T]), func(all []T) []T { return slices.Sorted(slices.Values(all)) })
}

// anyDraft draws a draft with or without a command. In events that use nothing of version
// 1.4.0 the command may have the form of the versions before.
var anyDraft = rapid.Custom(func(t *rapid.T) ledger.Draft {
	d := anyClaim.Draw(t, "claim")
	if !rapid.Bool().Draw(t, "command is there") {
		return d
	}
	e, err := ledger.Seal(d)
	if err != nil {
		t.Fatal(err)
	}
	if e.Version() < "1.4.0" && rapid.Bool().Draw(t, "old form") {
		d.Command = rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "command")
		for i := range rapid.IntRange(0, 16).Draw(t, "sigs") {
			d.CommandSigs = append(d.CommandSigs, ledger.CommandSig{KeyID: ledger.Hash{byte(i + 1)}, Sig: rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "sig")})
		}
		return d
	}
	d.RequestID, d.RequestDigest = "req-signed", anyHash.Draw(t, "request_digest")
	d.Command = []byte(anyText(1000).Draw(t, "command"))
	count := 1
	if d.Type().OfLedger() {
		count = rapid.IntRange(1, 16).Draw(t, "sigs")
	}
	var sigs [][]byte
	for range count {
		sigs = append(sigs, rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "sig"))
	}
	d.CommandSigs = ledger.SortedSigs(sigs)
	return d
})
