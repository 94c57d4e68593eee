package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// On each hostile archive pack verify and pack inspect exit 2 with an error code,
// and write nothing.
func TestHostileCorpus(t *testing.T) {
	corpus := filepath.Join("..", "..", "fixtures", "hostile")
	files, err := os.ReadDir(corpus)
	if err != nil || len(files) < 60 {
		t.Fatalf("%d hostile archives: %v", len(files), err)
	}
	dir := t.TempDir()
	for _, f := range files {
		for _, command := range []string{"verify", "inspect"} {
			code, out := inProcess(t, dir, "pack", command, filepath.Join(corpus, f.Name()), "--json")
			var said struct {
				OK   bool   `json:"ok"`
				Code string `json:"error_code"`
			}
			if err := checkOutput("schemas", out); err != nil {
				t.Errorf("pack %s %s: %v", command, f.Name(), err)
			}
			if err := json.Unmarshal(out, &said); err != nil || code != exitVerify || said.OK || said.Code == "" {
				t.Errorf("pack %s %s exits %d, %v: %s", command, f.Name(), code, err, out)
			}
		}
	}
	if written, err := os.ReadDir(dir); err != nil || len(written) > 0 {
		t.Errorf("refusing hostile archives wrote %v, %v", written, err)
	}
}
