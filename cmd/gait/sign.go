package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/signer"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/sshkey"
)

// signing says who signs a command, or where a command is that was signed elsewhere.
type signing struct {
	key        string        // --sign-key, or GAIT_SIGN_KEY
	validFor   time.Duration // how long the command can be submitted
	printTo    string        // file for the command, which is not issued
	command    string        // file with a command that was signed
	signatures []string      // files with signatures over it
}

func (g *signing) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&g.key, "sign-key", "", "sign with this key: its file, agent, or agent:FINGERPRINT (env GAIT_SIGN_KEY)")
	f.DurationVar(&g.validFor, "valid-for", commands.SignedFor, "how long the signed command can be submitted, up to 720h")
	f.StringVar(&g.printTo, "print-command", "", "write the command to sign to this file, and issue nothing; "+outForms)
	f.StringVar(&g.command, "command", "", "issue the command in this file, which was signed elsewhere; - is standard input")
	f.StringArrayVar(&g.signatures, "signature", nil, "file with a signature over --command, as ssh-keygen -Y sign -n gait-command writes it; may be given several times")
	for _, name := range []string{"valid-for", "print-command", "command", "signature"} {
		f.Lookup(name).Annotations = map[string][]string{"signing": {"true"}}
	}
}

// given reports whether the command was signed elsewhere: then its file says all that the
// command line says otherwise.
func (g *signing) given() bool { return g.command != "" || len(g.signatures) > 0 }

// alone returns an error if anything is given beside a command that was signed elsewhere: it
// would be ignored, and the command may say something else.
func (g *signing) alone(cmd *cobra.Command, args []string) error {
	var ignored []string
	for _, arg := range args {
		ignored = append(ignored, fmt.Sprintf("%q", arg))
	}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed && f.Name != "command" && f.Name != "signature" && f.Name != "dry-run" {
			ignored = append(ignored, "--"+f.Name)
		}
	})
	if len(ignored) == 0 {
		return nil
	}
	return &usageError{
		code: "other_command", text: "what was signed says all of the command, so nothing else can: " + strings.Join(ignored, ", "),
		hint: "give --command and --signature alone, or sign another command",
	}
}

// An order is a request, and how it is signed.
type order struct {
	commands.Request

	signing   signing
	bootstrap bool // the ledger's first actor is enrolled without asking
	relative  bool // the command line gives a time as a while from now, not as it is
}

// A printedError ends a command that wrote what is to be signed, and issued nothing.
type printedError struct {
	path string
	text []byte
}

func (e *printedError) Error() string { return "the command was written to " + e.path }

// issueIn issues an order: as it is, or signed. The ledger is open.
func (a *app) issueIn(ctx context.Context, l *connect.Ledger, o order) (commands.Result, error) {
	r, answer, err := a.prepare(ctx, l, o)
	switch {
	case err != nil:
		return commands.Result{}, err
	case answer != nil:
		return *answer, nil
	}
	a.writing.Store(!r.DryRun)
	return a.do(ctx, l, r)
}

