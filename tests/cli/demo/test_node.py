import pytest

from firstread.cli.config import check
from firstread.cli.demo.folder import prepare_folder
from firstread.cli.demo.node import SCANNER, running_node, settings_of
from firstread.cli.demo.run import _wait
from firstread.errors import FirstreadError
from firstread.network.scu import Caller, PeerFailed


def test_its_settings_can_be_used_whatever_the_folder_is_called(tmp_path, monkeypatch):
    folder = prepare_folder(tmp_path / 'a "b" ü')
    folder.settings.write_text(settings_of(folder, 11113), encoding="utf-8")
    monkeypatch.setenv("FIRSTREAD_CONFIG", str(folder.settings))
    check()


def test_it_hears_the_scanner_alone_heeds_no_setting_of_the_host_and_is_stopped_at_the_end(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("FIRSTREAD_DICOM_AE_TITLE", "HOSPITAL")
    folder = prepare_folder(tmp_path / "demo")
    with running_node(folder, 11113) as node:
        assert node.peer.ae_title == "FIRSTREAD"
        assert Caller(SCANNER, seconds=20).echo(node.peer) > 0
        with pytest.raises(PeerFailed, match="rejects"):
            Caller("STRANGER", seconds=20).echo(node.peer)
    assert node.process.returncode == 0
    assert '"stopped"' in folder.log.read_text()


def test_a_node_that_does_not_start_or_ends_by_itself_is_a_failure(tmp_path):
    folder = prepare_folder(tmp_path / "demo")
    folder.archive.write_text("in the way")
    with pytest.raises(FirstreadError, match="did not start"), running_node(folder, 11113):
        pass
    folder.archive.unlink()
    with pytest.raises(FirstreadError, match=r"node\.log"), running_node(folder, 11113) as node:
        node.process.kill()
        _wait(node, folder, lambda: None)
