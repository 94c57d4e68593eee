package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A terminal is a pseudo-terminal, and what it showed.
type terminal struct {
	t            *testing.T
	master, tty  *os.File
	shown        bytes.Buffer
	cmd          *exec.Cmd
	stdout, said bytes.Buffer
}

// onTerminal starts a command whose controlling terminal is a new one.
func onTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	x := openTerminal(t, cmd)
	x.start()
	return x
}

// openTerminal opens a terminal for a command.
func openTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("there are no pseudo-terminals: %v", err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	x := &terminal{t: t, master: master, tty: tty, cmd: cmd}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, &x.stdout, &x.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	return x
}

// start starts the command.
func (x *terminal) start() {
	x.t.Helper()
	if err := x.cmd.Start(); err != nil {
		x.t.Fatal(err)
	}
}

// exit returns the command's exit code.
func (x *terminal) exit() int {
	_ = x.cmd.Wait()
	return x.cmd.ProcessState.ExitCode()
}

// await reads what the terminal shows until it ends with text.
func (x *terminal) await(text string) {
	x.t.Helper()
	b := make([]byte, 256)
	for until := time.Now().Add(20 * time.Second); !strings.HasSuffix(x.shown.String(), text); {
		if time.Now().After(until) {
			x.t.Fatalf("the terminal shows %q, and not %q", x.shown.String(), text)
		}
		ready := []unix.PollFd{{Fd: int32(x.master.Fd()), Events: unix.POLLIN}}
		if n, _ := unix.Poll(ready, 100); n > 0 {
			n, _ := unix.Read(int(x.master.Fd()), b)
			x.shown.Write(b[:max(n, 0)])
		}
	}
}

// echoes reports whether the terminal shows what is typed.
func (x *terminal) echoes() bool {
	x.t.Helper()
	state, err := unix.IoctlGetTermios(int(x.tty.Fd()), unix.TCGETS)
	if err != nil {
		x.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// hide waits until the terminal shows nothing that is typed.
func (x *terminal) hide() {
	x.t.Helper()
	for until := time.Now().Add(20 * time.Second); x.echoes(); time.Sleep(time.Millisecond) {
		if time.Now().After(until) {
			x.t.Fatal("the terminal shows what is typed")
		}
	}
}

func (x *terminal) write(text string) {
	x.t.Helper()
	if _, err := unix.Write(int(x.master.Fd()), []byte(text)); err != nil {
		x.t.Fatal(err)
	}
}

// A passphrase is asked for on the terminal, which does not show it.
func TestPassphraseIsNotShown(t *testing.T) {
	g := newGait(t)
	if code, _ := g.run("ledger", "init", "--json"); code != 0 {
		t.Fatalf("init exits %d", code)
	}
	x := onTerminal(t, g.command("keys", "export", "--out", filepath.Join(g.dir, "key.pem"), "--json"))
	x.await(": ")
	x.hide()
	x.write("correct horse\n")
	x.await("again: ")
	x.hide()
	x.write("correct horse\n")
	if err := x.cmd.Wait(); err != nil {
		t.Fatalf("keys export: %v\n%s%s", err, x.stdout.String(), x.said.String())
	}
	x.await("\n")
	if strings.Contains(x.shown.String(), "horse") || !x.echoes() {
		t.Errorf("the terminal shows %q, and echoes: %t", x.shown.String(), x.echoes())
	}
}

// A user who presses Ctrl-C at the prompt has a terminal that shows what is typed.
func TestPassphraseInterrupted(t *testing.T) {
	g := newGait(t)
	if code, _ := g.run("ledger", "init", "--json"); code != 0 {
		t.Fatalf("init exits %d", code)
	}
	path := filepath.Join(g.dir, "key.pem")
	x := onTerminal(t, g.command("keys", "export", "--out", path, "--json"))
	x.await(": ")
	x.hide()
	x.write("\x03")
	if err := x.cmd.Wait(); err == nil || !strings.Contains(x.stdout.String(), `"error_code":"interrupted"`) {
		t.Errorf("keys export, interrupted: %v\n%s%s", err, x.stdout.String(), x.said.String())
	}
	if !x.echoes() {
		t.Error("the terminal shows nothing that is typed from now on")
	}
	if _, err := os.Lstat(path); err == nil {
		t.Error("a file was written")
	}
}
