import json
import shutil

import pytest
import typer
from typer.testing import CliRunner

from firstread.cli import installation_checks
from firstread.cli.decoder_samples import SAMPLES, expected
from firstread.cli.doctor import doctor
from firstread.dicom.transfer_syntax import TRANSFER_SYNTAXES
from firstread.engine import AccuracyGate, cpu
from firstread.settings import Settings
from tests.engine.recorded_hosts import four_nodes, host, two_sockets
from tests.engine.tiny_network import conv_net, write_package

app = typer.Typer()
app.command()(doctor)

GATE = AccuracyGate(metric="dice", f32=0.97, int8=0.968, max_drop=0.005, passed=True)


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache that the tests share: the shipped packages are compiled and timed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def models(tmp_path, cache, monkeypatch):
    """A search path with one package of both precisions."""
    monkeypatch.setenv("FIRSTREAD_CACHE_DIR", str(cache))
    monkeypatch.setenv("FIRSTREAD_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("firstread.engine.timing.COMPARE_S", 0.0)
    write_package(
        tmp_path / "models" / "tiny", model=conv_net(work=2), int8=conv_net(seed=1), accuracy_gate=GATE
    )
    return tmp_path / "models"


def told() -> tuple[int, dict[str, dict[str, str]]]:
    ended = CliRunner().invoke(app, ["--json"])
    document = json.loads(ended.stdout)
    assert document["fine"] == (ended.exit_code == 0)
    return ended.exit_code, {check["name"]: check for check in document["checks"]}


def test_a_package_is_verified_and_run_in_the_precision_that_a_read_would_choose(models):
    _, checks = told()
    tiny = checks["model tiny"]
    assert tiny["state"] == "fine"
    assert "1.0.0, int8 of f32/int8" in tiny["found"] and "verified" in tiny["found"]
    assert (
        "fastest here: int8 " in tiny["found"]
        and ", f32 " in tiny["found"]
        and "measured 20" in tiny["found"]
    )


def test_a_damaged_package_ends_with_exit_code_5_and_what_to_do(models):
    path = models / "tiny" / "f32.bin"
    path.write_bytes(path.read_bytes()[::-1])
    code, checks = told()
    assert code == 5
    assert checks["model tiny"]["state"] == "wrong"
    assert str(path) in checks["model tiny"]["found"]
    assert checks["model tiny"]["remedy"]
    ended = CliRunner().invoke(app, [])
    assert ended.exit_code == 5
    assert "✗" in ended.stdout and "f32.bin" in ended.stdout and "will not work" in ended.stdout


def test_no_package_at_all_is_wrong_and_a_folder_that_is_not_there_is_told(models):
    settings = Settings(models=(models.parent / "absent",), cache_dir=models.parent / "cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(installation_checks, "package_folders", lambda settings: ())
        checks = list(installation_checks.check_packages(settings))
    assert [check.state for check in checks] == ["wrong", "limited"]
    assert "none found" in checks[0].found and "absent" in checks[1].found


def test_the_table_names_what_was_found_with_check_marks(models):
    lines = CliRunner().invoke(app, []).stdout.splitlines()
    for name in (
        "firstread",
        "Python",
        "OpenVINO",
        "processor",
        "cores",
        "instances",
        "memory",
        "cache",
        "fonts",
    ):
        (line,) = [line for line in lines if line[1:].strip().startswith(name + " ")]
        assert line[0] in "✓!", line


def test_every_compressed_transfer_syntax_has_a_decoder_that_decodes():
    checks = {check.name: check for check in installation_checks.check_decoders()}
    assert len(checks) == sum(syntax.packing != "native" for syntax in TRANSFER_SYNTAXES.values())
    for check in checks.values():
        assert check.state == "fine", check


def test_a_decoder_that_decodes_wrongly_or_not_at_all_is_told(monkeypatch):
    monkeypatch.setitem(SAMPLES, "1.2.840.10008.1.2.4.70", b"\xff\xd8\xff\xd9" * 4)
    checks = {check.name: check for check in installation_checks.check_decoders()}
    assert checks["decoder JPEG Lossless, first order"].state == "wrong"
    assert checks["decoder JPEG Lossless"].state == "fine"
    monkeypatch.setattr(installation_checks, "expected", lambda bits: expected(bits) + 1)
    checks = {check.name: check for check in installation_checks.check_decoders()}
    assert "decodes the sample wrongly" in checks["decoder JPEG Lossless"].found
    assert checks["decoder JPEG 2000"].state == "fine"


def test_the_limit_that_decides_the_cores_is_named():
    host = cpu.Processor(model="x", features=("AVX2",), logical=64, physical=32, numa_nodes=2)
    quota = cpu.Granted(threads=2, limit="cgroup quota", quota=2.5, affinity=64)
    found = installation_checks.check_cores(quota, host).found
    assert "2 granted of 32 cores, 64 processors, 2 NUMA nodes" in found and "quota is 2.5" in found
    greedy = cpu.Granted(threads=16, limit="threads setting", quota=2.5, affinity=64)
    check = installation_checks.check_cores(greedy, host)
    assert check.state == "limited" and "at most 2" in check.remedy


def test_the_instances_that_auto_would_start_are_told_with_their_processors_and_nodes(tmp_path):
    settings = Settings(cache_dir=tmp_path / "cache")
    check = installation_checks.check_instances(settings, two_sockets(tmp_path / "two"))
    assert (check.name, check.state) == ("instances", "fine")
    assert check.found == (
        "auto is 2 (cores of node 0: 18, node 1: 18): 18 threads on processors 0-17, memory of node 0; "
        "18 threads on processors 18-35, memory of node 1"
    )
    check = installation_checks.check_instances(settings, host(tmp_path / "one", cores=2))
    assert check.found == "auto is 1: 2 threads on processors 0-1"
    few = settings.model_copy(update={"threads": 2})
    found = installation_checks.check_instances(few, four_nodes(tmp_path / "four")).found
    assert found.startswith("auto is 2 (cores of node 0: 4,")
    assert "1 thread on processors 0-3, memory of node 0; 1 thread on processors 4-7" in found


def test_too_little_memory_is_told_with_the_limit_that_binds():
    gib = 1 << 30
    assert installation_checks.check_memory(16 * gib, None).state == "fine"
    check = installation_checks.check_memory(16 * gib, 2 * gib)
    assert check.state == "limited" and "cgroup limit 2.0 GiB" in check.found


def test_a_cache_that_cannot_be_written_only_costs_time(tmp_path):
    (tmp_path / "file").write_text("in the way")
    check = installation_checks.check_cache(Settings(cache_dir=tmp_path / "file"))
    assert check.state == "limited" and "FIRSTREAD_CACHE_DIR" in check.remedy


def test_the_font_of_the_chinese_report_is_there(monkeypatch, tmp_path):
    assert installation_checks.check_fonts().state == "fine"
    (tmp_path / "fonts").mkdir()
    monkeypatch.setattr(installation_checks.resources, "files", lambda package: tmp_path)
    assert "missing" in installation_checks.check_fonts().found


def test_a_model_that_fails_does_not_hide_the_others(models):
    shutil.copytree(models / "tiny", models / "renamed")
    _, checks = told()
    assert checks["model tiny"]["state"] == "fine"
    assert checks["model renamed"]["state"] == "wrong"
