package container

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"gait/ledger"
	"gait/ledger/jcs"
)

// ParseCanonical reads a JSON document into v. The document must be the canonical form
// of the resulting value.
func ParseCanonical(b []byte, v any) error {
	if tooManyValues(b) {
		return fmt.Errorf("it has more values than its fields have room for")
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("it does not read: %w", err)
	}
	again, err := jcs.Marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return fmt.Errorf("it is not canonical JSON of exactly its fields")
	}
	return nil
}

// tooManyValues reports whether a large document has more values than a genuine one
// can have. It bounds memory: decoded, an empty value takes far more of it than its
// text. In genuine documents a value takes more than a dozen bytes on average.
func tooManyValues(b []byte) bool {
	const small, room = 64 << 10, 12
	if len(b) <= small {
		return false
	}
	values, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '{' || c == '['):
			values++
		}
	}
	return values > len(b)/room
}

// NewLines returns a reader for NextLine. A line may have this number of bytes at most.
func NewLines(r io.Reader, most int64) *bufio.Reader {
	return bufio.NewReaderSize(r, int(most)+1)
}

// NextLine returns a line without its line feed, or io.EOF after the last one.
func NextLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	switch {
	case err == nil:
		return bytes.Clone(line[:len(line)-1]), nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("%w: more than %d bytes", ledger.ErrMalformed, ledger.MaxEventSize)
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, fmt.Errorf("%w: it does not end", ledger.ErrMalformed)
	}
	return nil, err
}
