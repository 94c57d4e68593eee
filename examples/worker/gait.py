"""A kit for workers in Python: one file, standard library only. Copy it beside your worker.

    import gait

    with gait.job() as job:
        todo = job.state or {"step": 0}
        while todo["step"] < 14:
            job.do("ledger.post", {"step": todo["step"]}, post)   # once, whatever is killed
            todo["step"] += 1
            job.save(todo, "step %d" % todo["step"], progress=(todo["step"], 14))

Run it under a supervisor, which gives it a lease and starts it again when it is killed:

    gait job run --id job_1 --policy policy.cedar -- python3 worker.py
    gait work --label queue=refunds -- python3 worker.py

All errors are a Failure, and whatever goes wrong, nothing is allowed: a tool runs only if the
gate says so, and says so here.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
import uuid

EXIT_WAITING = 75  # EX_TEMPFAIL: the supervisor starts the worker again when the job goes on
RETRIED = {"state_contention", "state_conflict", "outcome_unknown", "daemon_unreachable", "daemon_stopping", "busy", "lock_timeout"}


class Failure(Exception):
    """A command of gait that did not end with exit 0."""

    def __init__(self, answer, code):
        self.answer, self.exit = answer, code
        self.code = answer.get("reason_code") or answer.get("error_code", "")
        text = answer.get("error") or answer.get("reason_code") or "exit %d" % code
        super().__init__("%s (%s)" % (text, self.code))


class Blocked(Failure):
    """The gate does not let the tool run. It did not run."""


class Waiting(Failure):
    """The job waits for a person. The worker ends, and is started again when it goes on."""


class Fenced(Failure):
    """Another worker has the job now: this one ends, and does nothing more."""


class Denied(Failure):
    """What the worker asked for was denied."""


@contextlib.contextmanager
def job(environ=None):
    """Yields the job that the supervisor has leased to this process.

    The process ends with 75 if the job has to wait for a person, and with 3 if it lost its lease.
    """
    try:
        yield Job(os.environ if environ is None else environ)
    except Waiting as waiting:
        print("gait: %s" % waiting, file=sys.stderr)
        sys.exit(EXIT_WAITING)
    except Fenced as fenced:
        print("gait: %s" % fenced, file=sys.stderr)
        sys.exit(3)


class Job:
    """A job, and what the supervisor says about it.

    id       the job's id
    resume   all that GAIT_RESUME says: attempt, reason, decisions, grants and more
    state    what save was given last, or None
    input    the path of the file that the job was submitted with, or None
    """

    def __init__(self, environ):
        self.environ = dict(environ)
        self.gait = self.environ.get("GAIT_BIN", "gait")
        self.id = self.environ["GAIT_JOB"]
        self.resume = {}
        if self.environ.get("GAIT_RESUME"):
            with open(self.environ["GAIT_RESUME"], encoding="utf-8") as f:
                self.resume = json.load(f)
            if self.resume.get("schema_id") != "gait.job.resume" or self.resume.get("job_id") != self.id:
                raise ValueError("GAIT_RESUME is not about job " + self.id)
        self.attempt = self.resume.get("attempt", 1)
        self.state = self._kept(self.resume.get("state"))
        self.input = (self.resume.get("input") or {}).get("path")
        self._answered = set()

    @staticmethod
    def _kept(content):
        """Returns content that is a value of JSON; None if there is none, or its bytes are gone."""
        if not content or not content.get("path"):
            return None
        with open(content["path"], encoding="utf-8") as f:
            return json.load(f)

    def checkpoint(self, summary, type="progress", progress=None, state=None, flags=()):
        """Records how far the job is. With state, any value of JSON, a later attempt finds it."""
        args = ["job", "checkpoint", "add", "--id", self.id, "--type", type, "--summary", summary, *flags]
        if progress is not None:
            args += ["--progress", "%d/%d" % tuple(progress)]
        if state is None:
            return self._once(args)
        return self._once(args + ["--state", "-"], stdin=_bytes(state))

    def save(self, state, summary, progress=None):
        """Keeps the state, so that a later attempt begins with it."""
        answer = self.checkpoint(summary, progress=progress, state=state)
        self.state = state
        return answer

    def ask(self, action, summary, subject=None, flags=()):
        """Returns the decision of a person about a subject, any value of JSON.

        The first time it asks, and raises Waiting. When the job goes on, the worker is started
        again and asks the same again, with the same subject: then it gets the decision, whose
        "subject" is what was approved, amended or not. A decision about another subject does not
        count, and one decision answers one ask of an attempt. It raises Denied if that is what
        it was.
        """
        for decision in reversed(self.resume.get("decisions", [])):
            same = decision.get("summary") == summary and decision.get("required_action") == action
            if not same or decision.get("checkpoint_id") in self._answered or self._kept(decision.get("subject")) != subject:
                continue
            if decision.get("verdict") == "denied":
                raise Denied({"error": "denied by %s: %s" % (decision.get("by"), decision.get("reason")), "error_code": "decision_denied"}, 4)
            if decision.get("verdict") == "approved" and decision.get("used_up"):
                self._answered.add(decision["checkpoint_id"])
                return dict(decision, subject=self._kept(decision.get("amended")) if decision.get("amended") else subject)
        args = ["job", "checkpoint", "add", "--id", self.id, "--type", "decision-needed", "--summary", summary, "--required-action", action, *flags]
        if subject is None:
            self._once(args)
        else:
            self._once(args + ["--subject", "-"], stdin=_bytes(subject))
        raise Waiting({"error": "asked: " + action, "error_code": "approval_required"}, 4)

    @contextlib.contextmanager
    def gate(self, tool, arguments, target=None, call_id=None):
        """Asks the gate for one call of a tool, and settles what became of it.

            with job.gate("payments.refund", {"amount": 12}) as call:
                if not call.done:
                    call.result = refund(12)
            print(call.result)

        The body is entered if the call is allowed now, and with call.done if it was done before:
        then call.result is what was recorded. If the body raises, the call is settled as unknown,
        and someone has to find out. It raises Waiting if a person must approve the call, and
        Blocked otherwise. A call has a name, call_id, by which gait knows it for ever: without one
        it is made of the tool, the arguments and the target.
        """
        intent = {"tool": tool, "arguments": arguments}
        if target is not None:
            intent["target"] = target
        call = self._evaluate(intent, call_id or _name(intent))
        if call.done:
            yield call
            return
        try:
            yield call
        except BaseException as error:
            self._settle(call, "unknown", ["--reason", ("the tool failed: %r" % error)[:900]])
            raise
        self._settle(call, "done", [])

    def do(self, tool, arguments, function, target=None, call_id=None):
        """Calls function(**arguments) once in the life of the job, and returns what it returned."""
        with self.gate(tool, arguments, target, call_id) as call:
            if not call.done:
                call.result = function(**arguments)
        return call.result

    def _evaluate(self, intent, call_id):
        code, answer = self._run(["gate", "eval", "--id", self.id, "--tool", intent["tool"], "--call-id", call_id, "--intent", "-"], _bytes(intent))
        ours = answer.get("call_id") == call_id and answer.get("job_id") == self.id
        if code == 0 and answer.get("ok") is True and answer.get("verdict") == "allow" and answer.get("grant") and ours:
            return Call(call_id, answer["grant"])
        if code == 3 and answer.get("verdict") == "block" and answer.get("reason_code") == "already_done" and ours:
            result = answer.get("result")
            return Call(call_id, None, done=True, result=json.loads(self._content(result["digest"])) if result else None)
        if code == 0:
            raise Blocked({"error": "the answer of the gate is no proof of an allow", "error_code": "block"}, 3)
        if answer.get("verdict") == "require_approval" or answer.get("reason_code") in ("effects_unsettled", "approval_required"):
            raise Waiting(answer, code)
        raise _failure(answer, code, Blocked)

    def _settle(self, call, outcome, flags):
        args = ["gate", "settle", "--id", self.id, "--grant", call.grant, "--outcome", outcome, *flags]
        if outcome == "done" and call.result is not None:
            return self._once(args + ["--result", "-"], stdin=_bytes(call.result))
        return self._once(args)

    def _content(self, digest):
        done = subprocess.run([self.gait, "content", "get", digest, "--id", self.id, "--out", "-"], env=self.environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise Failure({"error": "content %s cannot be read" % digest, "error_code": "content_missing"}, done.returncode)
        return done.stdout

    def _once(self, args, stdin=None):
        """Carries a command out once, however often it has to be tried."""
        request = ["--request-id", "py-" + uuid.uuid4().hex]
        for attempt in range(8):
            code, answer = self._run(args + request, stdin)
            if code == 0:
                return answer
            if not answer.get("retryable") and answer.get("error_code") not in RETRIED:
                break
            time.sleep(min(2.0, 0.05 * 2**attempt))
        raise _failure(answer, code, Failure)

    def _run(self, args, stdin=None):
        done = subprocess.run([self.gait, *args, "--json"], env=self.environ, input=stdin if stdin is not None else b"", stdout=subprocess.PIPE, check=False)
        try:
            answer = json.loads(done.stdout)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            answer = {"error": "gait said nothing that can be read", "error_code": "internal_failure"}
        return done.returncode, answer


class Call:
    """A call of a tool: allowed now, or done before."""

    def __init__(self, call_id, grant, done=False, result=None):
        self.call_id, self.grant, self.done, self.result = call_id, grant, done, result


def _failure(answer, code, kind):
    if answer.get("error_code") == "fenced" or answer.get("reason_code") == "fenced":
        return Fenced(answer, code)
    return kind(answer, code)


def _bytes(value):
    return json.dumps(value, sort_keys=True).encode()


def _name(intent):
    return "py-" + hashlib.sha256(_bytes(intent)).hexdigest()[:40]
