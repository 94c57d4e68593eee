package ledgertest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// A Past is the rows of a ledger after each of its commits, oldest first, and what an
// attacker may ask for: ids of jobs and of requests, some of which the ledger has.
type Past struct {
	Rows           []Rows
	Jobs, Requests []string
}

// Now returns the newest rows.
func (p *Past) Now() Rows { return p.Rows[len(p.Rows)-1] }

// Saved names the rows for Rows.Edit: "0" are the oldest.
func (p *Past) Saved() map[string]Rows {
	saved := map[string]Rows{}
	for i, rows := range p.Rows {
		saved[strconv.Itoa(i)] = rows
	}
	return saved
}

// Attack draws up to four steps for Edited. intN returns a number from 0 to n-1.
func (p *Past) Attack(intN func(n int) int) [][]string {
	steps := make([][]string, 1+intN(4))
	for i := range steps {
		steps[i] = p.step(intN)
	}
	return steps
}

// made are rows that an attacker makes without knowing anything.
var made = [][2]string{
	{"m/imported", "31"},
	{"m/format", "31"},
	{"m/format", "32"},
	{"m/index", "00"},
	{"m/index", ""},
	{"ha", ""},
	{"m/unknown", "00"},
	{"i\x00", ""},
	{"rr1", "0000000000000001"},
	{"rnever", "0000000000000001"},
	{"va", "7b7d"},
}

func (p *Past) step(intN func(n int) int) []string {
	keys := slices.Sorted(maps.Keys(p.Now()))
	switch intN(10) {
	case 0, 1:
		return []string{"drop", p.selector(intN)}
	case 2:
		return []string{"cut", p.selector(intN), strconv.Itoa(intN(120))}
	case 3:
		return []string{"flip", p.selector(intN)}
	case 4:
		return []string{"copy", keys[intN(len(keys))], keys[intN(len(keys))]}
	case 5:
		row := made[intN(len(made))]
		return []string{"put", row[0], row[1]}
	case 6:
		return []string{"forge", strconv.Itoa(intN(len(p.Rows))), "worker_1", "worker_9"}
	}
	return []string{"older", strconv.Itoa(intN(len(p.Rows))), p.selector(intN)}
}

func (p *Past) selector(intN func(n int) int) string {
	job, id := p.Jobs[intN(len(p.Jobs))], p.Requests[intN(len(p.Requests))]
	all := []string{
		"job:" + job, "job:" + job, "job:" + job, "h:" + job, "v:" + job, "j:" + job, fmt.Sprintf("j:%s@%d", job, 1+intN(4)), "r:" + id, "r:" + id,
		"h", "i", "j", "k", "r", "v", "p", "t", "index", "index", "m/index", "m/upper", "m/edge", "m/head", "m/checkpoint", "end",
		fmt.Sprintf("e:%d", intN(40)), fmt.Sprintf("e:%d-", intN(40)), "all",
	}
	return all[intN(len(all))]
}

// Edited returns the newest rows after some steps, or nil if they are as before, or
// as they were once: that is no edit, but an older ledger. Steps that change nothing
// are left out.
func (p *Past) Edited(steps [][]string) Rows {
	rows, saved := p.Now(), p.Saved()
	for _, step := range steps {
		if next, err := rows.Edit(saved, step...); err == nil {
			rows = next
		}
	}
	for _, once := range p.Rows {
		if len(once.Changes(rows)) == 0 {
			return nil
		}
	}
	return rows
}
