from crm.lib.jobs import job
from opportunities import background


@job("opportunities.take_slice", tries=10)
def take_slice(batch: int) -> None:
    background.take_slice(batch)
