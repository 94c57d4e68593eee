package projection

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
)

// SafetyInvariantVersion is the version of the list that SafetyInvariants returns.
const SafetyInvariantVersion = "1"

// SafetyInvariants returns what always holds for the job, as PackSpec v1 lists it:
// sorted strings.
func (j Job) SafetyInvariants() []string {
	list := []string{"control_boundary=runtime_go", "default_privacy=reference_receipts", "fail_closed=true"}
	for _, bound := range [][2]string{{"identity", j.Identity}, {"policy_digest", j.PolicyDigest.OrEmpty()}, {"policy_ref", j.PolicyRef}} {
		if bound[1] != "" {
			list = append(list, bound[0]+"="+bound[1])
		}
	}
	slices.Sort(list)
	return list
}

// SafetyInvariantHash returns the SHA-256, in hexadecimal, of the safety
// invariants joined with "|".
func (j Job) SafetyInvariantHash() string {
	sum := sha256.Sum256([]byte(strings.Join(j.SafetyInvariants(), "|")))
	return hex.EncodeToString(sum[:])
}