// prepare returns the request to issue: as it is, or signed. If it would be signed and its
// request id has led to something before, that is the answer, and nothing is signed.
func (a *app) prepare(ctx context.Context, l *connect.Ledger, o order) (r commands.Request, answer *commands.Result, err error) {
	if o.Trace == "" {
		o.Trace = traceFor(&a.surroundings, o.Command)
	}
	switch {
	case commands.RowOf(o.Command).Actor != "":
		return o.Request, nil, nil // it follows from the ledger, and no actor gives it
	case o.signing.given():
		r, err = signedElsewhere(a, o)
		return r, nil, err
	}
	if err := checkRevoked(ctx, a, l, o.Request); err != nil {
		return o.Request, nil, err
	}
	if o.relative {
		if o.Request, err = datedAsBefore(ctx, l, o.Request); err != nil {
			return o.Request, nil, err
		}
	}
	if o.Request, err = withJobID(ctx, a, l, o.Request); err != nil {
		return o.Request, nil, err
	}
	if o.Request, err = a.withContent(ctx, l, o.Request, o.signing.printTo != ""); err != nil {
		return o.Request, nil, err
	}
	if o.Request, err = a.consider(ctx, l, o.Request); err != nil {
		return o.Request, nil, err
	}
	now, err := authorityNow(ctx, l)
	if err != nil && !commands.RowOf(o.Command).EndsJob { // a job can be stopped if it cannot be read
		return o.Request, nil, err
	}
	r, wanted, err := whoSigns(a, o, now)
	if err != nil {
		return r, nil, err
	}
	spec, err := a.signKey(o.signing)
	if err != nil || spec.IsZero() && len(wanted) == 0 && o.signing.printTo == "" {
		return r, nil, err // a claim
	}
	before, used, err := l.Outcome(ctx, r)
	if o.signing.printTo != "" {
		before, used, err = commands.Result{}, false, nil // it is to be written, whatever came of it before
	}
	if _, another := errors.AsType[*commands.RequestIDError](err); !another && (used || err != nil) {
		return r, &before, err
	} // what is signed for another command is refused as such
	r, err = a.sign(ctx, l, o, r, spec, wanted)
	return r, nil, err
}

// signKey returns the key that the command line or GAIT_SIGN_KEY names.
func (a *app) signKey(g signing) (signer.Spec, error) {
	name := g.key
	if name == "" {
		name = a.getenv("GAIT_SIGN_KEY")
	}
	return signer.Parse(name)
}

// whoSigns returns the request with its actor, and the keys with which that actor signs.
func whoSigns(a *app, o order, now *authority.State) (commands.Request, []sshkey.Key, error) {
	r := o.Request
	if add, ok := r.Command.(commands.AddActor); ok && now == nil {
		return firstActor(a, o, add)
	}
	if r.Actor == "" {
		r.Actor = a.actor("")
	}
	actor, _ := now.Actor(r.Actor)
	return r, actor.Keys, r.Check()
}

// sign fills in what a signed command says, and signs it, or writes it for others to sign.
func (a *app) sign(ctx context.Context, l *connect.Ledger, o order, r commands.Request, spec signer.Spec, wanted []sshkey.Key) (commands.Request, error) {
	if g := o.signing; g.validFor <= 0 || g.validFor > authority.MaxLifetime {
		return r, &usageError{code: "invalid_valid_for", text: fmt.Sprintf("--valid-for %s is not from 1ms to %s", g.validFor, authority.MaxLifetime), hint: "--valid-for 24h"}
	}
	now := a.now()
	if r.RequestID == "" {
		id, err := ledger.NewULID(now, a.entropy)
		if err != nil {
			return r, err
		}
		r.RequestID = id
	}
	r, err := l.FillVerdict(ctx, r)
	if err != nil {
		return r, err
	}
	text, err := commands.SignText(r, l.Log.Origin(), now, o.signing.validFor)
	if err != nil {
		return r, err
	}
	if o.signing.printTo != "" {
		return r, &printedError{path: o.signing.printTo, text: text}
	}
	sig, err := a.signText(ctx, text, spec, wanted)
	r.Signed = &commands.Signed{Text: text, Sigs: [][]byte{sig}}
	return r, err
}

// signText signs a command with the key that a spec names, or one of those wanted.
func (a *app) signText(ctx context.Context, text []byte, spec signer.Spec, wanted []sshkey.Key) ([]byte, error) {
	by, err := signer.Find(ctx, spec, signerOptions(ctx, a, wanted))
	if err != nil {
		return nil, err
	}
	sig, err := by.Sign(text)
	if err != nil {
		return nil, fmt.Errorf("signing the command: %w", err)
	}
	return sig, nil
}

// signerOptions says where keys are looked for.
func signerOptions(ctx context.Context, a *app, wanted []sshkey.Key) signer.Options {
	o := signer.Options{AgentSocket: a.getenv("SSH_AUTH_SOCK"), Enrolled: wanted}
	if home := a.getenv("HOME"); home != "" {
		o.SSHDir = filepath.Join(home, ".ssh")
	}
	if hasTerminal() {
		o.Passphrase = func(prompt string) ([]byte, error) { return askTerminal(ctx, prompt) }
	}
	return o
}

