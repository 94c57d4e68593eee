package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/google/renameio/v2"

	"gait/commands/daemon"
	"gait/commands/notify"
	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

// A notifyFile keeps where a target is: the number of the next event, on one line.
type notifyFile string

// notifyFileOf returns the file of a target, which is named by the whole of its text.
func notifyFileOf(homeDir, origin, text string) notifyFile {
	sum := sha256.Sum256([]byte(text))
	return notifyFile(filepath.Join(home.LedgerDir(homeDir, origin), "notify", hex.EncodeToString(sum[:8])))
}

// name returns the name of the file, which tells the targets of one host apart.
func (f notifyFile) name() string { return filepath.Base(string(f)) }

func (f notifyFile) Load() (next ledger.Seq, ok bool, err error) {
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("reading how far a target was notified: %w", err)
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(string(text), "\n"), 10, 64)
	if err != nil || n < 0 {
		return 0, false, fmt.Errorf("%w: %s is no number of an event", ledger.ErrMalformed, string(f))
	}
	return ledger.Seq(n), true, nil
}

func (f notifyFile) Save(next ledger.Seq) error {
	dir := filepath.Dir(string(f))
	err := home.MakeDir(dir)
	if err == nil {
		err = renameio.WriteFile(string(f), fmt.Appendf(nil, "%d\n", next), 0o600)
	}
	if err == nil {
		err = home.SyncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("keeping how far a target was notified: %w", err)
	}
	return nil
}

// A notifying notifies the targets of a daemon.
type notifying struct {
	app  *app
	root *root.Root
	told []*toldTarget
}

// newNotifying makes what notifies the targets of --notify, and counts it.
func newNotifying(a *app, r *root.Root, count *daemon.Metrics, texts []string) (*notifying, error) {
	targets, err := notifyTargetsOf(texts)
	if err != nil {
		return nil, err
	}
	n := &notifying{app: a, root: r}
	for i, to := range targets {
		cursor := notifyFileOf(r.Home, r.Log.Origin(), texts[i])
		n.told = append(n.told, &toldTarget{to: to, cursor: cursor, log: a.log, count: count.Notify(to.name, cursor.name())})
	}
	return n, nil
}

// start starts to notify, and returns what ends it and waits.
func (n *notifying) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for _, t := range n.told {
		one := &notify.Notifier{Log: n.root.Log, Signer: n.root.Signer, Target: t.to, Cursor: t.cursor, Now: n.app.now, Told: t.tell}
		running.Go(func() { one.Run(ctx) })
	}
	if len(n.told) > 0 {
		n.app.log.Info("notifying", "targets", len(n.told), "key", notify.PublicKey(n.root.Signer.VerifierKey()))
	}
	return func() { cancel(); running.Wait() }
}

// warnings says what is wrong with the targets now, and what was set aside since the daemon began.
func (n *notifying) warnings() (all []string) {
	for _, t := range n.told {
		all = append(all, t.warnings()...)
	}
	return all
}

// A toldTarget is a target, and what became of what it was told.
type toldTarget struct {
	to     notifyTarget
	cursor notifyFile
	log    *processLog
	count  func(result string)

	mu       sync.Mutex
	waits    error // why the newest message was not taken, or nil
	unkept   error // why the cursor is not kept, or nil
	setAside int
	last     ledger.Seq // of those that were set aside
}

// tell notes an attempt.
func (t *toldTarget) tell(a notify.Attempt) {
	t.count(string(a.Result))
	t.mu.Lock()
	defer t.mu.Unlock()
	who := []any{"to", t.to.name, "cursor", t.cursor.name(), "seq", int64(a.Seq)}
	switch a.Result {
	case notify.Taken:
		t.waits = nil
	case notify.NotTaken:
		t.waits = a.Err
		t.log.Warn("not notified", append(who, "error", a.Err.Error(), "again_in", a.Again.String())...)
	case notify.SetAside:
		t.waits, t.last = nil, a.Seq
		t.setAside++
		t.log.Error("set aside: the target refuses it for good, and is told of what comes after it", append(who, "error", a.Err.Error())...)
	case notify.NotKept:
		t.unkept = a.Err
		t.log.Error("how far the target was told is not kept", append(who, "error", a.Err.Error(), "again_in", a.Again.String())...)
	case notify.Kept:
		t.unkept = nil
		t.log.Warn("how far the target was told is kept again", who...)
	}
}

func (t *toldTarget) warnings() (all []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	add := func(format string, args ...any) {
		all = append(all, fmt.Sprintf("--notify %s (%s): ", t.to.name, t.cursor.name())+fmt.Sprintf(format, args...))
	}
	if t.setAside > 0 {
		add("refused and set aside: %d, the newest about event %d; gait export cloudevents --since %d has it", t.setAside, t.last, t.last)
	}
	if t.waits != nil {
		add("messages wait: %v", t.waits)
	}
	if t.unkept != nil {
		add("how far it was told is not kept: %v", t.unkept)
	}
	return all
}
