"""Any number of believable opportunities, by COPY: the same ones for the same number, seed and day.

The only code beside the verbs that writes ledgers. What it writes the database's own guards accept, `check_ledger` finds
sound, and the verbs, taking the same steps, arrive at (tests/models/test_seed.py).
"""
