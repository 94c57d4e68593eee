package ledger_test

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"gait/ledger"
)

// labels returns n labels in order.
func labels(n int) (out []ledger.Label) {
	for i := range n {
		out = append(out, ledger.Label{Key: fmt.Sprintf("k%02d", i), Value: "v"})
	}
	return out
}

func submitted(change func(*ledger.Submitted)) ledger.Draft {
	p := ledger.Submitted{EnvironmentFingerprint: "e", ProducerVersion: "1"}
	change(&p)
	return eventOf(p)
}

func resumed(change func(*ledger.Resumed)) ledger.Draft {
	p := ledger.Resumed{ExpectedFingerprint: "e", ActualFingerprint: "e"}
	change(&p)
	return eventOf(p)
}

func checkpointed(change func(*ledger.CheckpointAdded)) ledger.Draft {
	p := ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointPlan, Summary: "s"}
	change(&p)
	return eventOf(p)
}

func refused(change func(*ledger.Refused)) ledger.Draft {
	p := ledger.Refused{Command: "pause", Refusal: "x", Exit: 6}
	change(&p)
	return eventOf(p)
}

func enveloped(change func(*ledger.Draft)) ledger.Draft {
	e := eventOf(ledger.Paused{})
	change(&e)
	return e
}

// limits gives for each bounded string its limit, and an event that holds s in that field.
var limits = []struct {
	field string
	max   int
	event func(s string) ledger.Draft
}{
	{"actor", 128, func(s string) ledger.Draft { return enveloped(func(e *ledger.Draft) { e.Actor = s }) }},
	{"job_id", 128, func(s string) ledger.Draft { return enveloped(func(e *ledger.Draft) { e.JobID = s }) }},
	{"origin", 128, func(s string) ledger.Draft { return enveloped(func(e *ledger.Draft) { e.Origin = s }) }},
	{"request_id", 128, func(s string) ledger.Draft {
		return enveloped(func(e *ledger.Draft) { e.RequestID, e.RequestDigest = s, hashOf("request") })
	}},
	{"key", 256, func(s string) ledger.Draft { return eventOf(ledger.LedgerCreated{Format: 1, Key: s}) }},
	{"environment_fingerprint", 256, func(s string) ledger.Draft {
		return submitted(func(p *ledger.Submitted) { p.EnvironmentFingerprint = s })
	}},
	{"identity", 128, func(s string) ledger.Draft { return submitted(func(p *ledger.Submitted) { p.Identity = s }) }},
	{"policy_ref", 256, func(s string) ledger.Draft { return submitted(func(p *ledger.Submitted) { p.PolicyRef = s }) }},
	{"producer_version", 128, func(s string) ledger.Draft { return submitted(func(p *ledger.Submitted) { p.ProducerVersion = s }) }},
	{"labels", 63, func(s string) ledger.Draft {
		return submitted(func(p *ledger.Submitted) { p.Labels = []ledger.Label{{Key: s, Value: "v"}} })
	}},
	{"labels", 63, func(s string) ledger.Draft {
		return submitted(func(p *ledger.Submitted) { p.Labels = []ledger.Label{{Key: "k", Value: s}} })
	}},
	{"required_action", 512, func(s string) ledger.Draft {
		return checkpointed(func(p *ledger.CheckpointAdded) { p.RequiredAction = s })
	}},
	{"summary", 512, func(s string) ledger.Draft { return checkpointed(func(p *ledger.CheckpointAdded) { p.Summary = s }) }},
	{"reason", 1024, func(s string) ledger.Draft { return eventOf(ledger.Paused{Reason: s}) }},
	{"reason", 1024, func(s string) ledger.Draft { return eventOf(ledger.Cancelled{Reason: s}) }},
	{"reason", 1024, func(s string) ledger.Draft { return eventOf(ledger.Stopped{Reason: s}) }},
	{"reason", 1024, func(s string) ledger.Draft { return eventOf(ledger.Approved{Reason: s, Target: hashOf("t")}) }},
	{"reason", 1024, func(s string) ledger.Draft { return eventOf(ledger.Denied{Reason: s, Target: hashOf("t")}) }},
	{"reason", 1024, func(s string) ledger.Draft { return resumed(func(p *ledger.Resumed) { p.Reason = s }) }},
	{"reason", 1024, func(s string) ledger.Draft { return refused(func(p *ledger.Refused) { p.Reason = s }) }},
	{"summary", 512, func(s string) ledger.Draft { return refused(func(p *ledger.Refused) { p.Summary = s }) }},
	{"command", 32, func(s string) ledger.Draft { return refused(func(p *ledger.Refused) { p.Command = s }) }},
	{"refusal", 64, func(s string) ledger.Draft { return refused(func(p *ledger.Refused) { p.Refusal = s }) }},
	{"expected_fingerprint", 256, func(s string) ledger.Draft { return resumed(func(p *ledger.Resumed) { p.ExpectedFingerprint = s }) }},
	{"actual_fingerprint", 256, func(s string) ledger.Draft { return resumed(func(p *ledger.Resumed) { p.ActualFingerprint = s }) }},
	{"current_policy_ref", 256, func(s string) ledger.Draft { return resumed(func(p *ledger.Resumed) { p.CurrentPolicyRef = s }) }},
	{"previous_policy_ref", 256, func(s string) ledger.Draft { return resumed(func(p *ledger.Resumed) { p.PreviousPolicyRef = s }) }},
	{"identity", 128, func(s string) ledger.Draft { return resumed(func(p *ledger.Resumed) { p.Identity = s }) }},
	{"identity_validation_source", 128, func(s string) ledger.Draft {
		return resumed(func(p *ledger.Resumed) { p.IdentityValidationSource = s })
	}},
	{"actor", 128, func(s string) ledger.Draft { return enrolled(func(p *ledger.ActorEnrolled) { p.Actor = s }) }},
	{"reason", 1024, func(s string) ledger.Draft { return enrolled(func(p *ledger.ActorEnrolled) { p.Reason = s }) }},
	{"actor", 128, func(s string) ledger.Draft { return eventOf(ledger.ActorRevoked{Actor: s, Reason: "r"}) }},
	{"reason", 1024, func(s string) ledger.Draft { return eventOf(ledger.ActorRevoked{Actor: "ann", Reason: s}) }},
	{"reason", 1024, func(s string) ledger.Draft {
		return eventOf(ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeAll, Reason: s})
	}},
	{"reason", 1024, func(s string) ledger.Draft {
		return eventOf(ledger.ContentErased{Digest: hashOf("c"), Reason: s})
	}},
	{"approvers", 128, func(s string) ledger.Draft {
		return decided(func(p *ledger.CheckpointAdded) { p.Approvers = []string{s} })
	}},
	{"name", 255, func(s string) ledger.Draft {
		return decided(func(p *ledger.CheckpointAdded) { p.Subject = ledger.Content{Digest: hashOf("c"), Name: s} })
	}},
	{"name", 255, func(s string) ledger.Draft {
		return checkpointed(func(p *ledger.CheckpointAdded) {
			p.Attachments = []ledger.Attachment{{Content: ledger.Content{Digest: hashOf("c"), Name: s}, Role: ledger.AttachLog}}
		})
	}},
	{"worker", 128, func(s string) ledger.Draft { return leased(func(p *ledger.Leased) { p.Worker = s }) }},
	{"worker", 128, func(s string) ledger.Draft { return released(func(p *ledger.LeaseReleased) { p.Worker = s }) }},
	{"after", 128, func(s string) ledger.Draft { return submitted(func(p *ledger.Submitted) { p.After = []string{s} }) }},
	{"name", 255, func(s string) ledger.Draft {
		return attempted(func(p *ledger.AttemptEnded) { p.Log = ledger.Content{Digest: hashOf("c"), Name: s} })
	}},
	{"command", 16 << 10, func(s string) ledger.Draft {
		return changed(signedEvent(), func(d *ledger.Draft) { d.Command = []byte(s) })
	}},
}

