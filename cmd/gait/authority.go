package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/authority"
)

func authorityCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "authority",
		Short:   "Say which commands have to be signed, and how many admins must agree",
		Example: "gait authority show\ngait authority set --mode verdicts --admins 2 --actor alice",
	})
	cmd.AddCommand(authorityShowCommand(a), authoritySetCommand(a))
	return cmd
}

// A shownAuthority is the authority of a ledger as it is shown.
type shownAuthority struct {
	Mode      ledger.Mode   `json:"mode"`
	Admins    int           `json:"admins"`
	Policies  []ledger.Hash `json:"policies"`
	Actors    []shownActor  `json:"actors"`
	Bootstrap string        `json:"bootstrap,omitempty"` // how the first actor came to be enrolled
	First     string        `json:"first_actor,omitempty"`
}

func authorityShowCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "show",
		Short:   "Show the mode, the admins that must agree, and the actors",
		Example: "gait authority show\ngait authority show --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			shown := shownAuthority{Policies: []ledger.Hash{}, Actors: []shownActor{}}
			err := a.read(cmd.Context(), func(l *connect.Ledger) error {
				now, err := authorityNow(cmd.Context(), l)
				if err != nil {
					return err
				}
				shown.describe(now)
				return shown.describeFirst(cmd, l)
			})
			if err != nil {
				return err
			}
			return a.print(object{"authority": shown}, shown.show)
		},
	}, 0, 1, 2, 6, 7, 8)
}

func (v *shownAuthority) describe(now *authority.State) {
	v.Mode, v.Admins, v.Policies = now.Mode(), now.Admins(), append(v.Policies, now.Policies()...)
	for _, actor := range now.Actors() {
		v.Actors = append(v.Actors, shownActorOf(actor))
	}
}

// describeFirst adds how the ledger's first actor came to be enrolled.
func (v *shownAuthority) describeFirst(cmd *cobra.Command, l *connect.Ledger) error {
	for e, err := range l.Log.AuthorityEvents(cmd.Context()) {
		if err != nil {
			return err
		}
		if p, ok := e.Payload().(ledger.ActorEnrolled); ok {
			v.First, v.Bootstrap = p.Actor, p.Bootstrap
		}
		break
	}
	return nil
}

// addAuthority adds to fields, of an answer about a ledger, its mode and how its first actor
// was enrolled, and returns the lines that say so. It adds nothing to those of a ledger
// without actors.
func addAuthority(cmd *cobra.Command, l *connect.Ledger, fields object) ([][2]string, error) {
	if l.Log.Head().Authority.IsZero() {
		return nil, nil
	}
	var v shownAuthority
	now, err := authorityNow(cmd.Context(), l)
	if err == nil {
		err = v.describeFirst(cmd, l)
	}
	if err != nil {
		return nil, err
	}
	fields["authority"] = object{"mode": now.Mode(), "admins": now.Admins(), "bootstrap": v.Bootstrap, "first_actor": v.First}
	return [][2]string{{"mode", string(now.Mode())}, {"first actor", v.first()}}, nil
}

// first says who the first actor was, and how it came to be enrolled.
func (v *shownAuthority) first() string { return v.First + ", enrolled " + bootstraps[v.Bootstrap] }

// modes says what each mode asks for.
var modes = map[ledger.Mode]string{
	ledger.ModeClaims:   "enrolled actors sign; every other name is a claim",
	ledger.ModeVerdicts: "enrolled actors sign; verdicts, and binding a policy that not everyone may bind, need one",
	ledger.ModeAll:      "every command needs an enrolled actor's signature",
}

// bootstraps says how a ledger's first actor came to be enrolled.
var bootstraps = map[string]string{
	ledger.BootstrapInit:     "when the ledger was created",
	ledger.BootstrapTerminal: "by someone at a terminal, who confirmed it",
	ledger.BootstrapFlag:     "without a terminal: --bootstrap said so",
}

