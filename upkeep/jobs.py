from crm.lib.jobs import job
from upkeep.importing import running, undoing


@job("upkeep.import_spool", tries=10)
def import_spool(run: int) -> None:
    running.spool(run)


@job("upkeep.import_slice", tries=10)
def import_slice(run: int) -> None:
    running.take_slice(run)


@job("upkeep.import_undo", tries=10)
def import_undo(run: int) -> None:
    undoing.take_slice(run)


@job("upkeep.forget_import_files", every="41 3 * * *")
def forget_import_files() -> None:
    running.forget_files()
