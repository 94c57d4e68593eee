"""A client of gait for workers and agents in Python: one file, standard library only, Python 3.9 or
newer. Copy it beside your worker.

    import gait

    @gait.tool(name="book.post")
    def post(step):                        # asks the gate, runs once, and says what became of it
        return {"square": step * step}

    with gait.job() as job:
        for step in range(job.state or 0, 14):
            post(step)
            job.save(step + 1, "step %d" % step, progress=(step + 1, 14))

Run it under a supervisor, which gives it a lease and starts it again when it is killed:

    gait job run --id job_1 --policy policy.cedar -- python3 worker.py
    gait work --label queue=refunds -- python3 worker.py

All errors are a Failure, and whatever goes wrong, nothing is allowed: a tool runs only after a
whole answer that says so about this very call of this very job. The client makes no digest and no
canonical form, and can neither approve nor resume: that is for gait, and for people.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import datetime
import decimal
import enum
import functools
import http.client
import inspect
import json
import os
import pathlib
import pwd
import re
import selectors
import signal
import socket as sockets
import stat
import subprocess
import sys
import threading
import time
import urllib.parse
import uuid
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Union

__all__ = ["Client", "Job", "Call", "job", "current", "tool", "words", "because", "failure_of", "Failure", "Blocked", "Waiting", "Fenced", "Denied", "EXIT_WAITING"]

EXIT_WAITING = 75  # EX_TEMPFAIL: the supervisor starts the worker again when the job goes on
RETRIED = {"state_contention", "state_conflict", "outcome_unknown", "daemon_unreachable", "daemon_stopping", "busy", "lock_timeout"}
MAX_ANSWER = 8 << 20  # bytes of an answer
MAX_CONTENT = (64 << 20) + 16
FINISHED = (str, int, float, bytes, datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, enum.Enum, pathlib.PurePath, uuid.UUID)

Answer = Dict[str, Any]
Attachments = Iterable[Union[str, Tuple[str, str]]]
Progress = Optional[Tuple[int, int]]
Reply = Tuple[int, Answer]  # the exit code that the program ends with, or would, and what it says


class Failure(Exception):
    """A command of gait that did not end with exit 0. code is its reason code or error code."""

    def __init__(self, answer: Answer, exit: int) -> None:
        self.answer, self.exit = answer, exit
        self.code = str(answer.get("reason_code") or answer.get("error_code") or "")
        text = answer.get("error") or answer.get("detail") or self.code or "exit %d" % exit
        super().__init__("%s (%s)" % (text, self.code))


class Blocked(Failure):
    """The gate does not let the tool run. It did not run."""


class Waiting(Failure):
    """The job waits for a person. The worker ends, and is started again when it goes on."""


class Fenced(Failure):
    """Another worker has the job now: this one ends, and does nothing more."""


class Denied(Failure):
    """What the worker asked for was denied."""


def failure_of(error: Optional[BaseException]) -> Optional[Failure]:
    """Returns the Failure that an error is or was raised from, as frameworks wrap what a tool raises."""
    for _ in range(16):
        if error is None or isinstance(error, Failure):
            return error
        inner = [failure_of(e) for e in getattr(error, "exceptions", ()) if isinstance(e, BaseException)]
        error = next((e for e in inner if e), error.__cause__)
    return None


_WORDS = (
    ("A person has to approve this first, and it has not run. Stop here and wait; do not try to do the same in another way.", "policy_requires_approval"),
    ("This is not allowed, and it has not run. Do it another way, or stop.", "policy_forbids policy_permits_none policy_diagnostic policy_conflict"),
    (
        "No tool may run for this job, since it has no policy that can be used. Nothing has run. Stop, and say so.",
        "policy_missing policy_unreadable policy_empty policy_invalid policy_annotation policy_mismatch policy_unbound",
    ),
    ("It has not run: the arguments cannot be read. Write them again.", "intent_invalid"),
    ("It has not run: the arguments are too long. Put them into a file, and name that.", "intent_too_large"),
    ("It has not run: the arguments have a value that policies cannot see, such as null in a list. Leave it out, or write it as text.", "intent_unsupported"),
    ("It was approved with other arguments, and has not run. Ask for it with those.", "intent_amended"),
    ("It has not run: it was asked for in a wrong way. Do not try again; say so.", "intent_tool job_not_found call_reused grant_settled dry_run"),
    ("The job is stopped for now: no tool may run, and this one has not run. Stop, and wait until the job goes on.", "not_running"),
    ("The job had an emergency stop. Nothing more of it may run, and this has not run. Stop.", "emergency_stopped"),
    ("It may have run already. Do not try again: a person has to find out first.", "effects_unsettled call_before outcome_unknown"),
    ("It was done before, and has not run again. What it answered then is recorded.", "already_done"),
    ("It has not run: too much is open. Wait for what is running, and for decisions that are open.", "too_many_grants too_many_cleared too_many_decisions"),
    ("Another worker has this job now. It has not run. Stop.", "fenced"),
    ("It has not run, since the gate could not answer. Try once more, and then stop.", "internal_failure intent_unreadable"),
)


def words(failure: Failure) -> str:
    """Returns what an agent is told about a call that may not run: what it means, and what to do."""
    other = _WORDS[0 if failure.answer.get("verdict") == "require_approval" else -1][0]
    return "%s (%s)" % (next((text for text, codes in _WORDS if failure.code in codes.split()), other), failure.code)


class Call:
    """A call of a tool: allowed now, once, or done before.

    arguments  what the tool is run with: exactly what the gate was asked about
    call_id    the name of the call in its job
    grant      the permission, which settle or unknown uses up; None if the call was done before
    done       the call was done before, and is not to be done again
    result     what the tool returned; of a call that was done before, what was recorded
    """

    def __init__(self, tool: str, arguments: Dict[str, Any], call_id: str, grant: Optional[str], result: Any = None) -> None:
        self.tool, self.arguments, self.call_id, self.grant, self.result = tool, arguments, call_id, grant, result
        self.done = self.settled = grant is None
        self._running: Optional[object] = None


class Job:
    """A job, and what its supervisor says about it.

    id       the job's id
    lease    the epoch of the lease that this worker holds, or None
    attempt  which attempt this is, beginning with 1
    state    what save was given last, or None
    input    the path of the file that the job was submitted with, or None
    resume   all that GAIT_RESUME says: attempt, reason, decisions, grants and more
    """

    def __init__(self, client: Client, id: str, lease: Optional[int] = None, resume: Optional[Answer] = None) -> None:
        if resume is not None and (not isinstance(resume, dict) or resume.get("schema_id") != "gait.job.resume" or resume.get("job_id") != id):
            raise ValueError("GAIT_RESUME is not about job " + id)
        self.client, self.id, self.lease = client, id, lease
        self.resume: Answer = resume or {}
        self.attempt: int = self.resume.get("attempt", 1)
        self.state: Any = _bundled(self.resume.get("state"))
        self.input: Optional[str] = (self.resume.get("input") or {}).get("path")
        self._answered: set = set()

    @classmethod
    def leased(cls, environ: Optional[Mapping[str, str]] = None, client: Optional[Client] = None) -> Job:
        """Returns the job that the supervisor has leased to this process."""
        given = os.environ if environ is None else environ
        if not given.get("GAIT_JOB"):
            raise ValueError("GAIT_JOB is not set: run this under gait job run or gait work")
        resume = None
        if given.get("GAIT_RESUME"):
            with open(given["GAIT_RESUME"], encoding="utf-8") as f:
                resume = json.load(f) or {}
        lease = int(given["GAIT_LEASE"]) if given.get("GAIT_LEASE") else None
        return cls(client or Client(environ=given), given["GAIT_JOB"], lease, resume)

    def checkpoint(self, summary: str, type: str = "progress", progress: Progress = None, state: Any = None, attachments: Attachments = ()) -> Answer:
        """Records how far the job is. With state, any value of JSON, a later attempt finds it.

        An attachment is the path of a file, or such a path and its role: artifact, log or state.
        """
        files = [(a, "artifact") if isinstance(a, str) else a for a in attachments]
        return self._record(summary, type, progress=progress, state=None if state is None else _encode(state), files=files)

    def save(self, state: Any, summary: str, progress: Progress = None) -> Answer:
        """Keeps the state, so that a later attempt begins with it."""
        answer = self._record(summary, "progress", progress=progress, state=_encode(state))
        self.state = state
        return answer

    def complete(self, summary: str) -> Answer:
        """Completes the job. Under a supervisor, ending with exit 0 does."""
        return self._record(summary, "completed")

    def fail(self, summary: str) -> Answer:
        """Ends the job as failed."""
        return self._record(summary, "failed")

    def ask(self, action: str, summary: str, subject: Any = None) -> Answer:
        """Returns the decision of a person about a subject, any value of JSON.

        The first time it asks, and raises Waiting. When the job goes on, the worker is started
        again and asks the same again, with the same subject: then it gets the decision, whose
        "subject" is what was approved, amended or not. A decision about another subject does not
        count, and one decision answers one ask of an attempt. It raises Denied if that is what
        it was.
        """
        for decision in reversed(self.resume.get("decisions", [])):
            same = decision.get("summary") == summary and decision.get("required_action") == action
            if not same or decision.get("checkpoint_id") in self._answered or not _is_about(decision.get("subject"), subject):
                continue
            if decision.get("verdict") == "denied":
                raise Denied({"error": "denied by %s: %s" % (decision.get("by"), decision.get("reason")), "error_code": "decision_denied"}, 4)
            if decision.get("verdict") == "approved" and decision.get("used_up"):
                self._answered.add(decision["checkpoint_id"])
                return dict(decision, subject=_bundled(decision.get("amended")) if decision.get("amended") else subject)
        self._record(summary, "decision-needed", action=action, subject=None if subject is None else _encode(subject))
        raise Waiting({"error": "asked: " + action, "error_code": "approval_required"}, 4)

    def check(self, tool: str, arguments: Dict[str, Any], target: Optional[str] = None, call_id: Optional[str] = None) -> Call:
        """Asks the gate for one call of a tool, and returns it if it may run now, once, or was done before.

        It raises Waiting if a person must approve the call or find something out, and Blocked
        otherwise: the tool does not run then. Settle what it returns, or say that it is unknown.
        call_id is the host's name of the call, which stays the same when the call is tried again;
        without one, the job does what is asked for once in its life.
        """
        if _ends.told:
            raise Waiting({"error": "the worker was told to end", "reason_code": "not_running"}, 4)
        running = _ends.begin()
        try:
            call = self._checked(tool, arguments, target, call_id)
        except BaseException:
            _ends.end(running)
            raise
        if call.done:
            _ends.end(running)
        else:
            call._running = running
        return call

    def _checked(self, tool: str, arguments: Dict[str, Any], target: Optional[str], call_id: Optional[str]) -> Call:
        intent = _intent(tool, arguments, target)
        if call_id is not None and not (isinstance(call_id, str) and call_id):
            raise Blocked({"error": "the name of the call is no text: %.80r" % (call_id,), "reason_code": "invalid_call"}, 3)
        try:
            exit, answer = self.client._ask(self, tool, intent, call_id)
        except Exception as error:
            raise Blocked({"error": "the gate cannot be asked: %s" % error, "reason_code": "internal_failure"}, 3) from error
        ran = json.loads(intent)["arguments"]
        ours = answer.get("job_id") == self.id and answer.get("tool") == tool and _is_named(answer.get("call_id"), call_id)
        if exit == 0 and ours and answer.get("ok") is True and answer.get("verdict") == "allow" and _is_grant(answer.get("grant")):
            return Call(tool, ran, answer["call_id"], answer["grant"])
        if exit == 0:
            raise Blocked({"error": "the answer of the gate is no proof of an allow", "reason_code": "internal_failure"}, 3)
        if exit == 3 and ours and answer.get("verdict") == "block" and answer.get("reason_code") == "already_done":
            return Call(tool, ran, answer["call_id"], None, self._recorded(answer.get("result")))
        waits = answer.get("verdict") == "require_approval" or answer.get("reason_code") in ("effects_unsettled", "approval_required", "not_running")
        raise _failed((exit, answer), Waiting if waits else Blocked)

    def settle(self, call: Call, result: Any = None) -> None:
        """Settles a call whose tool returned as done.

        call.result is then what JSON keeps of the result, as the next attempt finds it. Of what is no
        value of JSON, but finished, such as a date, the text is kept. If the result is or holds
        anything else, such as an iterator or a Future, it may have yet to run: then the call is
        settled as unknown, and this raises a TypeError.
        """
        if not call.done:
            odd = _unfinished(result)
            if odd is not None:
                with contextlib.suppress(Exception):
                    result.close()
                self.unknown(call, "the tool returned something that may have yet to run: " + odd)
                raise TypeError("%s returned %s, which may have yet to run: return JSON, or use do_async" % (call.tool, odd))
            kept = _kept(result)
            call.result = None if kept is None else json.loads(kept)
            self._end(call, "done", result=kept)

    def unknown(self, call: Call, reason: str) -> None:
        """Settles a call as unknown: a person has to find out whether it was done.

        The reason stays in the ledger for ever, and in each pack: put nothing of the tool's or of the
        user's into it. What may be erased some day is for the log of the attempt, or an attachment.
        """
        if not call.done:
            self._end(call, "unknown", reason=" ".join("".join(c if c.isprintable() else " " for c in reason[:200]).split()) or "the tool failed")

    @contextlib.contextmanager
    def gate(self, tool: str, arguments: Dict[str, Any], target: Optional[str] = None, call_id: Optional[str] = None) -> Iterator[Call]:
        """Asks the gate for one call of a tool, and settles what became of it.

            with job.gate("payments.refund", {"amount": 12}) as call:
                if not call.done:
                    call.result = refund(**call.arguments)
            print(call.result)

        The body is entered if the call is allowed now, and with call.done if it was done before:
        then call.result is what was recorded. If the body raises, the call is settled as unknown.
        Errors are those of check.
        """
        call = self.check(tool, arguments, target, call_id)
        try:
            yield call
        except BaseException as error:
            self.unknown(call, because(error))
            raise
        self.settle(call, call.result)

    def do(self, tool: str, arguments: Dict[str, Any], function: Callable[..., Any], target: Optional[str] = None, call_id: Optional[str] = None) -> Any:
        """Calls function(**arguments) if the gate allows it, and returns what it returned, as JSON keeps it.

        What was done before is not done again: then it returns what was recorded.
        """
        with self.gate(tool, arguments, target, call_id) as call:
            if not call.done:
                call.result = function(**call.arguments)
        return call.result

    async def do_async(self, tool: str, arguments: Dict[str, Any], function: Callable[..., Any], target: Optional[str] = None, call_id: Optional[str] = None) -> Any:
        """Does as do, for a function that is awaited. It asks and settles in another thread."""
        call = await asyncio.to_thread(self.check, tool, arguments, target, call_id)
        if call.done:
            return call.result
        try:
            result = function(**call.arguments)
            result = await result if inspect.isawaitable(result) else result
        except BaseException as error:
            await asyncio.shield(asyncio.to_thread(self.unknown, call, because(error)))
            raise
        await asyncio.shield(asyncio.to_thread(self.settle, call, result))
        return call.result

    def kept(self, digest: str) -> bytes:
        """Returns the bytes of content of the job."""
        return self.client._content(self, digest)

    def _recorded(self, content: Any) -> Any:
        """Returns the result that was recorded of a call; None if there was none."""
        return json.loads(self.kept(content["digest"])) if isinstance(content, dict) and content.get("digest") else None

    def _record(self, summary: str, type: str, **more: Any) -> Answer:
        return self.client._once("_checkpoint", self, {"summary": summary, "type": type, **{key: value for key, value in more.items() if value is not None}})

    def _end(self, call: Call, outcome: str, reason: Optional[str] = None, result: Optional[str] = None) -> None:
        if call.settled:
            raise ValueError("the call %s is settled" % call.call_id)
        call.settled = True
        try:
            self.client._once("_settle", self, call.grant, outcome, reason, result)
        finally:
            _ends.end(call._running)


class _Ends:
    """Lets calls that run be settled before the process ends, when its supervisor tells it to (SIGTERM)."""

    def __init__(self) -> None:
        self.told = False
        self._running: set = set()

    def begin(self) -> object:
        running = object()
        self._running.add(running)
        return running

    def end(self, running: Optional[object]) -> None:
        self._running.discard(running)
        if self.told and not self._running:
            os.kill(os.getpid(), signal.SIGTERM)

    def tell(self, number: int, frame: Any) -> None:
        self.told = True
        if not self._running:
            sys.exit(128 + number)

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Listens while the body runs, unless something else in the process does."""
        if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            yield
            return
        signal.signal(signal.SIGTERM, self.tell)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


