package ledger

import (
	"fmt"
	"slices"
)

// MaxRotations is how many key rotations a ledger has at most: as many as fit
// into a pack with everything else.
const MaxRotations = 100

// A Reign is a key of a ledger and the event that named it. The key signs from
// the first checkpoint that covers the event until the next key takes over.
type Reign struct {
	Key   VerifierKey
	Since Seq
	Moved bool // the event is a ledger_moved: the key is of another place
}

// A Keyring is the keys of one ledger, oldest first: the one that event 0
// names, and those that key_rotated and ledger_moved events replaced it by. It says
// which keys must have signed a checkpoint of a given size. The zero Keyring is of no
// ledger.
type Keyring struct{ reigns []Reign }

// NewKeyring returns the keyring of a ledger that has only its event 0. Errors
// are those of Created.
func NewKeyring(created Event) (Keyring, error) {
	key, err := Created(created)
	if err != nil {
		return Keyring{}, err
	}
	return Keyring{[]Reign{{Key: key}}}, nil
}

// Follow returns the keyring after an event of the ledger. It fails with a
// *CorruptError if an event that hands the ledger over does not replace the key in
// force by a new one of the same origin.
func (k Keyring) Follow(e Event) (Keyring, error) {
	if !e.Type().HandsOver() {
		return k, nil // most events: nothing is to be computed for them
	}
	last := k.reigns[len(k.reigns)-1]
	text, previous := "", last.Key.String()
	switch p := e.Payload().(type) {
	case KeyRotated:
		text, previous = p.Key, p.Previous
	case LedgerMoved:
		text = p.To
	default:
		return k, nil
	}
	key, err := ParseVerifierKey(text)
	if err != nil {
		return k, &CorruptError{Seq: e.Seq(), Reason: "its key", Err: err}
	}
	switch {
	case e.Origin() != k.Origin() || key.Name() != k.Origin():
		return k, corrupt(e.Seq(), "a key of %s, in an event of %s, for the ledger %s", key.Name(), e.Origin(), k.Origin())
	case e.Seq() <= last.Since:
		return k, corrupt(e.Seq(), "a rotation after the one at event %d", last.Since)
	case previous != last.Key.String():
		return k, corrupt(e.Seq(), "expected it to take the place of %s, found %s", last.Key, previous)
	case slices.ContainsFunc(k.reigns, func(r Reign) bool { return r.Key.ID() == key.ID() }):
		return k, corrupt(e.Seq(), "%s was the ledger's key before", key)
	case len(k.reigns) > MaxRotations:
		return k, corrupt(e.Seq(), "more than %d rotations", MaxRotations)
	}
	return Keyring{append(slices.Clip(k.reigns), Reign{key, e.Seq(), e.Type() == TypeLedgerMoved})}, nil
}

// FollowProved is Follow for a caller that does not see the whole ledger. The event
// must be one that hands the ledger over, and the checkpoint in which it is proved must
// have the signatures of the key in force and of the key that replaces it. Errors are
// those of Follow and those that wrap ErrMalformed or ErrUnverified.
func (k Keyring) FollowProved(r Rotation) (Keyring, error) {
	if !r.Event.Type().HandsOver() {
		return k, corrupt(r.Event.Seq(), "expected %s or %s, found %s", TypeKeyRotated, TypeLedgerMoved, r.Event.Type())
	}
	next, err := k.Follow(r.Event)
	if err != nil {
		return k, err
	}
	if err := r.Check(); err != nil {
		return k, err
	}
	_, err = next.Open(r.Proof.Checkpoint)
	return next, err
}

// A Move says where a ledger goes on: its last event here hands it over to the key of another
// place, and nothing follows that event here.
type Move struct {
	Origin string
	To     VerifierKey // of the other place
	Seq    Seq         // of the event
}

// Moved returns where a ledger goes on whose last event is last, or nil if it goes on here:
// if last is a ledger_moved and the place that it names has not signed, as far as the
// keyring knows. Errors are those of Follow.
func (k Keyring) Moved(last Event) (*Move, error) {
	if last.Type() != TypeLedgerMoved || len(k.reigns) == 0 || k.reigns[len(k.reigns)-1].Since == last.Seq() {
		return nil, nil
	}
	after, err := k.Follow(last)
	if err != nil {
		return nil, err
	}
	return &Move{Origin: k.Origin(), To: after.Current(), Seq: last.Seq()}, nil
}

// LeadsFrom reports whether to trust a key is to trust the key in force: whether it is
// one of the keyring's, and no key that took over after it is distrusted. Otherwise
// ended is the first distrusted one, or the zero key if the trusted key is not one of
// the keyring's.
func (k Keyring) LeadsFrom(trusted PublicKey, distrusted []PublicKey) (leads bool, ended VerifierKey) {
	at := slices.IndexFunc(k.reigns, func(r Reign) bool { return trusted.Is(r.Key) })
	if at < 0 {
		return false, VerifierKey{}
	}
	for _, r := range k.reigns[at+1:] {
		if slices.ContainsFunc(distrusted, func(d PublicKey) bool { return d.ID() == r.Key.ID() }) {
			return false, r.Key
		}
	}
	return true, VerifierKey{}
}

