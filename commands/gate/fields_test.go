package gate_test

import (
	"testing"

	"github.com/cedar-policy/cedar-go"

	"gait/commands/gate"
	"gait/projection"
)

// What Check knows of what the gate gives to policies is what it gives: no field that is there
// is a mistake, and one that is not is.
func TestCheckKnowsFields(t *testing.T) {
	in := input(t, allowAll, transfer)
	in.Job = &projection.Job{ID: "job_1", Identity: "agent_7", PolicyRef: "p@1"}
	in.Facts.EnvironmentFingerprint, in.Facts.NotDoneExit = "fp", 75
	request, entities := gate.RequestOf(in)
	problems := func(path string) int {
		return len(gate.Check([]byte("permit (principal, action, resource) when { "+path+" == 1 };"), nil).Problems)
	}
	var each func(name string, v cedar.Value, depth int)
	each = func(name string, v cedar.Value, depth int) {
		record, is := v.(cedar.Record)
		if !is {
			return
		}
		for key, member := range record.All() {
			if problems(name+"."+string(key)) != 0 {
				t.Errorf("Check says that there is no %s.%s", name, key)
			}
			each(name+"."+string(key), member, depth+1)
		}
		open := name == "context.arguments" || name == "context.job.labels"
		if got := problems(name + ".other"); (got == 0) != open {
			t.Errorf("Check says %d problems of %s.other", got, name)
		}
	}
	each("context", request.Context, 0)
	each("principal", entities[request.Principal].Attributes, 0)
}
