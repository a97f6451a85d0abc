"""The write engine: every change of a record, from every entry point, is an operation that runs here.

`store` is the entrance. `feed_lock` orders the writers of one owner, `engine` decides on a batch of operations in memory
(`merge`, `rules`, `order`), `working_set` holds the rows it reads and writes, and each change is handed to `recorders`.
"""
