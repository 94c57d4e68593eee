package daemon

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// A state is a ledger at one size, on the wire.
type state struct {
	Process    Process    `json:"process"`
	Created    string     `json:"created"` // event 0
	Rotations  []rotation `json:"rotations"`
	Checkpoint string     `json:"checkpoint"` // the signed note
	Leaf       string     `json:"leaf"`       // leaf hash of the last event
	Time       string     `json:"time"`       // of the last event
	Imported   bool       `json:"imported"`
	Views      int        `json:"views"` // version of the folds that jobs are shown by
}

// A rotation is a key_rotated event and its proof, both to the letter.
type rotation struct {
	Event string `json:"event"`
	Proof string `json:"proof"`
}

// A jobHead is where a job ends, on the wire.
type jobHead struct {
	ID       string      `json:"id"`
	JobSeq   int64       `json:"job_seq"`
	Leaf     ledger.Hash `json:"leaf_hash"`
	Revision int64       `json:"revision"`
	Seq      ledger.Seq  `json:"seq"`
	Time     string      `json:"time"`
	View     []byte      `json:"view"` // to the letter; null where there is none
}

func encodeHead(id string, h ledger.JobHead, view []byte) jobHead {
	return jobHead{id, h.JobSeq, h.Leaf, h.Revision, h.Seq, ledger.FormatTime(h.Time), view}
}

func (h jobHead) head() (ledger.JobHead, error) {
	at, err := ledger.ParseTime(h.Time)
	return ledger.JobHead{JobSeq: h.JobSeq, Leaf: h.Leaf, Revision: h.Revision, Seq: h.Seq, Time: at}, err
}

// ledger answers with the newest state.
func (s *Server) ledger(w http.ResponseWriter, _ *http.Request) error {
	c, signed := s.Log.Checkpoint()
	last, err := s.Log.Event(ledger.Seq(c.Size - 1))
	if err != nil {
		return err
	}
	first, err := s.Log.Event(0)
	if err != nil {
		return err
	}
	rotations, err := s.Log.Rotations()
	if err != nil {
		return err
	}
	st := state{Process: s.Process, Created: string(first.Bytes()), Rotations: []rotation{}, Checkpoint: string(signed),
		Leaf: last.LeafHash().String(), Time: ledger.FormatTime(last.Time), Imported: s.Log.Imported(), Views: projection.Version}
	for _, r := range rotations {
		if int64(r.Event.Seq) < c.Size {
			st.Rotations = append(st.Rotations, rotation{string(r.Event.Bytes()), r.Proof.String()})
		}
	}
	return reply(w, http.StatusOK, st)
}

func (s *Server) event(w http.ResponseWriter, q *http.Request) error {
	seq, err := number(q.URL.Query(), "seq", -1)
	if err != nil {
		return err
	}
	if seq < 0 {
		return invalid("seq", "which event? it is missing")
	}
	if seq >= s.Log.Head().Size {
		return invalid("seq", "there are %d events", s.Log.Head().Size)
	}
	e, err := s.Log.Event(ledger.Seq(seq))
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, "application/json", e.Bytes())
}

// size reads the size of the tree that an answer is to be of: now's without one.
func (s *Server) size(q url.Values) (int64, error) {
	now := s.Log.Head().Size
	size, err := number(q, "size", now)
	if err == nil && size > now {
		err = invalid("size", "there are %d events", now)
	}
	return size, err
}

// number reads a number that is not below 0.
func number(q url.Values, name string, otherwise int64) (int64, error) {
	text := q.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != text {
		return 0, invalid(name, "%.40q is not a whole number from 0 on", text)
	}
	return n, nil
}

// headAt returns where a job ended when the tree had a size.
func (s *Server) headAt(id string, size int64) (ledger.JobHead, bool, error) {
	head, ok, err := s.Log.JobHead(id)
	if err != nil || !ok || int64(head.Seq) < size {
		return head, ok, err
	}
	head = ledger.JobHead{}
	for e, err := range s.Log.JobEvents(id, 1) {
		if err != nil {
			return ledger.JobHead{}, false, err
		}
		if int64(e.Seq) >= size {
			break
		}
		if head, err = head.Follow(e); err != nil {
			return ledger.JobHead{}, false, err
		}
	}
	return head, head.JobSeq > 0, nil
}

func (s *Server) jobHead(w http.ResponseWriter, q *http.Request) error {
	query := q.URL.Query()
	size, err := s.size(query)
	if err != nil {
		return err
	}
	id := query.Get("id")
	head, ok, err := s.headAt(id, size)
	if err != nil {
		return err
	}
	if !ok {
		return commands.ErrJobNotFound
	}
	view, _, err := s.Log.View(id)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, encodeHead(id, head, view))
}