// Origin returns the name of the ledger.
func (k Keyring) Origin() string { return k.First().Name() }

// First returns the key that event 0 names.
func (k Keyring) First() VerifierKey {
	if len(k.reigns) == 0 {
		return VerifierKey{}
	}
	return k.reigns[0].Key
}

// Current returns the key in force.
func (k Keyring) Current() VerifierKey {
	if len(k.reigns) == 0 {
		return VerifierKey{}
	}
	return k.reigns[len(k.reigns)-1].Key
}

// Reigns returns the keys with the events that named them, oldest first.
func (k Keyring) Reigns() []Reign { return slices.Clone(k.reigns) }

// Keys returns the keys, oldest first.
func (k Keyring) Keys() []VerifierKey {
	keys := make([]VerifierKey, len(k.reigns))
	for i, r := range k.reigns {
		keys[i] = r.Key
	}
	return keys
}

// Has reports whether key is, or was, the ledger's.
func (k Keyring) Has(key VerifierKey) bool { return slices.Contains(k.Keys(), key) }

// OneHistory reports whether two lists of a ledger's keys, oldest first, can
// belong to one history: one list begins with the other.
func OneHistory(a, b []VerifierKey) bool {
	n := min(len(a), len(b))
	return slices.Equal(a[:n], b[:n])
}

// Equal reports whether both hold the same keys since the same events.
func (k Keyring) Equal(other Keyring) bool { return slices.Equal(k.reigns, other.reigns) }

// Signers returns the keys that must have signed a checkpoint of a size: the
// key in force and, if the last event it covers is a rotation, also the key
// before.
func (k Keyring) Signers(size int64) []VerifierKey {
	i := len(k.reigns) - 1
	for i > 0 && size <= int64(k.reigns[i].Since) {
		i--
	}
	if i > 0 && size == int64(k.reigns[i].Since)+1 {
		return []VerifierKey{k.reigns[i-1].Key, k.reigns[i].Key}
	}
	return []VerifierKey{k.reigns[i].Key}
}

// At returns the key in force in the tree of the given size.
func (k Keyring) At(size int64) VerifierKey {
	signers := k.Signers(size)
	return signers[len(signers)-1]
}

// Open reads a signed checkpoint of the ledger. All Signers of its size must
// have signed it. Errors wrap ErrMalformed or ErrUnverified.
func (k Keyring) Open(signed []byte) (c Checkpoint, err error) {
	if len(k.reigns) == 0 {
		return c, fmt.Errorf("%w: no key is known", ErrUnverified)
	}
	if c, err = PeekCheckpoint(signed); err != nil {
		return c, err
	}
	for _, key := range k.Signers(c.Size) {
		if c, err = OpenCheckpoint(signed, key); err != nil {
			return Checkpoint{}, err
		}
	}
	return c, nil
}

// OpenSeen is Open for a checkpoint that was seen elsewhere. If its last event moves the
// ledger to another place, the key before may have signed it alone: that place has signed it
// later. If late is not the zero key, it has signed the checkpoint although another key had
// taken over from it before, so that the ledger has two histories.
func (k Keyring) OpenSeen(signed []byte) (c Checkpoint, late VerifierKey, err error) {
	c, err = k.Open(signed)
	for i := len(k.reigns) - 2; err != nil && i >= 0; i-- {
		by, next := k.reigns[i], k.reigns[i+1]
		was, no := OpenCheckpoint(signed, by.Key)
		switch end := int64(next.Since) + 1; {
		case no != nil || was.Size < end:
		case was.Size > end:
			return was, by.Key, nil
		case next.Moved:
			return was, late, nil
		}
	}
	return c, late, err
}

// A Rotation is a key_rotated or ledger_moved event with the proof that it is the last
// event of the checkpoint that both keys have signed.
type Rotation struct {
	Event Event
	Proof Proof
}

// Check verifies that the proof is one of the event, in a tree that ends with
// it. It does not verify who signed that tree. Errors wrap ErrMalformed or
// ErrUnverified.
func (r Rotation) Check() error {
	c, err := PeekCheckpoint(r.Proof.Checkpoint)
	if err != nil {
		return err
	}
	if r.Proof.Seq != r.Event.Seq() || c.Size != int64(r.Event.Seq())+1 || c.Origin != r.Event.Origin() {
		return fmt.Errorf("%w: a proof of event %d of %s in a tree of %d is not that of the rotation at event %d of %s",
			ErrUnverified, r.Proof.Seq, c.Origin, c.Size, r.Event.Seq(), r.Event.Origin())
	}
	return r.Proof.Check(r.Event.LeafHash(), c)
}
