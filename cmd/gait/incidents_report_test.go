package main

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"gait/projection/compliance"
)

// incidentReports are the reports about all incidents.
const incidentReports = "../../fixtures/compliance"

// The reports about the incidents, of every framework, are as they are stored, in Markdown and as
// JSON that its schema takes. With -update they are stored.
func TestIncidentsReport(t *testing.T) {
	if testing.Short() {
		t.Skip("it carries out some hundred commands")
	}
	s := newStage(t, 1)
	all := stories(t)
	for _, story := range all {
		s.play(story)
	}
	s.run(0, "ledger", "commit-index")
	for _, f := range compliance.Frameworks {
		name := filepath.Join(incidentReports, "incidents_"+string(f))
		keep(t, name+".md", []byte(s.run(0, "report", "compliance", "--framework", string(f), "--all")))
		line := s.run(0, "report", "compliance", "--framework", string(f), "--all", "--format", "json")
		keep(t, name+".json", []byte(line))
		if err := checkOutput("schemas", []byte(line)); err != nil {
			t.Errorf("%s: the report against its schema: %v", f, err)
		}
		var r compliance.Report
		must(t, json.Unmarshal([]byte(line), &r))
		if r.Scope.JobCount < int64(len(all)) || r.Summary.Present == 0 || r.Notice != compliance.Notice {
			t.Errorf("%s: a report about %d jobs, %+v", f, r.Scope.JobCount, r.Summary)
		}
	}
}
