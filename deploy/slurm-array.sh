#!/usr/bin/env bash
# Workers of one study as a Slurm job array: each task is one worker, and takes trials until none is left to take.
#
#   hpsearch create --budget 100k --arch cnn --trials 500   once, on the login node: it fetches the data set as well
#   sbatch --array=1-32 deploy/slurm-array.sh fashion-mnist-cnn-100k
#   sbatch --array=1-4 --gres=gpu:1 deploy/slurm-array.sh fashion-mnist-cnn-100k
#
# The database's URL is the one line of ~/.config/hpsearch/storage (or of the file that HPSEARCH_STORAGE_FILE names),
# which nobody but you may read. Data sets come from HPSEARCH_CACHE, by default ~/.cache/hpsearch: have it where the
# nodes see it.
#SBATCH --job-name=hpsearch
#SBATCH --array=1-8
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem=4G
#SBATCH --time=04:00:00
#SBATCH --output=hpsearch-%A_%a.log
# A minute before the time is up, the worker gives its trial back: another goes on with it.
#SBATCH --signal=B:TERM@60
set -euo pipefail

if [ "$#" -ne 1 ]; then
    echo "usage: sbatch --array=1-N $0 STUDY" >&2
    exit 2
fi

# The file alone says where the database is: sbatch would hand HPSEARCH_STORAGE over to where others may see it.
unset HPSEARCH_STORAGE
export HPSEARCH_STORAGE_FILE=${HPSEARCH_STORAGE_FILE:-$HOME/.config/hpsearch/storage}
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
exec hpsearch worker "$1" --drain
