package root

import (
	"context"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/home"
)

// An UntrustedError says that the user does not trust the key that signs a ledger.
type UntrustedError struct {
	Key   ledger.VerifierKey
	Other ledger.PublicKey // a key of the ledger's origin that is trusted instead
	Ended ledger.PublicKey // a distrusted key, which took over from a trusted one or is Key
}

func (e *UntrustedError) Error() string {
	switch {
	case !e.Ended.IsZero():
		return fmt.Sprintf("the ledger is signed by %s, since a key that you distrust took over: %s", e.Key, e.Ended)
	case !e.Other.IsZero():
		return fmt.Sprintf("the ledger is signed by another key than the one you trust for it: %s, not %s", e.Key, e.Other)
	}
	return fmt.Sprintf("the ledger is signed by a key you do not trust: %s", e.Key)
}

// Fault distinguishes a key that stands in place of a trusted one from an unknown one.
func (e *UntrustedError) Fault() ledger.Fault {
	if e.Ended.IsZero() && !e.Other.IsZero() {
		return ledger.Fault{Code: "key_mismatch", Category: ledger.CategoryVerification}
	}
	return ledger.Fault{Code: "untrusted_key", Category: ledger.CategoryVerification}
}

// TrustsKey fails with an *UntrustedError unless the user trusts a key, or an earlier key
// of a ledger that was seen to be rotated to it.
func TrustsKey(homeDir string, key ledger.VerifierKey) error {
	chain := []ledger.VerifierKey{key}
	rotated, err := home.RotatedKeys(homeDir)
	if err != nil {
		return err
	}
	rotated = slices.DeleteFunc(rotated, func(k ledger.VerifierKey) bool { return k.Name() != key.Name() })
	if at := slices.Index(rotated, key); at > 0 {
		chain = rotated[:at+1]
	}
	return trusts(homeDir, chain)
}

// trusts fails with an *UntrustedError unless the user trusts one of a ledger's keys,
// oldest first, and distrusts none after it.
func trusts(homeDir string, chain []ledger.VerifierKey) error {
	trusted, not, err := home.Trusts(homeDir)
	if err != nil {
		return err
	}
	no := &UntrustedError{Key: chain[len(chain)-1]}
	for _, key := range slices.Backward(chain) {
		if i := slices.IndexFunc(not, func(k ledger.PublicKey) bool { return k.ID() == key.ID() }); i >= 0 {
			no.Ended = not[i]
			return no
		}
		if slices.ContainsFunc(trusted, func(k ledger.PublicKey) bool { return k.Is(key) }) {
			return nil
		}
	}
	if i := slices.IndexFunc(trusted, func(k ledger.PublicKey) bool { return k.Origin() == no.Key.Name() }); i >= 0 {
		no.Other = trusted[i]
	}
	return no
}

// JoinElsewhere is Join for a ledger whose root this process may not see. There is no
// place of it to compare; instead the user must trust the ledger's key. It fails as
// TrustsKey and Join do. It returns the ledger's signer if its key is here, and else nil:
// commands need none.
func JoinElsewhere(ctx context.Context, o Options, log ledger.Reader, renew func(context.Context) error) (ledger.Signer, error) {
	if err := home.CheckHome(o.Home); err != nil {
		return nil, err
	}
	o.Mode = Once // what is read is remembered, too
	keys := log.Keys()
	if err := trusts(o.Home, keys.Keys()); err != nil {
		return nil, err
	}
	g, err := home.LoadGuard(o.Home, keys.Keys()...)
	if err != nil {
		return nil, err
	}
	if was, ok := g.Seen(); ok {
		if c, _ := log.Checkpoint(); c.Size < was.Size {
			if err := renew(ctx); err != nil {
				return nil, err
			}
		}
	}
	s := &comparison{directory: directory{Options: o, dir: o.Dir}, lock: new(lock)}
	if err := s.checkSeen(ctx, log, g); err != nil {
		return nil, err
	}
	signer, err := s.signer(keys)
	if err != nil {
		return nil, nil //nolint:nilerr // another user signs the ledger
	}
	return signer, nil
}
