package ledger

// A Rebuilt says what was found to differ when what a log keeps beside its events was
// rebuilt from them.
type Rebuilt struct {
	Jobs   int64    `json:"jobs"`   // in the log
	Heads  []string `json:"heads"`  // jobs with another head than that of their events, or with none
	Pages  int64    `json:"pages"`  // of the index
	Rows   int64    `json:"rows"`   // of the indexes of events and of request ids that were missing, and of calls that differed
	Record bool     `json:"record"` // of the index
	Tags   int64    `json:"tags"`   // jobs with other tags than those of their events, or with none
}

// Same reports whether nothing differed.
func (r Rebuilt) Same() bool {
	return len(r.Heads) == 0 && r.Pages == 0 && r.Rows == 0 && !r.Record && r.Tags == 0
}
