from tests.network.conftest import archive, orthanc

__all__ = ["archive", "orthanc"]
