package root

// MaxTail is maxTail.
const MaxTail = maxTail

// SetStep makes Create and Retire call f after each step. If f returns an error,
// they stop there, as in a crash.
func (o *Options) SetStep(f func(step string) error) { o.step = f }

// SetNetworkFS makes f report which file system a directory is on.
func (o *Options) SetNetworkFS(f func(path string) (string, error)) { o.networkFS = f }

// Marks reads a lock file and returns its last mark and where the next one goes.
func Marks(content []byte) (last string, end int64, err error) {
	s, err := parseMarks(content)
	if err != nil || s.last.kind == markNone {
		return "", s.end, err
	}
	return s.last.String(), s.end, nil
}
