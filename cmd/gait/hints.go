package main

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"gait/commands/connect"
	"gait/commands/daemon"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
	"gait/packspec/finding"
	"gait/projection"
)

// A hintedError brings its own hint.
type hintedError interface {
	ledger.Faulty
	nextStep() string
}

// hintOf returns what to do next about an error with fault f, with commands that
// can be pasted. helpHint stands for the help of the command that failed.
func hintOf(err error, f ledger.Fault) string {
	if own, ok := errors.AsType[hintedError](err); ok && own.Fault() == f {
		return own.nextStep()
	}
	for _, of := range []map[string]hintMaker{hints, authorityHints, effectHints, leaseHints} {
		if hint, ok := of[f.Code]; ok {
			return hint(err)
		}
	}
	if _, ok := errors.AsType[*finding.FormatError](err); ok {
		return "do not rely on it; ask its sender for another"
	}
	if _, ok := errors.AsType[*ledger.PolicyError](err); ok {
		return "https://c2sp.org/tlog-policy says how a policy is written"
	}
	if strings.HasPrefix(f.Code, "invalid_") {
		return helpHint
	}
	if said, ok := errors.AsType[*daemon.Error](err); ok {
		return said.Hint
	}
	return ""
}

// helpHint stands for the help of the command that failed.
const helpHint = "--help"

// againHint stands for what to do about a command whose outcome is unknown.
const againHint = "again"

// otherNameHint stands for how the command that failed is given another name for a ledger.
const otherNameHint = "other name"

