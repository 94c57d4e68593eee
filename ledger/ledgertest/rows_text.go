package ledgertest

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// A Moment is the rows of a ledger as they were at some time.
type Moment struct {
	Name string
	Rows Rows
}

// FormatMoments writes moments of one ledger, in order, as text: a line "at NAME" for
// each, and then a line for each row that changed since the moment before, with the
// key as a Go string and the value in base64. A row that is gone has no value.
func FormatMoments(moments []Moment) []byte {
	var b bytes.Buffer
	before := Rows{}
	for _, m := range moments {
		fmt.Fprintf(&b, "at %s\n", m.Name)
		for _, row := range before.Changes(m.Rows) {
			b.WriteString(strconv.QuoteToASCII(string(row.Key)))
			if row.Value != nil {
				b.WriteString(" " + base64.StdEncoding.EncodeToString(row.Value))
			}
			b.WriteByte('\n')
		}
		before = m.Rows
	}
	return b.Bytes()
}

// ParseMoments reads what FormatMoments writes. It leaves out lines that begin with #.
func ParseMoments(text []byte) ([]Moment, error) {
	var moments []Moment
	rows := Rows{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "#") {
			continue
		}
		if name, at := strings.CutPrefix(line, "at "); at {
			rows = rows.Clone()
			moments = append(moments, Moment{Name: name, Rows: rows})
			continue
		}
		if err := rows.parse(line); err != nil {
			return nil, fmt.Errorf("%.60q: %w", line, err)
		}
	}
	return moments, lines.Err()
}

func (r Rows) parse(line string) error {
	quoted, err := strconv.QuotedPrefix(line)
	if err != nil {
		return err
	}
	key, err := strconv.Unquote(quoted)
	if err != nil {
		return err
	}
	encoded, found := strings.CutPrefix(line[len(quoted):], " ")
	if !found {
		delete(r, key)
		return nil
	}
	value, err := base64.StdEncoding.DecodeString(encoded)
	r[key] = append([]byte{}, value...)
	return err
}
