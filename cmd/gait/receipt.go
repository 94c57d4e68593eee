package main

import (
	"encoding/json"

	"gait/commands"
	"gait/ledger"
)

// A receipt is a receipt as JSON shows it, with whether it was replayed.
type receipt struct {
	ledger.Receipt
	Replayed bool `json:"replayed"`
}

func receiptOf(r commands.Result) receipt {
	return receipt{Receipt: r.Receipt, Replayed: r.Replayed}
}

// payloadOf returns an event's payload as JSON.
func payloadOf(e ledger.Event) (json.RawMessage, error) { return ledger.EncodePayload(e.Payload()) }

func sizeAndRoot(c ledger.Checkpoint) object { return object{"size": c.Size, "root": c.Root} }
