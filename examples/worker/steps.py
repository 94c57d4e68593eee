"""A job of 14 steps that may be killed at any moment, and ends with the right result.

    gait job run --id job_1 --policy policy.cedar -- python3 steps.py

Each step posts one line to the file that POSTED names: that is the tool. The gate allows each
line once. What was posted when a worker was killed in between is found out by posted.py.
"""

import os
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
import gait  # from beside this file, or else from examples/python

STEPS = 14


def post(step):
    """The tool: it adds a line to a file, and returns what it posted."""
    line = os.open(os.environ.get("POSTED", "posted.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(line, b"%d\n" % step)
    os.fsync(line)
    os.close(line)
    return {"square": step * step}


with gait.job() as job:
    done = job.state or {"step": 0, "sum": 0}
    for step in range(done["step"] + 1, STEPS + 1):
        posted = job.do("book.post", {"step": step}, post)
        done = {"step": step, "sum": done["sum"] + posted["square"]}
        job.save(done, "posted step %d" % step, progress=(step, STEPS))
    print("the sum is", done["sum"], file=sys.stderr)
