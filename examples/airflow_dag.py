"""Score what has arrived in the inbox every night, with Apache Airflow 3. Put this file into Airflow's DAG folder.

An interrupted attempt loses nothing: a retry runs the same command, which continues where the last one stopped. Only
exit codes for which that helps are retried; a BashOperator would retry whatever the exit code.
"""

import subprocess
from datetime import datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

COMMAND = (
    "/opt/sentiment-batch/bin/sentiment-batch score /srv/reviews/inbox/ -o /srv/reviews/scored/"
    " --new-only --deadline 02:00:00 --log-format json"
)
DONE = {0, 3}  # 3: some files or records could not be read; the log lists them


def goes_on(exit_code: int) -> bool:
    """Whether a retry can continue: another run had the output or the time was up (75), or a signal ended the run.

    The signal may mean that the run was stopped, killed for lack of memory, or crashed in a library. Python reports it
    as a negative number such as -9, a shell as 137.
    """
    return exit_code == 75 or exit_code < 0 or exit_code > 128


@dag(schedule="15 2 * * *", start_date=datetime(2026, 1, 1), catchup=False, max_active_runs=1)
def reviews() -> None:
    @task(retries=5, retry_delay=timedelta(minutes=5), retry_exponential_backoff=True)
    def score() -> None:
        with subprocess.Popen(COMMAND.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            try:
                for line in process.stdout or ():
                    print(line, end="", flush=True)
            except BaseException:  # the task was stopped: what has been scored so far is kept
                process.terminate()
                raise
        if goes_on(process.returncode):
            raise AirflowException(f"exit code {process.returncode}: the next attempt continues from here")
        if process.returncode not in DONE:
            raise AirflowFailException(f"exit code {process.returncode}: the last line of the log says why")

    score()


reviews()