_ends = _Ends()

_current: contextvars.ContextVar[Optional[Job]] = contextvars.ContextVar("gait_job", default=None)


def current() -> Job:
    """Returns the job of the with statement around the caller, or else the one that GAIT_JOB names."""
    return _current.get() or Job.leased()


@contextlib.contextmanager
def job(environ: Optional[Mapping[str, str]] = None) -> Iterator[Job]:
    """Yields the job that the supervisor has leased to this process.

    The process ends with 75 if the job has to wait for a person, and with 3 if it lost its lease.
    When its supervisor ends it (SIGTERM), as the job was paused, calls that run are settled first.
    """
    leased = Job.leased(environ)
    token = _current.set(leased)
    try:
        with _ends.watch():
            yield leased
    except Exception as error:
        failure = failure_of(error)
        if not isinstance(failure, (Waiting, Fenced)):
            raise
        print("gait: %s" % failure, file=sys.stderr)
        sys.exit(EXIT_WAITING if isinstance(failure, Waiting) else 3)
    finally:
        _current.reset(token)


def tool(
    function: Optional[Callable[..., Any]] = None, *, name: Optional[str] = None, target: Union[str, Callable[[Dict[str, Any]], Optional[str]], None] = None, job: Optional[Job] = None
) -> Any:
    """Makes a function, or an async one, ask the gate before it runs, and settle what became of it.

        @gait.tool(name="payments.refund", target=lambda arguments: arguments["account"])
        def refund(account, amount): ...

    The arguments of the intent are those of the function, by name, with its defaults: values of
    JSON. The function is called with exactly these, once in the life of the job, and returns what
    JSON keeps of its result. The job is the one given, or that of gait.current().
    """
    if function is None:
        return functools.partial(tool, name=name, target=target, job=job)
    called = name or getattr(function, "__name__", "")
    method = getattr(function, "__call__", None)
    if not called or called == "<lambda>":
        raise TypeError("a tool needs a name: gait.tool(name=…)")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError("%s yields, and a tool runs once: return a list" % called)
    signature = inspect.signature(function)

    def bound(args: Any, kwargs: Any) -> Tuple[str, Dict[str, Any], Callable[..., Any], Optional[str]]:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        arguments = {key: list(value) if isinstance(value, tuple) else value for key, value in given.arguments.items()}

        def run(**same: Any) -> Any:
            again = inspect.BoundArguments(signature, same)  # type: ignore[arg-type]
            return function(*again.args, **again.kwargs)  # type: ignore[misc]

        return called, arguments, run, target(arguments) if callable(target) else target

    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(method):

        @functools.wraps(function)
        async def gated_async(*args: Any, **kwargs: Any) -> Any:
            return await (job or current()).do_async(*bound(args, kwargs))

        return gated_async

    @functools.wraps(function)
    def gated(*args: Any, **kwargs: Any) -> Any:
        return (job or current()).do(*bound(args, kwargs))

    return gated


