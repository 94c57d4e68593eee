package ledger

// pairRules say which keys and values an object of texts takes.
type pairRules struct {
	what       string // the pairs, in words
	max        int
	key, value textRule
}

var labelRules = pairRules{what: "labels", max: MaxLabels, key: labelKeyRule, value: labelRule}

// pairs walks an object of texts with keys of any name, left out when empty.
func (c *coder) pairs(name string, v *[]Label, rules pairRules) {
	if !c.key(name, len(*v) > 0) {
		return
	}
	if !c.writing {
		*v = c.readPairs(name, rules.max)
	}
	if c.err == nil {
		c.checkPairs(name, *v, rules)
	}
	if c.writing {
		c.object(name, func() {
			for _, l := range *v {
				c.text(l.Key, &l.Value, required, rules.value)
			}
		})
	}
}

func (c *coder) readPairs(name string, limit int) (pairs []Label) {
	c.token(name, '{')
	for c.err == nil && len(pairs) <= limit {
		var l Label
		l.Key = c.readString(name)
		c.token(name, ':')
		l.Value = c.readString(name)
		pairs = append(pairs, l)
		if c.pos < len(c.in) && c.in[c.pos] == '}' {
			break
		}
		c.token(name, ',')
	}
	c.token(name, '}')
	return pairs
}

func (c *coder) checkPairs(name string, pairs []Label, rules pairRules) {
	if len(pairs) > rules.max {
		c.fail(name, "%d %s, at most %d", len(pairs), rules.what, rules.max)
	}
	for i, l := range pairs {
		if problem := rules.key.check(l.Key); problem != "" {
			c.fail(name, "key %s", problem)
		}
		if problem := rules.value.check(l.Value); problem != "" {
			c.fail(name, "value of %s: %s", l.Key, problem)
		}
		if i > 0 && pairs[i-1].Key >= l.Key {
			c.fail(name, "keys are not in order, each once")
		}
	}
}
