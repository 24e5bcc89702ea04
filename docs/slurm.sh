#!/bin/bash
# A search on the machines of a SLURM job, which queues itself again until the budget is spent.
#
#   sbatch docs/slurm.sh --data /shared/images --budget 1000
#
# All arguments are those of nas search. Every machine needs the same Python environment, and the
# run's directory must be on a disk that all machines see. Adapt the next lines to your cluster.
#SBATCH --job-name=nas
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --gpus-per-node=4
#SBATCH --time=08:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append

set -u
run=${RUN:-runs/slurm-$SLURM_JOB_ID} # a job that is queued again keeps its id

# Other users of the machines cannot use this Ray without the token.
RAY_AUTH_TOKEN=$(python -c 'import secrets; print(secrets.token_hex(32))')
export RAY_AUTH_TOKEN RAY_AUTH_MODE=token

first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1) # where this script runs
address=$first:$((20000 + SLURM_JOB_ID % 10000))
others=$((SLURM_JOB_NUM_NODES - 1))
srun --nodes=1 --ntasks=1 --nodelist="$first" \
  ray start --head --port="${address##*:}" --block &
if [ "$others" -gt 0 ]; then
  until (: <"/dev/tcp/$first/${address##*:}") 2>/dev/null; do sleep 1; done
  srun --nodes="$others" --ntasks="$others" --exclude="$first" \
    ray start --address="$address" --block &
fi
until [ "$(ray status --address="$address" 2>/dev/null | grep -c ' node_')" -gt "$others" ]; do
  sleep 1
done

if [ -e "$run/run.json" ]; then
  nas search --resume "$run" --address "$address" &
else
  nas search "$@" --out "$run" --address "$address" &
fi
search=$!

# SLURM sends USR1 two minutes before the time is over, and TERM after scancel.
stop() {
  trap '' USR1 TERM
  kill -TERM "$search"
  wait "$search"
}
trap 'stop; scontrol requeue "$SLURM_JOB_ID"; exit 0' USR1
trap 'stop; exit 143' TERM
wait "$search"
code=$?
[ "$code" -eq 0 ] || echo "nas search ended with exit code $code" >&2
exit "$code" # SLURM then ends Ray on all machines
