package mcp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// What a message has at most.
const (
	maxLine  = 16 << 20
	maxDepth = 512 // of nested objects and arrays; the SDK takes 1,000
)

// A lineConn has one message a line. A request that cannot be read as one thing alone is answered
// with an error, and is not passed on: what it holds may be an agent's, who does not end the server.
type lineConn struct {
	lines  chan lineRead
	closed chan struct{}
	close  func()

	mu  sync.Mutex // guards out
	out io.Writer
}

// A lineRead is a line, or why there are no more.
type lineRead struct {
	text []byte
	err  error
}

func newLineConn(in io.Reader, out io.Writer) *lineConn {
	c := &lineConn{lines: make(chan lineRead), closed: make(chan struct{}), out: out}
	c.close = sync.OnceFunc(func() { close(c.closed) })
	go func() {
		r := bufio.NewReaderSize(in, 64<<10)
		for {
			line, err := readLine(r)
			select {
			case c.lines <- lineRead{line, err}:
			case <-c.closed:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return c
}

// readLine reads the next line that is not blank. The last one may lack its end.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return nil, fmt.Errorf("a line has more than %d bytes", maxLine)
		}
		line = append(line, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		text := bytes.TrimSpace(line)
		if len(text) > 0 && (err == nil || errors.Is(err, io.EOF)) {
			return bytes.Clone(text), nil
		}
		if err != nil {
			return nil, err
		}
		line = line[:0]
	}
}

// Read returns the next message.
func (c *lineConn) Read(ctx context.Context) (jsonrpc.Message, error) {
	for {
		var next lineRead
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.closed:
			return nil, io.EOF
		case next = <-c.lines:
		}
		if next.err != nil {
			return nil, next.err
		}
		m, err := decodeMessage(next.text)
		if err == nil {
			return m, nil
		}
		if next.text[0] != '{' {
			return nil, err
		}
		if err := c.refuse(next.text, err); err != nil {
			return nil, err
		}
	}
}

// refuse answers a request that cannot be read. What is no request has no answer.
func (c *lineConn) refuse(text []byte, why error) error {
	b := refusal(text, why)
	if b == nil {
		return nil
	}
	return c.write(b)
}

// Write sends a message.
func (c *lineConn) Write(_ context.Context, m jsonrpc.Message) error {
	b, err := jsonrpc.EncodeMessage(m)
	if err != nil {
		return fmt.Errorf("encoding a message: %w", err)
	}
	return c.write(b)
}

func (c *lineConn) write(b []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.out.Write(append(b, '\n'))
	return err
}

// Close ends reading. The caller of Serve closes what it is read from.
func (c *lineConn) Close() error {
	c.close()
	return nil
}

// SessionID returns "": a client has one session.
func (*lineConn) SessionID() string { return "" }

// decodeMessage reads a message that all readers understand in the same way: no member is there
// twice, and its id is a string or a whole number.
func decodeMessage(text []byte) (jsonrpc.Message, error) {
	if err := checkMessage(text); err != nil {
		return nil, err
	}
	if id := member(text, "id"); id != nil && !isID(id) {
		return nil, errors.New("an id is a string or a whole number")
	}
	return jsonrpc.DecodeMessage(text)
}

// checkMessage checks that a text is one JSON value, and not too deep.
func checkMessage(text []byte) error {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		_, err := d.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case d.StackDepth() > maxDepth:
			return fmt.Errorf("it has more than %d levels of objects and lists", maxDepth)
		case d.StackDepth() == 0 && d.InputOffset() < int64(len(text)):
			return errors.New("more follows after its end")
		}
	}
}

// isID reports whether a JSON value is the id of a request.
func isID(id []byte) bool {
	if id[0] == '"' {
		return true
	}
	digits := bytes.TrimPrefix(id, []byte("-"))
	return len(digits) > 0 && len(digits) <= 15 && len(bytes.Trim(digits, "0123456789")) == 0
}

// refusal returns the answer to a request that cannot be read, nil if it is none.
func refusal(text []byte, why error) []byte {
	id := member(text, "id")
	if id == nil || member(text, "method") == nil {
		return nil
	}
	if !isID(id) || !json.Valid(id) {
		id = []byte("null")
	}
	message, err := json.Marshal("the request is not carried out: " + why.Error())
	if err != nil {
		panic("mcp: " + err.Error()) // a string is JSON
	}
	return fmt.Appendf(nil, `{"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%s}}`, id, jsonrpc.CodeInvalidRequest, message)
}

// member returns a member of an object, if that is a string or a number, as it is spelt; else
// nil. It looks at the outermost level alone, so that the object may be broken or too deep within.
func member(text []byte, name string) []byte {
	depth, key := 0, []byte(nil)
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '{', '[':
			depth, key = depth+1, nil
		case '}', ']':
			depth--
		case ',':
			key = nil
		case ' ', '\t', '\r', '\n', ':':
		default:
			end := scalarEnd(text, i)
			switch {
			case depth != 1:
			case key == nil:
				key = text[i:end]
			case string(key) == `"`+name+`"`:
				return text[i:end]
			}
			i = end - 1
		}
	}
	return nil
}

// scalarEnd returns where the string, number or word ends that begins at i.
func scalarEnd(text []byte, i int) int {
	if text[i] != '"' {
		if n := bytes.IndexAny(text[i:], ",:{}[] \t\r\n\""); n > 0 {
			return i + n
		}
		return len(text)
	}
	for i++; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}
