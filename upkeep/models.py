from upkeep.handover_models import Handed, Handover, HandoverRun
from upkeep.importing.models import ExternalKey, ImportRow, ImportRun
from upkeep.merging_models import Merge, MergedRow

__all__ = ["ExternalKey", "Handed", "Handover", "HandoverRun", "ImportRow", "ImportRun", "Merge", "MergedRow"]
