"""The pages of imports: a file comes in, its columns are chosen, it is tried, taken in and taken back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from contacts.models import Contact
from salespeople.models import Company, User
from tests.worker import work
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
    assert refused == "\ufeffName,City,Row,Why\r\n,Nowhere,4,name: A contact needs a name.\r\n"
    assert "(2 rows)" in client.get(f"/import/{run.pk}/undo/").content.decode()
    client.post(f"/import/{run.pk}/undo/")
    work()
    assert not Contact.objects.exists()
    page = client.get(f"/import/{run.pk}/").content.decode()
    assert "Taken back" in page
    assert ImportRun.objects.get().state == "undone"
