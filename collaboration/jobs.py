from collaboration import mails
from crm.lib.jobs import job


@job("collaboration.queue_mails", every="* * * * *")
def queue_mails() -> None:
    mails.queue()


@job("collaboration.mail", tries=10)
def mail(notification: int) -> None:
    mails.send(notification)
