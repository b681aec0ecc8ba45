#!/usr/bin/env bash
# Workers of the study @study as a Slurm job array, each task @workers_a_task of them. Written by
#   @command
# A worker ends when the study is finished, or hpsearch stop ends it. Whoever is cancelled, requeued or out of time gives
# the trial back first: another worker goes on with it.
#
# The database's URL is the one line of the file that HPSEARCH_STORAGE_FILE names below, which nobody but you may read.
# Data sets come from HPSEARCH_CACHE, by default ~/.cache/hpsearch: have it where the nodes see it.
#SBATCH --job-name=hpsearch-@study
#SBATCH --array=1-@tasks
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=@workers_a_task
#SBATCH --mem=@memory
#SBATCH --time=@time
#SBATCH --output=hpsearch-@study-%A_%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
# A minute before the time is up.
#SBATCH --signal=B:TERM@@60
@options
set -euo pipefail

# The file alone says where the database is: the environment is for others to see.
unset HPSEARCH_STORAGE
export HPSEARCH_STORAGE_FILE=@storage_file
if [ ! -f "$HPSEARCH_STORAGE_FILE" ]; then
    echo "$HPSEARCH_STORAGE_FILE is missing: write the database's URL into it, then chmod 600" >&2
    exit 3
fi
case $(stat -c %a "$HPSEARCH_STORAGE_FILE") in
    600 | 400) ;;
    *)
        echo "$HPSEARCH_STORAGE_FILE can be read by others: type chmod 600 $HPSEARCH_STORAGE_FILE" >&2
        exit 3
        ;;
esac

echo "task ${SLURM_ARRAY_TASK_ID:-1} of job ${SLURM_ARRAY_JOB_ID:-none} on $(hostname)"
# exec: the signal above goes to the process of this script, which is the worker from here on.
exec @program worker @study@flags
