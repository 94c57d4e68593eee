"""An agent of the OpenAI Agents SDK as a durable job, from its submission to a verified pack.

    make build
    python3 examples/integrations/openai_agents/quickstart.py

An agent has two tools: it looks up an order, and gives the money back. The policy wants a person to
approve the second. This program plays four parts, each with a name and, if ssh-keygen is there,
with a key of its own:

    boss      the operator: submits the job under the policy, resumes it, finds out what was done
    support   the worker: the agent, under gait job run. It can approve nothing
    reviewer  the approver: is shown the refund, and approves it
    anyone    builds a pack of the job, and verifies it

Kill it at any moment, and start it again: it goes on. All that it writes is in one directory
(--dir). It needs no network: without the SDK a double of its interface is used, and without
OPENAI_API_KEY the model is a script. It says which.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "python"))
sys.dont_write_bytecode = True
JOB = "refund-order-7"
ORDERS = {"7": {"customer": "Ada", "paid_cents": 4200, "delivered": False}}


# The agent, and what its tools do.


def sdk():
    """Returns the SDK and the module with the types of a model's answer, installed or doubles."""
    if not os.environ.get("GAIT_DOUBLE"):
        try:
            import agents
            import openai.types.responses

            if hasattr(agents, "RunState"):
                return agents, openai.types.responses
        except ImportError:
            pass
    sys.path.insert(0, HERE)
    import double

    sys.modules["agents"] = double
    return double, double


def look_up_order(order_id: str) -> str:
    """Tells what an order is, and whether it was delivered."""
    return json.dumps(ORDERS.get(order_id, {"error": "no such order"}))


def refund(order_id: str, amount_cents: int) -> str:
    """Gives money back to the customer of an order."""
    line = os.open("refunds.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)  # stands for a bank
    os.write(line, (json.dumps({"order_id": order_id, "amount_cents": amount_cents}) + "\n").encode())
    os.fsync(line)
    os.close(line)
    return refunded(order_id, amount_cents)


def refunded(order_id, amount_cents):
    return "%d cents were given back for order %s" % (amount_cents, order_id)


def script(agents, responses):
    """Returns a model that needs no network: it looks up the order, gives the money back, and says so."""

    class Script(agents.Model):
        async def get_response(self, system_instructions, input, model_settings, tools, output_schema, handoffs, tracing, **more):
            outputs = [item["output"] for item in input if isinstance(item, dict) and item.get("type") == "function_call_output"]
            if not outputs:
                said = self.call("look_up_order", {"order_id": "7"})
            elif len(outputs) == 1:
                said = self.call("refund", {"order_id": "7", "amount_cents": json.loads(outputs[0])["paid_cents"]})
            else:
                text = responses.ResponseOutputText(text="Done: %s." % outputs[1], type="output_text", annotations=[])
                said = responses.ResponseOutputMessage(id="msg_" + uuid.uuid4().hex, role="assistant", status="completed", type="message", content=[text])
            return agents.ModelResponse(output=[said], usage=agents.Usage(), response_id=None)

        def call(self, name, arguments):
            return responses.ResponseFunctionToolCall(call_id="call_" + uuid.uuid4().hex, name=name, arguments=json.dumps(arguments), type="function_call")

        def stream_response(self, *args, **kwargs):
            raise NotImplementedError

    return Script()


def worker():
    """What gait job run starts: the agent, with its tools behind the gate."""
    agents, responses = sdk()
    import gait
    import openai_agents_gait

    scripted = not os.environ.get("OPENAI_API_KEY") or agents.__name__ == "double"
    if scripted:
        agents.set_tracing_disabled(True)  # else the SDK sends what runs to OpenAI
    print("the SDK is openai-agents %s, and the model is %s" % (agents.__version__, "a script" if scripted else "the SDK's default"))
    with gait.job() as job:
        host = openai_agents_gait.Host(job)
        agent = agents.Agent(
            name="Support",
            instructions="Give the whole price of an order back if it was not delivered. Look it up first.",
            tools=[host.tool(look_up_order), host.tool(refund)],
            **({"model": script(agents, responses)} if scripted else {}),
        )
        result = asyncio.run(host.run(agent, "Order 7 never came. I want my money back."))
        print(result.final_output)
        job.checkpoint(str(result.final_output)[:500])


# The people around it. Each of them is a name and a key.


class Gait:
    """The program gait, used by one person."""

    def __init__(self, program, actor=None, key=None):
        self.program, self.actor = program, actor
        self.signed = ["--actor", actor] if actor else []
        if key:
            self.signed += ["--sign-key", os.path.abspath(key)]

    def ask(self, *args, stdin=b""):
        """Returns the answer of a command, whatever it is."""
        done = subprocess.run([self.program, *args, "--json"], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        try:
            return json.loads(done.stdout)
        except ValueError:
            return {"ok": False, "error_code": "unreadable", "error": "gait exited with %d and said nothing that can be read" % done.returncode}

    def do(self, *args, stdin=b"", unless=()):
        """Carries out a command. If it was done before, its error code is one of unless."""
        for attempt in range(20):
            answer = self.ask(*args, *self.signed, stdin=stdin)
            if answer.get("ok") or answer.get("error_code") in unless:
                return answer
            if not answer.get("retryable"):
                break
            time.sleep(0.2)
        raise SystemExit("gait %s: %s (%s)" % (" ".join(args), answer.get("error"), answer.get("error_code")))

    def read(self, content):
        """Returns content of the job: an intent, as the gate was asked for it."""
        command = [self.program, "content", "get", content["digest"], "--id", JOB, "--out", "-"]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout)


def find_gait():
    built = os.path.abspath(os.path.join(HERE, "..", "..", "..", "gait"))
    for program in (os.environ.get("GAIT_BIN"), built if os.path.exists(built) else None, shutil.which("gait")):
        if program:
            return os.path.abspath(program) if os.sep in program else program
    raise SystemExit("there is no gait: run make build, or name it in GAIT_BIN")


def make_keys(names):
    """Makes a key for each name, or returns None if there is no ssh-keygen: then names are claims."""
    if not shutil.which("ssh-keygen"):
        return None
    os.makedirs("keys", mode=0o700, exist_ok=True)
    for name in names:
        key = os.path.join("keys", name)
        if os.path.exists(key + ".pub"):
            continue
        for left in (key, key + ".new", key + ".new.pub"):
            if os.path.exists(left):
                os.remove(left)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key + ".new"], check=True)
        os.rename(key + ".new", key)
        os.rename(key + ".new.pub", key + ".pub")  # last: the key is whole
    return {name: os.path.join("keys", name) for name in names}


