package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/witness"
)

func witnessCommand(a *app) *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "witness",
		Short:   "Choose the witnesses that cosign the ledger's checkpoints",
		Long:    "Choose the witnesses that cosign the ledger's checkpoints. A witness (C2SP\ntlog-witness) checks that the ledger only ever grows, and signs that with its own key.",
		Example: "gait ledger witness add https://witness.example witness.example/w1+24b5d9fe+BP0X…\ngait ledger witness list",
	})
	cmd.AddCommand(witnessAddCommand(a), witnessListCommand(a), witnessRemoveCommand(a))
	return cmd
}

func witnessAddCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:   "add URL KEY|FILE",
		Short: "Add a witness of this ledger",
		Long: `Add a witness of this ledger: the URL it takes checkpoints at, its submission
prefix, and its verifier key, which is not a ledger's (signature type 0x04). Its
operator must know this ledger's origin and key: gait keys show.`,
		Example: "gait ledger witness add https://witness.example witness.example/w1+24b5d9fe+BP0X…\ngait ledger witness add http://127.0.0.1:7380 witness.vkey --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return &usageError{code: "invalid_usage", text: fmt.Sprintf("a URL and a key, not %d arguments", len(args)), hint: helpHint}
			}
			if problem := witness.CheckURL(args[0]); problem != "" {
				return &usageError{code: "invalid_url", text: fmt.Sprintf("%.200q is not the URL of a witness: %s", args[0], problem), hint: "https://HOST/PREFIX, or http://127.0.0.1:PORT on this machine"}
			}
			key, err := witnessKeyNamed(a, args[1])
			if err != nil {
				return err
			}
			return withWitnesses(a, cmd, func(homeDir string, r *connect.Ledger) error {
				if err := r.Writable(); err != nil {
					return err
				}
				w := home.Witness{URL: args[0], Key: key}
				if err := home.AddWitness(homeDir, r.Log.Origin(), w); err != nil {
					return err
				}
				return a.print(object{"origin": r.Log.Origin(), "witness": listedWitness{Name: key.Name(), URL: w.URL, Key: key.String()}}, func(s *screen) {
					s.done("%s will be asked to cosign %s", s.bold(key.Name()), r.Log.Origin())
					s.next("gait ledger cosign")
				})
			})
		},
	}, 0, 1, 2, 6, 7, 8)
}

// witnessKeyNamed reads a witness's key from the argument itself or from the
// file it names.
func witnessKeyNamed(a *app, arg string) (ledger.WitnessKey, error) {
	key, err := ledger.ParseWitnessKey(arg)
	if err == nil {
		return key, nil
	}
	if isFile(arg) {
		text, readErr := a.readFile(arg, 4<<10)
		if readErr != nil {
			return key, readErr
		}
		key, err = ledger.ParseWitnessKey(strings.TrimSpace(string(ledger.PlainText(text))))
	}
	if err != nil {
		err = &usageError{code: "invalid_public_key", text: fmt.Sprintf("%.120q: %v", arg, err), hint: "a witness's key is NAME+ID+KEY with a KEY that begins with B"}
	}
	return key, err
}

// withWitnesses opens the ledger to read, and passes on the user's directory.
func withWitnesses(a *app, cmd *cobra.Command, f func(home string, r *connect.Ledger) error) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	return a.read(cmd.Context(), func(r *connect.Ledger) error { return f(home, r) })
}

func witnessListCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "list",
		Short:   "List the ledger's witnesses and what each has cosigned",
		Example: "gait ledger witness list --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withWitnesses(a, cmd, func(home string, r *connect.Ledger) error {
				_, list, err := listWitnesses(cmd.Context(), home, r.Log)
				if err != nil {
					return err
				}
				size := r.Log.Head().Size
				return a.print(object{"origin": r.Log.Origin(), "tree_size": size, "witnesses": list}, func(s *screen) {
					if len(list) == 0 {
						s.add("no witnesses yet\n")
						s.next("gait ledger witness add URL KEY")
						return
					}
					rows := make([][]any, len(list))
					for i, w := range list {
						state := "has cosigned nothing yet"
						if w.Size > 0 {
							state = fmt.Sprintf("%d of %d events, at %s", w.Size, size, w.CosignedAt)
						}
						rows[i] = []any{w.Name, state, w.URL, w.Key}
					}
					s.table([]any{"witness", "cosigned", "url", "verifier key"}, rows)
				})
			})
		},
	}, 0, 1, 2, 6, 7, 8)
}

func witnessRemoveCommand(a *app) *cobra.Command {
	return exits(&cobra.Command{
		Use:     "remove NAME|URL|KEY",
		Short:   "Remove a witness; what it cosigned stays",
		Example: "gait ledger witness remove witness.example/w1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{code: "invalid_usage", text: "remove which witness?", hint: "gait ledger witness list"}
			}
			return withWitnesses(a, cmd, func(homeDir string, r *connect.Ledger) error {
				w, err := home.RemoveWitness(homeDir, r.Log.Origin(), args[0])
				if errors.Is(err, home.ErrNoWitness) {
					return &usageError{code: "witness_not_found", text: err.Error(), hint: "gait ledger witness list"}
				}
				if err != nil {
					return err
				}
				return a.print(object{"origin": r.Log.Origin(), "witness": listedWitness{Name: w.Key.Name(), URL: w.URL, Key: w.Key.String()}}, func(s *screen) {
					s.done("%s is removed and will not be asked again", s.bold(w.Key.Name()))
				})
			})
		},
	}, 0, 1, 2, 6, 7, 8)
}
