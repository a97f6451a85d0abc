"""Jobs: work that happens after a request, and is never lost.

A job is a row that is written in the same transaction as what causes it, so it exists if and only if that was
committed. Each worker runs the jobs that are due, one claim at a time; a failed job is retried with exponential backoff
until it expires. A process that is killed leaves its jobs to the others, once their lease has ended. Periodic work,
such as a search for what has expired, runs in every process instead (`Jobs.repeat`).
"""

from app.jobs.jobs import Backlog, Job, JobRejectedError, Jobs
from app.jobs.tables import JobRecord

__all__ = ["Backlog", "Job", "JobRecord", "JobRejectedError", "Jobs"]