func TestStringLimits(t *testing.T) {
	for _, tt := range limits {
		longest := strings.Repeat("x", tt.max)
		e := seal(t, tt.event(longest))
		t.Run(fmt.Sprintf("%s_%s", e.Type(), tt.field), func(t *testing.T) {
			if _, err := ledger.Decode(e.Bytes()); err != nil {
				t.Errorf("Decode with %d bytes: %v", tt.max, err)
			}
			_, err := ledger.Seal(tt.event(longest + "x"))
			wantField(t, err, tt.field)
			_, err = ledger.Decode([]byte(edit(t, string(e.Bytes()), `"`+longest+`"`, `"`+longest+`x"`)))
			wantField(t, err, tt.field)
		})
	}
}

// Every text of every payload has a limit, whether or not it is listed above.
func TestEveryTextHasALimit(t *testing.T) {
	for _, form := range payloadForms() {
		p := reflect.New(reflect.TypeOf(form.payload)).Elem()
		p.Set(reflect.ValueOf(form.payload))
		eachText(p, "", func(name string, text reflect.Value) {
			was := text.String()
			text.SetString(strings.Repeat("x", 8<<10))
			_, err := ledger.Seal(eventOf(p.Interface().(ledger.Payload)))
			if _, ok := errors.AsType[*ledger.FieldError](err); !ok {
				t.Errorf("%s%s takes 8 KiB: %v", form.payload.Type(), name, err)
			}
			text.SetString(was)
		})
	}
}

