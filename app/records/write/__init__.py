"""The write engine: every change of a record, from every entry point, is an operation that runs here.

`store` is the entry point. `feed_lock` puts the writes of one owner in order. `engine` executes a batch of operations
in memory, with `merge`, `rules` and `order`. `working_set` contains the rows that the batch reads and writes, and
passes each change to the `recorders`.
"""
