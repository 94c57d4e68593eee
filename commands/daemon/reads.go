package daemon

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// A state is a ledger at one size, on the wire.
type state struct {
	Process    Process    `json:"process"`
	Created    string     `json:"created"` // event 0
	Rotations  []rotation `json:"rotations"`
	Checkpoint string     `json:"checkpoint"`          // the signed note
	Leaf       string     `json:"leaf"`                // leaf hash of the last event
	Time       string     `json:"time"`                // of the last event
	Authority  string     `json:"authority,omitempty"` // leaf hash of the newest authority event
	Imported   bool       `json:"imported"`
	Index      string     `json:"index"` // whether it is proved
	Views      int        `json:"views"` // version of the folds that make views
}

// A rotation is a key_rotated event and its proof, both byte for byte.
type rotation struct {
	Event string `json:"event"`
	Proof string `json:"proof"`
}

// A jobHead is the end of a job, on the wire.
type jobHead struct {
	ID       string      `json:"id"`
	JobSeq   int64       `json:"job_seq"`
	Leaf     ledger.Hash `json:"leaf_hash"`
	Revision int64       `json:"revision"`
	Seq      ledger.Seq  `json:"seq"`
	Time     string      `json:"time"`
	View     []byte      `json:"view"` // byte for byte; null if there is none
}

func encodeHead(id string, h ledger.JobHead, view []byte) jobHead {
	return jobHead{id, h.JobSeq, h.Leaf, h.Revision, h.Seq, ledger.FormatTime(h.Time), view}
}

func (h jobHead) head() (ledger.JobHead, error) {
	at, err := ledger.ParseTime(h.Time)
	return ledger.JobHead{JobSeq: h.JobSeq, Leaf: h.Leaf, Revision: h.Revision, Seq: h.Seq, Time: at}, err
}

