"""The exchange of records with clinics: pushing sessions, pulling changes, and what each side sees."""