def unsigned_policy():
    """Writes the policy without its line about roles, which only actors with keys have."""
    with open(os.path.join(HERE, "policy.cedar"), encoding="utf-8") as f:
        lines = [line for line in f if not line.startswith("@gait_approvers")]
    with open("unsigned.cedar", "w", encoding="utf-8") as f:
        f.writelines(lines)
    return os.path.abspath("unsigned.cedar")


def begin(people, keys, policy):
    """Makes the ledger, says who signs with which key, and submits the job under its policy."""
    boss = people["boss"]
    Gait(boss.program).do("ledger", "init", unless=("ledger_exists",))
    if keys:
        roles = {"boss": "admin,operator", "support": "worker", "reviewer": "approver"}
        enrolled = {actor["actor"] for actor in boss.ask("actor", "list").get("actors") or []}
        for name, role in roles.items():
            if name not in enrolled:
                boss.do("actor", "add", name, "--key", keys[name] + ".pub", "--role", role, *(["--bootstrap"] if name == "boss" else []))
        if boss.ask("authority", "show").get("authority", {}).get("mode") != "verdicts":
            boss.do("authority", "set", "--mode", "verdicts")
    if boss.ask("job", "status", JOB).get("error_code") == "job_not_found":
        boss.do("job", "submit", "--id", JOB, "--policy", policy, "--label", "example=openai_agents", unless=("job_exists",))
    say("boss has submitted %s under %s" % (JOB, os.path.basename(policy)))


class Supervisor:
    """gait job run, which starts the worker under a lease, and again when the job goes on."""

    def __init__(self, support):
        self.support, self.process, self.shown, self.log = support, None, 0, "worker.log"

    def see_to(self, job):
        """Starts it if nobody has the job, and shows what it and the worker have said."""
        lease = job.get("lease") or {}
        held = lease and not lease.get("expired") and not lease.get("ended")
        if self.process is not None and self.process.poll() is not None:
            self.process = None
        if self.process is None and not held and job["waiting_for"] in ("lease", "worker"):
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    [self.support.program, "job", "run", "--id", JOB, "--lease-ttl", "5s", "--retries", "20", *self.support.signed, "--", sys.executable, os.path.abspath(__file__), "--worker"],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )
        self.show()

    def show(self):
        if os.path.exists(self.log):
            with open(self.log, encoding="utf-8", errors="replace") as log:
                log.seek(self.shown)
                text = log.read()
                self.shown = log.tell()
            for line in text.splitlines():
                print("    | " + line, flush=True)

    def end(self):
        if self.process is not None:
            self.process.wait(timeout=60)
        self.show()


def play(people, policy, by_hand):
    """Does what people have to do, until the job is completed."""
    supervisor, told = Supervisor(people["support"]), None
    while True:
        job = people["boss"].ask("job", "status", JOB).get("job")
        if job is None:
            time.sleep(0.2)
            continue
        supervisor.see_to(job)
        if job["status"] == "completed":
            supervisor.end()
            return
        if job["status"] in ("failed", "cancelled", "emergency_stopped") or job["waiting_for"] == "reversal":
            supervisor.show()
            raise SystemExit("the job is %s (%s): begin again in another --dir" % (job["status"], job["stop_reason"]))
        undecided = [decision for decision in job["open_decisions"] if not decision.get("verdict")]
        if job["waiting_for"] == "effects":
            find_out(people["boss"])
        elif undecided:
            for decision in undecided:
                told = approve(people["reviewer"], decision, by_hand, told)
        elif job["waiting_for"] == "resume":
            say("boss resumes the job under its policy")
            people["boss"].do("job", "resume", JOB, "--policy", policy, unless=("invalid_transition",))
        time.sleep(0.2)


