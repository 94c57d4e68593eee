#!/bin/sh
# The job of steps.py in the shell: a job of 14 steps that may be killed at any moment.
#
#   gait job run --id job_1 --policy policy.cedar -- ./steps.sh
#
# GAIT_RESUME names a file in a directory of its own; beside it, "state" is the state that was
# kept last, if any.
set -eu
posted=${POSTED:-posted.txt}
step=0 sum=0
if [ -f "$(dirname "$GAIT_RESUME")/state" ]; then
  read -r step sum < "$(dirname "$GAIT_RESUME")/state"
fi
while [ "$step" -lt 14 ]; do
  step=$((step + 1))
  code=0
  printf '{"tool": "book.post", "arguments": {"step": %d}}' "$step" |
    gait gate exec --id "$GAIT_JOB" --tool book.post --call-id "step-$step" --intent - --json -- \
      sh -c "echo $step >> '$posted'" > "$(dirname "$GAIT_RESUME")/answer" || code=$?
  if [ "$code" -ne 0 ] && ! grep -q '"reason_code":"already_done"' "$(dirname "$GAIT_RESUME")/answer"; then
    cat "$(dirname "$GAIT_RESUME")/answer" >&2
    case $code in 4) exit 75 ;; *) exit 1 ;; esac # 4: it asked for a decision
  fi
  sum=$((sum + step * step))
  echo "$step $sum" | gait job checkpoint add --id "$GAIT_JOB" --summary "posted step $step" --progress "$step/14" --state - > /dev/null
done
echo "the sum is $sum" >&2