func (v *shownAuthority) show(s *screen) {
	if len(v.Actors) == 0 {
		s.add("no actors are enrolled: names are claims\n")
		s.next("gait actor add NAME --key FILE.pub --role admin")
		return
	}
	fmt.Fprintf(s, "mode %s: %s\n", s.bold(string(v.Mode)), modes[v.Mode])
	var policies []string
	for _, p := range v.Policies {
		policies = append(policies, p.String())
	}
	s.fields(
		[2]string{"admins that must agree", fmt.Sprint(v.Admins)}, [2]string{"anyone may bind", strings.Join(policies, ", ")},
		[2]string{"first actor", v.first()},
	)
	rows := make([][]any, len(v.Actors))
	for i, actor := range v.Actors {
		rows[i] = []any{actor.Name, roleText(actor.Roles), len(actor.Keys), actor.standing(), fmt.Sprintf("event %d", actor.Since)}
	}
	s.table([]any{"actor", "roles", "keys", "standing", "since"}, rows)
}

func authoritySetCommand(a *app) *cobra.Command {
	var f writeFlags
	var mode string
	var admins int64
	var policies []string
	cmd := exits(&cobra.Command{
		Use:   "set",
		Short: "Set the mode, how many admins must agree, and the policies that anyone may bind",
		Long: `Set which commands have to be signed, how many admins must agree on what changes the
authority, and which policies anyone may bind a job to. What is left out stays as it is.

  claims     enrolled actors sign; every other name is a claim
  verdicts   and verdicts need an enrolled approver, as binding any other policy needs an
             enrolled operator; what a claim asked for needs two approvers
  all        every command needs the signature of an enrolled actor with the role`,
		Example: `gait authority set --mode verdicts --actor alice
gait authority set --mode all --admins 2 --actor alice
gait authority set --policy policy.cedar --actor alice`,
		Args: noArgs,
	}, 0, 1, 2, 3, 6, 7, 8)
	fl := cmd.Flags()
	fl.StringVar(&mode, "mode", "", ledger.OneOf(ledger.Modes))
	fl.Int64Var(&admins, "admins", 0, "how many admins must agree, 1 to 8")
	fl.StringArrayVar(&policies, "policy", nil, "a policy that anyone may bind: its file, or its digest; may be given several times, and replaces the list; none empties it")
	f.addCommon(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if f.signing.given() {
			if err := f.signing.alone(cmd, nil); err != nil {
				return err
			}
			return carryOutLedger(cmd, a, f.order(commands.Request{Command: commands.SetAuthority{}, DryRun: f.dryRun}), authoritySet)
		}
		if mode == "" && admins == 0 && len(policies) == 0 {
			return &usageError{code: "invalid_usage", text: "set what? --mode, --admins or --policy", hint: "gait authority show"}
		}
		c := commands.SetAuthority{Mode: ledger.Mode(mode), Admins: admins}
		err := a.read(cmd.Context(), func(l *connect.Ledger) error {
			now, err := authorityNow(cmd.Context(), l)
			if err == nil {
				c = unchanged(c, now, len(policies) == 0)
			}
			return err
		})
		if err != nil {
			return err
		}
		if c.Policies, err = policiesNamed(a, c.Policies, policies); err != nil {
			return err
		}
		return carryOutLedger(cmd, a, f.order(f.ledgerRequest(a, c)), authoritySet)
	}
	return cmd
}

// unchanged fills in what a command leaves as it is.
func unchanged(c commands.SetAuthority, now *authority.State, policies bool) commands.SetAuthority {
	if c.Mode == "" {
		c.Mode = now.Mode()
	}
	if c.Admins == 0 {
		c.Admins = int64(max(1, now.Admins()))
	}
	if policies {
		c.Policies = now.Policies()
	}
	return c
}

// policiesNamed returns the digests of policies that a flag names by file or digest.
func policiesNamed(a *app, kept []ledger.Hash, named []string) ([]ledger.Hash, error) {
	for _, name := range named {
		if name == "none" && len(named) == 1 {
			return nil, nil
		}
		digest, err := ledger.ParseHash(name)
		if err != nil {
			if digest, err = a.policyDigest(name); err != nil {
				return nil, err
			}
		}
		kept = append(kept, digest)
	}
	return kept, nil
}

func authoritySet(s *screen, e ledger.Event) {
	p, _ := e.Payload().(ledger.AuthoritySet)
	s.done("mode %s: %s", s.bold(string(p.Mode)), modes[p.Mode])
	s.fields([2]string{"admins that must agree", fmt.Sprint(p.Admins)})
}
