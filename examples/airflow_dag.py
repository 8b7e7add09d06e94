"""Every night, score what has arrived in the inbox, by Apache Airflow 3; this file goes into its folder of DAGs.

A try that ends early loses nothing: the next one runs the same command, which goes on behind what is scored. Where that
would not help there is none; BashOperator, for one, would try again whatever the exit code.
"""

import subprocess
from datetime import datetime, timedelta

from airflow.sdk import dag, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

COMMAND = (
    "/opt/sentiment-batch/bin/sentiment-batch score /srv/reviews/inbox/ -o /srv/reviews/scored/"
    " --new-only --deadline 02:00:00 --log-format json"
)
DONE = {0, 3}  # 3: but for files or records that could not be read, which the log lists


def goes_on(exit_code: int) -> bool:
    """Whether the next try would: another run had the output, or the time was up (75), or a signal ended this one.

    Stopped, killed for its memory perhaps, or died in a library: Python gives the signal as -9, a shell as 137.
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
            except BaseException:  # the task is stopped: what is scored by now is kept
                process.terminate()
                raise
        if goes_on(process.returncode):
            raise AirflowException(f"exit code {process.returncode}: the next try goes on from here")
        if process.returncode not in DONE:
            raise AirflowFailException(f"exit code {process.returncode}: the last line of the log says why")

    score()


reviews()
