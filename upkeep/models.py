from upkeep.merging_models import Merge, MergedRow

__all__ = ["Merge", "MergedRow"]