// eachText calls visit with every string in v.
func eachText(v reflect.Value, name string, visit func(name string, text reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		visit(name, v)
	case reflect.Pointer:
		if !v.IsNil() {
			eachText(v.Elem(), name, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachText(v.Index(i), name, visit)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				eachText(v.Field(i), name+"."+f.Name, visit)
			}
		}
	}
}

// Limits count bytes, not characters and not escapes.
func TestLimitsCountBytes(t *testing.T) {
	for _, s := range []string{strings.Repeat("é", 512), strings.Repeat(`"`, 1024), strings.Repeat("😀", 256)} {
		e := seal(t, eventOf(ledger.Paused{Reason: s}))
		if again, err := ledger.Decode(e.Bytes()); err != nil || again.Payload() != e.Payload() {
			t.Errorf("Decode with a reason of %d bytes: %v", len(s), err)
		}
		_, err := ledger.Seal(eventOf(ledger.Paused{Reason: s + "é"}))
		wantField(t, err, "reason")
	}
}

func TestCountLimits(t *testing.T) {
	sigs := make([]ledger.CommandSig, 17)
	for i := range sigs {
		sigs[i] = ledger.CommandSig{KeyID: ledger.Hash{byte(i + 1)}, Sig: make([]byte, 64)}
	}
	hashes := make([]ledger.Hash, 66)
	for i := range hashes {
		hashes[i] = ledger.Hash{byte(i + 1)}
	}
	var names, keys []string
	var attached []ledger.Attachment
	var newSigs [][]byte
	for i := range 17 {
		names, newSigs = append(names, fmt.Sprintf("n%02d", i)), append(newSigs, []byte{byte(i)})
		attached = append(attached, ledger.Attachment{Content: ledger.Content{Digest: hashes[0], Size: int64(i)}, Role: ledger.AttachLog})
	}
	for i := range 9 {
		keys = append(keys, actorKey("ssh-ed25519", string(rune('0'+i))))
	}
	for _, tt := range []struct {
		field      string
		edge, over ledger.Draft
		more       [2]string // an edit that takes the bytes of edge over the limit
	}{
		{
			"labels", submitted(func(p *ledger.Submitted) { p.Labels = labels(16) }), submitted(func(p *ledger.Submitted) { p.Labels = labels(17) }),
			[2]string{`"k15":"v"`, `"k15":"v","k16":"v"`},
		},
		{
			"labels", submitted(func(p *ledger.Submitted) { p.Labels = labels(16) }), submitted(func(p *ledger.Submitted) { p.Labels = labels(200) }),
			[2]string{`"k15":"v"`, `"k15":"v"` + strings.Repeat(`,"k16":"v"`, 3000)},
		},
		{
			"consumes", resumed(func(p *ledger.Resumed) { p.Consumes = hashes[:65] }), resumed(func(p *ledger.Resumed) { p.Consumes = hashes }),
			[2]string{`"` + hashes[64].String() + `"`, `"` + hashes[64].String() + `","` + hashes[65].String() + `"`},
		},
		{
			"command_sigs", enveloped(func(e *ledger.Draft) { e.Command, e.CommandSigs = []byte("c"), sigs[:16] }),
			enveloped(func(e *ledger.Draft) { e.Command, e.CommandSigs = []byte("c"), sigs }),
			[2]string{`"sig":"` + zeroSig + `"}],`, `"sig":"` + zeroSig + `"},{"key_id":"` + sigs[16].KeyID.String() + `","sig":"` + zeroSig + `"}],`},
		},
		{
			"command", enveloped(func(e *ledger.Draft) { e.Command = make([]byte, 32<<10) }), enveloped(func(e *ledger.Draft) { e.Command = make([]byte, 32<<10+1) }),
			[2]string{`A=","created_at"`, `AAAA","created_at"`},
		},
		{"approvers", decided(func(p *ledger.CheckpointAdded) { p.Approvers = names[:16] }), decided(func(p *ledger.CheckpointAdded) { p.Approvers = names }), [2]string{`"n15"`, `"n15","n16"`}},
		{
			"attachments", checkpointed(func(p *ledger.CheckpointAdded) { p.Attachments = attached[:16] }), checkpointed(func(p *ledger.CheckpointAdded) { p.Attachments = attached }),
			[2]string{`"size":15}`, `"size":15},{"digest":"` + hashes[0].String() + `","role":"log","size":16}`},
		},
		{"keys", enrolled(func(p *ledger.ActorEnrolled) { p.Keys = keys[:8] }), enrolled(func(p *ledger.ActorEnrolled) { p.Keys = keys }), [2]string{keys[7] + `"`, keys[7] + `","` + keys[8] + `"`}},
		{
			"policies", eventOf(ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeAll, Policies: hashes[:16]}), eventOf(ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeAll, Policies: hashes[:17]}),
			[2]string{`"` + hashes[15].String() + `"`, `"` + hashes[15].String() + `","` + hashes[16].String() + `"`},
		},
		{
			"command_sigs", changed(signedByTwo(), func(d *ledger.Draft) { d.CommandSigs = ledger.SortedSigs(newSigs[:16]) }),
			changed(signedByTwo(), func(d *ledger.Draft) { d.CommandSigs = ledger.SortedSigs(newSigs) }),
			[2]string{`{"sig":"Dw=="}`, `{"sig":"Dw=="},{"sig":"EA=="}`},
		},
		{
			"sig", changed(signedEvent(), func(d *ledger.Draft) { d.CommandSigs[0].Sig = make([]byte, 1<<10) }),
			changed(signedEvent(), func(d *ledger.Draft) { d.CommandSigs[0].Sig = make([]byte, 1<<10+1) }),
			[2]string{`AA=="}`, `AAA="}`},
		},
		{"quorum", decided(func(p *ledger.CheckpointAdded) { p.Quorum = 16 }), decided(func(p *ledger.CheckpointAdded) { p.Quorum = 17 }), [2]string{`"quorum":16`, `"quorum":17`}},
		{"quorum", decided(func(p *ledger.CheckpointAdded) { p.Quorum = 2 }), decided(func(p *ledger.CheckpointAdded) { p.Quorum = 1 }), [2]string{`"quorum":2`, `"quorum":1`}},
		{"after", submitted(func(p *ledger.Submitted) { p.After = names[:16] }), submitted(func(p *ledger.Submitted) { p.After = names }), [2]string{`"n15"`, `"n15","n16"`}},
		{
			"after", leased(func(p *ledger.Leased) { p.After = hashes[:16] }), leased(func(p *ledger.Leased) { p.After = hashes[:17] }),
			[2]string{`"` + hashes[15].String() + `"`, `"` + hashes[15].String() + `","` + hashes[16].String() + `"`},
		},
		{"ttl", leased(func(p *ledger.Leased) { p.TTL = 86400 }), leased(func(p *ledger.Leased) { p.TTL = 86401 }), [2]string{`"ttl":86400`, `"ttl":86401`}},
		{"ttl", leased(func(p *ledger.Leased) { p.TTL = 5 }), leased(func(p *ledger.Leased) { p.TTL = 4 }), [2]string{`"ttl":5`, `"ttl":4`}},
		{"exit", attempted(func(p *ledger.AttemptEnded) { p.Exit = new(int64(255)) }), attempted(func(p *ledger.AttemptEnded) { p.Exit = new(int64(256)) }), [2]string{`"exit":255`, `"exit":256`}},
		{
			"progress", checkpointed(func(p *ledger.CheckpointAdded) { p.Progress.Total = 1 << 40 }), checkpointed(func(p *ledger.CheckpointAdded) { p.Progress.Total = 1<<40 + 1 }),
			[2]string{`1099511627776`, `1099511627777`},
		},
		{"admins", eventOf(ledger.AuthoritySet{Admins: 8, Mode: ledger.ModeAll}), eventOf(ledger.AuthoritySet{Admins: 9, Mode: ledger.ModeAll}), [2]string{`"admins":8`, `"admins":9`}},
		{"exit", refused(func(p *ledger.Refused) { p.Exit = 255 }), refused(func(p *ledger.Refused) { p.Exit = 256 }), [2]string{`"exit":255`, `"exit":256`}},
		{
			"job_seq", enveloped(func(e *ledger.Draft) { e.JobSeq = 1<<53 - 1 }), enveloped(func(e *ledger.Draft) { e.JobSeq = 1 << 53 }),
			[2]string{`9007199254740991`, `9007199254740992`},
		},
		{
			"seq", enveloped(func(e *ledger.Draft) { e.Seq = 1<<53 - 1 }), enveloped(func(e *ledger.Draft) { e.Seq = 1 << 53 }),
			[2]string{`9007199254740991`, `9007199254740992`},
		},
	} {
		e := seal(t, tt.edge)
		if _, err := ledger.Decode(e.Bytes()); err != nil {
			t.Errorf("%s at its limit: %v", tt.field, err)
		}
		_, err := ledger.Seal(tt.over)
		wantField(t, err, tt.field)
		_, err = ledger.Decode([]byte(edit(t, string(e.Bytes()), tt.more[0], tt.more[1])))
		wantField(t, err, tt.field)
	}
}