// hints has the hint of each error code. If a daemon can answer with an error,
// add its hint to those of commands/daemon too.
var hints = map[string]hintMaker{
	// Refusals.
	"invalid_transition": ofDetails(transitionHint),
	"nothing_to_approve": ofDetails(func(d projection.Details) string { return "gait job status --id " + d.JobID + " shows what waits" }),
	"already_decided": ofDetails(func(d projection.Details) string {
		return orReplace(d, "gait job status --id "+d.JobID+" shows what else waits")
	}),
	"decision_not_open": ofDetails(func(d projection.Details) string {
		return "gait job status --id " + d.JobID + " lists the open decisions"
	}),
	"checkpoint_required": ofDetails(checkpointHint),
	"too_many_decisions":  ofDetails(decisionsHint),
	"self_approval":       say("have another person approve it: --actor NAME"),
	"approval_required":   ofDetails(func(d projection.Details) string { return orReplace(d, toApprove(d.JobID, d.CheckpointID)) }),
	"policy_required": ofDetails(func(d projection.Details) string {
		return "name the policy it continues under: " + toResume(d.JobID, d.PolicyBound)
	}),
	"identity_mismatch":    say("resume it as that identity, or leave --identity out"),
	"environment_mismatch": ofDetails(environmentHint),

	// Commands.
	"job_not_found":       say("gait job list shows the jobs there are"),
	"job_exists":          say("choose another id, or leave --id out to have one made"),
	"state_conflict":      ofDetails(func(d projection.Details) string { return "look again, then decide: gait job status --id " + d.JobID }),
	"request_id_conflict": say("a request id stands for one command; use a new one for another"),
	"import_too_large":    say("keep its pack, which pack verify and pack inspect read, and continue in a new job"),
	"state_contention":    contentionHint,
	"busy":                say("too many commands are waiting; try again in a moment"),
	"never_holds":         neverHint,
	"ledger_replaced":     say("run it again to follow the new one"),
	"daemon_running":      say(stopDaemon + ", then try again"),
	"wait_timeout":        say("run it again to wait longer, or give a longer --timeout"),
	"decision_denied":     deniedHint,
	"outcome_unknown":     say(againHint),

	// Ledgers that continue another one, and content.
	"request_id_used_before": say("look at what it led to, in the ledger before or a pack of it; if it is to be done again, use a new one"),

	// The daemon.
	"daemon_not_running": say("start one: gait serve"),
	"daemon_unreachable": say("nothing was done; check that the daemon (gait serve) still runs, then try again"),
	"daemon_version":     say("stop the daemon, and start it with this gait: gait serve"),
	"request_too_long":   say("send less at once"),
	"unknown_address":    say("GET /openapi.json lists the addresses there are"),
	"token_invalid":      tokenHint,
	"token_not_found":    say("gait serve token list shows those there are"),
	"too_many_tokens":    say("gait serve token revoke ID"),
	"token_path":         say("an agent gets the token of gait serve --mcp-token-file, which is good for /mcp alone; all else takes another one"),
	"token_role":         say("ask the ledger's owner for a token of that role"),
	"token_actor":        say("leave --actor and GAIT_ACTOR out: the actor is then the token's"),
	"challenge_expired":  say("try again"),
	"daemon_unproved":    say("do not rely on it: another process may have the daemon's address; ask the ledger's owner where it is served"),
	"daemon_certificate": say("name the file of the authority that signed it, in PEM, in " + caVariable + "; ask the ledger's owner for that"),
	"needs_root":         say("run it where the ledger's root is, without GAIT_URL, or name the root with --root"),
	"untrusted_key":      keyHint,
	"key_mismatch":       say("if its owner has rotated the key, a pack built since then shows it: gait pack verify FILE; otherwise do not rely on it: another key signs under that name"),
	"foreign_request":    say("ask for 127.0.0.1 or localhost, and from no web page"),

	// The ledger's directory and keys.
	"ledger_not_found":       say("name its directory with --root, or begin one: gait job submit"),
	"ledger_missing":         missingHint,
	"ledger_rolled_back":     rolledBackHint,
	"ledger_swapped":         swappedHint,
	"ledger_elsewhere":       elsewhereHint,
	"inside_root":            say("choose another directory with --root"),
	"inside_home":            say("choose another directory with --root"),
	"newest_unknown":         say("if nothing was written after the backup: add --newest; to look at it only: --read-only; to go on with its jobs in a new ledger: --as-successor"),
	"nothing_to_accept":      say("nothing needs to be done"),
	"ledger_moved":           movedHint,
	"invalid_to":             say(otherKeyHint),
	"ledger_retired":         retiredHint,
	"successor_unfinished":   say("the next command that writes finishes it: gait ledger retire --successor, with the same --reason"),
	"nothing_to_continue":    say("continue from a backup: move the directory ledger in the root away, then gait ledger restore FILE --as-successor; or give it up: gait ledger retire --reason \"WHY\""),
	"ledger_read_only":       say("write in the original ledger, and pack where its key is; this copy can be read, verified and exported"),
	"ledger_corrupt":         say(`keep a copy of the directory as it is; continue from a backup, or with what can be read: gait ledger retire --reason "WHY" --successor`),
	"index_mismatch":         ofDetails(indexHint),
	"index_not_committed":    say("commit to the index first: gait ledger commit-index"),
	"too_many_rotations":     say(`continue in a new ledger: gait ledger retire --reason "WHY" --successor`),
	"signing_key_missing":    signingKeyHint,
	"origin_key_conflict":    say("ask the ledger's owner which of the keys is theirs; gait keys list shows those you trust"),
	"wrong_passphrase":       say("try again; a passphrase ends at the end of its line"),
	"content_missing":        say("put the file back into the directory content of the root, from a backup or an export: what names it is whole and proved without it"),
	"content_secret_missing": say(contentSecretHint),
	"content_damaged":        say("replace the file in the directory content of the root by that of a backup or an export: what names it is whole and proved without it"),
	"continued_mismatch":     say("do not rely on what the job was before: ask for a pack of it from the ledger that held it"),
	"content_erased":         say("its bytes are gone: gait job events shows by whom and why; a backup from before may have them"),
	"content_not_found":      say("gait content list shows what there is"),
	"content_too_large":      say("keep it elsewhere, and name where"),
	"origin_used":            say(otherNameHint),
	"network_filesystem":     say("use a local disk, or take the risk with --allow-network-fs"),
	"unsafe_permissions":     unsafeHint,
	"home_unwritable":        accessHint,
	"home_unreadable":        accessHint,
	"root_unwritable":        accessHint,
	"root_unreadable":        accessHint,
	"ledger_changed":         say("try again; read a snapshot of it, or have the process that writes it stopped"),
	"job_forked":             forkedHint,
	"job_memory_damaged":     memoryHint,
	"views_differ":           say("the events hold; make the views again: gait ledger rebuild"),
	"checkpoint_conflict":    say("keep both signed checkpoints: together they show that the history was changed"),
	"weak_public_key":        say("remove that key: anyone can sign under it"),

	// Keys of actors, and signing.
	"unsupported_key":         say("make a key of a type that is taken: ssh-keygen -t ed25519"),
	"certificate_unsupported": say("give the public key itself"),
	"private_key_given":       say("give the file whose name ends in .pub"),
	"empty_public_key":        say("give a .pub file, or a list of public keys with one on each line"),
	"sign_key_missing":        say("name the key: --sign-key FILE, or add it to ssh-agent: ssh-add FILE"),
	"agent_unavailable":       say("start ssh-agent, or name a file: --sign-key FILE"),
	"agent_key_missing":       say("add the key to ssh-agent: ssh-add FILE; ssh-add -l shows those it has"),
	"agent_key_ambiguous":     say("name one: --sign-key agent:FINGERPRINT; ssh-add -l shows those it has"),
	"agent_timeout":           say("nothing was signed; touch the token or confirm when the agent asks, and run it again"),
	"agent_refused":           say("nothing was signed; confirm when the agent asks, or look whether it still has the key: ssh-add -l"),
	"unsafe_key_file":         say("chmod 600 FILE; if others may have read it, have the key revoked and use a new one"),
	"key_on_token":            say("ssh-add FILE, then --sign-key agent"),
	"passphrase_missing":      say("run it on a terminal, or add the key to ssh-agent: ssh-add FILE"),
	"revocations_unreadable":  say("have the list made again: a JSON array of names, or one name on each line"),

	// Witnesses.
	"witness_conflict":       say("keep the evidence; find out whether a copy of this ledger was written to, or this one was restored from an old copy"),
	"witness_answer_invalid": say("check URL and key with the witness's operator: gait ledger witness list"),
	"witness_refused":        say("its operator must know this ledger's origin and key: gait keys show"),
	"witness_unreachable":    say("try again later; the other witnesses' cosignatures are kept"),
	"witness_exists":         say("gait ledger witness list; to change one, remove it first"),
	"too_many_witnesses":     say("gait ledger witness remove NAME"),

	// Packs, fixtures and files.
	"pack_has_evidence":   say(evidenceHint),
	"not_comparable":      say("compare two packs of one type, both as they were built"),
	"packs_differ":        say(ignoreHint),
	"jobs_differ":         say(ignoreHint),
	"bad_fixture":         say("compare it with one that gait regress init makes"),
	"replay_differs":      say("write both sides with --views and compare them: diff -r"),
	"invalid_range":       say("choose fewer events with --from and --to"),
	"invalid_revision":    say("gait job status shows the job's newest revision"),
	"pack_too_large":      say("gait pack verify reads packs of any size"),
	"unsupported_version": say("it was written by a newer gait; use that one"),
	"not_verified":        say("do not rely on it; ask for it again where it came from"),
	"malformed":           say("compare the file with what gait writes; go doc gait/ledger has the formats"),

	// The process.
	"deadline_exceeded": say("nothing was done; try again, or wait longer"),
	"interrupted":       say("run it again"),
	"clock_suspect":     say("set the clock of the machine that has the ledger; if it is right, run it again with --accept-clock"),
	"io_failure":        say("check the disk and the permissions, then try again"),
	"output_failed":     say("what the command did stands; check where standard output goes"),
	"internal_failure":  say("please report it with what it printed"),
}

