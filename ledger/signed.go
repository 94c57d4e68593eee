package ledger

import (
	"bytes"
	"slices"
)

// Limits of a signed command. Together with the largest payload that may have so many
// signatures, they fit into an event.
const (
	MaxCommand     = 16 << 10 // bytes of the command
	MaxCommandSigs = 16       // signatures of an event about the ledger; an event of a job has one
	MaxCommandSig  = 1 << 10  // bytes of a signature, an SSHSIG
)

// commandRule is the form of a command in events from version 1.4.0 on.
var commandRule = textRule{max: MaxCommand}

// A CommandSig is an actor's signature over a command.
type CommandSig struct {
	Sig []byte // the bytes of an SSHSIG, namespace gait-command; up to version 1.3.0 an Ed25519 signature

	// KeyID is the SHA-256 of the 32 public key bytes, up to version 1.3.0. Later
	// versions have none: an SSHSIG names its key.
	KeyID Hash
}

// oldCommand reports whether a draft has a command in the form of the versions up to
// 1.3.0, which no gait has written: without signatures, or with key ids.
func (d *Draft) oldCommand() bool {
	if len(d.CommandSigs) == 0 {
		return len(d.Command) > 0
	}
	return !d.CommandSigs[0].KeyID.IsZero()
}

// command walks the command and its signatures.
func (c *coder) command(d *Draft) {
	if c.writing && d.oldCommand() || !c.writing && older(c.version, "1.4.0") {
		c.bytes("command", &d.Command, optional, 1, 32<<10)
		c.list("command_sigs", len(d.CommandSigs), 16, func(i int) { walkOldSig(c, d, i) })
		return
	}
	c.since("1.4.0", func() {
		text := string(d.Command)
		c.text("command", &text, optional, commandRule)
		if !c.writing && text != "" {
			d.Command = []byte(text)
		}
		c.list("command_sigs", len(d.CommandSigs), MaxCommandSigs, func(i int) { walkSig(c, d, i) })
	})
}

// checkCommand checks the rules that join a command with other fields. Those of the
// versions up to 1.3.0 had the first of them alone.
func checkCommand(c *coder, d *Draft) {
	switch {
	case len(d.CommandSigs) > 0 && len(d.Command) == 0:
		c.fail("command_sigs", "goes with command")
	case len(d.Command) == 0 || older(c.used, "1.4.0"):
	case len(d.CommandSigs) == 0:
		c.missing("command_sigs", required)
	case d.oldCommand():
		c.fail("key_id", "the form of the versions up to 1.3.0, in an event that uses %s", c.used)
	case d.RequestID == "":
		c.fail("request_id", "missing: a signed command has one")
	case d.JobID != "" && len(d.CommandSigs) > 1:
		c.fail("command_sigs", "%d, but an event of a job follows from one actor's command, which one key signs", len(d.CommandSigs))
	}
}

func walkSig(c *coder, d *Draft, i int) {
	d.CommandSigs = grown(c, d.CommandSigs)
	s := &d.CommandSigs[i]
	if !s.KeyID.IsZero() {
		c.fail("key_id", "all signatures have one, in the form of the versions up to 1.3.0, or none has")
	}
	c.object("command_sigs", func() { c.bytes("sig", &s.Sig, required, 1, MaxCommandSig) })
	if c.err == nil && i > 0 && bytes.Compare(d.CommandSigs[i-1].Sig, s.Sig) >= 0 {
		c.fail("command_sigs", "not in order, each once")
	}
}

func walkOldSig(c *coder, d *Draft, i int) {
	d.CommandSigs = grown(c, d.CommandSigs)
	s := &d.CommandSigs[i]
	c.object("command_sigs", func() {
		c.hash("key_id", &s.KeyID, required)
		c.bytes("sig", &s.Sig, required, 64, 64)
	})
	if i > 0 && bytes.Compare(d.CommandSigs[i-1].KeyID[:], s.KeyID[:]) >= 0 {
		c.fail("command_sigs", "not sorted by key_id, each key once")
	}
}

// SortedSigs returns signatures over a command in the order in which an event has them,
// each once.
func SortedSigs(sigs [][]byte) []CommandSig {
	sigs = slices.Clone(sigs)
	slices.SortFunc(sigs, bytes.Compare)
	var sorted []CommandSig
	for _, sig := range slices.CompactFunc(sigs, bytes.Equal) {
		sorted = append(sorted, CommandSig{Sig: sig})
	}
	return sorted
}
