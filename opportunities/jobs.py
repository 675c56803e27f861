from crm.lib.jobs import job
from opportunities import background, stalling
from salespeople.models import Company


@job("opportunities.take_slice", tries=10)
def take_slice(batch: int) -> None:
    background.take_slice(batch)


@job("opportunities.learn_limits", every="3 * * * *")
def learn_limits() -> None:
    """Every hour, since days begin at other hours elsewhere; once a day there is something to learn."""
    stalling.learn(Company.current().today())
