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
	"time"

	"github.com/google/renameio/v2"

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

// startNotifying starts to notify the targets, and returns what ends it and waits.
func startNotifying(ctx context.Context, a *app, r *root.Root, texts []string) (stop func(), err error) {
	targets, err := notifyTargetsOf(texts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	for i, to := range targets {
		n := &notify.Notifier{
			Log: r.Log, Signer: r.Signer, Target: to, Cursor: notifyFileOf(r.Home, r.Log.Origin(), texts[i]), Now: a.now,
			Failed: func(seq ledger.Seq, err error, next time.Duration) {
				a.log.Warn("not notified", "to", to.name, "seq", seq, "error", err.Error(), "again_in", next.String())
			},
		}
		running.Go(func() {
			if err := n.Run(ctx); err != nil {
				a.log.Error("no longer notified", "to", to.name, "error", err.Error())
			}
		})
	}
	if len(targets) > 0 {
		a.log.Info("notifying", "targets", len(targets), "key", notify.PublicKey(r.Signer.VerifierKey()))
	}
	return func() { cancel(); running.Wait() }, nil
}
