package projection_test

import (
	"reflect"
	"strings"
	"testing"

	"gait/projection"
)

// shownOtherwise are the fields of a Job that its status view does not have by their
// name, and what it has of them.
var shownOtherwise = map[string]string{
	"job_seq":      "", // revision counts what changed the job
	"last_refusal": "", // recognizes the same one again
	"last_block":   "", // the same
	"ended":        "", // leases of other jobs name it
	"decisions":    "open_decisions",
	"stop":         "hold",

	"submitted_by":  "", // verdicts are judged by it
	"submitted_key": "",
	"policy_by":     "", // resumes are judged by it
	"policy_key":    "",
	"content_key":   "", // of the job's content
	"signed":        "actor_verified",
}

// A field that a Job keeps is shown, or shownOtherwise says why not.
func TestViewShowsEachField(t *testing.T) {
	shown := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[projection.StatusView]()) {
		shown[memberOf(f)] = true
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[projection.Job]()) {
		name := memberOf(f)
		as, otherwise := shownOtherwise[name]
		if !shown[name] && !otherwise || as != "" && !shown[as] {
			t.Errorf("StatusView does not show %s of Job: add it, or say why not in shownOtherwise", name)
		}
	}
}

// memberOf returns the name of a field in JSON.
func memberOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}
