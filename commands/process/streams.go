package process

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// silence is how long a pipe of a command that has ended may be silent before it is given
	// up: a process that left the group holds it open.
	silence = 500 * time.Millisecond

	// waitForOutput is how long Wait waits for output to be passed on after the command has ended.
	waitForOutput = 2 * time.Second
)

// streams are the standard files of a command, and what copies them.
type streams struct {
	given  []*os.File // to the command: standard input, output and error
	opened []*os.File // those of given that are closed once it has been started
	source io.Reader  // what stdin is copied from
	stdin  *os.File   // the end of a pipe to write to; nil if the command has a file
	outlet []*outlet
	tail   *tail

	copying sync.WaitGroup // the outlets
}

// An outlet copies what the command writes to one pipe.
type outlet struct {
	from  *os.File
	to    io.Writer // nil: nowhere
	tail  *tail
	reads atomic.Int64 // twice the number of finished reads, and 1 while one waits
}

// newStreams opens the files of a command. The caller closes them with started or abandon.
func newStreams(c Command) (s *streams, err error) {
	s = &streams{tail: &tail{max: c.Tail}}
	defer func() {
		if err != nil {
			s.abandon()
		}
	}()
	if err := s.input(c.Stdin); err != nil {
		return nil, err
	}
	if err := s.output(c.Stdout); err != nil {
		return nil, err
	}
	if c.Stderr != nil && same(c.Stderr, c.Stdout) {
		s.given = append(s.given, s.given[1])
		return s, nil
	}
	return s, s.output(c.Stderr)
}

// same reports whether two writers are one. Those that cannot be compared are not.
func same(a, b io.Writer) bool {
	defer func() { _ = recover() }()
	return a == b
}

// give adds a file that this process opened for the command.
func (s *streams) give(f *os.File) {
	s.given = append(s.given, f)
	s.opened = append(s.opened, f)
}

// null gives the command nothing to read, or nowhere to write.
func (s *streams) null() error {
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err == nil {
		s.give(f)
	}
	return err
}

func (s *streams) input(from io.Reader) error {
	switch from := from.(type) {
	case nil:
		return s.null()
	case *os.File:
		s.given = append(s.given, from)
		return nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	s.give(r)
	s.source, s.stdin = from, w
	return nil
}

func (s *streams) output(to io.Writer) error {
	if s.tail.max == 0 {
		switch to := to.(type) {
		case nil:
			return s.null()
		case *os.File:
			s.given = append(s.given, to)
			return nil
		}
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	s.give(w)
	s.outlet = append(s.outlet, &outlet{from: r, to: to, tail: s.tail})
	return nil
}

// abandon closes all files of a command that was not started.
func (s *streams) abandon() {
	for _, f := range s.opened {
		f.Close()
	}
	for _, o := range s.outlet {
		o.from.Close()
	}
	if s.stdin != nil {
		s.stdin.Close()
	}
}

// started closes the files that the command has now, and begins to copy.
func (s *streams) started() {
	for _, f := range s.opened {
		f.Close()
	}
	if s.stdin != nil {
		go func() { // it ends with the source, or with the first write after the command has ended
			_, _ = io.Copy(s.stdin, s.source)
			s.stdin.Close()
		}()
	}
	for _, o := range s.outlet {
		s.copying.Go(o.copy)
	}
}

// ended waits until what the command wrote has been passed on. It does not wait for ever: not
// for a process that holds a pipe open, and not for a writer that takes nothing.
func (s *streams) ended() {
	if s.stdin != nil {
		s.stdin.Close()
	}
	done := make(chan struct{})
	go func() {
		s.copying.Wait()
		close(done)
	}()
	for _, o := range s.outlet {
		go o.giveUp(done)
	}
	select {
	case <-done:
	case <-time.After(waitForOutput):
	}
}

// copy copies until the pipe ends. If what it writes to fails, it goes on reading: the command
// must not be killed since its supervisor's output has no reader.
func (o *outlet) copy() {
	defer o.from.Close()
	b := make([]byte, 32<<10)
	for {
		o.reads.Add(1)
		n, err := o.from.Read(b)
		o.reads.Add(1)
		if n > 0 {
			o.write(b[:n])
		}
		if err != nil {
			return
		}
	}
}

func (o *outlet) write(b []byte) {
	if o.tail.max > 0 {
		_, _ = o.tail.Write(b)
	}
	if o.to == nil {
		return
	}
	if _, err := o.to.Write(b); err != nil {
		o.to = nil
	}
}

// giveUp closes the pipe once one read has waited for the whole of silence.
func (o *outlet) giveUp(done <-chan struct{}) {
	for before := int64(0); ; {
		select {
		case <-done:
			return
		case <-time.After(silence):
		}
		now := o.reads.Load()
		if now%2 == 1 && now == before {
			o.from.Close()
			return
		}
		before = now
	}
}
