package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// A load is clients who write to shared jobs, through the socket or with
// processes of their own, and remember the answers. A client that gets no answer
// asks again with the same request id, as the contract says.
type load struct {
	*daemonRun
	jobs int
	stop chan struct{}
	wg   sync.WaitGroup

	mu     sync.Mutex
	told   map[string][]place // by client: the places of its requests' events, in order
	counts map[string]int
}

// A place is the position of an acknowledged event in the ledger.
type place struct {
	seq  int64
	leaf ledger.Hash
}

const tortureJobs = 4

func newLoad(s *daemonRun) *load {
	l := &load{daemonRun: s, jobs: tortureJobs, stop: make(chan struct{}), told: map[string][]place{}, counts: map[string]int{}}
	for i := range l.jobs {
		s.mustDo("job", "submit", "--id", fmt.Sprint("job_", i))
	}
	return l
}

func (l *load) count(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[what]++
}

// run starts n clients that ask with try until the load is stopped. try returns the
// event's place, or an error that leaves open whether there is an event.
func (l *load) run(name string, n int, try func(job, id string) (place, error)) {
	for i := range n {
		client := fmt.Sprint(name, "_", i)
		l.wg.Go(func() {
			for n := 0; l.insist(name, fmt.Sprint("job_", (i+n)%l.jobs), client, n, try); n++ {
			}
		})
	}
}

// insist asks for a client's n-th event until it is acknowledged, or reports
// that the load was stopped first.
func (l *load) insist(name, job, client string, n int, try func(job, id string) (place, error)) bool {
	for {
		select {
		case <-l.stop:
			return false
		default:
		}
		at, err := try(job, fmt.Sprint(client, "-", n))
		if err == nil {
			l.acknowledge(client, at)
			return true
		}
		l.count(name + " asked again")
		time.Sleep(time.Millisecond)
	}
}

func (l *load) acknowledge(client string, at place) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told[client] = append(l.told[client], at)
	l.counts["acknowledged"]++
}

// overSocket asks the daemon.
func (l *load) overSocket(job, id string) (place, error) {
	a, err := l.ask(progressOn(job, id, "step "+id))
	switch {
	case err != nil:
		return place{}, err
	case a.Receipt != nil && a.ErrorCode == "":
		return l.placed(a)
	case !a.Retryable && a.ErrorCode != "outcome_unknown":
		l.t.Errorf("request %s: %s, which is not retryable", id, a.ErrorCode)
	}
	return place{}, errNotAnswered
}

// byProcess asks with a process; it kills every third one.
func (l *load) byProcess(job, id string) (place, error) {
	cmd := l.command("job", "checkpoint", "add", job, "--summary", "step "+id, "--request-id", id, "--actor", "worker_1", "--json")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		return place{}, err
	}
	if rand.IntN(3) == 0 {
		kill := time.AfterFunc(rand.N(60*time.Millisecond), func() {
			if cmd.Process.Signal(syscall.SIGKILL) == nil {
				l.count("clients killed")
			}
		})
		defer kill.Stop()
	}
	err := cmd.Wait()
	var a answer
	if json.Unmarshal(out.Bytes(), &a) == nil && a.ErrorCode != "" && !a.Retryable {
		l.t.Errorf("request %s: %s", id, out.String())
	}
	if err != nil || a.Receipt == nil {
		return place{}, errNotAnswered
	}
	return l.placed(a)
}

func (l *load) placed(a answer) (place, error) {
	if a.Replayed || a.Receipt.Replayed {
		l.count("written, and answered later")
	}
	leaf, err := ledger.ParseHash(a.Receipt.LeafHash)
	return place{a.Receipt.Seq, leaf}, err
}

// home returns the home of the daemon.
func (l *load) home() (dir string) {
	for _, e := range l.env {
		if value, ok := strings.CutPrefix(e, "GAIT_HOME="); ok {
			dir = value
		}
	}
	return dir
}

// check stops the load and requires that the ledger verifies and holds each
// acknowledged event once.
func (l *load) check() {
	l.t.Helper()
	close(l.stop)
	l.wg.Wait()
	if l.daemon != nil {
		if code := l.end(syscall.SIGTERM); code != 0 {
			l.t.Errorf("asked to stop, the daemon exits %d\n%s", code, l.said)
		}
	}
	l.env = append(l.env, "GAIT_DAEMON=never")
	l.mustDo("ledger", "verify")
	r, err := root.Open(context.Background(), root.Options{Dir: l.root, Home: l.home(), Now: time.Now, Entropy: ledgertest.Entropy(1)})
	if err != nil {
		l.t.Fatal(err)
	}
	defer r.Close()
	log := r.Log
	ledgertest.Check(l.t, log)
	found := map[string][]place{}
	for e, err := range log.Events(context.Background(), 0) {
		if err != nil {
			l.t.Fatal(err)
		}
		client, number, _ := strings.Cut(e.RequestID(), "-")
		if client == "" {
			continue
		}
		// A client asks for one thing after another, each until it has it.
		if number != strconv.Itoa(len(found[client])) {
			l.t.Errorf("event %d is of request %s, after %d of that client", e.Seq(), e.RequestID(), len(found[client]))
		}
		found[client] = append(found[client], place{int64(e.Seq()), e.LeafHash()})
	}
	lost, unanswered := 0, 0
	for client, told := range l.told {
		for i, at := range told {
			if i >= len(found[client]) || found[client][i] != at {
				lost++
				l.t.Errorf("request %s-%d was acknowledged as event %d, which is not there", client, i, at.seq)
			}
		}
	}
	for client, events := range found {
		more := len(events) - len(l.told[client])
		if unanswered += more; more > 1 {
			l.t.Errorf("%d events of client %s, which was told of %d", len(events), client, len(l.told[client]))
		}
	}
	l.t.Logf("%d events acknowledged, %d lost, %d there without an answer; %v", l.counts["acknowledged"], lost, unanswered, l.counts)
	if l.counts["acknowledged"] == 0 {
		l.t.Error("nothing was acknowledged: the test shows nothing")
	}
}
