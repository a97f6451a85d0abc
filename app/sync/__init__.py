"""Delta sync: devices that are often offline keep a complete copy of their owner's records.

A device *pulls* the changes since its cursor, and *pushes* operations. An operation combines all edits of one record by
the device, and says which version of the record they are based on. Edits of different fields are merged. A collision is
reported, never resolved silently.
"""
