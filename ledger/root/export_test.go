package root

// MaxTail is how many events Open reads again at most.
const MaxTail = maxTail

// SetStep has f called after each step of Create and Retire. An error is a
// crash there.
func (o *Options) SetStep(f func(step string) error) { o.step = f }

// SetNetworkFS has f say which file system a directory is on.
func (o *Options) SetNetworkFS(f func(path string) (string, error)) { o.networkFS = f }

// GuardDir returns where the outside checkpoint of a ledger is.
func GuardDir(home, origin string) string { return guardDir(home, origin) }

// KeyPath returns where the private key of a ledger is.
func KeyPath(home, origin string, retired bool) string { return keyPath(home, origin, retired) }

// Marks reads a lock file and returns its last mark and where the next one goes.
func Marks(content []byte) (last string, end int64, err error) {
	s, err := parseMarks(content)
	if err != nil || s.last.kind == markNone {
		return "", s.end, err
	}
	return s.last.String(), s.end, nil
}

// Note reads a retirement note, and returns it as it is written.
func Note(b []byte, origin string) ([]byte, error) {
	var n retirement
	if err := n.decode(b, origin); err != nil {
		return nil, err
	}
	n.retired()
	return n.encode()
}
