from upkeep.handover_models import Handed, Handover, HandoverRun
from upkeep.merging_models import Merge, MergedRow

__all__ = ["Handed", "Handover", "HandoverRun", "Merge", "MergedRow"]
