package daemon

import (
	"context"
	"net/http"
	"path/filepath"
	"time"

	"gait/ledger"
	"gait/ledger/content"
)

// Garbage is a file of content that is removed.
type Garbage struct {
	Path   string `json:"path"` // below the directory of content
	Size   int64  `json:"size"`
	Why    string `json:"why"`              // unnamed, unfinished or erased
	Digest string `json:"digest,omitempty"` // if it is content
}

// Collect removes the content beside a ledger that no event names and that is older than
// age, and what a crash has left of content that was erased. If dry is set, it removes
// nothing.
func Collect(ctx context.Context, log ledger.EventReader, store *content.Store, age time.Duration, dry bool) ([]Garbage, error) {
	var named content.Named
	for e, err := range log.Events(ctx, 0) {
		if err != nil {
			return nil, err
		}
		named.Add(e)
	}
	collect := store.Collect
	if dry {
		collect = store.Unnamed
	}
	found, err := collect(&named, age)
	list := []Garbage{}
	for _, g := range found {
		list = append(list, encodeGarbage(store.Dir(), g))
	}
	return list, err
}

func encodeGarbage(dir string, g content.Garbage) Garbage {
	out := Garbage{Path: g.Path, Size: g.Size, Why: "unfinished"}
	if path, err := filepath.Rel(dir, g.Path); err == nil {
		out.Path = path
	}
	if g.Name != (content.Name{}) {
		out.Why, out.Digest = "unnamed", g.Name.Digest.String()
	}
	if g.Erased {
		out.Why = "erased"
	}
	return out
}

// A collecting is a request to remove content that no event names.
type collecting struct {
	AgeMS  int64 `json:"age_ms"`
	DryRun bool  `json:"dry_run,omitempty"`
}

// A collected is the answer to it.
type collected struct {
	Removed []Garbage `json:"removed"`
}

func (s *Server) collect(w http.ResponseWriter, q *http.Request) error {
	if s.Content == nil {
		return ErrNoContent
	}
	var ask collecting
	if err := decodeBody(w, q, &ask); err != nil {
		return err
	}
	const most = 100 * 365 * 24 * time.Hour
	if ask.AgeMS < 0 || ask.AgeMS > most.Milliseconds() {
		return invalid("age_ms", "%d is not from 0 to %d", ask.AgeMS, most.Milliseconds())
	}
	found, err := Collect(q.Context(), s.Log, s.Content, time.Duration(ask.AgeMS)*time.Millisecond, ask.DryRun)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, collected{Removed: found})
}

// Collect has the daemon remove content that no event names, as Collect does.
func (l *Ledger) Collect(ctx context.Context, age time.Duration, dry bool) ([]Garbage, error) {
	var done collected
	err := l.post(ctx, "/v1/content/collect", collecting{AgeMS: age.Milliseconds(), DryRun: dry}, &done)
	return done.Removed, err
}
