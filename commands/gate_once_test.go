package commands_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// errKilled says that a worker's process has ended.
var errKilled = errors.New("killed")

// A toolWorld is what tools have done, which no crash undoes.
type toolWorld struct {
	ran map[string]int // how often, by call
}

// A life is a job whose worker is killed again and again. Of each process only the ledger, the
// content and the world are left.
type life struct {
	*gateBench
	rng   *rand.Rand
	world *toolWorld
	calls []string
	kills int // that are left

	reported map[string]bool // calls of which a process knew that they were done
	killedAt map[string]int
	reused   int // how often a call id came with another intent, and was known as reused
}

// step is a point at which the process may be killed.
func (l *life) step(name string) error {
	if l.kills > 0 && l.rng.IntN(9) == 0 {
		l.kills--
		l.killedAt[name]++
		return errKilled
	}
	return nil
}

// at carries a request out between two points at which the process may be killed: the answer is
// lost if it is killed behind.
func (l *life) at(name string, r commands.Request) (commands.Result, error) {
	if err := l.step("before " + name); err != nil {
		return commands.Result{}, err
	}
	l.now = l.now.Add(time.Duration(l.rng.IntN(40)) * time.Second)
	result, err := l.do(r)
	if killed := l.step("after " + name); killed != nil {
		return commands.Result{}, killed
	}
	return result, err
}

// process is one process of the worker, from the first call on. It ends when the job is done,
// when it is killed, or when it cannot go on.
func (l *life) process(id int) error {
	for i, call := range l.calls {
		if err := l.call(fmt.Sprintf("p%d-%d", id, i), i, call); err != nil {
			return err
		}
		if err := l.reuse(i, l.calls[l.rng.IntN(len(l.calls))]); err != nil {
			return err
		}
		if l.rng.IntN(3) == 0 {
			if _, err := l.at("checkpoint", checkpoint(ledger.CheckpointProgress)); err != nil {
				return err
			}
		}
	}
	_, err := l.at("completion", checkpoint(ledger.CheckpointCompleted))
	return err
}

// call makes sure that one call is done. It fails if the process is killed or has to wait.
func (l *life) call(request string, i int, call string) error {
	tool := "read"
	if i%2 == 1 {
		tool = "pay"
	}
	r := identified(l.eval(tool, i, call), request)
	c := r.Command.(commands.GateEval)
	c.Facts.NotDoneExit = 9
	r.Command = c
	result, err := l.at("eval", r)
	if errors.Is(err, errKilled) {
		return err
	}
	if l.rng.IntN(3) == 0 { // the worker has timed out, and asks again under the same id
		if result, err = l.at("the same eval", r); errors.Is(err, errKilled) {
			return err
		}
	}
	switch a := commands.AnswerOf(result, err); {
	case a.Verdict == ledger.GateAllow:
		return l.act(call, a.Grant)
	case a.Verdict == ledger.GateBlock && a.ReasonCode == gate.CodeAlreadyDone && a.Outcome == ledger.EffectDone:
		l.reported[call] = true
		return nil
	default:
		return fmt.Errorf("waiting: %s (%s)", a.Verdict, a.ReasonCode)
	}
}

// reuse asks for another intent under the id of a call, if the ledger knows that: the worker has
// lost count of its calls. Whatever became of the call, the other intent is neither allowed nor said
// to be done.
func (l *life) reuse(i int, call string) error {
	if l.rng.IntN(4) != 0 || !l.knows(call) {
		return nil
	}
	result, err := l.at("reuse", l.eval("read", 100+i, call))
	if errors.Is(err, errKilled) {
		return err
	}
	a := commands.AnswerOf(result, err)
	if a.Verdict != ledger.GateBlock || a.ReasonCode == gate.CodeAlreadyDone || a.Outcome != "" || a.Result != nil {
		l.t.Errorf("the answer to another intent under the id of %s is %+v", call, a)
	}
	if a.ReasonCode == gate.CodeCallReused {
		l.reused++
	}
	return nil
}

// knows reports whether the ledger has an event about a call.
func (l *life) knows(call string) bool {
	l.t.Helper()
	for e, err := range l.log.JobEvents(l.t.Context(), "job_1", 1) {
		if err != nil {
			l.t.Fatal(err)
		}
		if about, is := ledger.CallOf(e.Payload()); is && about.ID == call {
			return true
		}
	}
	return false
}

// act runs the tool and says what came of it.
func (l *life) act(call, grant string) error {
	if err := l.step("before acting"); err != nil {
		return err
	}
	outcome := ledger.EffectDone
	switch l.rng.IntN(6) {
	case 0: // the tool exits with the code that says so
		outcome = ledger.EffectNotDone
	case 1: // the tool fails before or behind the effect: that cannot be told
		outcome = ledger.EffectUnknown
		l.world.ran[call] += l.rng.IntN(2)
	default:
		l.world.ran[call]++
	}
	if err := l.step("after acting"); err != nil {
		return err
	}
	if _, err := l.at("settling", settle(grant, outcome)); err != nil {
		return err
	}
	if outcome != ledger.EffectDone {
		return fmt.Errorf("waiting: the tool has %s", outcome)
	}
	l.reported[call] = true
	return nil
}

