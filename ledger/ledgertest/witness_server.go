package ledgertest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"gait/ledger"
)

// A WitnessServer is a witness on loopback. It follows C2SP tlog-witness exactly,
// unless Mode makes it misbehave.
type WitnessServer struct {
	*httptest.Server
	Witness
	Now func() time.Time

	mu    sync.Mutex
	logs  map[string]ledger.VerifierKey
	seen  map[string]ledger.Checkpoint
	last  []byte // the checkpoint cosigned before
	mode  string
	asked atomic.Int64
}

// Asked returns how many requests it has received. An answer may still be on its way.
func (s *WitnessServer) Asked() int { return int(s.asked.Load()) }

// Serve starts a witness that knows no ledger yet. Close it.
func Serve(name string) *WitnessServer {
	s := &WitnessServer{
		Witness: NewWitness(name), Now: func() time.Time { return Start.Add(time.Hour) },
		logs: map[string]ledger.VerifierKey{}, seen: map[string]ledger.Checkpoint{},
	}
	s.Server = httptest.NewServer(s)
	return s
}

// Know makes the witness cosign for a ledger.
func (s *WitnessServer) Know(key ledger.VerifierKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logs[key.Name()] = key
}

// Forget makes the witness forget the state of a ledger that it has seen.
func (s *WitnessServer) Forget(origin string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, origin)
}

// Mode sets how the witness answers from now on: "" correctly; a status code; or
// garbage, huge, endless, slow, hangup, stranger, spliced, redirect,
// ahead, stuck, moving, negative, empty.
func (s *WitnessServer) Mode(mode string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mode = mode
}

func (s *WitnessServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked.Add(1)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10<<10)) // as litewitness does
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/add-checkpoint" {
		http.Error(w, "not a request", http.StatusBadRequest)
		return
	}
	if status, err := strconv.Atoi(s.mode); err == nil {
		http.Error(w, "in no mood \x1b[31m for it", status)
		return
	}
	size := func(n int64) {
		w.Header().Set("Content-Type", "text/x.tlog.size")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, "%d\n", n)
	}
	switch s.mode {
	case "garbage":
		io.WriteString(w, "<html>welcome</html>")
	case "empty":
	case "huge":
		w.Write(bytes.Repeat([]byte("— a "), 1<<20))
	case "endless":
		for r.Context().Err() == nil {
			if _, err := w.Write(bytes.Repeat([]byte("— a "), 1<<10)); err != nil {
				return
			}
		}
	case "slow":
		s.mu.Unlock() // until the client gives up
		<-r.Context().Done()
		s.mu.Lock()
	case "hangup":
		panic(http.ErrAbortHandler)
	case "redirect":
		http.Redirect(w, r, "http://127.0.0.1:1/elsewhere", http.StatusTemporaryRedirect)
	case "ahead":
		size(1 << 40)
	case "stuck":
		old, _ := strconv.ParseInt(strings.TrimPrefix(strings.SplitN(string(body), "\n", 2)[0], "old "), 10, 64)
		size(old)
	case "moving":
		size(s.asked.Load() % 2)
	case "negative":
		size(-1)
	default:
		s.answer(w, body, size)
	}
}

// answer does what C2SP tlog-witness requires of add-checkpoint, in its order.
func (s *WitnessServer) answer(w http.ResponseWriter, body []byte, size func(int64)) {
	old, path, signed, ok := parseRequest(string(body))
	c, err := ledger.PeekCheckpoint(signed)
	if !ok || err != nil || old > c.Size {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	key, known := s.logs[c.Origin]
	if !known {
		http.Error(w, "unknown log", http.StatusNotFound)
		return
	}
	if _, err := ledger.OpenCheckpoint(signed, key); err != nil {
		http.Error(w, "invalid signature", http.StatusForbidden)
		return
	}
	seen := s.seen[c.Origin]
	if seen.Size != old {
		size(seen.Size)
		return
	}
	if old == 0 && len(path) > 0 || old > 0 && tlog.CheckTree(path, c.Size, tlog.Hash(c.Root), old, tlog.Hash(seen.Root)) != nil {
		http.Error(w, "bad consistency proof", http.StatusUnprocessableEntity)
		return
	}
	s.seen[c.Origin] = c
	by, of := s.Witness, signed
	switch {
	case s.mode == "stranger":
		by = NewWitness("stranger.example")
	case s.mode == "spliced" && s.last != nil:
		of = s.last
	}
	s.last = signed
	io.WriteString(w, NewWitness("bystander.example").Line(signed, s.Now())+by.Line(of, s.Now()))
}

// parseRequest reads the body of an add-checkpoint request, strictly.
func parseRequest(body string) (old int64, path tlog.TreeProof, signed []byte, ok bool) {
	head, note, found := strings.Cut(body, "\n\n")
	lines := strings.Split(head, "\n")
	digits, isOld := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(digits, 10, 64)
	if !found || !isOld || err != nil || strconv.FormatInt(old, 10) != digits || len(lines) > 64 {
		return 0, nil, nil, false
	}
	for _, line := range lines[1:] {
		h, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(h) != tlog.HashSize {
			return 0, nil, nil, false
		}
		path = append(path, tlog.Hash(h))
	}
	return old, path, []byte(note), true
}
