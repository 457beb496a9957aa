from dataclasses import dataclass

import pytest

from firstread.errors import FirstreadError, NothingReadable, UsageError
from firstread.readers.registry import choose_reader, installed_readers, load_reader


@dataclass
class HasSeries:
    series: tuple = ()
    study_uid: str = "1.2.3"


@dataclass
class OfModality:
    modality: str


@pytest.fixture
def third_party(tmp_path, monkeypatch):
    """A function that installs a reader of a third party from its source."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name, source):
        (tmp_path / f"{name}_package.py").write_text(source)
        metadata = tmp_path / f"{name}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[firstread.readers]\n{name} = {name}_package:Reader\n")

    return install


def test_the_built_in_reader_registers_as_a_third_party_would():
    assert installed_readers()["lung_nodule"].value == "firstread.readers.lung_nodule:LungNoduleReader"


def test_a_third_party_reader_is_found(ball_reader):
    assert load_reader("ball").name == "ball"


def test_the_first_reader_that_accepts_a_series_is_chosen(monkeypatch, third_party):
    source = (
        "class Reader:\n    name = '{0}'\n    def accepts(self, series): return series.modality == '{0}'\n"
    )
    third_party("CT", source.format("CT"))
    third_party("MR", source.format("MR"))
    ours = {name: entry for name, entry in installed_readers().items() if name in ("CT", "MR")}
    monkeypatch.setattr("firstread.readers.registry.installed_readers", lambda: ours)
    assert choose_reader(HasSeries((OfModality("SR"), OfModality("MR")))).name == "MR"


def test_an_unknown_reader_is_refused_with_the_names_of_those_there_are(ball_reader):
    with pytest.raises(UsageError, match=r"'bone'.*ball, lung_nodule"):
        load_reader("bone")


def test_a_reader_that_cannot_be_imported_is_told_by_name(third_party):
    third_party("broken", "import no_such_module")
    with pytest.raises(FirstreadError, match=r"'broken'.*no_such_module"):
        load_reader("broken")


def test_where_no_reader_accepts_all_are_named(monkeypatch, third_party):
    source = "class Reader:\n    name = '{}'\n    def accepts(self, series): return False\n"
    third_party("first", source.format("first"))
    third_party("second", source.format("second"))
    ours = {name: entry for name, entry in installed_readers().items() if name in ("first", "second")}
    monkeypatch.setattr("firstread.readers.registry.installed_readers", lambda: ours)
    with pytest.raises(NothingReadable, match=r"first, second.*1\.2\.3"):
        choose_reader(HasSeries((OfModality("MR"),)))


def test_the_only_reader_may_say_itself_why_it_cannot_read(monkeypatch, third_party):
    third_party("only", "class Reader:\n    name = 'only'\n    def accepts(self, series): return False\n")
    ours = {name: entry for name, entry in installed_readers().items() if name == "only"}
    monkeypatch.setattr("firstread.readers.registry.installed_readers", lambda: ours)
    assert choose_reader(HasSeries()).name == "only"
