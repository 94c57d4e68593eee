package gate

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"
)

// Panics returns a policy with the same digest that cedar-go panics on.
func Panics(p *Policy) *Policy {
	return &Policy{digest: p.digest, rules: []rule{{id: "all", policy: new(cedar.Policy)}}}
}

// CedarVersion returns the version of cedar-go that the module requires.
func CedarVersion(t testing.TB) string {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Version}}", "github.com/cedar-policy/cedar-go").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// RequestOf returns what Cedar is asked.
func RequestOf(in Input) (cedar.Request, cedar.EntityMap) { return requestOf(&in) }

// HashOf returns what the gate takes as cedar-go's hash of a value.
func HashOf(v cedar.Value) uint64 { return hashOf(v) }
