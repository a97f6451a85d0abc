"""Delta sync: devices that are often offline keep a complete copy of their owner's records.

A device *pulls* the changes since its cursor, and *pushes* operations: the sum of its edits of each record, with the
version that they were made from. Edits of different fields merge; a collision is reported, never resolved silently.
"""
