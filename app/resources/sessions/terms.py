"""The terms in which a session is told."""

from enum import StrEnum


class SessionKind(StrEnum):
    """What the appointment is for."""

    PREPARATION = "preparation"
    DOSING = "dosing"
    INTEGRATION = "integration"


class SessionStatus(StrEnum):
    """How far it has come (FHIR R4 event status)."""

    PLANNED = "planned"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"
    STOPPED = "stopped"
    NOT_DONE = "not-done"
    ENTERED_IN_ERROR = "entered-in-error"


class Setting(StrEnum):
    """Where it takes place."""

    CLINIC = "clinic"
    HOME = "home"
    TELEHEALTH = "telehealth"
    RETREAT = "retreat"
    INPATIENT = "inpatient"
    OTHER = "other"


class Supervision(StrEnum):
    """Who watches over it."""

    IN_PERSON_CLINICIAN = "in-person-clinician"
    IN_PERSON_SITTER = "in-person-sitter"
    PEER_MONITOR = "peer-monitor"
    REMOTE_GUIDE = "remote-guide"
    SELF_LED = "self-led"


class Medicine(StrEnum):
    """What is taken."""

    RACEMIC_KETAMINE = "racemic-ketamine"
    ESKETAMINE = "esketamine"
    ARKETAMINE = "arketamine"
    OTHER = "other"
    NONE = "none"


class MedicineRoute(StrEnum):
    """How it is taken."""

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
    """What the dose is counted in."""

    MG = "mg"
    MG_PER_KG = "mg/kg"
    UG = "ug"
