from upkeep.handover_models import Handed, Handover, HandoverRun

__all__ = ["Handed", "Handover", "HandoverRun"]
