package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/sshkey"
)

// An enrollFlags says which keys and roles an actor gets.
type enrollFlags struct {
	write     writeFlags
	keys      []string
	github    string
	signers   string
	roles     []string
	bootstrap bool
}

func actorAddCommand(a *app) *cobra.Command {
	var f enrollFlags
	cmd := exits(&cobra.Command{
		Use:   "add NAME",
		Short: "Enroll an actor: from then on the actor signs",
		Long: `Enroll an actor, or replace the keys and roles of one. From then on what is done under
that name has to be signed with one of the keys. A key belongs to one actor for ever.

The first actor of a ledger is an admin, and signs with the key that is enrolled: whoever
comes first can do it, so the event says how it came about, and a verifier can ask for
the admin's key: gait pack verify --admin-key. After that admins sign, as many as
gait authority show says.

What each role may do, in every mode. An actor can have several: a worker that resumes its
jobs is an operator, too.

` + roleTable(ledger.Roles, false) + `
An operator may also bind policies that not everyone may bind.

Keys: OpenSSH public keys of type ssh-ed25519, ecdsa-sha2-nistp256, and both on a
security key (sk-…).`,
		Example: `gait actor add alice --key ~/.ssh/id_ed25519.pub --role admin
gait actor add cfo --key cfo.pub --role approver --actor alice
curl -s https://github.com/USER.keys | gait actor add USER --from-github-keys - --role worker --actor alice
gait actor add worker_1 --key worker_1.pub --role worker --role operator --actor alice
gait actor add cfo --from-allowed-signers signers --role approver --actor alice`,
	}, 0, 1, 2, 3, 6, 7, 8)
	fl := cmd.Flags()
	fl.StringArrayVar(&f.keys, "key", nil, "file with a public key, such as ~/.ssh/id_ed25519.pub; may be given several times")
	fl.StringVar(&f.github, "from-github-keys", "", "file with a user's public keys, one a line, as GitHub lists them; - is standard input")
	fl.StringVar(&f.signers, "from-allowed-signers", "", "allowed signers file (ssh-keygen) of which the keys of NAME are taken")
	fl.StringArrayVar(&f.roles, "role", nil, "a role: "+ledger.OneOf(ledger.Roles)+"; may be given several times")
	fl.BoolVar(&f.bootstrap, "bootstrap", false, "enroll the ledger's first actor without asking at the terminal")
	f.write.addCommon(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.write.signing.given() {
			if err := f.write.signing.alone(cmd, args); err != nil {
				return err
			}
			return carryOutLedger(cmd, a, f.write.order(commands.Request{Command: commands.AddActor{}, DryRun: f.write.dryRun}), enrolled)
		}
		if len(args) != 1 {
			return &usageError{code: "invalid_usage", text: "enroll which actor?", hint: "gait actor add NAME --key FILE.pub --role ROLE"}
		}
		c, err := f.command(a, args[0])
		if err != nil {
			return err
		}
		r := f.write.ledgerRequest(a, c)
		if !cmd.Flags().Changed("actor") && a.getenv("GAIT_ACTOR") == "" {
			r.Actor = "" // the first actor of a ledger enrolls itself
		}
		o := f.write.order(r)
		o.bootstrap = f.bootstrap
		return carryOutLedger(cmd, a, o, enrolled)
	}
	return cmd
}

// command returns the command with the keys that the flags name.
func (f *enrollFlags) command(a *app, name string) (commands.AddActor, error) {
	c := commands.AddActor{Actor: name}
	for _, r := range f.roles {
		for role := range strings.SplitSeq(r, ",") {
			c.Roles = append(c.Roles, ledger.Role(role))
		}
	}
	keys, err := f.publicKeys(a, name)
	if err != nil {
		return c, err
	}
	for _, key := range keys {
		c.Keys = append(c.Keys, key.String())
	}
	if len(c.Keys) == 0 {
		return c, &usageError{code: "invalid_usage", text: "an actor signs with a key: --key is missing", hint: "add --key FILE.pub"}
	}
	if len(c.Roles) == 0 {
		return c, &usageError{code: "invalid_usage", text: "what may the actor do? --role is missing", hint: "add --role " + ledger.OneOf(ledger.Roles)}
	}
	return c, nil
}

func (f *enrollFlags) publicKeys(a *app, name string) ([]sshkey.Key, error) {
	var keys []sshkey.Key
	read := func(flag, file string, limit int64, parse func([]byte) ([]sshkey.Key, error)) error {
		if file == "" {
			return nil
		}
		b, err := a.readFile(file, limit)
		if err != nil {
			return err
		}
		found, err := parse(b)
		if err != nil {
			return fmt.Errorf("%s %s: %w", flag, file, err)
		}
		for _, key := range found {
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
		}
		return nil
	}
	for _, file := range f.keys {
		if err := read("--key", file, sshkey.MaxKeyFile, sshkey.ParseKeys); err != nil {
			return nil, err
		}
	}
	if err := read("--from-github-keys", f.github, sshkey.MaxKeyFile, a.keysOfHost); err != nil {
		return nil, err
	}
	return keys, read("--from-allowed-signers", f.signers, sshkey.MaxAllowedFile, func(b []byte) ([]sshkey.Key, error) { return keysOfSigner(b, name) })
}

