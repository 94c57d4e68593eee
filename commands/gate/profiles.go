package gate

import (
	"embed"
	"fmt"
)

//go:embed profiles/*/policy.cedar profiles/*/cases.json
var profiles embed.FS

// A Profile is a policy to begin with, and its test cases.
type Profile struct {
	Name   string
	Policy []byte // Cedar, with comments
	Cases  []byte // a file of test cases, which pass
}

// ProfileNames lists the profiles.
var ProfileNames = []string{"coding", "payments", "readonly"}

// ProfileNamed returns a profile, and whether there is one of this name.
func ProfileNamed(name string) (Profile, bool) {
	policy, err := profiles.ReadFile(fmt.Sprintf("profiles/%s/policy.cedar", name))
	if err != nil {
		return Profile{}, false
	}
	cases, err := profiles.ReadFile(fmt.Sprintf("profiles/%s/cases.json", name))
	return Profile{Name: name, Policy: policy, Cases: cases}, err == nil
}