// otherKeyHint says which key a ledger moves to.
const otherKeyHint = "give the key that is made in the other place, there: gait keys new ORIGIN"

const ignoreHint = "name what may differ with --ignore, such as --ignore volatile"

func transitionHint(d projection.Details) string {
	switch {
	case d.JobID == "":
		return ""
	case d.Status == "":
		return "submit the job first"
	case d.Status.Final():
		return fmt.Sprintf("a job that is %s stays so; submit a new one to continue", d.Status)
	case d.Status == projection.EmergencyStopped:
		return "after an emergency stop a job can only be cancelled: gait job cancel --id " + d.JobID
	}
	return "gait job status --id " + d.JobID + " shows what it waits for"
}

func checkpointHint(d projection.Details) string {
	if d.CheckpointID == "" {
		return "name the decision with --checkpoint"
	}
	return "name one: --checkpoint " + d.CheckpointID
}

func decisionsHint(d projection.Details) string {
	if d.Status == "" { // the job was about to be imported
		return "have them decided in the ledger it comes from"
	}
	return "have them decided and resume the job, which uses the approvals up"
}

func environmentHint(d projection.Details) string {
	return "if that is right: " + toResume(d.JobID, d.PolicyBound) + ` --allow-env-mismatch --reason "WHY"`
}