// operate does what the people around the job do before the next process: they settle grants by
// hand, sometimes wrongly, decide, and resume. It may be interrupted too.
func (l *life) operate() error {
	j := l.job("job_1")
	for _, g := range j.Grants {
		said := ledger.EffectNotDone
		if l.world.ran[g.CallID] > 0 {
			said = ledger.EffectDone
		}
		if l.rng.IntN(8) == 0 { // they are mistaken
			said = map[ledger.EffectOutcome]ledger.EffectOutcome{ledger.EffectDone: ledger.EffectNotDone, ledger.EffectNotDone: ledger.EffectDone}[said]
		}
		if _, err := l.at("settling by hand", byHand(g.ID, said)); errors.Is(err, errKilled) {
			return err
		}
	}
	if l.rng.IntN(5) == 0 {
		if _, err := l.at("pausing", by("boss", commands.Pause{})); errors.Is(err, errKilled) {
			return err
		}
	}
	for _, a := range l.job("job_1").Decisions {
		if a.Verdict == projection.Undecided {
			if _, err := l.at("approving", approveNamed("reviewer", a.CheckpointID)); errors.Is(err, errKilled) {
				return err
			}
		}
	}
	if l.job("job_1").Status == projection.Running {
		return nil
	}
	_, err := l.at("resuming", l.goesOn())
	return err
}

// restart begins a process that knows nothing.
func (l *life) restart() {
	l.engine = &commands.Engine{Log: l.log, Now: l.engine.Now, Entropy: l.engine.Entropy, Content: l.content}
	if l.rng.IntN(2) == 0 {
		l.now = l.now.Add(time.Duration(l.rng.IntN(120)) * time.Second)
	}
}

func newLife(t testing.TB, seed uint64) *life {
	l := &life{
		gateBench: newGateBench(t), rng: rand.New(rand.NewPCG(seed, 17)), world: &toolWorld{ran: map[string]int{}},
		reported: map[string]bool{}, killedAt: map[string]int{},
	}
	l.kills = 1 + l.rng.IntN(8)
	for i := range 3 + l.rng.IntN(3) {
		l.calls = append(l.calls, fmt.Sprintf("call-%d", i))
	}
	return l
}

// said returns what is on the ledger of a call: the outcomes by who settled its grants.
func (l *life) said(call string) (byWorker, byOperator []ledger.EffectOutcome) {
	l.t.Helper()
	for e, err := range l.log.JobEvents(l.t.Context(), "job_1", 1) {
		if err != nil {
			l.t.Fatal(err)
		}
		switch p, ok := e.Payload().(ledger.EffectSettled); {
		case !ok || p.CallID != call:
		case e.Actor() == "boss":
			byOperator = append(byOperator, p.Outcome)
		default:
			byWorker = append(byWorker, p.Outcome)
		}
	}
	return byWorker, byOperator
}

// check requires that no tool ran twice without the recorded word of an operator that it had
// not, and that none was skipped that is reported done, but by such a word.
func (l *life) check(seed uint64) {
	l.t.Helper()
	completed := l.job("job_1").Status == projection.Completed
	for _, call := range l.calls {
		byWorker, byOperator := l.said(call)
		allowed := 1
		for _, said := range byOperator {
			if said == ledger.EffectNotDone {
				allowed++
			}
		}
		ran := l.world.ran[call]
		if ran > allowed {
			l.t.Errorf("seed %d: %s ran %d times, and operators said %q", seed, call, ran, byOperator)
		}
		if done := l.reported[call] || slices.Contains(byWorker, ledger.EffectDone); done && ran == 0 && !slices.Contains(byOperator, ledger.EffectDone) {
			l.t.Errorf("seed %d: %s never ran, and is reported done", seed, call)
		}
		if completed && !l.reported[call] {
			l.t.Errorf("seed %d: the job is completed, and %s was not done", seed, call)
		}
	}
	l.log.check(l.t)
}

// A worker is killed at each step between asking, acting, settling, recording and resuming. No
// tool runs twice without an operator's recorded word, and none is skipped that was reported
// done.
func TestToolsRunExactlyOnce(t *testing.T) {
	runs := uint64(500)
	if testing.Short() {
		runs = 60
	}
	completed, twice, reused, killedAt := 0, 0, 0, map[string]int{}
	for seed := range runs {
		l := newLife(t, seed)
		for id := range 60 {
			if err := l.process(id); err == nil {
				break
			}
			l.restart()
			if err := l.operate(); errors.Is(err, errKilled) {
				l.restart()
			}
		}
		l.check(seed)
		reused += l.reused
		if l.job("job_1").Status == projection.Completed {
			completed++
		}
		for _, n := range l.world.ran {
			twice += max(0, n-1)
		}
		for at, n := range l.killedAt {
			killedAt[at] += n
		}
	}
	for _, name := range []string{"eval", "the same eval", "reuse", "acting", "settling", "settling by hand", "approving", "resuming", "checkpoint", "completion"} {
		for _, when := range []string{"before ", "after "} {
			if killedAt[when+name] == 0 && !testing.Short() {
				t.Errorf("no process was killed %s%s", when, name)
			}
		}
	}
	if completed < int(runs)*9/10 || twice == 0 || reused == 0 {
		t.Errorf("%d of %d jobs are completed, %d times a tool ran again by a mistaken word, and %d times a call id was reused: the test shows little", completed, runs, twice, reused)
	}
}
