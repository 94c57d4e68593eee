package main

import (
	"fmt"
	"strings"

	"gait/ledger"
)

// parseLabel reads a label as a flag gives it.
func parseLabel(text string) (ledger.Label, error) {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return ledger.Label{}, &usageError{code: "invalid_label", text: fmt.Sprintf("--label %.80q is not KEY=VALUE", text), hint: "--label team=payments"}
	}
	return ledger.Label{Key: key, Value: value}, nil
}
