"""The enumerations of sessions."""

from enum import StrEnum


class SessionKind(StrEnum):
    """The purpose of a session."""

    PREPARATION = "preparation"
    DOSING = "dosing"
    INTEGRATION = "integration"


class SessionStatus(StrEnum):
    """The status of a session (FHIR R4 event status)."""

    PLANNED = "planned"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    STOPPED = "stopped"
    NOT_DONE = "not-done"
    ENTERED_IN_ERROR = "entered-in-error"


class Setting(StrEnum):
    """Where a session takes place."""

    CLINIC = "clinic"
    HOME = "home"
    TELEHEALTH = "telehealth"
    RETREAT = "retreat"
    INPATIENT = "inpatient"
    OTHER = "other"


class Supervision(StrEnum):
    """Who supervises a session."""

    IN_PERSON_CLINICIAN = "in-person-clinician"
    IN_PERSON_SITTER = "in-person-sitter"
    PEER_MONITOR = "peer-monitor"
    REMOTE_GUIDE = "remote-guide"
    SELF_LED = "self-led"


class Medicine(StrEnum):
    """The medicine of a dosing session."""

    RACEMIC_KETAMINE = "racemic-ketamine"
    ESKETAMINE = "esketamine"
    ARKETAMINE = "arketamine"
    OTHER = "other"
    NONE = "none"


class MedicineRoute(StrEnum):
    """The route of administration."""

    INTRAVENOUS = "intravenous"
    INTRAMUSCULAR = "intramuscular"
    SUBCUTANEOUS = "subcutaneous"
    INTRANASAL = "intranasal"
    SUBLINGUAL = "sublingual"
    BUCCAL = "buccal"
    ORAL = "oral"
    RECTAL = "rectal"
    OTHER = "other"


class DoseUnit(StrEnum):
    """The unit of a dose."""

    MG = "mg"
    MG_PER_KG = "mg/kg"
    UG = "ug"