class Client:
    """One actor at one ledger.

    root        the directory of the ledger (GAIT_ROOT, else ./gait-out/jobs)
    url         the address of a daemon, such as http://127.0.0.1:7070 (GAIT_URL)
    token_file  the file of its token: that of gait serve --token-file, or one that gait serve
                token add made (GAIT_TOKEN_FILE)
    actor       who acts (GAIT_ACTOR, else the login name)
    socket      the socket of a daemon
    gait        the program (GAIT_BIN, else gait)
    timeout     how long one request may take, in seconds

    It speaks to a daemon at the socket in the root, or at a loopback address with the token of
    --token-file. If there is none, if commands are signed, or if the token is an actor's own, it runs
    the program for each command.
    """

    def __init__(
        self,
        root: Optional[str] = None,
        url: Optional[str] = None,
        token_file: Optional[str] = None,
        actor: Optional[str] = None,
        socket: Optional[str] = None,
        gait: Optional[str] = None,
        timeout: float = 30.0,
        environ: Optional[Mapping[str, str]] = None,
    ) -> None:
        given = os.environ if environ is None else environ
        set_here = {"GAIT_ACTOR": actor, "GAIT_ROOT": root and os.fspath(root), "GAIT_URL": url, "GAIT_TOKEN_FILE": token_file and os.fspath(token_file)}
        env = {**given, **{key: value for key, value in set_here.items() if value}}
        if not url and (root or socket):
            env.pop("GAIT_URL", None)
        if env.get("GAIT_URL"):
            env.pop("GAIT_ROOT", None)
        self.timeout = timeout
        self.actor: str = env.get("GAIT_ACTOR") or "os:" + pwd.getpwuid(os.getuid()).pw_name
        self._program = _Program(gait or env.get("GAIT_BIN") or "gait", env, timeout)
        self._socket = socket and os.fspath(socket)
        self._bearer = None
        self._root: Optional[str] = None
        if env.get("GAIT_URL"):
            self._bearer = _bearer(env["GAIT_URL"], env.get("GAIT_TOKEN_FILE"))
        elif not env.get("GAIT_SIGN_KEY") and env.get("GAIT_DAEMON") != "never":
            self._root = env.get("GAIT_ROOT") or os.path.join("gait-out", "jobs")
        if env.get("GAIT_SIGN_KEY"):
            self._bearer = None
        self._trace = env.get("TRACEPARENT", "")

    def submit(self, job_id: Optional[str] = None, policy: Optional[str] = None, labels: Optional[Mapping[str, str]] = None, request_id: Optional[str] = None, flags: Iterable[str] = ()) -> Answer:
        """Submits a job, and returns its status.

        A policy is the path of a file, and for operators to choose, not for an agent. The flags are
        further ones of gait job submit, such as --input=FILE: with them the program is run.
        """
        return self._once("_submit", job_id, policy and os.fspath(policy), dict(labels or {}), list(flags), request_id=request_id).get("job") or {}

    def status(self, job_id: str) -> Answer:
        """Returns a job's status."""
        exit, answer = self._again(lambda: self._first("_status", job_id), 4)
        found = answer.get("job")
        if exit != 0 or not isinstance(found, dict) or found.get("job_id") != job_id:
            raise _failed((exit, answer), Failure)
        return found

    def job(self, job_id: str, lease: Optional[int] = None) -> Job:
        """Returns a job to act for, under the lease of an epoch if it has one."""
        return Job(self, job_id, lease)

    def _ask(self, of: Job, tool: str, intent: str, call_id: Optional[str]) -> Reply:
        """Asks the gate. What is no allow has another exit code than 0."""
        request_id = _request_id()
        return self._again(lambda: self._first("_gate", of, tool, intent, call_id, request_id), 4)

    def _content(self, of: Job, digest: str) -> bytes:
        return self._first("_content", of, digest)

    def _once(self, what: str, *args: Any, request_id: Optional[str] = None) -> Answer:
        """Carries a command out once, however often it has to be tried."""
        request_id = request_id or _request_id()
        reply = self._again(lambda: self._first(what, *args, request_id), 8)
        if reply[0] != 0:
            raise _failed(reply, Failure)
        return reply[1]

    def _again(self, run: Callable[[], Reply], most: int) -> Reply:
        end = time.monotonic() + self.timeout
        for attempt in range(1, most + 1):
            try:
                exit, answer = run()
            except Failure as failure:
                exit, answer = failure.exit, failure.answer
            worth = answer.get("retryable") is True or str(answer.get("reason_code") or answer.get("error_code")) in RETRIED
            if exit == 0 or not worth or time.monotonic() > end:
                break
            if attempt < most:
                time.sleep(min(2.0, 0.025 * 2**attempt))
        return exit, answer

    def _first(self, what: str, *args: Any) -> Any:
        """Does something through a daemon if there is one, and else by the program."""
        daemon = self._daemon()
        if daemon is None or what == "_submit" and args[3]:
            return getattr(self._program, what)(*args)
        try:
            return getattr(daemon, what)(*args)
        except _Unsent as unsent:
            if self._socket or self._bearer:
                raise Failure({"error": "the daemon: %s" % unsent, "error_code": "daemon_unreachable"}, 1) from unsent
            return getattr(self._program, what)(*args)  # it is gone, and its socket is not

    def _daemon(self) -> Optional[_Daemon]:
        path = self._socket or (self._root and _socket_in(self._root))
        if path:
            return _Daemon(lambda timeout: _UnixConnection(path, timeout), {}, self.actor, self.timeout, self._trace)
        if self._bearer:
            host, port, token = self._bearer
            headers = {"Authorization": "Bearer " + token}
            return _Daemon(lambda timeout: http.client.HTTPConnection(host, port, timeout=timeout), headers, self.actor, self.timeout, self._trace)
        return None


