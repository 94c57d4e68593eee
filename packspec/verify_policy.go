package packspec

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
	"gait/packspec/finding"
)

// cosignatures checks the checkpoint against the caller's policy. Without a policy,
// cosignatures are reported as what the pack claims.
func (v *ledgerVerifier) cosignatures() (string, error) {
	if v.Policy == nil {
		return v.withoutPolicy()
	}
	v.report.Policy = v.Policy.From
	verdict, err := v.Policy.Judge(v.checkpoint)
	switch {
	case errors.Is(err, ledger.ErrNoLog):
		return "", finding.Failf(finding.LevelCosignatures, finding.CodePolicy, v.checkpointEntry, "%s", err)
	case errors.Is(err, ledger.ErrUnverified):
		return "", finding.Failf(finding.LevelCosignatures, finding.CodeCosignature, v.checkpointEntry, "%s", err)
	case err != nil:
		return "", finding.NotCanonical(v.checkpointEntry, err)
	}
	var by []string
	for _, c := range verdict.Cosignatures {
		at := ledger.FormatTime(c.Time)
		v.report.Cosigned = append(v.report.Cosigned, Cosignature{Witness: c.Key.Name(), Key: c.Key.String(), Time: at})
		by = append(by, fmt.Sprintf("%s at %s", c.Key.Name(), at))
	}
	if verdict.Missing != "" {
		return "", finding.Differs(finding.LevelCosignatures, finding.CodePolicy, v.checkpointEntry, "too few witnesses cosigned the checkpoint", "the quorum of "+v.Policy.From, "without "+verdict.Missing)
	}
	if by == nil {
		v.status = finding.Absent
		return "the policy asks for none, and none of its witnesses cosigned", nil
	}
	return "the quorum is met; cosigned by " + strings.Join(by, ", "), nil
}

// withoutPolicy reports the cosignatures, for which the caller gave no keys.
func (v *ledgerVerifier) withoutPolicy() (string, error) {
	names, err := ledger.Signers(v.checkpoint)
	if err != nil {
		return "", finding.NotCanonical(v.checkpointEntry, err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == v.evidence.Origin })
	if len(names) == 0 {
		v.status = finding.Absent
		return "no witness cosigned the checkpoint", nil
	}
	v.status = finding.Claimed
	return fmt.Sprintf("the checkpoint says that it is cosigned by %s; a policy would say whose keys these are", finding.Quote(strings.Join(names, ", "))), nil
}
