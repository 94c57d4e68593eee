package process

import (
	"os"
	"os/exec"
	"sync"
	"time"
)

// A warden is one process of a guard. If it ends, the guard starts another one for the next command.
type warden struct {
	link    *link
	cmd     *exec.Cmd
	copying *sync.WaitGroup // grows while listen runs

	mu       sync.Mutex
	commands map[int64]*Process // that have not ended
	gone     bool
	ended    chan struct{} // closed when the process is gone and nothing of it is left
}

// add adds a command, unless the process is gone.
func (w *warden) add(p *Process) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return false
	}
	p.send, p.kill, p.copying = w.send, w.kill, w.copying
	w.commands[p.id] = p
	return true
}

// send tells the process something. If that fails, the process is ended, and all commands with it.
func (w *warden) send(r request, files ...*os.File) {
	late := time.AfterFunc(patience, w.kill)
	defer late.Stop()
	if err := w.link.send(r, files...); err != nil {
		w.kill()
	}
}

// kill kills the process; listen then does the rest.
func (w *warden) kill() { _ = w.cmd.Process.Kill() }

// listen reads what the process says, until it ends.
func (w *warden) listen() {
	for {
		var a answer
		if err := w.link.receive(&a); err != nil {
			break
		}
		w.mu.Lock()
		p := w.commands[a.ID]
		if a.Pid == 0 && !a.Heard {
			delete(w.commands, a.ID)
		}
		w.mu.Unlock()
		if p != nil {
			p.told(a)
		}
	}
	w.end()
}

// end ends what is left after the process has ended.
func (w *warden) end() {
	w.kill() // if it lives, and only the socket is broken
	_ = w.cmd.Wait()
	_ = w.link.conn.Close()
	w.mu.Lock()
	w.gone = true
	left := w.commands
	w.commands = nil
	w.mu.Unlock()
	for _, p := range left {
		p.orphaned()
	}
	close(w.ended)
}
