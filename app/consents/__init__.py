"""Consents: what a patient allows a clinic, and how the two find each other.

Either the clinic invites and the patient redeems the invitation's code, or the patient proposes and the clinic redeems
the proposal's code. The clinic sees an active consent as a *connection*, with a random patient id and the clinic's own
identifiers. Every write locks the owner's feed first, then reads the consents (`writing`). Accesses are logged for the
patient in the same transaction (`access_log`).
"""
