"""Delta sync: devices that are often offline keep a complete copy of their owner's records.

A device *pulls* the changes since its cursor, and *pushes* operations. An operation combines all its edits of one record,
and says from which version they were made. Edits of different fields are merged; a collision is reported, never resolved
silently.
"""
