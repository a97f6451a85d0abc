"""Consents: what patients allow clinics.

Either the clinic creates an invitation and the patient redeems its code, or the patient proposes a consent and the
clinic redeems the code of the proposal. The clinic sees an active consent as a *connection*, with a random patient id
and the clinic's own identifiers. Every write locks the owner's feed first, then reads the consents (`writing`).
Accesses are logged for the patient in the same transaction (`access_log`).
"""
