package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/jcs"
	"gait/ledger/root"
)

// The verbs of commands that hand a ledger over to another key. They are no commands of
// package commands, since no daemon takes them.
const (
	verbRotate = "rotate"
	verbMove   = "move"
)

// A handover says who hands a ledger over to another key, why, and with which key that
// actor signs.
type handover struct {
	actor, reason string
	dryRun        bool
	signing       signing
}

func (h *handover) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&h.actor, "actor", "", "who acts (env GAIT_ACTOR; default os:LOGIN)")
	f.StringVar(&h.reason, "reason", "", "why; kept on the ledger for ever")
	f.StringVar(&h.signing.key, "sign-key", "", "sign with this key: its file, agent, or agent:FINGERPRINT (env GAIT_SIGN_KEY)")
}

// order returns the order to hand the ledger over, signed if its actor is enrolled.
// arguments are those of the command of a verb.
func (h *handover) order(ctx context.Context, a *app, verb string, arguments any) (root.Order, error) {
	by := root.Order{Actor: a.actor(h.actor), Reason: h.reason}
	spec, err := a.signKey(h.signing)
	if err != nil {
		return by, err
	}
	err = a.read(ctx, func(l *connect.Ledger) error {
		now, err := authorityNow(ctx, l)
		if err != nil {
			return err
		}
		actor, _ := now.Actor(by.Actor)
		if len(actor.Keys) == 0 && spec.IsZero() {
			return nil // a claim
		}
		text, err := h.text(a, l.Log.Origin(), by, verb, arguments)
		if err != nil {
			return err
		}
		sig, err := a.signText(ctx, text, spec, actor.Keys)
		by.Signed = &root.Signed{Text: text, Sigs: [][]byte{sig}}
		return err
	})
	return by, err
}

func (h *handover) text(a *app, origin string, by root.Order, verb string, arguments any) ([]byte, error) {
	now := a.now()
	id, err := ledger.NewULID(now, a.entropy)
	if err != nil {
		return nil, err
	}
	encoded, err := jcs.Marshal(arguments)
	if err != nil {
		return nil, err
	}
	at := now.UTC().Truncate(time.Millisecond)
	return authority.Command{
		Actor: by.Actor, Arguments: encoded, CreatedAt: at, ExpiresAt: at.Add(commands.SignedFor), Origin: origin, Reason: by.Reason, RequestID: id, Verb: verb,
	}.Encode()
}
