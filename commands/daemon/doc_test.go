package daemon_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The package's doc names every address that the daemon has, and no other.
func TestDocNamesEveryAddress(t *testing.T) {
	text := packageDoc(t)
	s := serve(t)
	var want, got []string
	for path, methods := range documentOf(t, s).paths {
		for method := range methods {
			want = append(want, strings.ToUpper(method)+" "+path)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(GET|POST) +(/.*)$`).FindAllStringSubmatch(text, -1) {
		for _, path := range regexp.MustCompile(`(?:^| )(/[\w/.{}-]+)`).FindAllStringSubmatch(m[2], -1) {
			got = append(got, m[1]+" "+path[1])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(slices.Compact(got), want) {
		t.Errorf("the doc names %q, want %q", got, want)
	}
}

// The daemon carries out the request that the package's doc shows.
func TestDocExample(t *testing.T) {
	_, example, _ := strings.Cut(packageDoc(t), "\tPOST /v1/commands\n")
	example, _, ok := strings.Cut(example, "\n\n")
	s := serve(t)
	s.do(t, submit("job_1"), progress("job_1", "step 0"))
	if status, answer, _ := s.get(t, http.MethodPost, "/v1/commands", example); !ok || status != http.StatusOK {
		t.Errorf("the example %s is answered with %d %s", example, status, answer)
	}
}

// packageDoc returns the text of the package's doc comment.
func packageDoc(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`(?m)^// ?`).ReplaceAllString(string(b), "")
}