// job answers with a job's status: what needs no other call.
func (s *Server) job(w http.ResponseWriter, q *http.Request) error {
	job, head, ok, err := projection.Load(s.Log, q.URL.Query().Get("id"))
	if err == nil && !ok {
		err = commands.ErrJobNotFound
	}
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, struct {
		Job projection.StatusView `json:"job"`
		Seq ledger.Seq            `json:"seq"`
	}{job.StatusView(), head.Seq})
}

func (s *Server) proof(w http.ResponseWriter, q *http.Request) error {
	var ask struct {
		Seq        ledger.Seq `json:"seq"`
		Checkpoint string     `json:"checkpoint"`
	}
	if err := asked(w, q, &ask); err != nil {
		return err
	}
	p, err := s.Log.ProofIn([]byte(ask.Checkpoint), ask.Seq)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, "text/plain; charset=utf-8", []byte(p.String()))
}

// A path is a consistency proof on the wire.
type path struct {
	Path []ledger.Hash `json:"path"`
}

func (s *Server) consistency(w http.ResponseWriter, q *http.Request) error {
	var ask struct {
		Old        int64  `json:"old"`
		Checkpoint string `json:"checkpoint"`
	}
	if err := asked(w, q, &ask); err != nil {
		return err
	}
	hashes, err := s.Log.ConsistencyIn([]byte(ask.Checkpoint), ask.Old)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, path{hashes})
}

// A treeRoot is a root hash on the wire.
type treeRoot struct {
	Root ledger.Hash `json:"root"`
}

func (s *Server) root(w http.ResponseWriter, q *http.Request) error {
	size, err := s.size(q.URL.Query())
	if err != nil {
		return err
	}
	root, err := s.Log.RootAt(size)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, treeRoot{root})
}

func (s *Server) file(w http.ResponseWriter, q *http.Request) error {
	name, err := ledger.ParseTileName(q.URL.Query().Get("name"))
	if err != nil {
		return err
	}
	b, err := s.Log.File(name)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, "application/octet-stream", b)
}

// A cosigned is a checkpoint with the cosignature of one witness, on the wire.
type cosigned struct {
	Witness string `json:"witness"` // its key
	Note    string `json:"note"`
}

func (s *Server) cosigned(w http.ResponseWriter, _ *http.Request) error {
	all, err := s.Log.Cosigned()
	if err != nil {
		return err
	}
	list := []cosigned{}
	for _, c := range all {
		list = append(list, cosigned{c.Key.String(), string(c.Signed)})
	}
	return reply(w, http.StatusOK, map[string]any{"cosigned": list})
}

func (s *Server) cosignedCheckpoint(w http.ResponseWriter, _ *http.Request) error {
	note, err := s.Log.CosignedCheckpoint()
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, "text/plain; charset=utf-8", note)
}

func (s *Server) keep(w http.ResponseWriter, q *http.Request) error {
	var ask struct {
		Checkpoint string `json:"checkpoint"`
		Witness    string `json:"witness"`
		Line       string `json:"line"`
	}
	if err := asked(w, q, &ask); err != nil {
		return err
	}
	key, err := ledger.ParseWitnessKey(ask.Witness)
	if err != nil {
		return err
	}
	by, err := ledger.Cosignatures([]byte(ask.Checkpoint+ask.Line), []ledger.WitnessKey{key})
	if err == nil && len(by) != 1 {
		err = ledger.ErrUnverified
	}
	if err != nil {
		return err
	}
	if err := s.Log.Keep([]byte(ask.Checkpoint), by[0]); err != nil {
		return err
	}
	return reply(w, http.StatusOK, struct{}{})
}

// rebuild makes all views anew.
func (s *Server) rebuild(w http.ResponseWriter, q *http.Request) error {
	if err := s.Log.ReplaceViews(s.views); err != nil {
		return err
	}
	return reply(w, http.StatusOK, struct{}{})
}

// asked reads the object in a body.
func asked(w http.ResponseWriter, q *http.Request, v any) error {
	b, err := body(w, q)
	if err != nil {
		return err
	}
	return unmarshal(b, v)
}

// verify reads the whole ledger again, and tells how far it is, now
// and then, and at the end whether all of it holds.
func (s *Server) verify(w http.ResponseWriter, q *http.Request) error {
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	put := func(v any) error {
		b, err := marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return errors.Join(err, out.Flush())
	}
	err := s.Log.Verify(func(done, total int64) error {
		if err := q.Context().Err(); err != nil {
			return err
		}
		return put(progress{Done: done, Total: total})
	})
	last := progress{End: true}
	if err != nil {
		_, last.wireError = s.report(err)
	}
	_ = put(last) // whoever asked has gone
	return nil
}

// A progress is a line of verify.
type progress struct {
	*wireError
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
	End   bool  `json:"end"`
}