// keysOfHost returns the keys of a user's list that actors can have. The list is made for
// another purpose, so keys of other types, such as ssh-rsa, are named and left out.
func (c *console) keysOfHost(list []byte) (keys []sshkey.Key, err error) {
	var kept []byte
	for line := range bytes.Lines(list) {
		if _, err := sshkey.ParseKey(strings.TrimSpace(string(line))); errors.Is(err, sshkey.ErrUnsupported) {
			kind, _, _ := strings.Cut(string(line), " ")
			c.notice(fmt.Sprintf("a key of type %.40s was left out: actors do not sign with such keys", kind))
			continue
		}
		kept = append(kept, line...)
	}
	return sshkey.ParseKeys(kept)
}

// keysOfSigner returns the keys that an allowed signers file has for a name.
func keysOfSigner(file []byte, name string) (keys []sshkey.Key, err error) {
	all, err := sshkey.ParseAllowedSigners(file)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		switch {
		case !slices.Contains(s.Principals, name):
		case !s.ValidAfter.IsZero() || !s.ValidBefore.IsZero():
			return nil, &usageError{code: "unsupported_key", text: fmt.Sprintf("line %d says for which time the key counts; here a key counts until it is revoked", s.Line), hint: "take the key alone: --key FILE.pub"}
		default:
			keys = append(keys, s.Key)
		}
	}
	if len(keys) == 0 {
		return nil, &usageError{code: "actor_not_found", text: fmt.Sprintf("it has no key of %s", name), hint: "name the actor as the file does"}
	}
	return keys, nil
}

// enrolled says what an enrollment did.
func enrolled(s *screen, e ledger.Event) {
	p, _ := e.Payload().(ledger.ActorEnrolled)
	s.done("%s is enrolled: %s", s.bold(p.Actor), roleText(p.Roles))
	for _, text := range p.Keys {
		if key, err := sshkey.ParseKey(text); err == nil {
			s.fields([2]string{"key", key.Type() + " " + key.Fingerprint()})
		}
	}
	if p.Bootstrap != "" {
		s.add("the ledger's first actor: give others the public key, for gait pack verify --admin-key\n")
	}
}

func actorRevokeCommand(a *app) *cobra.Command {
	var f writeFlags
	var key string
	cmd := exits(&cobra.Command{
		Use:   "revoke NAME",
		Short: "Accept an actor, or one key of an actor, no more",
		Long: `Accept an actor, or one key of an actor, no more. What was done before stays as it is;
approvals that were not used up no longer count. A revoked key never comes back.`,
		Example: `gait actor revoke cfo --reason "left the company" --actor alice
gait actor revoke cfo --key SHA256:4HyIQBLNUkVAVF0hM3tWYwKzyHDKaX0XcVyoNzBqgpA --reason "laptop stolen" --actor alice`,
	}, 0, 1, 2, 3, 6, 7, 8)
	cmd.Flags().StringVar(&key, "key", "", "only this key: a file, or the fingerprint that gait actor show prints")
	f.addCommon(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if f.signing.given() {
			if err := f.signing.alone(cmd, args); err != nil {
				return err
			}
			return carryOutLedger(cmd, a, f.order(commands.Request{Command: commands.RevokeActor{}, DryRun: f.dryRun}), revoked)
		}
		if len(args) != 1 {
			return &usageError{code: "invalid_usage", text: "revoke which actor?", hint: "gait actor list"}
		}
		if f.reason == "" {
			return &usageError{code: "invalid_reason", text: "why? --reason is missing", hint: `add --reason "left the company"`}
		}
		c := commands.RevokeActor{Actor: args[0]}
		if key != "" {
			var err error
			if c.Key, err = actorKeyNamed(a, key); err != nil {
				return err
			}
		}
		return carryOutLedger(cmd, a, f.order(f.ledgerRequest(a, c)), revoked)
	}
	return cmd
}

// actorKeyNamed returns the id of a key that a flag names: by its fingerprint, its key id,
// itself, or a file that holds it.
func actorKeyNamed(a *app, name string) (ledger.Hash, error) {
	if id, ok := fingerprintID(name); ok {
		return id, nil
	}
	if id, err := ledger.ParseHash(name); err == nil {
		return id, nil
	}
	if key, err := sshkey.ParseKey(name); err == nil {
		return key.ID(), nil
	}
	b, err := a.readFile(name, sshkey.MaxKeyFile)
	if err != nil {
		return ledger.Hash{}, err
	}
	keys, err := sshkey.ParseKeys(b)
	if err == nil && len(keys) != 1 {
		err = &usageError{code: "invalid_usage", text: fmt.Sprintf("%s holds %d keys", name, len(keys)), hint: "name one key by its fingerprint: gait actor show NAME"}
	}
	if err != nil {
		return ledger.Hash{}, err
	}
	return keys[0].ID(), nil
}

// revoked says what a revocation did.
func revoked(s *screen, e ledger.Event) {
	p, _ := e.Payload().(ledger.ActorRevoked)
	if p.Key.IsZero() {
		s.done("%s is accepted no more, and no key of this actor ever again", s.bold(p.Actor))
		return
	}
	s.done("one key of %s is accepted no more: %s", s.bold(p.Actor), fingerprintOf(p.Key))
}