// The largest event that the field limits allow fits into MaxEventSize, so no
// valid command fails because of its size.
func TestLargestEventFits(t *testing.T) {
	e := fullEvent()
	e.Command, e.CommandSigs = make([]byte, 32<<10), nil
	for i := range 16 {
		e.CommandSigs = append(e.CommandSigs, ledger.CommandSig{KeyID: ledger.Hash{byte(i + 1)}, Sig: make([]byte, 64)})
	}
	quotes := func(n int) string { return strings.Repeat(`"`, n) }
	e.Actor, e.JobID, e.Origin, e.RequestID = strings.Repeat("x", 128), strings.Repeat("x", 128), strings.Repeat("x", 128), quotes(128)
	p := ledger.Resumed{
		ExpectedFingerprint: quotes(256), ActualFingerprint: quotes(256), PreviousPolicyDigest: hashOf("a"), CurrentPolicyDigest: hashOf("b"),
		PreviousPolicyRef: quotes(256), CurrentPolicyRef: quotes(256), PolicyChanged: true, Identity: strings.Repeat("x", 128),
		IdentityValidationSource: quotes(128), Reason: quotes(1024),
	}
	for i := range 65 {
		p.Consumes = append(p.Consumes, ledger.Hash{byte(i + 1)})
	}
	e.Payload = p
	if n := len(seal(t, e).Bytes()); n > ledger.MaxEventSize {
		t.Errorf("the largest event has %d bytes, at most %d may be written", n, ledger.MaxEventSize)
	}
}

