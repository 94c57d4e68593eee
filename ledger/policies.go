package ledger

// Policies returns the digests of the policies that an event names: of what the job is
// bound to, of what the gate decided by, and of what may be bound. The bytes of a policy are
// plain content, which may be kept beside the ledger or not: no event relies on them.
func Policies(e Event) (named []Hash) {
	add := func(all ...Hash) {
		for _, h := range all {
			if !h.IsZero() {
				named = append(named, h)
			}
		}
	}
	switch p := e.Payload().(type) {
	case Submitted:
		add(p.PolicyDigest)
	case Imported:
		add(p.PolicyDigest)
	case Continued:
		add(p.PolicyDigest)
	case Resumed:
		add(p.PreviousPolicyDigest, p.CurrentPolicyDigest)
	case GateDecided:
		add(p.PolicyDigest)
	case AuthoritySet:
		add(p.Policies...)
	default: // all others name none
	}
	return named
}