def approve(reviewer, decision, by_hand, told):
    """Has the reviewer decide: another actor than the worker, who is shown what is to be done."""
    checkpoint = decision["checkpoint_id"]
    command = ["job", "approve", JOB, "--checkpoint", checkpoint, "--reason", "the order did not arrive, and the amount is its price"]
    if by_hand:
        if told != checkpoint:
            say("the job waits for reviewer. In another terminal:\n  GAIT_ROOT=%s GAIT_HOME=%s %s job approve %s --checkpoint %s --show --reason WHY %s" % (
                os.environ["GAIT_ROOT"], os.environ["GAIT_HOME"], reviewer.program, JOB, checkpoint, " ".join(reviewer.signed)))
        return checkpoint
    subject = reviewer.read(decision["subject"])
    say("reviewer is shown: %s %s" % (subject["tool"], json.dumps(subject["arguments"])))
    wanted = ORDERS.get(subject["arguments"].get("order_id"), {})
    if subject["tool"] != "refund" or wanted.get("delivered", True) or subject["arguments"]["amount_cents"] != wanted["paid_cents"]:
        raise SystemExit("reviewer does not approve that: decide it by hand with --by-hand")
    reviewer.do(*command, unless=("already_decided", "decision_not_open"))
    say("reviewer approves it")
    return checkpoint


def find_out(boss):
    """Says what became of grants that a killed worker has left open, by what the bank has on record."""
    for grant in boss.ask("gate", "list", "--id", JOB).get("grants") or []:
        intent = boss.read(grant["intent"])
        settle = ["gate", "settle", "--id", JOB, "--grant", grant["grant"], "--reason", "by the file of the bank"]
        if intent["tool"] == "refund" and intent["arguments"] in refunds():
            boss.do(*settle, "--outcome", "done", "--result", "-", stdin=json.dumps(refunded(**intent["arguments"])).encode(), unless=("grant_settled",))
            say("boss has found out: %s was done" % intent["tool"])
        else:
            boss.do(*settle, "--outcome", "not_done", unless=("grant_settled",))
            say("boss has found out: %s had no effect" % intent["tool"])


def refunds():
    try:
        with open("refunds.jsonl", encoding="utf-8") as f:
            return [json.loads(line) for line in f]
    except FileNotFoundError:
        return []


def prove(program, keys):
    """Builds a pack of the job, and verifies it: against the ledger's key, and the boss's, who has enrolled the others."""
    anyone = Gait(program)
    if not os.path.exists("pack.zip"):
        anyone.do("pack", "build", "--type", "job", "--from", JOB, "--include-content", "--out", "pack.zip")
    admin = ["--admin-key", keys["boss"] + ".pub"] if keys else []
    report = anyone.do("pack", "verify", "pack.zip", *admin)["report"]
    events = [e for e in anyone.do("job", "events", JOB)["events"] if e["type"] in ("submitted", "approved")]
    say("refunds: %s" % json.dumps(refunds()))
    if keys:
        signers = report["authority"]["signed_by"]
        if not {"boss", "support", "reviewer"} <= set(signers) or report["authority"].get("claimed_count"):
            raise SystemExit("not every event is signed: %s" % report["authority"])
        say("approved by %s, asked by support: each event is signed by the key of its actor (%s)" % (", ".join(e["actor"] for e in events if e["type"] == "approved"), ", ".join(signers)))
    else:
        say("approved by reviewer, as it is claimed: there is no ssh-keygen here, so nobody signed")
    return subprocess.run([program, "pack", "verify", "pack.zip", *admin], check=False).returncode


def say(text):
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dir", default="gait-quickstart", help="where all is written (default ./gait-quickstart)")
    parser.add_argument("--by-hand", action="store_true", help="let somebody approve in another terminal")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        return worker()
    program = find_gait()
    os.makedirs(args.dir, mode=0o700, exist_ok=True)
    os.chdir(args.dir)
    for name in ("URL", "TOKEN_FILE", "CA", "ACTOR", "SIGN_KEY", "JOB", "LEASE", "RESUME"):
        os.environ.pop("GAIT_" + name, None)
    os.environ.update(GAIT_ROOT=os.path.abspath("ledger"), GAIT_HOME=os.path.abspath("home"), GAIT_BIN=program)
    keys = make_keys(["boss", "support", "reviewer"])
    policy = os.path.join(HERE, "policy.cedar") if keys else unsigned_policy()
    people = {name: Gait(program, name, keys and keys[name]) for name in ("boss", "support", "reviewer")}
    if keys:
        os.environ["GAIT_SIGN_KEY"] = os.path.abspath(keys["support"])  # for the worker alone: the others name theirs
    say("the SDK is %s" % ("a double of openai-agents, which is not installed" if sdk()[0].__name__ == "double" else "openai-agents"))
    begin(people, keys, policy)
    play(people, policy, args.by_hand)
    return prove(program, keys)


if __name__ == "__main__":
    sys.exit(main())
