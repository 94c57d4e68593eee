package mpt

import (
	"context"
	"slices"
)

// Prove returns the proof of a key's value, or that the tree does not have the
// key. Equal trees have equal proofs.
func (t Tree) Prove(ctx context.Context, p Pages, key Key) (Proof, error) {
	t, err := t.Made(ctx, p)
	if err != nil {
		return Proof{}, err
	}
	if t.link == nil {
		return Proof{}, nil
	}
	var proof Proof
	l := loader{pages: p, cache: t.cache}
	leaves, err := l.search(ctx, t, key, func(p *page, depth int) { proof.addPage(p, depth, &key) })
	if err != nil {
		return Proof{}, err
	}
	for len(leaves) > 1 {
		bit, right := split(leaves)
		path, sibling := leaves[:right], leaves[right:]
		if key.bit(bit) == 1 {
			path, sibling = sibling, path
		}
		proof.Steps = append(proof.Steps, Step{uint8(bit), leavesHash(sibling)})
		leaves = path
	}
	leaf := leaves[0]
	proof.Leaf = &leaf
	slices.Reverse(proof.Steps)
	return proof, nil
}

// addPage adds the nodes of a page that a search for the key goes through, from
// the top down.
func (p *Proof) addPage(page *page, depth int, key *Key) {
	base, nibble := 0, key.nibble(depth)
	for i := range 4 {
		width := fanout / 2 >> i
		path, sibling := base|nibble&width, base|^nibble&width
		if page.slots.block(path, width) == 0 {
			path, sibling = sibling, path
		}
		if page.slots.block(sibling, width) != 0 {
			p.Steps = append(p.Steps, Step{uint8(4*depth + i), page.hashes[page.slots.top(sibling, width)]})
		}
		base = path
	}
}
