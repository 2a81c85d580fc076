"""The SQL store: contacts, ledger, effects and the index of dead letters."""
