"""A certificate authority of the tests' own, made with openssl."""

import subprocess


class Authority:
    """Issues certificates for addresses of this computer."""

    def __init__(self, openssl, folder, name):
        self._openssl, self._folder, self._name = openssl, folder, name
        self.file = folder / f"{name}.pem"
        self._run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", str(folder / f"{name}.key"), "-out", str(self.file),
        )  # fmt: skip

    def _run(self, *arguments):
        subprocess.run([self._openssl, *arguments], check=True, capture_output=True)

    def issue(self, name, host="127.0.0.1"):
        """A certificate and its key."""
        key, request, certificate = (self._folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        extensions = self._folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName=IP:{host}\n")
        self._run(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", str(key), "-out", str(request),
        )  # fmt: skip
        self._run(
            "x509", "-req", "-in", str(request), "-CA", str(self.file), "-CAcreateserial",
            "-CAkey", str(self._folder / f"{self._name}.key"), 
            "-days", "2", "-extfile", str(extensions), "-out", str(certificate),
        )  # fmt: skip
        return certificate, key
