package packspec

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"gait/ledger"
	"gait/packspec/finding"
)

// saltSize is the number of bytes of salt that stand before the bytes of a job's content.
const saltSize = 16

// What the entries of a job's content begin with, content/<digest>, and those of the policies
// that its events name, policies/<digest>.
const (
	contentPrefix = "content/"
	policyPrefix  = "policies/"
)

// maxPolicy is the size of the largest policy that a pack can hold: of the largest that the gate reads.
const maxPolicy = 256 << 10

// ErrContents says that a job names more contents than a pack can hold.
var ErrContents = ledger.NewError("the job names more contents than a pack can hold", ledger.Fault{Code: "pack_too_large", Category: ledger.CategoryInvalid})

// contents are those that the events of a job name, by digest, with their sizes, those
// whose bytes were erased, and the policies.
type contents struct {
	named    map[ledger.Hash]int64
	erased   map[ledger.Hash]bool
	policies map[ledger.Hash]bool
}

func (c *contents) add(e ledger.Event) {
	if c.named == nil {
		c.named, c.erased, c.policies = map[ledger.Hash]int64{}, map[ledger.Hash]bool{}, map[ledger.Hash]bool{}
	}
	for _, digest := range ledger.Policies(e) {
		c.policies[digest] = true
	}
	for _, named := range ledger.JobContents(e.Payload()) {
		c.named[named.Digest] = named.Size
	}
	if p, is := e.Payload().(ledger.ContentErased); is {
		c.erased[p.Digest] = true
	}
}

// findContents finds out which of the job's contents, and of the policies that its events
// name, are at hand.
func (s *snapshot) findContents(o JobOptions) error {
	open := o.JobContent
	if open == nil {
		return nil
	}
	for _, digest := range slices.SortedFunc(maps.Keys(s.content.named), compareHashes) {
		if s.content.erased[digest] { // a crash may have left the bytes
			continue
		}
		r, err := open(digest)
		if errors.Is(err, ledger.ErrContentMissing) {
			continue
		}
		if err == nil {
			err = r.Close()
		}
		if err != nil {
			return fmt.Errorf("reading content %s: %w", digest, err)
		}
		s.included = append(s.included, contentPrefix+digest.String())
	}
	s.openContent = open
	return s.findPolicies(o.Content)
}

// findPolicies finds out which of the policies are at hand.
func (s *snapshot) findPolicies(read func(ledger.Hash, int64) ([]byte, error)) error {
	if read == nil {
		return nil
	}
	for _, digest := range slices.SortedFunc(maps.Keys(s.content.policies), compareHashes) {
		_, err := read(digest, maxPolicy)
		if errors.Is(err, ledger.ErrContentMissing) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading policy %s: %w", digest, err)
		}
		s.included = append(s.included, policyPrefix+digest.String())
	}
	s.readPolicy = read
	return nil
}

// addPolicy adds a policy that the job's events name.
func (s *snapshot) addPolicy(p *packWriter, name string) error {
	digest, err := ledger.ParseHash(strings.TrimPrefix(name, policyPrefix))
	if err != nil {
		return err
	}
	b, err := s.readPolicy(digest, maxPolicy)
	if err != nil {
		return fmt.Errorf("reading policy %s: %w", digest, err)
	}
	if ledger.Hash(sha256.Sum256(b)) != digest {
		return fmt.Errorf("reading policy %s: it has another SHA-256", digest)
	}
	return p.add(name, b)
}

// addContent adds a content of the job, as it is kept: salt and bytes.
func (s *snapshot) addContent(p *packWriter, name string) error {
	if strings.HasPrefix(name, policyPrefix) {
		return s.addPolicy(p, name)
	}
	digest, err := ledger.ParseHash(strings.TrimPrefix(name, contentPrefix))
	if err != nil {
		return err
	}
	section, err := p.reserve(name, saltSize+s.content.named[digest])
	if err != nil {
		return err
	}
	r, err := s.openContent(digest)
	if err != nil {
		return fmt.Errorf("reading content %s: %w", digest, err)
	}
	if _, err := io.Copy(section, r); err != nil {
		return errors.Join(fmt.Errorf("reading content %s: %w", digest, err), r.Close())
	}
	if err := errors.Join(section.done(), r.Close()); err != nil {
		return err
	}
	if section.sum != digest {
		return section.changed()
	}
	return nil
}

// contentNames returns the names of the entries with content and with policies.
func (p *Pack) contentNames() (names []string) {
	for _, e := range p.entries {
		if strings.HasPrefix(e.Name, contentPrefix) || strings.HasPrefix(e.Name, policyPrefix) {
			names = append(names, e.Name)
		}
	}
	return names
}

// namesContent reports whether the pack has the level content.
func (v *jobVerifier) namesContent() bool {
	return len(v.contents.named) > 0 || len(v.shape.contents) > 0
}

// checkContent checks that the contents and policies in the pack are those that the events
// name. In evidence of the gate's format the policies count as the contents do.
func (v *jobVerifier) checkContent() (string, error) {
	here := map[ledger.Hash]bool{}
	policies := 0
	for _, name := range v.shape.contents {
		policy := strings.HasPrefix(name, policyPrefix)
		digest, err := v.checkEntry(name, policy)
		if err != nil {
			return "", err
		}
		if policy {
			policies++
		} else {
			here[digest] = true
		}
	}
	erased, missing := 0, 0
	for digest := range v.contents.named {
		switch {
		case here[digest]:
		case v.contents.erased[digest]:
			erased++
		default:
			missing++
		}
	}
	detail := fmt.Sprintf("the events name %d contents: %d are here, %d erased, %d not in the pack", len(v.contents.named), len(here), erased, missing)
	if named := len(v.contents.policies); v.shape.format >= GateFormat && named > 0 {
		missing += named - policies
		detail += fmt.Sprintf("; policies: %d of %d are here", policies, named)
	}
	switch {
	case len(v.shape.contents) == 0:
		v.status = finding.Absent
	case missing > 0:
		v.status = finding.Claimed
	}
	return detail, nil
}

// checkEntry checks that an entry holds the content, or the policy, that it is named for, and
// that an event names it.
func (v *jobVerifier) checkEntry(name string, policy bool) (ledger.Hash, error) {
	e, _ := v.pack.entry(name)
	_, text, _ := strings.Cut(name, "/")
	digest, err := ledger.ParseHash(text)
	size, named := v.contents.named[digest]
	if policy {
		named = v.contents.policies[digest]
	}
	switch {
	case err != nil || !named:
		return digest, finding.Failf(finding.LevelContent, finding.CodeContent, name, "no event of the job names it")
	case e.sum != digest:
		return digest, finding.Differs(finding.LevelContent, finding.CodeContent, name, "SHA-256", digest.String(), e.sum.String())
	case !policy && e.Size != saltSize+size:
		return digest, finding.Differs(finding.LevelContent, finding.CodeContent, name, "its size, with the salt", fmt.Sprint(saltSize+size), fmt.Sprint(e.Size))
	}
	return digest, nil
}

func compareHashes(a, b ledger.Hash) int { return bytes.Compare(a[:], b[:]) }
