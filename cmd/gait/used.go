package main

import "gait/ledger"

// A usedApproval is an approval about content that a resume has used up.
type usedApproval struct {
	Leaf         ledger.Hash `json:"leaf_hash"`
	Seq          ledger.Seq  `json:"seq"`
	Actor        string      `json:"actor"`
	CheckpointID string      `json:"checkpoint_id,omitempty"`
	Subject      ledger.Hash `json:"subject"`
	Amended      bool        `json:"amended"` // the approver put it in the place of what was asked about
	Name         string      `json:"name,omitempty"`
}
