package packspec

import (
	"bytes"
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

// contentPrefix is what the entries of a job's content begin with: content/<digest>.
const contentPrefix = "content/"

// ErrContents says that a job names more contents than a pack can hold.
var ErrContents = ledger.NewError("the job names more contents than a pack can hold", ledger.Fault{Code: "pack_too_large", Category: ledger.CategoryInvalid})

// contents are those that the events of a job name, by digest, with their sizes, and those
// whose bytes were erased.
type contents struct {
	named  map[ledger.Hash]int64
	erased map[ledger.Hash]bool
}

func (c *contents) add(e ledger.Event) {
	if c.named == nil {
		c.named, c.erased = map[ledger.Hash]int64{}, map[ledger.Hash]bool{}
	}
	for _, named := range ledger.JobContents(e.Payload()) {
		c.named[named.Digest] = named.Size
	}
	if p, is := e.Payload().(ledger.ContentErased); is {
		c.erased[p.Digest] = true
	}
}

// findContents finds out which of the job's contents are at hand.
func (s *snapshot) findContents(open func(ledger.Hash) (io.ReadCloser, error)) error {
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
	return nil
}

// addContent adds a content of the job, as it is kept: salt and bytes.
func (s *snapshot) addContent(p *packWriter, name string) error {
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

// contentNames returns the names of the entries with content.
func (p *Pack) contentNames() (names []string) {
	for _, e := range p.entries {
		if strings.HasPrefix(e.Name, contentPrefix) {
			names = append(names, e.Name)
		}
	}
	return names
}

// namesContent reports whether the pack has the level content.
func (v *jobVerifier) namesContent() bool {
	return len(v.contents.named) > 0 || len(v.shape.contents) > 0
}

// checkContent checks that the contents in the pack are those that the events name.
func (v *jobVerifier) checkContent() (string, error) {
	here := map[ledger.Hash]bool{}
	for _, name := range v.shape.contents {
		e, _ := v.pack.entry(name)
		digest, err := ledger.ParseHash(strings.TrimPrefix(name, contentPrefix))
		size, named := v.contents.named[digest]
		switch {
		case err != nil || !named:
			return "", finding.Failf(finding.LevelContent, finding.CodeContent, name, "no event of the job names it")
		case e.sum != digest:
			return "", finding.Differs(finding.LevelContent, finding.CodeContent, name, "SHA-256", digest.String(), e.sum.String())
		case e.Size != saltSize+size:
			return "", finding.Differs(finding.LevelContent, finding.CodeContent, name, "its size, with the salt", fmt.Sprint(saltSize+size), fmt.Sprint(e.Size))
		}
		here[digest] = true
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
	switch {
	case len(here) == 0:
		v.status = finding.Absent
	case missing > 0:
		v.status = finding.Claimed
	}
	return fmt.Sprintf("the events name %d contents: %d are here, %d erased, %d not in the pack", len(v.contents.named), len(here), erased, missing), nil
}

func compareHashes(a, b ledger.Hash) int { return bytes.Compare(a[:], b[:]) }
