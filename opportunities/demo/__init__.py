"""Demo data: a published reference set, then believable deals. Everything about opportunities goes through the verbs."""
