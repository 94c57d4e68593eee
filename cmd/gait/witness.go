package main

import (
	"context"

	"gait/ledger"
	"gait/ledger/home"
)

// A listedWitness is a witness as the commands show it.
type listedWitness struct {
	Name       string `json:"name"`
	URL        string `json:"url"`
	Key        string `json:"public_key"`
	Size       int64  `json:"tree_size,omitempty"` // of the newest checkpoint that it has cosigned, as far as is known
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

// listWitnesses returns the ledger's witnesses, and in the same order what each has
// cosigned, as far as is known.
func listWitnesses(ctx context.Context, homeDir string, log ledger.Reader) ([]home.Witness, []listedWitness, error) {
	all, err := home.Witnesses(homeDir, log.Origin())
	if err != nil {
		return nil, nil, err
	}
	kept, err := log.Cosigned(ctx)
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
