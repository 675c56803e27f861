"""The pages of imports: a file comes in, its columns are chosen, it is tried, taken in and taken back."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from contacts.models import Contact
from interactions.models import Interaction
from salespeople.models import Company, User
from salespeople.roles import SALES_MANAGER
from tests.factories import make_user
from tests.worker import work
from upkeep.importing import running
from upkeep.importing.models import ImportRun

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path, company: Company) -> None:
    settings.MEDIA_ROOT = tmp_path
    return


def bring(client: Client, text: str | bytes, kind: str = "contacts", system: str = "", name: str = "rows.csv") -> Any:
    content = text.encode() if isinstance(text, str) else text
    return client.post("/import/", {"kind": kind, "system": system, "file": SimpleUploadedFile(name, content)})


def test_contacts_from_the_upload_to_the_undo(client_for: SignIn, manager: User) -> None:
    client = client_for(manager)
    assert client.get("/import/").status_code == 200
    response = bring(client, "Name,City\r\nÅbo Oy,Turku\r\nBeta Oy,Oulu\r\n,Nowhere\r\n")
    run = ImportRun.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/import/{run.pk}/columns/")
    page = client.get(f"/import/{run.pk}/columns/").content.decode()
    assert '<option value="name" selected>Name</option>' in page
    assert '<option value="city" selected>City</option>' in page
    assert "Åbo Oy · Beta Oy" in page
    chosen = {"column-0": "name", "column-1": "city", "date": "dmy", "decimal": ".", "key": "name"}
    assert client.post(f"/import/{run.pk}/columns/", chosen)["Location"] == f"/import/{run.pk}/"
    assert "The file is being read." in client.get(f"/import/{run.pk}/").content.decode()
    work()
    page = client.get(f"/import/{run.pk}/").content.decode()
    assert "Import 2 rows" in page and "A contact needs a name." in page
    assert client.post(f"/import/{run.pk}/start/")["Location"] == f"/import/{run.pk}/"
    work()
    assert list(Contact.objects.order_by("name").values_list("name", "city")) == [
        ("Beta Oy", "Oulu"),
        ("Åbo Oy", "Turku"),
    ]
    refused = b"".join(client.get(f"/import/{run.pk}/result/").streaming_content).decode()
    assert refused == "\ufeffName,City,Row,Why\r\n,Nowhere,4,Name: A contact needs a name.\r\n"
    assert "(2 rows)" in client.get(f"/import/{run.pk}/undo/").content.decode()
    client.post(f"/import/{run.pk}/undo/")
    work()
    assert not Contact.objects.exists()
    page = client.get(f"/import/{run.pk}/").content.decode()
    assert "Taken back" in page
    assert ImportRun.objects.get().state == "undone"


def test_a_run_is_its_makers_and_the_administrators(client_for: SignIn, manager: User, administrator: User) -> None:
    bring(client_for(manager), "Name\nACME\n")
    run = ImportRun.objects.get()
    other = make_user("other@example.com", role=SALES_MANAGER)
    pages = ("", "columns/", "undo/", "progress/", "result/")
    verbs = ("columns/", "read/", "words/", "start/", "stop/", "undo/")
    stranger = client_for(other)
    assert {stranger.get(f"/import/{run.pk}/{page}").status_code for page in pages} == {404}
    assert {stranger.post(f"/import/{run.pk}/{verb}").status_code for verb in verbs} == {404}
    assert "rows.csv" not in stranger.get("/import/").content.decode()
    assert client_for(administrator).get(f"/import/{run.pk}/columns/").status_code == 200
    assert "rows.csv" in client_for(administrator).get("/import/").content.decode()


@pytest.mark.parametrize("who", ["rep", "viewer", "outsider"])
def test_who_may_not_import(client_for: SignIn, request: pytest.FixtureRequest, who: str) -> None:
    client = client_for(request.getfixturevalue(who))
    assert client.get("/import/").status_code == 403
    assert bring(client, "Name\nACME\n").status_code == 403
    assert "/import/" not in client.get("/contacts/").content.decode()
    assert not ImportRun.objects.exists()


def test_a_form_of_another_site_brings_nothing(manager: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(manager)
    assert bring(client, "Name\nACME\n").status_code == 403
    assert not ImportRun.objects.exists()


def test_a_file_that_is_too_large(client_for: SignIn, manager: User, settings: Any, tmp_path: Path) -> None:
    settings.IMPORT_MOST_MB = 1
    response = bring(client_for(manager), "Name\n" + "x" * 1_000_000)
    assert response.status_code == 422
    assert "“rows.csv” is larger than 1 MB." in response.content.decode()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    settings.ATTACHMENT_MOST_MB = 0.0001  # which does not count here
    assert bring(client_for(manager), "Name\n" + "x" * 500).status_code == 302


def test_a_column_is_mapped_once(client_for: SignIn, manager: User) -> None:
    client = client_for(manager)
    bring(client, "Name,Name\nACME,Acme Oy\n")
    run = ImportRun.objects.get()
    assert run.options["columns"] == {"0": "name"}
    chosen = {"column-0": "name", "column-1": "name", "date": "dmy", "decimal": ".", "key": "email"}
    response = client.post(f"/import/{run.pk}/columns/", chosen)
    assert response.status_code == 422
    page = response.content.decode()
    assert "“Name” is chosen for “Name” already: a column each." in page
    assert "No column of the file becomes this." in page
    assert ImportRun.objects.get().state == "draft"


def test_it_is_read_in_another_encoding(client_for: SignIn, manager: User) -> None:
    client = client_for(manager)
    bring(client, "Name;City\nŻółw;Łódź\n".encode("cp1250"))
    run = ImportRun.objects.get()
    client.post(f"/import/{run.pk}/read/", {"encoding": "cp1250", "delimiter": ";"})
    assert "Żółw" in client.get(f"/import/{run.pk}/columns/").content.decode()
    client.post(f"/import/{run.pk}/read/", {"encoding": "cp1250", "delimiter": ","})
    assert ImportRun.objects.get().headers == ["Name;City"]


def test_formulas_come_out_inert_and_in_again(client_for: SignIn, manager: User) -> None:
    client = client_for(manager)
    bring(client, "Name,E-mail\n=1+1,nothing\n'+358,nothing\n")
    run = ImportRun.objects.get()
    client.post(
        f"/import/{run.pk}/columns/",
        {"column-0": "name", "column-1": "email", "date": "dmy", "decimal": ".", "key": ""},
    )
    work()
    told = b"".join(client.get(f"/import/{run.pk}/result/").streaming_content).decode().splitlines()
    assert [line.split(",")[0] for line in told] == ["\ufeffName", "'=1+1", "'+358"]


def test_queries_of_the_pages(
    client_for: SignIn, manager: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """As many for 20 rows as for one."""
    client = client_for(manager)
    for count in (1, 20):
        bring(client, "Name\n" + "".join(f"{count} C{at}\n" for at in range(count)))
        run = ImportRun.objects.latest("pk")
        client.post(f"/import/{run.pk}/columns/", {"column-0": "name", "date": "dmy", "decimal": ".", "key": ""})
        work()
        with django_assert_num_queries(8):
            client.get(f"/import/{run.pk}/")
    with django_assert_num_queries(3):
        client.get("/import/")


def test_files_of_long_ago_are_forgotten(client_for: SignIn, manager: User, tmp_path: Path) -> None:
    """What became of the rows stays, and so does the undo; nothing that needs the file breaks."""
    client = client_for(manager)
    chosen = {"column-0": "name", "column-1": "city", "date": "dmy", "decimal": ".", "key": "name"}
    for _ in range(2):
        bring(client, "Name,City\r\nÅbo Oy,Turku\r\n,Nowhere\r\n")
    taken, checked = ImportRun.objects.order_by("pk")
    for run in (taken, checked):
        client.post(f"/import/{run.pk}/columns/", chosen)
        work()
    client.post(f"/import/{taken.pk}/start/")
    work()
    with time_machine.travel(timezone.now() + running.KEPT - datetime.timedelta(hours=1)):
        running.forget_files()
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 4
    with time_machine.travel(timezone.now() + running.KEPT + datetime.timedelta(hours=1)):
        running.forget_files()
        running.forget_files()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    told = b"".join(client.get(f"/import/{taken.pk}/result/").streaming_content).decode()
    assert told == "\ufeffName,City,Row,Why\r\n,,3,Name: A contact needs a name.\r\n"
    for page in ("", "columns/"):
        assert "The file is not there any more." in client.get(f"/import/{checked.pk}/{page}").content.decode()
    client.post(f"/import/{checked.pk}/start/")
    client.post(f"/import/{checked.pk}/columns/", chosen)
    work()
    assert ImportRun.objects.get(pk=checked.pk).state == "broken"
    client.post(f"/import/{taken.pk}/undo/")
    work()
    assert ImportRun.objects.get(pk=taken.pk).state == "undone" and not Contact.objects.exists()


def test_tasks_and_interactions_are_offered(client_for: SignIn, manager: User, acme: Contact) -> None:
    """What is a log says so where a key is chosen; dates are shown with their time as they are understood."""
    client = client_for(manager)
    page = client.get("/import/").content.decode()
    assert 'value="tasks"' in page and 'value="interactions"' in page
    said = "A row that is found stays as it is: interactions are a log."
    for kind in ("tasks", "interactions"):
        response = bring(client, "Id,Subject,Date,Contact\n1,Ring,02.03.2026 09:30,ACMA\n", kind)
        page = client.get(response["Location"]).content.decode()
        assert "2026-03-02 09:30:00" in page or "9:30" in page
        assert (said in page) == (kind == "interactions")
        assert "Make companies" not in page and "Stand-in" not in page
    run = ImportRun.objects.get(kind="interactions")
    chosen = {f"column-{at}": name for at, name in run.options["columns"].items()}
    client.post(f"/import/{run.pk}/columns/", chosen | {"date": "dmy", "decimal": ".", "key": "external_key"})
    work()
    page = client.get(f"/import/{run.pk}/").content.decode()
    assert '<option value="ACME" selected>ACME</option>' in page
    client.post(f"/import/{run.pk}/words/", {"field-0": "contact", "said-0": "ACMA", "meant-0": "ACME"})
    work()
    client.post(f"/import/{run.pk}/start/")
    work()
    assert list(Interaction.objects.values_list("contact__name", "started_at")) == [("ACME", datetime.time(9, 30))]


def test_who_may_import_tasks(client_for: SignIn, rep: User, viewer: User) -> None:
    """Who may bring files, and make and change what is in them."""
    for user, kinds in ((rep, {"tasks", "interactions"}), (viewer, set())):
        user.user_permissions.add(Permission.objects.get(codename="add_importrun"))
        page = client_for(user).get("/import/").content.decode()
        assert {kind for kind in ("tasks", "interactions") if f'value="{kind}"' in page} == kinds
