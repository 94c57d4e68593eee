package main

import (
	"cmp"
	"errors"

	"gait/ledger/authority"
	"gait/projection"
)

// authorityHints are the hints about signed commands and who may do what.
var authorityHints = map[string]hintMaker{
	"signature_required": ofDetails(signatureRequiredHint),
	"signature_invalid":  ofDetails(signatureInvalidHint),
	"role_required":      ofDetails(roleHint),
	"revoked":            say("act as another actor, or have an admin enroll a new key: gait actor add"),
	"identity_revoked":   say("submit a new job under another identity; if the list is wrong, have it mended; gait job cancel ends this job"),
	"command_expired":    say("sign it again; --valid-for says how long it can be submitted, and the clocks must agree"),
	"command_used":       say("what it led to is on the ledger; give another --request-id for another command"),
	"subject_changed": ofDetails(func(d projection.Details) string {
		return "look at what is asked about now: gait job status --id " + d.JobID
	}),
	"decision_expired":  expiredHint,
	"quorum_pending":    ofDetails(func(d projection.Details) string { return toApprove(d.JobID, d.CheckpointID) }),
	"key_refused":       say("make another key: ssh-keygen -t ed25519"),
	"key_in_use":        say("make another key: ssh-keygen -t ed25519; a key belongs to one actor for ever"),
	"name_in_use":       say("choose a name that looks like no other: gait actor list"),
	"not_enrolled":      say("gait actor list shows the actors and their keys"),
	"too_few_admins":    say("enroll another admin first: gait actor add NAME --key FILE.pub --role admin"),
	"authority_exists":  say("gait authority show says who the admins are; one of them signs"),
	"authority_missing": say("enroll the first actor: gait actor add NAME --key FILE.pub --role admin"),
}

func signatureRequiredHint(d projection.Details) string {
	if d.Cause == string(authority.CauseNoKeyLeft) {
		return "an admin enrolls a new key, and names all roles again: gait actor add " + quoted(d.Actor) + " --key FILE.pub --role ROLE"
	}
	return "act as an enrolled actor, and sign: --actor NAME --sign-key FILE; gait authority show says who there is"
}

func signatureInvalidHint(d projection.Details) string {
	switch authority.Cause(d.Cause) {
	case authority.CauseOtherKey:
		return "sign with a key of this actor: gait actor show " + quoted(d.Actor)
	case authority.CauseNotEnrolled:
		return "act as an enrolled actor, or do not sign: gait actor list"
	case authority.CauseNoKeyLeft:
	}
	return "sign the exact bytes of the command: ssh-keygen -Y sign -n gait-command -f KEY FILE"
}

// roleHint says who may do what an actor may not.
func roleHint(d projection.Details) string {
	switch {
	case d.Needed > 0:
		return "have all of them sign one command: --print-command FILE, then --command FILE --signature FILE for each; gait authority show says who the admins are"
	case d.Holders != "":
		return "these may: " + d.Holders + "; gait actor add --help says what each role may do"
	case d.Role != "":
		return "nobody has the role " + d.Role + ": an admin enrolls someone, gait actor add"
	}
	return "gait authority show says who has which role"
}

// toReplace is the command that asks again, in the place of a decision that expired or was denied.
func toReplace(d projection.Details) string {
	which := cmp.Or(d.Replaces, d.CheckpointID, "ID")
	return "gait job checkpoint add --id " + d.JobID + ` --type decision-needed --summary "WHAT" --required-action "WHAT" --replaces ` + which
}

// orReplace is a hint, unless only a new decision lifts what a refusal is about: that is then
// the hint.
func orReplace(d projection.Details, hint string) string {
	if d.Replaces != "" {
		return "ask again: " + toReplace(d)
	}
	return hint
}

func expiredHint(err error) string {
	if e, ok := errors.AsType[*projection.ExpiredError](err); ok { // a wait found it
		return "ask again: " + toReplace(projection.Details{JobID: e.Job.ID, CheckpointID: e.CheckpointID})
	}
	return ofDetails(func(d projection.Details) string { return "ask again: " + toReplace(d) })(err)
}

func deniedHint(err error) string {
	if e, ok := errors.AsType[*projection.DeniedError](err); ok {
		return orReplace(projection.Details{JobID: e.Job.ID, Replaces: e.Replaces}, deniedBefore)
	}
	return deniedBefore
}

// deniedBefore is what lifts a denial in a ledger without actors.
const deniedBefore = "the actor who denied it can still approve it; --for status=running waits for that and the resume"
