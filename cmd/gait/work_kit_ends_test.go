package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// settling stands for gait as kitGait does, allows every call, and notes how each is settled.
const settling = `#!/bin/sh
cat > /dev/null
tool=
for word; do
  case $word in --tool=*) tool=${word#*=} ;; esac
done
case "$1 $2" in
"gate eval") sed "s/CALL/intent:0123456789012345678901234567890123456789/g; s/book.post/$tool/g" answer ;;
"gate settle") for word; do case $word in --outcome=*|--reason=*) printf '%s ' "$word" ;; esac; done >> settled; echo >> settled; echo '{"ok":true}' ;;
*) echo '{"ok":true}' ;;
esac
`

// lazyWorker calls tools that return before they have run, or fail.
const lazyWorker = `import asyncio, concurrent.futures, functools, gait, threading, subprocess, sys
pool = concurrent.futures.ThreadPoolExecutor(1)
wait = threading.Event()
ran = []
class Thenable:
    def then(self): ran.append("then")
async def later(): ran.append("later")
async def stream(): yield ran.append("stream")
class Private(Exception): pass
def fails(step): raise Private("401 for https://user:hunter2@api")
lazy = {
    "map": lambda: map(ran.append, [1]), "filter": lambda: filter(ran.append, [1]), "zip": lambda: zip(map(ran.append, [1])),
    "generator": lambda: (ran.append(x) for x in [1]), "future": lambda: pool.submit(wait.wait), "list": lambda: [map(ran.append, [1])],
    "dict": lambda: {"a": {"b": (1, pool.submit(wait.wait))}}, "function": lambda: functools.partial(ran.append, 1), "lambda": lambda: (lambda: ran.append(1)),
    "thread": lambda: threading.Thread(target=ran.append, args=(1,)), "thenable": Thenable, "coroutine": lambda: later(), "stream": lambda: stream(),
    "file": lambda: open("worker.py"), "view": lambda: {"a": 1}.items(), "error": lambda: Private("401 for https://user:hunter2@api"),
}
with gait.job() as job:
    for name, make in lazy.items():
        for run in (lambda: job.do(name, {"step": 1}, lambda step: make()), lambda: asyncio.run(job.do_async(name, {"step": 1}, lambda step: [make()]))):
            try:
                print(name, "returned", run())
            except TypeError as error:
                assert name in str(error), error
    async def answers(step): return step
    assert asyncio.run(job.do_async("async", {"step": 1}, answers)) == 1
    for run in (lambda: job.do("fails", {"step": 1}, fails), lambda: asyncio.run(job.do_async("fails", {"step": 1}, fails))):
        try:
            run()
        except Private:
            pass
    assert not ran, ran
wait.set()
`

// What is not a finished value is not settled as done, and of what a tool raises the ledger, which
// forgets nothing, gets the kind and not the words.
func TestKitSettlesWhatIsFinished(t *testing.T) {
	k := newKit(t)
	k.write("bin/gait", settling)
	k.write("answer", allowed)
	k.write("worker.py", lazyWorker)
	code, said := k.work()
	text, err := os.ReadFile(filepath.Join(k.dir, "settled"))
	if err != nil {
		t.Fatal(err)
	}
	if code != 0 || strings.Contains(said, "returned") || strings.Count(string(text), "--outcome=done") != 1 || strings.Count(string(text), "--outcome=unknown") != 2*16+2 {
		t.Errorf("the worker exits %d, and settled\n%s\n%s", code, text, said)
	}
	if strings.Contains(string(text), "hunter2") || !strings.Contains(string(text), "the tool failed: Private") {
		t.Errorf("the reasons are\n%s", text)
	}
}

// slowWorker has a tool that is at work for a while, and one more behind it.
const slowWorker = `import asyncio, gait, os, sys, time

def slow(step):
    open("started", "w").close()
    while not os.path.exists("told"):
        time.sleep(0.01)
    time.sleep(0.1)
    open("ran", "a").close()
    return step

async def main(job):
    await asyncio.gather(job.do_async("book.post", {"step": 1}, lambda step: asyncio.to_thread(slow, step)))
    await job.do_async("book.post", {"step": 2}, slow)

with gait.job() as job:
    if sys.argv[1:]:
        asyncio.run(main(job))
    job.do("book.post", {"step": 1}, slow)
    job.do("book.post", {"step": 2}, slow)
    open("returned", "w").close()
`

// A worker that is told to end settles the call that runs first, and begins no other.
func TestKitSettlesBeforeItEnds(t *testing.T) {
	for name, args := range map[string][]string{"plain": {"worker.py"}, "awaited": {"worker.py", "async"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.write("bin/gait", settling)
			k.write("answer", allowed)
			k.write("worker.py", slowWorker)
			cmd := exec.Command("python3", args...)
			cmd.Dir = k.dir
			cmd.Env = append(cmd.Environ(), "PYTHONDONTWRITEBYTECODE=1", "GAIT_JOB=job_1", "GAIT_LEASE=1", "GAIT_BIN="+filepath.Join(k.dir, "bin", "gait"))
			var said strings.Builder
			cmd.Stderr = &said
			must(t, cmd.Start())
			for end := time.Now().Add(time.Minute); !k.has("started") && time.Now().Before(end); {
				time.Sleep(10 * time.Millisecond)
			}
			must(t, cmd.Process.Signal(syscall.SIGTERM))
			k.write("told", "")
			err := cmd.Wait()
			left, isExit := errors.AsType[*exec.ExitError](err)
			text, _ := os.ReadFile(filepath.Join(k.dir, "settled"))
			if !isExit || left.ExitCode() != 143 || strings.TrimSpace(string(text)) != "--outcome=done" || k.has("returned") || !k.has("ran") {
				t.Errorf("the worker ends with %v, and settled %q\n%s", err, text, said.String())
			}
		})
	}
}
