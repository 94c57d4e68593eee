package proxy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"gait/ledger"
)

// maxLine is how many bytes a message has at most, as the SDK has it.
const maxLine = 16 << 20

// ErrLine says that a message is too long. What it was about cannot be known, so that the
// session ends.
var ErrLine = ledger.NewError(fmt.Sprintf("a message has more than %d bytes", maxLine), ledger.Fault{Code: "mcp_message_too_large", Category: ledger.CategoryInvalid})

// errBatch says that an array of messages was sent.
var errBatch = errors.New("an array of messages is not taken: send them one by one")

// readLines calls visit with each line that is not blank, until the end of r, or until visit
// fails.
func readLines(r io.Reader, visit func([]byte) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return ErrLine
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if text := bytes.TrimSpace(line); len(text) > 0 && (err == nil || errors.Is(err, io.EOF)) {
			if err := visit(bytes.Clone(text)); err != nil {
				return err
			}
		}
		switch line = line[:0]; {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// decode reads a line as one message, with its id as it is spelt; nil if it has none.
func decode(line []byte) (jsonrpc.Message, json.RawMessage, error) {
	if !json.Valid(line) {
		return nil, nil, errors.New("it is not JSON")
	}
	if line[0] == '[' {
		return nil, nil, errBatch
	}
	all, err := members(line)
	if err != nil {
		return nil, nil, err
	}
	m, err := jsonrpc.DecodeMessage(line)
	return m, all["id"], err
}

// keyOf returns what is the same for all spellings of an id that is text. A number is only the
// same as one that is spelt alike.
func keyOf(id json.RawMessage) string {
	if b, err := encode(text(id)); err == nil && len(id) > 0 && id[0] == '"' {
		return string(b)
	}
	return string(id)
}

// members returns the members of an object, as they are spelt. None may be there twice.
func members(b []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is not an object")
	}
	all := make(map[string]json.RawMessage)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := t.(string) //nolint:errcheck // the name of a member is a string
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		if _, twice := all[name]; twice {
			return nil, fmt.Errorf("%.40q is there twice", name)
		}
		all[name] = value
	}
	_, err := d.Token()
	return all, err
}

// encode returns a value as JSON, whose members are in order.
func encode(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(b.Bytes(), "\n"), err
}

// normal returns JSON with all members in order, and numbers as they are spelt.
func normal(b []byte) (json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	return encode(v)
}

// text returns a member as a string; "" if it is not one.
func text(b json.RawMessage) string {
	var s string
	if json.Unmarshal(b, &s) != nil {
		return ""
	}
	return s
}

// failed answers a request with an error.
func failed(code int64, message string) *jsonrpc.Response {
	return &jsonrpc.Response{Error: &jsonrpc.Error{Code: code, Message: message}}
}