// hasTerminal reports whether this process has a terminal to ask at.
func hasTerminal() bool {
	tty, err := openTTY()
	if err != nil {
		return false
	}
	_ = tty.Close()
	return true
}

// signedElsewhere returns the request of a command that was signed elsewhere.
func signedElsewhere(a *app, o order) (commands.Request, error) {
	if o.signing.command == "" || len(o.signing.signatures) == 0 {
		return o.Request, &usageError{code: "invalid_usage", text: "--command and --signature go together", hint: "ssh-keygen -Y sign -n gait-command -f KEY COMMAND writes COMMAND.sig"}
	}
	text, err := a.readFile(o.signing.command, ledger.MaxCommand)
	if err != nil {
		return o.Request, err
	}
	var sigs [][]byte
	for _, name := range o.signing.signatures {
		b, err := a.readFile(name, sshkey.MaxArmored)
		if err != nil {
			return o.Request, err
		}
		sig, err := sshkey.ParseArmored(b)
		if err != nil {
			return o.Request, fmt.Errorf("%s: %w", name, err)
		}
		sigs = append(sigs, sig)
	}
	r, err := commands.ParseSigned(text, sigs)
	if err != nil {
		return o.Request, fmt.Errorf("%s: %w", o.signing.command, err)
	}
	if verb := o.Command.Verb(); r.Command.Verb() != verb {
		return o.Request, &usageError{code: "other_command", text: fmt.Sprintf("%s says %s, and not %s", o.signing.command, r.Command.Verb(), verb), hint: "give it to the command of that name"}
	}
	if _, imports := r.Command.(commands.Import); imports {
		r.Command = o.Command // the claim of the pack that was given: what was signed has its digest
	}
	r.DryRun, r.Trace = o.DryRun, o.Trace
	return r.Fill(commands.Surroundings{ProducerVersion: producerVersion()}), nil
}

// firstActor returns the request that enrolls a ledger's first actor, who signs it. Since
// any user who comes first can do it, a person at a terminal confirms it, or a flag says so.
func firstActor(a *app, o order, add commands.AddActor) (commands.Request, []sshkey.Key, error) {
	r := o.Request
	if r.Actor == "" {
		r.Actor = add.Actor
	}
	add.Bootstrap = ledger.BootstrapFlag
	if !o.bootstrap {
		if err := confirmFirst(a, add); err != nil {
			return r, nil, err
		}
		add.Bootstrap = ledger.BootstrapTerminal
	}
	r.Command = add
	var keys []sshkey.Key
	for _, line := range add.Keys {
		key, err := sshkey.ParseKey(line)
		if err != nil {
			return r, nil, err
		}
		keys = append(keys, key)
	}
	return r, keys, r.Check()
}

// printCommand writes a command for others to sign, and says how.
func (a *app) printCommand(e *printedError) error {
	f, err := a.outFile("--print-command", e.path)
	if err != nil {
		return err
	}
	if err := f.write(e.text); err != nil {
		return fmt.Errorf("writing %s: %w", e.path, err)
	}
	c, err := authority.ParseCommand(e.text)
	if err != nil {
		return err
	}
	return a.print(object{"path": e.path, "command": string(e.text), "expires_at": ledger.FormatTime(c.ExpiresAt), "request_id": c.RequestID}, func(s *screen) {
		to := e.path
		if f.stdout {
			to = "standard output"
		}
		s.done("wrote the command to %s; it can be submitted until %s", to, ledger.FormatTime(c.ExpiresAt))
		if !f.regular() {
			return // nothing is left to read
		}
		s.next("ssh-keygen -Y sign -n " + sshkey.Namespace + " -f KEY " + quoted(e.path))
	})
}

// isPrinted returns the error with which a command ends that was only written.
func isPrinted(err error) (*printedError, bool) { return errors.AsType[*printedError](err) }
