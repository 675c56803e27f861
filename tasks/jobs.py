from crm.lib.jobs import job
from tasks import reminding


@job("tasks.remind", every="* * * * *")
def remind() -> None:
    reminding.remind_due()


@job("tasks.queue_agendas", every="*/5 * * * *")
def queue_agendas() -> None:
    reminding.queue_agendas()


@job("tasks.mail_agenda", tries=10)
def mail_agenda(mail: int) -> None:
    reminding.send_agenda(mail)
