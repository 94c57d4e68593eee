package ledgertest

import (
	"flag"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

var (
	every      = flag.Bool("every", false, "try all of each list, not a sample of it")
	sampleSeed = flag.Uint64("sample", 0, "the seed of the samples, to repeat them; 0: another one each time")
)

// Sample returns which of n things a test tries, in order: all of them if the
// flag -every is given or there are no more than most; otherwise most of them,
// chosen at random. It logs the seed, so that -sample can choose the same again.
func Sample(t testing.TB, n, most int) []int {
	t.Helper()
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	if *every || n <= most {
		return all
	}
	random := sampling(t)
	random.Shuffle(n, func(i, j int) { all[i], all[j] = all[j], all[i] })
	chosen := all[:most]
	slices.Sort(chosen)
	return chosen
}

// OneIn returns a function that reports whether to try the next of many things:
// always if the flag -every is given, and otherwise one in k, chosen at random. It
// logs the seed as Sample does.
func OneIn(t testing.TB, k int) func() bool {
	t.Helper()
	if *every || k <= 1 {
		return func() bool { return true }
	}
	random := sampling(t)
	return func() bool { return random.IntN(k) == 0 }
}

// Every reports whether the flag -every is given.
func Every() bool { return *every }

// chosenSeed returns the seed of all samples in a process that was given none.
var chosenSeed = sync.OnceValue(func() uint64 { return rand.Uint64N(1e9) + 1 })

func sampling(t testing.TB) *rand.Rand {
	t.Helper()
	seed := *sampleSeed
	if seed == 0 {
		seed = chosenSeed()
	}
	t.Logf("a sample, repeated with -sample %d; -every tries all", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// Pick returns the elements of a list that a test tries, chosen as by Sample.
func Pick[T any](t testing.TB, list []T, most int) []T {
	t.Helper()
	var picked []T
	for _, i := range Sample(t, len(list), most) {
		picked = append(picked, list[i])
	}
	return picked
}

// Times returns how often a test repeats what it does: all times if the flag -every
// is given, and otherwise most times.
func Times(all, most int) int {
	if *every {
		return all
	}
	return min(all, most)
}
