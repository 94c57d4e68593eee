package proxy_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/connect"
)

// A countingDesk counts the questions that are asked at once.
type countingDesk struct {
	*desk

	now, most atomic.Int64
}

func (d *countingDesk) Ask(ctx context.Context, q connect.GateQuestion) (commands.GateAnswer, commands.Result) {
	d.most.Store(max(d.most.Load(), d.now.Add(1)))
	defer d.now.Add(-1)
	time.Sleep(5 * time.Millisecond)
	return d.desk.Ask(ctx, q)
}

// Many calls do not wait for the ledger's lock against each other: of so many, one would wait for
// longer than it may.
func TestFewAtDesk(t *testing.T) {
	d := &countingDesk{desk: newDesk(t, all)}
	s := start(t, d, &fakeServer{tools: writeTool}, nil)
	s.list()
	const calls = 30
	for i := range calls {
		s.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"write","arguments":{"n":%d}}}`, i, i))
	}
	for range calls {
		has(t, s.next(), `"text":"done"`)
	}
	if n := d.most.Load(); n > 3 {
		t.Errorf("%d questions were asked at once", n)
	}
}
