package packspec

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
)

// cosignatures holds the checkpoint to the caller's policy. Without one, what
// stands below the ledger's signature is what the pack says.
func (v *verifier) cosignatures() (string, error) {
	if v.policy == nil {
		return v.unjudged()
	}
	v.report.Policy = v.policy.From
	verdict, err := v.policy.Judge(v.headProof.Checkpoint)
	switch {
	case errors.Is(err, ledger.ErrNoLog):
		return "", failure(LevelCosignatures, CodePolicy, v.checkpointEntry(), "%s", err)
	case errors.Is(err, ledger.ErrUnverified):
		return "", failure(LevelCosignatures, CodeCosignature, v.checkpointEntry(), "%s", err)
	case err != nil:
		return "", notCanonical(v.checkpointEntry(), err)
	}
	var by []string
	for _, c := range verdict.Cosignatures {
		at := ledger.FormatTime(c.Time)
		v.report.Cosigned = append(v.report.Cosigned, Cosigned{Witness: c.Key.Name(), Key: c.Key.String(), Time: at})
		by = append(by, fmt.Sprintf("%s at %s", c.Key.Name(), at))
	}
	if verdict.Missing != "" {
		return "", differs(LevelCosignatures, CodePolicy, v.checkpointEntry(), "too few witnesses cosigned the checkpoint", "the quorum of "+v.policy.From, "without "+verdict.Missing)
	}
	if by == nil {
		v.status = Absent
		return "the policy asks for none, and none of its witnesses cosigned", nil
	}
	return "the quorum is met; cosigned by " + strings.Join(by, ", "), nil
}

// unjudged reports on signatures that the caller has no keys for.
func (v *verifier) unjudged() (string, error) {
	names, err := ledger.Signers(v.headProof.Checkpoint)
	if err != nil {
		return "", notCanonical(v.checkpointEntry(), err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == v.evidence.Origin })
	if len(names) == 0 {
		v.status = Absent
		return "no witness cosigned the checkpoint", nil
	}
	v.status = Claimed
	return fmt.Sprintf("the checkpoint says that it is cosigned by %s; a policy would say whose keys these are", quote(strings.Join(names, ", "))), nil
}
