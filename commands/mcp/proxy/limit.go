package proxy

import (
	"context"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
)

// mostAtDesk is how many calls are at the desk at once. Without a daemon each of them waits for
// the ledger's lock, for which there is no queue: of many, one would wait until it gives up.
const mostAtDesk = 3

// A fewAtDesk is a desk at which a few calls are at once, while the others wait.
type fewAtDesk struct {
	Desk

	places chan struct{}
}

func newFewAtDesk(d Desk) fewAtDesk { return fewAtDesk{d, make(chan struct{}, mostAtDesk)} }

// at calls f when there is a place.
func (d fewAtDesk) at(f func()) {
	d.places <- struct{}{}
	defer func() { <-d.places }()
	f()
}

// Do is Do of the desk.
func (d fewAtDesk) Do(ctx context.Context, r commands.Request) (result commands.Result, err error) {
	d.at(func() { result, err = d.Desk.Do(ctx, r) })
	return result, err
}

// Ask is Ask of the desk.
func (d fewAtDesk) Ask(ctx context.Context, q connect.GateQuestion) (a commands.GateAnswer, result commands.Result) {
	d.at(func() { a, result = d.Desk.Ask(ctx, q) })
	return a, result
}

// Settle is Settle of the desk.
func (d fewAtDesk) Settle(ctx context.Context, s connect.Settlement) (result commands.Result, err error) {
	d.at(func() { result, err = d.Desk.Settle(ctx, s) })
	return result, err
}

// Read is Read of the desk.
func (d fewAtDesk) Read(ctx context.Context, f func(*connect.Ledger) error) (err error) {
	d.at(func() { err = d.Desk.Read(ctx, f) })
	return err
}

// Bring is Bring of the desk.
func (d fewAtDesk) Bring(ctx context.Context, r commands.Request, u connect.Upload, name func(*commands.Request, ledger.Content)) (result commands.Result, err error) {
	d.at(func() { result, err = d.Desk.Bring(ctx, r, u, name) })
	return result, err
}
