package commands

import (
	"gait/ledger"
	"gait/projection"
)

// EraseContent records that the bytes of a content of the job are deleted. The
// engine deletes them once the event is durable, before it answers.
type EraseContent struct {
	Digest ledger.Hash `json:"digest"`
}

var eraseContentRow = add(verb[EraseContent]{
	Row:     Row{Verb: "content erase", Roles: []ledger.Role{ledger.RoleOperator}},
	check:   EraseContent.check,
	summary: func(c EraseContent, _ projection.Job) string { return c.Digest.String() },
	decide:  EraseContent.decide,
})

// Verb returns "content erase".
func (EraseContent) Verb() string { return eraseContentRow.Verb }

func (EraseContent) row() *Row { return eraseContentRow }

func (c EraseContent) check(by Request) error {
	return checkPayload(ledger.ContentErased{Digest: c.Digest, Reason: by.Reason})
}

func (c EraseContent) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.ContentErased{Digest: c.Digest, Reason: by.Reason})
}