// toResume returns the command that resumes a job, with the policy if the job is
// bound to one.
func toResume(job string, policyBound bool) string {
	command := "gait job resume --id " + job
	if policyBound {
		command += " --policy FILE"
	}
	return command
}

func indexHint(d projection.Details) string {
	if d.IndexSigned {
		return "keep the ledger and its checkpoint: they show that its key has signed an index that its events do not give"
	}
	if d.IndexDamaged {
		return "gait ledger rebuild mends all but events; if one is damaged, continue from a backup, or with what can be read: gait ledger retire --reason \"WHY\" --successor"
	}
	return "verify everything and make the index again: gait ledger rebuild"
}

func neverHint(err error) string {
	if e, ok := errors.AsType[*projection.NeverError](err); ok {
		return "gait job inspect --id " + e.Job.ID + " shows what happened"
	}
	return ""
}

// stopDaemon says how a daemon is stopped. To kill it would not do: its service manager
// would start it again.
const stopDaemon = "stop that one where it was started: in its terminal, or with its service manager (systemctl, launchctl)"

func contentionHint(err error) string {
	if e, ok := errors.AsType[*root.LockedError](err); ok {
		if e.Doing != "" {
			return "that ends by itself; wait longer: --lock-timeout 10m"
		}
		if e.Reader {
			return "wait longer: --lock-timeout 60s; " + advice[root.AdviceReadBackup]
		}
		return "wait for the process that holds it, or longer: --lock-timeout 60s; a daemon (gait serve) holds it until it is stopped"
	}
	return "try again"
}

func signingKeyHint(err error) string {
	switch e, ok := errors.AsType[*home.KeyMissingError](err); {
	case ok && e.Rotated:
		return `its ledger was rotated from that key: build packs where it goes on; if that place is lost: gait ledger retire --reason "WHY" --successor, and build them in the new ledger`
	case ok && !e.Earlier.IsZero():
		return "put the newer key in its place: gait ledger verify, then gait keys import FILE; " + successorHint + ", which needs no key; reading and verifying work without it"
	case ok && e.Origin == "":
		return "a ledger comes with a key: gait ledger init"
	case ok && e.Asked:
		return "gait keys list shows the keys there are; if a copy of this one was exported: gait keys import FILE"
	}
	return "put the key back: gait keys import FILE; " + successorHint + ", which needs no key; reading and verifying work without it"
}

func memoryHint(err error) string {
	if e, ok := errors.AsType[*home.MemoryError](err); ok {
		return e.Hint()
	}
	return ""
}

func unsafeHint(err error) string {
	if e, ok := errors.AsType[*home.UnsafeError](err); ok {
		return cmp.Or(advice[e.Advice], e.Hint)
	}
	return ""
}

// distrustedHint says what to do about what was signed after a distrusted key took over.
const distrustedHint = "rely on nothing that the ledger signed since then; what is older verifies. If the distrust was a mistake: gait keys list shows it"

func accessHint(err error) string {
	if e, ok := errors.AsType[*home.AccessError](err); ok {
		return e.Hint()
	}
	if said, ok := errors.AsType[*daemon.Error](err); ok {
		return said.Hint
	}
	return ""
}

// tokenHint says what to do about a token that is not accepted, or is missing.
func tokenHint(err error) string {
	if errors.Is(err, connect.ErrTokenNeeded) {
		return "name the file of a token in " + tokenFileVariable + "; " + askForToken
	}
	return "it may have been revoked; " + askForToken
}

// keyHint says what to do about a daemon's key that the user does not trust.
func keyHint(err error) string {
	e, ok := errors.AsType[*root.UntrustedError](err)
	if ok && !e.Ended.IsZero() {
		return distrustedHint
	}
	if ok {
		return untrustedHint("", e.Key.String())
	}
	return ""
}

// untrustedHint says what to do about a signature by an untrusted key.
func untrustedHint(given, key string) string {
	if given != "" {
		return given + " holds another key, and only what it holds counts here; if " + key + " is from a source you trust, give that instead"
	}
	return "if you have this key from a source you trust: gait keys trust " + key
}