// ledger answers with the newest state.
func (s *Server) ledger(w http.ResponseWriter, q *http.Request) error {
	c, signed := s.Log.Checkpoint()
	last, err := s.Log.Event(q.Context(), ledger.Seq(c.Size-1))
	if err != nil {
		return err
	}
	first, err := s.Log.Event(q.Context(), 0)
	if err != nil {
		return err
	}
	rotations, err := s.Log.Rotations(q.Context())
	if err != nil {
		return err
	}
	st := state{
		Process: s.Process, Created: string(first.Bytes()), Rotations: []rotation{}, Checkpoint: string(signed),
		Leaf: last.LeafHash().String(), Time: ledger.FormatTime(last.Time()), Imported: s.Log.Imported(), Index: s.Log.Index().String(), Views: projection.Version,
	}
	if newest := ledger.HeadAfter(last).Authority; !newest.IsZero() {
		st.Authority = newest.String()
	}
	for _, r := range rotations {
		if int64(r.Event.Seq()) < c.Size {
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
	if seq >= s.Log.Head().Size {
		return invalid("seq", "there are %d events", s.Log.Head().Size)
	}
	e, err := s.Log.Event(q.Context(), ledger.Seq(seq))
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, "application/json", e.Bytes())
}

// size reads the tree size that the query asks for; the default is the current one.
func (s *Server) size(q url.Values) (int64, error) {
	now := s.Log.Head().Size
	size, err := number(q, "size", now)
	if err == nil && size > now {
		err = invalid("size", "there are %d events", now)
	}
	return size, err
}

// number reads a number that is not negative.
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

// headAt returns the end of a job when the tree had a size, and whether the job
// existed then.
func headAt(ctx context.Context, s *Server, job ledger.JobEntry, size int64) (ledger.JobHead, bool, error) {
	if int64(job.Head.Seq) < size {
		return job.Head, true, nil
	}
	var head ledger.JobHead
	for e, err := range s.Log.JobEvents(ctx, job.ID, 1) {
		if err != nil {
			return ledger.JobHead{}, false, err
		}
		if int64(e.Seq()) >= size {
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
	found, err := s.Log.Load(q.Context(), []string{id}, nil)
	if err != nil {
		return err
	}
	job, ok := found.Jobs[id]
	if ok {
		job.Head, ok, err = headAt(q.Context(), s, job, size)
	}
	if err != nil {
		return err
	}
	if !ok {
		return commands.ErrJobNotFound
	}
	return reply(w, http.StatusOK, encodeHead(id, job.Head, job.View))
}

// job answers with a job's status, from one call. Verdicts are judged as of now.
func (s *Server) job(w http.ResponseWriter, q *http.Request) error {
	job, head, ok, err := projection.Load(q.Context(), s.Log, q.URL.Query().Get("id"))
	if err == nil && !ok {
		err = commands.ErrJobNotFound
	}
	var now projection.Basis
	if err == nil {
		now, err = projection.BasisOf(q.Context(), s.Log, s.Now())
	}
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, struct {
		Job projection.StatusView `json:"job"`
		Seq ledger.Seq            `json:"seq"`
	}{job.StatusViewAt(now), head.Seq})
}

func (s *Server) proof(w http.ResponseWriter, q *http.Request) error {
	var ask struct {
		Seq        ledger.Seq `json:"seq"`
		Checkpoint string     `json:"checkpoint"`
	}
	if err := decodeBody(w, q, &ask); err != nil {
		return err
	}
	p, err := s.Log.ProofIn(q.Context(), []byte(ask.Checkpoint), ask.Seq)
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
	if err := decodeBody(w, q, &ask); err != nil {
		return err
	}
	hashes, err := s.Log.ConsistencyIn(q.Context(), []byte(ask.Checkpoint), ask.Old)
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
	root, err := s.Log.RootAt(q.Context(), size)
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
	b, err := s.Log.File(q.Context(), name)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, "application/octet-stream", b)
}

// A cosignedNote is a signed checkpoint with the cosignature of one witness, on the wire.
type cosignedNote struct {
	Witness string `json:"witness"` // its key
	Note    string `json:"note"`
}

func (s *Server) cosigned(w http.ResponseWriter, q *http.Request) error {
	all, err := s.Log.Cosigned(q.Context())
	if err != nil {
		return err
	}
	list := []cosignedNote{}
	for _, c := range all {
		list = append(list, cosignedNote{c.Key.String(), string(c.Signed)})
	}
	return reply(w, http.StatusOK, map[string]any{"cosigned": list})
}

func (s *Server) cosignedCheckpoint(w http.ResponseWriter, q *http.Request) error {
	note, err := ledger.NewestCosigned(q.Context(), s.Log)
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
	if err := decodeBody(w, q, &ask); err != nil {
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
	if err := s.Log.Keep(q.Context(), []byte(ask.Checkpoint), by[0]); err != nil {
		return err
	}
	return reply(w, http.StatusOK, struct{}{})
}

// rebuild rebuilds all views.
func (s *Server) rebuild(w http.ResponseWriter, q *http.Request) error {
	if err := s.Log.ReplaceViews(q.Context(), s.views(q.Context())); err != nil {
		return err
	}
	return reply(w, http.StatusOK, struct{}{})
}

// decodeBody reads the object in a body.
func decodeBody(w http.ResponseWriter, q *http.Request, v any) error {
	b, err := body(w, q)
	if err != nil {
		return err
	}
	return unmarshal(b, v)
}

// verify reads the whole ledger again. It sends its progress now and then, and at the
// end whether the ledger is intact.
func (s *Server) verify(w http.ResponseWriter, q *http.Request) error {
	return withProgress(w, q, func(update func(done, total int64) error, _ *progress) error {
		return s.Log.Verify(q.Context(), nil, update)
	})
}

// rebuildIndex rebuilds what follows from the events, but for the views. It sends its
// progress as verify does, and at the end what differed.
func (s *Server) rebuildIndex(w http.ResponseWriter, q *http.Request) error {
	return withProgress(w, q, func(update func(done, total int64) error, last *progress) error {
		done, err := s.Log.Rebuild(q.Context(), update)
		if err == nil {
			done.Heads = append([]string{}, done.Heads...)
			last.Rebuilt = &done
		}
		return err
	})
}

// withProgress does long work, and sends how far it is, and at the end its outcome.
func withProgress(w http.ResponseWriter, q *http.Request, work func(update func(done, total int64) error, last *progress) error) error {
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/x-ndjson")
	put := func(v any) error {
		b, err := jcs.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(append(b, '\n'))
		return errors.Join(err, out.Flush())
	}
	last := progress{End: true}
	err := work(func(done, total int64) error {
		if err := q.Context().Err(); err != nil {
			return err
		}
		return put(progress{Done: done, Total: total})
	}, &last)
	if err != nil {
		_, last.wireError = report(err)
	}
	_ = put(last) // an error means that the client has left
	return nil
}

// A progress is a line of the answer to verify and to rebuild-index.
type progress struct {
	*wireError
	Done    int64           `json:"done"`
	Total   int64           `json:"total"`
	End     bool            `json:"end"`
	Rebuilt *ledger.Rebuilt `json:"rebuilt,omitempty"`
}
