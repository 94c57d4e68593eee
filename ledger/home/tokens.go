package home

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"gait/ledger"
	"gait/ledger/jcs"
)

const (
	tokensName  = "tokens"
	tokensLimit = 1 << 20

	tokenSchemaID      = "gait.token"
	tokenSchemaVersion = "1.0.0"
)

// MaxTokens is how many tokens a ledger may have.
const MaxTokens = 1024

// Changing the list of tokens.
var (
	// ErrTooManyTokens says that the list holds MaxTokens.
	ErrTooManyTokens = ledger.NewError(fmt.Sprintf("a ledger has at most %d tokens", MaxTokens), ledger.Fault{Code: "too_many_tokens", Category: ledger.CategoryInvalid})

	// ErrNoToken says that no token of that id is in the list.
	ErrNoToken = ledger.NewError("no such token", ledger.Fault{Code: "token_not_found", Category: ledger.CategoryInvalid})
)

// A Token is what is kept of a token that admits its holder to a ledger's daemon: whom
// it stands for, and the public half of its key. What is kept admits no reader of it.
type Token struct {
	ID      string
	Actor   string
	Role    string
	Key     [32]byte // Ed25519
	Created time.Time
}

// A tokenLine is a Token as its file has it.
type tokenLine struct {
	Actor         string `json:"actor"`
	CreatedAt     string `json:"created_at"`
	ID            string `json:"id"`
	Key           string `json:"key"`
	Role          string `json:"role"`
	SchemaID      string `json:"schema_id"`
	SchemaVersion string `json:"schema_version"`
}

func (t Token) line() ([]byte, error) {
	b, err := jcs.Marshal(tokenLine{
		Actor: t.Actor, CreatedAt: ledger.FormatTime(t.Created), ID: t.ID, Key: hex.EncodeToString(t.Key[:]), Role: t.Role,
		SchemaID: tokenSchemaID, SchemaVersion: tokenSchemaVersion,
	})
	return append(b, '\n'), err
}

// parseToken reads a line, in the one spelling that line gives it.
func parseToken(line []byte) (t Token, err error) {
	var l tokenLine
	if err := json.Unmarshal(line, &l); err != nil {
		return t, fmt.Errorf("%w: %w", ledger.ErrMalformed, err)
	}
	if l.SchemaID == tokenSchemaID && l.SchemaVersion != tokenSchemaVersion {
		return t, fmt.Errorf("%w: a token of version %.40q", ledger.ErrUnsupportedVersion, l.SchemaVersion)
	}
	t = Token{ID: l.ID, Actor: l.Actor, Role: l.Role}
	if err := ledger.FieldActor.Check(l.Actor); err != nil {
		return t, err
	}
	key, err := hex.DecodeString(l.Key)
	if err != nil || len(key) != len(t.Key) {
		return t, fmt.Errorf("%w: a token's key of %d digits", ledger.ErrMalformed, len(l.Key))
	}
	copy(t.Key[:], key)
	if t.Created, err = ledger.ParseTime(l.CreatedAt); err != nil {
		return t, err
	}
	if again, err := t.line(); err != nil || !bytes.Equal(again, line) {
		return t, fmt.Errorf("%w: a token in another spelling", ledger.ErrMalformed)
	}
	return t, nil
}

// TokensPath returns the file of the tokens of a ledger.
func TokensPath(home, origin string) string {
	return filepath.Join(LedgerDir(home, origin), tokensName)
}

// Tokens returns the tokens that admit to a ledger's daemon, oldest first. A line that
// cannot be read is an error that names it: then no token counts.
func Tokens(home, origin string) ([]Token, error) {
	path := TokensPath(home, origin)
	b, err := readFile(path, tokensLimit, denyAll)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading tokens: %w", err)
	}
	var all []Token
	for line := range bytes.Lines(b) {
		t, err := parseToken(line)
		if err != nil {
			return nil, fmt.Errorf("reading tokens: %s, line %d: %w", path, len(all)+1, err)
		}
		all = append(all, t)
	}
	return all, nil
}

// AddToken adds a token to those of a ledger, durably. Errors wrap ErrTooManyTokens.
func AddToken(home, origin string, t Token) error {
	return changeTokens(home, origin, func(all []Token) ([]Token, error) {
		if len(all) >= MaxTokens {
			return nil, ErrTooManyTokens
		}
		return append(all, t), nil
	})
}

// RemoveToken removes a token, durably. A daemon that runs no longer admits its holder.
// Errors wrap ErrNoToken.
func RemoveToken(home, origin, id string) (removed Token, err error) {
	err = changeTokens(home, origin, func(all []Token) ([]Token, error) {
		i := slices.IndexFunc(all, func(t Token) bool { return t.ID == id })
		if i < 0 {
			return nil, fmt.Errorf("%w: %.40q", ErrNoToken, id)
		}
		removed = all[i]
		return slices.Delete(all, i, i+1), nil
	})
	return removed, err
}

func changeTokens(home, origin string, change func([]Token) ([]Token, error)) error {
	path := TokensPath(home, origin)
	unlock, err := lockFor(home, path)
	if err != nil {
		return fmt.Errorf("changing the tokens of %s: %w", origin, err)
	}
	defer unlock()
	all, err := Tokens(home, origin)
	if err != nil {
		return err
	}
	if all, err = change(all); err != nil {
		return err
	}
	var text []byte
	for _, t := range all {
		line, err := t.line()
		if err != nil {
			return err
		}
		text = append(text, line...)
	}
	return replaceFile(path, text)
}

// A TokenReader finds the tokens of a ledger for a process that runs for long. It reads
// their file again when that has changed, so that a token counts from when it is added
// until it is removed.
type TokenReader struct {
	home, origin string

	mu   sync.Mutex
	seen fs.FileInfo // of the file as it was read; nil if there was none
	all  map[string]Token
}

// NewTokenReader returns the reader of a ledger's tokens.
func NewTokenReader(home, origin string) *TokenReader {
	return &TokenReader{home: home, origin: origin}
}

// Token returns a token by its id, and whether there is one.
func (r *TokenReader) Token(id string) (Token, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	path := TokensPath(r.home, r.origin)
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		r.seen, r.all = nil, nil
		return Token{}, false, checkWay(filepath.Dir(path), true)
	}
	if err != nil {
		return Token{}, false, InHome.Unreadable(path, err)
	}
	if !unchanged(r.seen, st) {
		r.seen, r.all = nil, nil // none counts if the file cannot be read
		list, err := Tokens(r.home, r.origin)
		if err != nil {
			return Token{}, false, err
		}
		all := make(map[string]Token, len(list))
		for _, t := range list {
			all[t.ID] = t
		}
		r.seen, r.all = st, all
	}
	t, ok := r.all[id]
	return t, ok, nil
}

// unchanged reports whether a file is as it was. Each change replaces the file, so that
// it has another number or, if that was given out again, another time.
func unchanged(was, is fs.FileInfo) bool {
	return was != nil && os.SameFile(was, is) && was.ModTime().Equal(is.ModTime()) && was.Size() == is.Size() && was.Mode() == is.Mode()
}
