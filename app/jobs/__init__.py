"""Jobs: work that is done after a request, and that survives a crash.

A job is a row of the table of jobs. It is written in the same transaction as the change that needs it, so the job
exists if and only if the change was committed. Each worker claims and runs jobs that are due. A failed job is retried
with exponential backoff until it expires. If a process is killed, other processes claim its jobs when their leases have
ended. Periodic work, such as a search for expired rows, is not a job: it runs in every process (`Jobs.repeat`).
"""

from app.jobs.jobs import Backlog, Job, JobRejectedError, Jobs
from app.jobs.tables import JobRecord

__all__ = ["Backlog", "Job", "JobRecord", "JobRejectedError", "Jobs"]
