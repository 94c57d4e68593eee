package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"gait/ledger"
	"gait/ledger/root"
	"gait/ledger/witness"
)

func (a *app) witnessCommand() *cobra.Command {
	cmd := group(a, &cobra.Command{
		Use:     "witness",
		Short:   "Say who is to cosign the ledger's checkpoints",
		Long:    "Say who is to cosign the ledger's checkpoints. A witness (C2SP tlog-witness) sees\nthat the ledger only ever grows, and says so with its own key.",
		Example: "gait ledger witness add https://witness.example witness.example/w1+24b5d9fe+BP0X…\ngait ledger witness list",
	})
	cmd.AddCommand(a.witnessAddCommand(), a.witnessListCommand(), a.witnessRemoveCommand())
	return cmd
}

func (a *app) witnessAddCommand() *cobra.Command {
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
				return &usageError{code: "invalid_url", text: fmt.Sprintf("%.200q is not where a witness is asked: %s", args[0], problem), hint: "https://HOST/PREFIX, or http://127.0.0.1:PORT on this machine"}
			}
			key, err := witnessKeyNamed(args[1])
			if err != nil {
				return err
			}
			return a.withWitnesses(cmd, func(home string, r *openLedger) error {
				if err := r.Writable(); err != nil {
					return err
				}
				w := root.Witness{URL: args[0], Key: key}
				if err := root.AddWitness(home, r.Log.Origin(), w); err != nil {
					return err
				}
				return a.print(object{"origin": r.Log.Origin(), "witness": listedWitness{Name: key.Name(), URL: w.URL, Key: key.String()}}, func(s *screen) {
					s.done("%s is asked from now on to cosign %s", s.bold(key.Name()), r.Log.Origin())
					s.next("gait ledger cosign")
				})
			})
		},
	}, 0, 1, 2, 6, 7, 8)
}

// witnessKeyNamed reads a witness's key from the argument itself or from the
// file it names.
func witnessKeyNamed(arg string) (ledger.WitnessKey, error) {
	key, err := ledger.ParseWitnessKey(arg)
	if err == nil {
		return key, nil
	}
	if _, statErr := os.Stat(arg); statErr == nil {
		text, readErr := readFile(arg, 4<<10)
		if readErr != nil {
			return key, readErr
		}
		key, err = ledger.ParseWitnessKey(firstLine(text))
	}
	if err != nil {
		err = &usageError{code: "invalid_public_key", text: fmt.Sprintf("%.120q: %v", arg, err), hint: "a witness's key is NAME+ID+KEY with a KEY that begins with B"}
	}
	return key, err
}

// withWitnesses opens the ledger to read and finds home.
func (a *app) withWitnesses(cmd *cobra.Command, f func(home string, r *openLedger) error) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	return a.read(cmd.Context(), func(r *openLedger) error { return f(home, r) })
}

// A listedWitness is a witness as the commands show it.
type listedWitness struct {
	Name       string `json:"name"`
	URL        string `json:"url"`
	Key        string `json:"public_key"`
	Size       int64  `json:"tree_size,omitempty"` // of the newest checkpoint it is known to have cosigned
	CosignedAt string `json:"cosigned_at,omitempty"`

	Result string `json:"result,omitempty"` // of ledger cosign
	Error  string `json:"error,omitempty"`
	Code   string `json:"error_code,omitempty"`
	Path   string `json:"path,omitempty"` // of the evidence that was kept
	Proof  string `json:"evidence,omitempty"`
}

func (w *listedWitness) cosigned(size int64, c ledger.Cosignature) {
	w.Size, w.CosignedAt = size, ledger.FormatTime(c.Time)
}

// listWitnesses returns the ledger's witnesses and what each is known to have
// cosigned, in the same order.
func listWitnesses(home string, log ledgerLog) ([]root.Witness, []listedWitness, error) {
	all, err := root.Witnesses(home, log.Origin())
	if err != nil {
		return nil, nil, err
	}
	kept, err := log.Cosigned()
	if err != nil {
		return nil, nil, err
	}
	list := make([]listedWitness, len(all))
	for i, w := range all {
		list[i] = listedWitness{Name: w.Key.Name(), URL: w.URL, Key: w.Key.String()}
		for _, c := range kept {
			if c.Key == w.Key {
				list[i].cosigned(c.Size, c.Cosignature)
			}
		}
	}
	return all, list, nil
}

func (a *app) witnessListCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:     "list",
		Short:   "List the ledger's witnesses and what each has cosigned",
		Example: "gait ledger witness list --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withWitnesses(cmd, func(home string, r *openLedger) error {
				_, list, err := listWitnesses(home, r.Log)
				if err != nil {
					return err
				}
				size := r.Log.Head().Size
				return a.print(object{"origin": r.Log.Origin(), "tree_size": size, "witnesses": list}, func(s *screen) {
					if len(list) == 0 {
						s.add("no witnesses yet\n")
						s.next("gait ledger witness add <URL> <KEY>")
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

func (a *app) witnessRemoveCommand() *cobra.Command {
	return exits(&cobra.Command{
		Use:     "remove NAME|URL|KEY",
		Short:   "Ask a witness no more; what it cosigned stays",
		Example: "gait ledger witness remove witness.example/w1",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return &usageError{code: "invalid_usage", text: "remove which witness?", hint: "gait ledger witness list"}
			}
			return a.withWitnesses(cmd, func(home string, r *openLedger) error {
				w, err := root.RemoveWitness(home, r.Log.Origin(), args[0])
				if errors.Is(err, root.ErrNoWitness) {
					return &usageError{code: "witness_not_found", text: err.Error(), hint: "gait ledger witness list"}
				}
				if err != nil {
					return err
				}
				return a.print(object{"origin": r.Log.Origin(), "witness": listedWitness{Name: w.Key.Name(), URL: w.URL, Key: w.Key.String()}}, func(s *screen) {
					s.done("%s is asked no more", s.bold(w.Key.Name()))
				})
			})
		},
	}, 0, 1, 2, 6, 7, 8)
}