class _Unsent(Exception):
    """There is no connection to a daemon: nothing was sent."""


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("gait", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class _Daemon:
    """The way through a daemon, over HTTP."""

    def __init__(self, connection: Callable[[float], http.client.HTTPConnection], headers: Dict[str, str], actor: str, timeout: float, trace: str) -> None:
        self.connection, self.headers, self.timeout = connection, headers, timeout
        patience = max(1, min(600_000, int(timeout * 900)))  # the daemon does nothing after this client has given up
        self.always = {"actor": actor, "timeout_ms": patience}
        if re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", trace):
            self.always["trace"] = trace

    def _gate(self, of: Job, tool: str, intent: str, call_id: Optional[str], request_id: str) -> Reply:
        named = {"once": True} if call_id is None else {"call_id": call_id}
        message = _encode({"job_id": of.id, "tool": tool, "request_id": request_id, **named, **_lease(of), **self.always})
        status, answer = self._json("POST", "/v1/gate", (message[:-1] + ',"intent":' + intent + "}").encode())  # the intent goes as it was written
        event = answer.get("event") if isinstance(answer.get("event"), dict) else {}
        payload = event.get("payload") if isinstance(event.get("payload"), dict) else {}
        written = event.get("type") == "gate_decided" and all(payload.get(key) == answer.get(key) for key in ("verdict", "grant", "tool", "call_id"))
        written = written and event.get("request_id") == request_id
        sure = status == 200 and written and "error_code" not in answer
        exit = 0 if answer.get("verdict") == "allow" and sure else 4 if answer.get("verdict") == "require_approval" and status == 200 else 3
        return exit, {**answer, "job_id": event.get("job_id") if written else None}  # only what is written about this very request is about this job

    def _checkpoint(self, of: Job, step: Answer, request_id: str) -> Reply:
        given: Answer = {"type": step["type"], "summary": step["summary"]}
        kept = [dict(self._keep(of, _read(path)), name=os.path.basename(path), role=role) for path, role in step.get("files", [])]
        if "state" in step:
            kept.append(dict(self._keep(of, step["state"].encode()), media_type="application/json", role="state"))
        if kept:
            given["attachments"] = kept
        if "subject" in step:
            given["subject"] = dict(self._keep(of, step["subject"].encode()), media_type="application/json")
        if "action" in step:
            given["required_action"] = step["action"]
        if "progress" in step:
            given["progress"] = dict(zip(("done", "total"), step["progress"]))
        return self._command("checkpoint add", {"job_id": of.id, **_lease(of)}, request_id, given)

    def _settle(self, of: Job, grant: str, outcome: str, reason: Optional[str], result: Optional[str], request_id: str) -> Reply:
        given: Answer = {"grant": grant, "outcome": outcome}
        if result is not None:
            given["result"] = dict(self._keep(of, result.encode()), media_type="application/json")
        return self._command("gate settle", {"job_id": of.id, **_lease(of), **({"reason": reason} if reason else {})}, request_id, given)

    def _submit(self, job_id: Optional[str], policy: Optional[str], labels: Dict[str, str], flags: List[str], request_id: str) -> Reply:
        given: Answer = {}
        if policy is not None:
            status, put = self._json("POST", "/v1/policies/put", _read(policy), "text/plain")
            if status != 200:
                return _commanded(status, put)
            given["policy_digest"] = put.get("digest")
        if labels:
            given["labels"] = [{"key": key, "value": value} for key, value in labels.items()]
        return self._command("submit", {"job_id": job_id} if job_id else {}, request_id, given)

    def _status(self, job_id: str) -> Reply:
        return _commanded(*self._json("GET", "/v1/job?" + urllib.parse.urlencode({"id": job_id})))

    def _content(self, of: Job, digest: str) -> bytes:
        path = "/v1/job/content?" + urllib.parse.urlencode({"id": of.id, "digest": digest})
        try:
            status, body, _ = self._send("GET", path, None, None, MAX_CONTENT)
        except (OSError, http.client.HTTPException) as error:
            raise _unreadable_content(digest) from error
        if status != 200 or len(body) < 16:
            raise _unreadable_content(digest)
        return body[16:]  # its salt is before it

    def _keep(self, of: Job, body: bytes) -> Answer:
        status, put = self._json("POST", "/v1/job/contents/put?" + urllib.parse.urlencode({"id": of.id}), body, "application/octet-stream")
        if status != 200:
            raise _failed(_commanded(status, put), Failure)
        return {"digest": put.get("digest"), "size": put.get("size")}

    def _command(self, verb: str, about: Answer, request_id: str, given: Answer) -> Reply:
        message = {"verb": verb, "request_id": request_id, "arguments": given, **about, **self.always}
        return _commanded(*self._json("POST", "/v1/commands", _encode(message).encode()))

    def _json(self, method: str, path: str, body: Optional[bytes] = None, media: str = "application/json") -> Tuple[int, Answer]:
        try:
            status, answer, kind = self._send(method, path, body, media, MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            code = "deadline_exceeded" if isinstance(error, TimeoutError) else "outcome_unknown"
            return 0, {"error": "the daemon: %s" % (str(error) or type(error).__name__), "error_code": code}
        return status, _parsed(answer) if kind.split(";")[0].strip() == "application/json" else _parsed(b"")

    def _send(self, method: str, path: str, body: Optional[bytes], media: Optional[str], most: int) -> Tuple[int, bytes, str]:
        connection = self.connection(self.timeout)
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise _Unsent(str(error)) from error
        link, late = connection.sock, threading.Event()

        def cut() -> None:
            late.set()
            with contextlib.suppress(OSError):
                link.shutdown(sockets.SHUT_RDWR)

        timer = threading.Timer(self.timeout, cut)  # a timeout of the socket would begin again with each byte
        timer.daemon = True
        timer.start()
        try:
            connection.request(method, path, body, dict(self.headers, **({"Content-Type": media} if body is not None and media else {})))
            response = connection.getresponse()
            return response.status, _whole(response, most), response.headers.get("Content-Type") or ""
        except (OSError, http.client.HTTPException) as error:
            raise TimeoutError("no answer in time") if late.is_set() or isinstance(error, sockets.timeout) else error
        finally:
            timer.cancel()
            connection.close()


class _Program:
    """The way through the program, run for each command."""

    def __init__(self, name: str, environ: Dict[str, str], timeout: float) -> None:
        self.name, self.environ, self.timeout = name, environ, timeout

    def _gate(self, of: Job, tool: str, intent: str, call_id: Optional[str], request_id: str) -> Reply:
        named = "--once" if call_id is None else "--call-id=" + call_id
        exit, answer = self._json(["gate", "eval", "--id=" + of.id, "--tool=" + tool, "--intent=-", named], of.lease, intent)
        if exit == 0 and (answer.get("schema_id") != "gait.gate.output" or not str(answer.get("schema_version")).startswith("1.")):
            return 3, _parsed(b"")
        return exit, answer

    def _checkpoint(self, of: Job, step: Answer, request_id: str) -> Reply:
        args = ["job", "checkpoint", "add", "--id=" + of.id, "--type=" + step["type"], "--summary=" + step["summary"], "--request-id=" + request_id]
        args += ["--progress=%d/%d" % tuple(step["progress"])] if "progress" in step else []
        args += ["--required-action=" + step["action"]] if "action" in step else []
        args += ["--%s=-" % name for name in ("subject", "state") if name in step]
        args += ["--attach=%s:%s" % tuple(file) for file in step.get("files", [])]
        return self._json(args, of.lease, step.get("subject", step.get("state", "")))

    def _settle(self, of: Job, grant: str, outcome: str, reason: Optional[str], result: Optional[str], request_id: str) -> Reply:
        args = ["gate", "settle", "--id=" + of.id, "--grant=" + grant, "--outcome=" + outcome, "--request-id=" + request_id]
        args += ["--reason=" + reason] if reason else []
        args += ["--result=-"] if result is not None else []
        return self._json(args, of.lease, result or "")

    def _submit(self, job_id: Optional[str], policy: Optional[str], labels: Dict[str, str], flags: List[str], request_id: str) -> Reply:
        args = ["job", "submit", "--request-id=" + request_id, *flags, *("--label=%s=%s" % label for label in labels.items())]
        args += ["--id=" + job_id] if job_id else []
        args += ["--policy=" + policy] if policy else []
        return self._json(args)

    def _status(self, job_id: str) -> Reply:
        return self._json(["job", "status", "--id=" + job_id])

    def _content(self, of: Job, digest: str) -> bytes:
        try:
            exit, body = self._run(["content", "get", "--id=" + of.id, "--out=-", "--", digest], of.lease, "", MAX_CONTENT)
        except OSError as error:
            raise _unreadable_content(digest) from error
        if exit != 0:
            raise _unreadable_content(digest)
        return body

    def _json(self, args: List[str], lease: Optional[int] = None, stdin: str = "") -> Reply:
        try:
            exit, body = self._run([*args, "--json"], lease, stdin, MAX_ANSWER)
        except (OSError, ValueError) as error:
            return 1, {"error": "%s: %s" % (self.name, error), "error_code": "internal_failure"}
        return exit, _parsed(body)

    def _run(self, args: List[str], lease: Optional[int], stdin: str, most: int) -> Tuple[int, bytes]:
        env = self.environ if lease is None else dict(self.environ, GAIT_LEASE=str(lease))
        end = time.monotonic() + self.timeout
        child = subprocess.Popen([self.name, *args], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        said = bytearray()
        try:
            threading.Thread(target=_feed, args=(child.stdin, stdin.encode()), daemon=True).start()
            with selectors.DefaultSelector() as ready:
                ready.register(child.stdout, selectors.EVENT_READ)  # type: ignore[arg-type]
                part = b"-"
                while part:
                    if not ready.select(max(0.0, end - time.monotonic())):
                        raise OSError("no answer in time")
                    part = os.read(child.stdout.fileno(), 1 << 16)  # type: ignore[union-attr]
                    said += part
                    if len(said) > most:
                        raise OSError("the answer is too long")
            return child.wait(max(0.1, end - time.monotonic())), bytes(said)
        except subprocess.TimeoutExpired as error:
            raise OSError("it does not end") from error
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
            child.stdout.close()  # type: ignore[union-attr]


def _feed(to: Any, text: bytes) -> None:
    """Writes what a program reads. If it ends before it has read everything, its exit code says why."""
    with contextlib.suppress(OSError), to:
        while text:
            text = text[to.write(text) :]


def _whole(response: http.client.HTTPResponse, most: int) -> bytes:
    """Returns the body of an answer that came whole."""
    length = response.length
    if length is None and not response.chunked:
        raise http.client.HTTPException("the answer does not say how long it is")
    body = bytearray()
    part = b"-"
    while part:
        part = response.read(1 << 16)
        body += part
        if len(body) > most:
            raise http.client.HTTPException("the answer is too long")
    if length is not None and len(body) != length:
        raise http.client.HTTPException("the answer broke off")
    return bytes(body)


def _bearer(url: str, token_file: Optional[str]) -> Optional[Tuple[str, int, str]]:
    """Returns the host, the port and the token of a daemon to which it may be sent: at a loopback address."""
    at = urllib.parse.urlsplit(url)
    if at.scheme != "http" or at.hostname not in ("127.0.0.1", "::1", "localhost") or not token_file:
        return None
    token = _read(token_file).decode("ascii").strip()
    if "+token+" in token:  # it is an actor's own, which is proved, and never sent
        return None
    return at.hostname, at.port or 80, token


def _socket_in(root: str) -> Optional[str]:
    """Returns the socket of the daemon of a root, which this user's own processes alone can make."""
    try:
        path = os.path.join(os.path.realpath(root), "gait.sock")
        link = os.lstat(path)
        if stat.S_ISLNK(link.st_mode) and link.st_uid == os.getuid():
            path = os.readlink(path)
            if not os.path.isabs(path) or not re.fullmatch(r"[0-9a-f]{32}\.sock", os.path.basename(path)):
                return None
            link = os.lstat(path)
        return path if stat.S_ISSOCK(link.st_mode) and link.st_uid == os.getuid() else None
    except OSError:
        return None


def _commanded(status: int, answer: Answer) -> Reply:
    if status == 200 and "error_code" not in answer:
        return 0, answer
    exit = answer.get("exit")
    return (exit if isinstance(exit, int) and exit > 0 else 1), answer


def _failed(reply: Reply, kind: type) -> Failure:
    exit, answer = reply
    return Fenced(answer, exit) if "fenced" in (answer.get("error_code"), answer.get("reason_code")) else kind(answer, exit)


def _unreadable_content(digest: str) -> Failure:
    return Failure({"error": "content %s cannot be read" % digest, "error_code": "content_missing"}, 7)


def _parsed(said: bytes) -> Answer:
    """Returns an answer that is one object of strict JSON, and else an error."""
    try:
        answer = json.loads(said.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError):
        answer = None
    return answer if isinstance(answer, dict) else {"error": "gait said nothing that can be read", "error_code": "internal_failure"}


def _object(members: List[Tuple[str, Any]]) -> Answer:
    found = dict(members)
    if len(found) != len(members):
        raise ValueError("a member is there twice")
    return found


def _constant(word: str) -> Any:
    raise ValueError(word + " is no JSON")


def _is_grant(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", value) is not None


def _is_named(answered: Any, asked: Optional[str]) -> bool:
    """Reports whether an answer is about the call of that name, or else about one that gait has named."""
    return isinstance(answered, str) and (re.fullmatch("intent:[0-9a-f]{40}", answered) is not None if asked is None else answered == asked)


def _intent(tool: str, arguments: Dict[str, Any], target: Optional[str]) -> str:
    """Returns the intent as JSON. What JSON would keep as something else, such as a date, is refused."""
    try:
        if type(arguments) is not dict:
            raise TypeError("the arguments of a tool are a dict")
        _check_plain(arguments, 0)
        return _encode({"tool": tool, "arguments": arguments, **({} if target is None else {"target": target})})
    except (TypeError, ValueError) as error:
        raise Blocked({"error": str(error), "reason_code": "intent_invalid"}, 3) from error


def _check_plain(value: Any, depth: int) -> None:
    if depth > 64:
        raise ValueError("the arguments are nested too deep")
    if type(value) is dict:
        for key, member in value.items():
            if type(key) is not str:
                raise TypeError("%.80r is no name of JSON" % (key,))
            _check_plain(member, depth + 1)
    elif type(value) in (list, tuple):
        for element in value:
            _check_plain(element, depth + 1)
    elif value is not None and type(value) not in (str, int, float, bool):
        raise TypeError("%.80r is no value of JSON" % (value,))


def _encode(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


def _kept(result: Any) -> Optional[str]:
    """Returns what is kept of a result: JSON, else its text; None if there is none."""
    if result is None:
        return None
    try:
        return json.dumps(result, allow_nan=False, default=str)
    except Exception:  # pylint: disable=broad-except
        with contextlib.suppress(Exception):
            return json.dumps(str(result))
        return None


def _unfinished(result: Any, depth: int = 0) -> Optional[str]:
    """Returns the kind of a part of a result that is no finished value, and None if all are."""
    if result is None or isinstance(result, FINISHED):
        return None
    if not isinstance(result, (dict, list, tuple, set, frozenset)) or depth > 64:
        return _kind(result)
    parts = [part for pair in result.items() for part in pair] if isinstance(result, dict) else result
    return next((odd for odd in (_unfinished(part, depth + 1) for part in parts) if odd is not None), None)


def _kind(value: Any) -> str:
    name = type(value).__name__
    return name if re.fullmatch("[A-Za-z0-9_]{1,60}", name) else "object"


def because(error: BaseException) -> str:
    """Returns why a call is unknown whose tool has raised: the kind of error, and not its words, which may be private."""
    return "the tool failed: " + _kind(error)


def _bundled(content: Optional[Answer]) -> Any:
    """Returns content of the supervisor's that is a value of JSON; None if there is none, or its bytes are gone."""
    if not content or not content.get("path"):
        return None
    return json.loads(_read(content["path"]))


def _is_about(content: Optional[Answer], subject: Any) -> bool:
    """Reports whether a decision was about a subject. One whose bytes are gone was about none that can be named."""
    if not content:
        return subject is None
    return bool(content.get("path")) and _spelling(_bundled(content)) == _spelling(subject)


def _spelling(value: Any) -> str:
    """Returns a spelling by which two values of JSON can be compared."""
    return json.dumps(json.loads(json.dumps(value), parse_float=lambda text: int(float(text)) if float(text).is_integer() else float(text)), sort_keys=True)


def _read(path: str) -> bytes:
    with open(path, "rb") as f:
        return f.read()


def _lease(of: Job) -> Answer:
    return {} if of.lease is None else {"lease": of.lease}


def _request_id() -> str:
    return "py-" + uuid.uuid4().hex