// Decode refuses input that is too long before it does any work. Other input
// costs little more memory than its own size, whatever it contains.
func TestDecodeIsBounded(t *testing.T) {
	fill := func(n int, head, unit string) []byte { return []byte((head + strings.Repeat(unit, n/len(unit)+1))[:n]) }
	for _, tt := range []struct {
		name  string
		input []byte
		limit uint64 // bytes allocated
	}{
		{"8 MiB", make([]byte, 8<<20), 4 << 10},
		{"a byte too many", fill(ledger.MaxEventSize+1, `{"actor":"`, "x"), 4 << 10},
		{"nested lists", fill(ledger.MaxEventSize, `{"actor":`, "["), 512 << 10},
		{"nested objects", fill(ledger.MaxEventSize, "", `{"actor":`), 512 << 10},
		{"a long string", fill(ledger.MaxEventSize, `{"actor":"`, "x"), 512 << 10},
		{"a long number", fill(ledger.MaxEventSize, `{"seq":`, "9"), 512 << 10},
		{"escapes", fill(ledger.MaxEventSize, `{"actor":"`, `\"`), 512 << 10},
		{"types", fill(ledger.MaxEventSize, ``, `,"type":"`), 512 << 10},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := ledger.Decode(tt.input)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", tt.name, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > tt.limit {
			t.Errorf("%s: decoding allocated %d bytes, want at most %d", tt.name, got, tt.limit)
		}
	}
}
